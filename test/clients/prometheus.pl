# Prometheus itself and its exporter for PostgreSQL read real numbers; the files
# of monitoring/ are such that they take them.
use PoolerTest;
use FindBin;
use IO::Socket::INET;
use JSON::PP;
use MetricsClient;
use POSIX ();

my $monitoring = "$FindBin::Bin/../../monitoring";
my ($port, $prometheus_port, $exporter_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
my $pooler = PoolerTest->new('prometheus', pools => 'main pool_size=2 max_overflow=1 timeout=0.2, telehealth',
    conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n",
    sql => "create role watcher login in role pg_monitor;");
my $web = MetricsClient->new($port);
my $directory = PostgreSQL::Test::Utils::tempdir();
my %running;

# A program in the background; ends with this test.
sub run_program
{
    my ($name, @command) = @_;
    my $pid = fork // die $!;
    if ($pid == 0)
    {
        open STDOUT, '>', "$directory/$name.log" or die $!;
        open STDERR, '>&', \*STDOUT or die $!;
        exec @command or POSIX::_exit(127);
    }
    $running{$pid} = $name;
    return;
}
END
{
    my $status = $?;
    kill 'TERM', keys %running if %running;
    waitpid $_, 0 foreach keys %running;
    $? = $status;
}

# promtool reads all of it, in the plain format.
PostgreSQL::Test::Utils::append_to_file("$directory/metrics.txt", $web->get('/metrics')->{body});
is(`promtool check metrics < $directory/metrics.txt 2>&1`, '', 'promtool check metrics has nothing to say');
is($?, 0, 'and accepts it');
like(`promtool check rules $monitoring/prometheus-rules.yml 2>&1`, qr/SUCCESS: \d+ rules/, 'the alerts');
my $rules_test = `cd $monitoring && promtool test rules prometheus-rules.test.yml 2>&1`;
is($?, 0, 'fire when they should, and only then') or diag $rules_test;

# Prometheus scrapes it, in OpenMetrics.
PostgreSQL::Test::Utils::append_to_file("$directory/prometheus.yml", <<END);
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 1s}
rule_files: ['$monitoring/prometheus-rules.yml']
scrape_configs:
  - job_name: pooler
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{targets: ['127.0.0.1:$port']}]
  - job_name: exporter
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{targets: ['127.0.0.1:$exporter_port']}]
END
run_program('prometheus', 'prometheus', "--config.file=$directory/prometheus.yml", "--storage.tsdb.path=$directory/data",
    "--web.listen-address=127.0.0.1:$prometheus_port");
my $node = $pooler->node;
{
    local $ENV{DATA_SOURCE_NAME} = "host=" . $node->host . " port=" . $node->port . " user=watcher dbname=postgres sslmode=disable";
    run_program('exporter', 'prometheus-postgres-exporter', "--extend.query-path=$monitoring/postgres_exporter.yml",
        '--disable-default-metrics', '--disable-settings-metrics', "--web.listen-address=127.0.0.1:$exporter_port");
}

# The answer of Prometheus' API: values of all series, sorted; undef: an error.
sub query
{
    my ($expression) = @_;
    my $encoded = $expression =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger;
    my $answer = MetricsClient->new($prometheus_port)->request("GET /api/v1/query?query=$encoded HTTP/1.0\r\n\r\n");
    return unless $answer && $answer->{body} =~ /^\{/;
    my $result = decode_json($answer->{body});
    return unless $result->{status} eq 'success';
    return [ sort map { $_->{value}[1] } @{ $result->{data}{result} } ];
}

sub poll_query
{
    my ($expression, $expected, $name) = @_;
    my $end = time + 60;
    my $got;
    do
    {
        $got = join ' ', @{ query($expression) // ['error'] };
        $pooler->sql('select pg_sleep(0.1)') if $got ne $expected;
    } until ($got eq $expected || time > $end);
    return is($got, $expected, $name);
}

# A load whose numbers are known; one holds, one times out, one waits.
my @clients = map { $pooler->client("c$_") } 1 .. 4;
$clients[0]->run('select 1') foreach 1 .. 30;
$clients[$_]->run('begin') foreach 0 .. 2;
is($clients[3]->sqlstate('select 1'), '53300', 'a time-out');
my $values = "select transactions, timeouts, active, clients from pooler.pools where pool = 'main'";
is($pooler->sql($values), '30|1|3|4', 'what the view says');
my %expected = (transactions_total => 30, timeouts_total => 1, clients => 4);
foreach my $name (sort keys %expected)
{
    poll_query("pooler_pool_$name\{pool=\"main\"}", $expected{$name}, "Prometheus: $name");
    poll_query("pooler_view_pool_$name\{pool=\"main\"}", $expected{$name}, "the exporter: $name");
}
poll_query('pooler_pool_backends{pool="main",state="active"}', 3, 'Prometheus: active');
poll_query('pooler_view_pool_active{pool="main"}', 3, 'the exporter: active');
poll_query('pooler_view_route_transactions_total{role="app"}', 30, 'the exporter: a route');
poll_query('pooler_view_worker_clients', 4, 'the exporter: the worker');
poll_query('pooler_view_capacity_available{check="server"}', $pooler->sql('show max_connections'), 'the exporter: capacity');
poll_query('up{job="pooler"}', 1, 'it was read without an error');
poll_query('ALERTS{alertname="PoolerDown"} or vector(0)', 0, 'no alert that it is down');

# Each expression of the dashboard gives something for this load.
my $other = $pooler->client('other', database => 'telehealth');
my $dashboard = decode_json(slurp_file("$monitoring/grafana-dashboard.json"));
foreach my $panel (grep { $_->{type} ne 'row' } @{ $dashboard->{panels} })
{
    foreach my $target (@{ $panel->{targets} })
    {
        my $expression = $target->{expr} =~ s/\$(instance|pool)/.*/gr =~ s/\$__rate_interval/1m/gr;
        my ($answer, $end) = (undef, time + 60);
        do { $other->run('select 1'); $answer = query($expression) } until ($answer && @$answer || time > $end);
        ok($answer && @$answer, "$panel->{title}: $target->{legendFormat}") or diag $expression;
        fail("$panel->{title}: an idle pool has a number or none") if grep { $_ eq 'NaN' } @{ $answer // [] };
    }
}

# What Grafana requires of a dashboard: its own schema, and what that does not say.
sub faults { my ($file) = @_; return scalar qx(node $FindBin::Bin/grafana_schema.js $file) . ($? ? 'failed' : '') }

is(faults("$monitoring/grafana-dashboard.json"), '', 'the dashboard is as Grafana\'s schema asks');
my $wrong = decode_json(slurp_file("$monitoring/grafana-dashboard.json"));
$wrong->{panels}[0]{gridPos}{w} = 'wide';
PostgreSQL::Test::Utils::append_to_file("$directory/wrong.json", encode_json($wrong));
like(faults("$directory/wrong.json"), qr{^/panels/0/gridPos/w must be number }m, 'a wrong one is not');
my @panels = @{ $dashboard->{panels} };
ok($dashboard->{title} && $dashboard->{uid} && $dashboard->{schemaVersion} >= 30, 'the dashboard has a title, an id and a version of its schema');
is_deeply([ map { $_->{name} } @{ $dashboard->{templating}{list} } ], [qw(datasource instance pool)], 'its variables');
is(scalar(keys %{ { map { $_->{id} => 1 } @panels } }), scalar @panels, 'each panel has an id of its own');
ok(!(grep { $_->{gridPos}{x} + $_->{gridPos}{w} > 24 } @panels), 'none is outside');
ok(!(grep { $_->{type} ne 'row' && $_->{datasource}{uid} ne '${datasource}' } @panels), 'all read the chosen data source');

done_testing;
