# /metrics tells what the views tell; /ready and /live say how the pooler is.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('metrics', conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n",
    pools => 'main pool_size=2 max_overflow=1 timeout=0.2, telehealth pool_size=0 max_overflow=-1 recycle=-1 timeout=-1,'
      . ' "o\\\\dd ""name"=fire pool_size=1',
    sql => qq{create role "ro""\\le ü" login;});
my $web = MetricsClient->new($port);

like($pooler->new_log, qr/pooler serves metrics on port $port/, 'it is said in the log');
is($web->get('/live')->{body}, "live\n", '/live');
is($web->get('/ready')->{body}, "primary\n", '/ready');
is($web->get('/metrics')->{status}, 200, '/metrics');

# Formats.
my $plain = $web->get('/metrics');
my $om = $web->get('/metrics', 'Accept: application/openmetrics-text; version=1.0.0');
is($plain->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'plain text by default');
is($om->{headers}{'content-type'}, 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'OpenMetrics if asked for');
like($om->{body}, qr/^# EOF\n\z/m, 'its end');
unlike($plain->{body}, qr/EOF|UNIT/, 'plain text has none');
my $head = $web->request("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
is($head->{body}, '', 'HEAD has no body');
cmp_ok($head->{headers}{'content-length'}, '>', 1000, 'and its length');

# A load whose numbers are known: a checkout each, one time-out, one waits.
my @clients = map { $pooler->client("c$_") } 1 .. 5;
my $odd = $pooler->client('odd', user => qq{ro"\\le ü}, database => 'o\dd "name');
$odd->run('select 1') foreach 1 .. 7;
$clients[0]->run('select 1') foreach 1 .. 20;
$clients[$_]->run('begin') foreach 0 .. 2;
is($clients[3]->sqlstate('select 1'), '53300', 'a time-out');
$pooler->reconfigure(q{pooler.pools = 'main pool_size=2 max_overflow=1 timeout=60, telehealth pool_size=0 max_overflow=-1 recycle=-1 timeout=-1,}
    . q{ "o\\\\dd ""name"=fire pool_size=1'} . "\n");
$pooler->poll_view(q{select pool_timeout from pooler.pools where pool = 'main'}, '60', 'the new time-out');
$clients[4]->write(PoolerTest::Query('select 4'));
$pooler->poll_view(q{select waiting from pooler.pools where pool = 'main'}, '1', 'one waits');

my %pool_columns = (
    pooler_pool_size => 'pool_size', pooler_pool_max_overflow => 'max_overflow',
    pooler_pool_recycle_seconds => 'pool_recycle', pooler_pool_timeout_seconds => 'pool_timeout',
    pooler_pool_pre_ping => 'pool_pre_ping::int', pooler_pool_echo => 'echo_pool::int',
    pooler_pool_overflow_backends => 'overflow', pooler_pool_clients => 'clients',
    pooler_pool_waiting_clients => 'waiting', pooler_pool_transactions_total => 'transactions',
    pooler_pool_checkouts_total => 'checkouts', pooler_pool_timeouts_total => 'timeouts',
    pooler_pool_backends_opened_total => 'opened', pooler_pool_backends_closed_total => 'closed',
    pooler_pool_backends_recycled_total => 'recycled', pooler_pool_backends_invalidated_total => 'invalidated');
my %route_columns = (pooler_route_backends => 'backends', pooler_route_clients => 'clients',
    pooler_route_waiting_clients => 'waiting', pooler_route_transactions_total => 'transactions');
my %worker_columns = (pooler_clients => 'clients', pooler_max_clients => 'max_clients', pooler_backends => 'backends',
    pooler_listening => 'listening::int', pooler_hba_missing => '(hba_missing is not null)::int');

# As in the text: labels sorted, values escaped.
my $escape = q[replace(replace(%s, '\\', '\\\\'), '"', '\\"')];
sub expected
{
    my ($view, $labels, $columns) = @_;
    my $text = "'" . (@$labels ? '{' : '') . join(" || '\",", map { "$_=\"' || " . sprintf($escape, $_) } @$labels)
      . (@$labels ? " || '\"}'" : "'");
    return map { split /\n/, $pooler->sql("select '$_' || $text || ' ' || ($columns->{$_}) from pooler.$view where ($columns->{$_}) is not null") }
      sort keys %$columns;
}

sub told
{
    my ($text, $columns) = @_;
    return sort grep { exists $columns->{ (/^(\w+)/)[0] // '' } } map { s/(\.\d*?)0+$/$1/r =~ s/\.$//r } split /\n/, $text;
}

foreach my $accept ('text/plain', 'application/openmetrics-text')
{
    my $text = $web->get('/metrics', "Accept: $accept")->{body};
    is_deeply([ told($text, \%pool_columns) ], [ sort(expected('pools', ['pool'], \%pool_columns)) ], "pooler.pools as $accept");
    is_deeply([ told($text, \%route_columns) ], [ sort(expected('routes', [qw(pool role)], \%route_columns)) ], "pooler.routes as $accept");
    is_deeply([ told($text, \%worker_columns) ], [ sort(expected('worker', [], \%worker_columns)) ], "pooler.worker as $accept");
}
my $m = $web->metrics;
is($m->{'pooler_pool_transactions_total{pool="o\\\\dd \\"name"}'}, 7, 'seven transactions');
is($m->{'pooler_route_transactions_total{pool="o\\\\dd \\"name",role="ro\\"\\\\le ü"}'}, 7, 'of that role');
is($m->{'pooler_pool_transactions_total{pool="main"}'}, 20, 'twenty of the other pool, three not yet ended');
is($m->{'pooler_pool_timeouts_total{pool="main"}'}, 1, 'one time-out');
is($m->{'pooler_pool_waiting_clients{pool="main"}'}, 1, 'one waits');
is($m->{'pooler_pool_backends{pool="main",state="active"}'}, 3, 'three are active');
is($m->{'pooler_pool_backends{pool="main",state="idle"}'}, 0, 'none is idle');
ok(!exists $m->{'pooler_pool_max_overflow{pool="telehealth"}'}, 'no limit: no sample');
is($m->{'pooler_pool_state{pool="main",state="open"}'}, 1, 'it is open');
is($m->{'pooler_pool_state{pool="main",state="draining"}'}, 0, 'and does not drain');
is($m->{'pooler_pool_info{pool="main",database="main",mode="transaction"}'}, 1, 'its database');
foreach my $measure (qw(wait held login birth open))
{
    my $shown = $pooler->sql("select count from pooler.latencies where pool = 'main' and role is null and measure = '$measure'");
    is($m->{qq(pooler_pool_${measure}_seconds_count{pool="main"})}, $shown, "$measure: as many as in pooler.latencies");
    is($m->{qq(pooler_pool_${measure}_seconds_bucket{pool="main",le="+Inf"})}, $shown, "$measure: the last bucket has all");
}
is($m->{pooler_ready}, 1, 'ready');
is($m->{pooler_standby}, 0, 'no standby');
is($m->{process_resident_memory_bytes} > 1e6 && $m->{process_cpu_seconds_total} > 0, 1, 'the process');
my $times = 'select extract(epoch from started_at), extract(epoch from stats_reset_at) from pooler.worker';
is(join('|', @{$m}{qw(pooler_worker_start_time_seconds pooler_stats_reset_time_seconds)}), $pooler->sql($times), 'times');
foreach my $part (qw(required available shortfall))
{
    my $sql = "select string_agg(coalesce($part, -1)::text, ' ' order by check_name) from pooler.capacity where subject is null";
    is(join(' ', map { $m->{"pooler_capacity_${part}_connections{check=\"$_\"}"} // -1 } qw(clients direct server)), $pooler->sql($sql), "capacity: $part");
}
is($pooler->sql("select sum(backends) from pooler.pools"), eval { my $sum = 0; $sum += $m->{$_} foreach grep { /^pooler_pool_backends\{/ } keys %$m; $sum },
    'the sum of all states is all backends');

# Times: what waits now, and what has waited, within half a second.
my $shown = $pooler->sql(q{select extract(epoch from longest_wait) from pooler.pools where pool = 'main'});
my $wait = $web->metrics->{'pooler_pool_longest_wait_seconds{pool="main"}'};
ok($wait >= $shown && $wait < $shown + 0.5, 'the longest wait') or diag "$wait, the view $shown";
$clients[$_]->run('commit') foreach 0 .. 2;
is($clients[4]->result->{rows}[0][0], '4', 'it is served');
$pooler->poll_view(q{select waiting from pooler.pools where pool = 'main'}, '0', 'nobody waits');
$m = $web->metrics;
is($m->{'pooler_pool_longest_wait_seconds{pool="main"}'}, '0.000000', 'so nobody waits here');
is(sprintf('%.6f|%.6f', map { $m->{"pooler_route_${_}_seconds_total{pool=\"main\",role=\"app\"}"} } qw(wait busy)),
    $pooler->sql(q{select extract(epoch from wait_time) || '|' || extract(epoch from busy_time) from pooler.routes where pool = 'main' and role = 'app'}),
    'time waited and served');

# Counters begin anew; nothing that clients said or are is told.
unlike($web->get('/metrics')->{body}, qr/select|127\.0\.0\.1|application_name|\bc1\b/, 'no statement, no address, no name of a client');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(q{select sum(transactions) from pooler.pools}, '0', 'reset');
is($web->metrics->{'pooler_pool_transactions_total{pool="main"}'}, 0, 'here, too');

# A role dropped and made again, and a pool that drains while its name is used
# anew, must not give two samples of one name.
my $held = $pooler->client('held', database => 'telehealth');
$held->run('begin');
$pooler->reconfigure("pooler.pools = 'main'\n");
$pooler->poll_view(q{select state from pooler.pools where pool = 'telehealth'}, 'draining', 'a pool drains');
is($web->metrics->{'pooler_pool_state{pool="telehealth",state="draining"}'}, 1, 'it is told');
$pooler->reconfigure("pooler.pools = 'main, telehealth=fire'\n");
$pooler->poll_view(q{select count(*) from pooler.pools where pool = 'telehealth'}, '2', 'two pools of one name');
my $text = $web->get('/metrics')->{body};
my %seen;
$seen{$_}++ foreach map { /^(.*) \S+$/ } grep { !/^#/ } split /\n/, $text;
is(join(', ', grep { $seen{$_} > 1 } sort keys %seen), '', 'no sample twice');
is($web->metrics->{'pooler_pool_clients{pool="telehealth"}'}, 1, 'the clients of both');
is($web->metrics->{'pooler_pool_info{pool="telehealth",database="fire",mode="transaction"}'}, 1, 'the database of the new one');
$held->quit;

# How it is: no pool, a pool that cannot be opened, pg_hba.conf, shutdown.
sub ready_says
{
    my ($status, $expected, $name) = @_;
    my ($answer, $end) = (undef, time + 60);
    do { $answer = $web->get('/ready') } until ($answer->{status} == $status && $answer->{body} eq "$expected\n" || time > $end);
    is("$answer->{status} $answer->{body}", "$status $expected\n", $name);
    return;
}
$pooler->reconfigure("pooler.pools = 'nowhere'\n");
ready_says(503, 'no pool is available, see pooler.pools', 'a pool without a database');
is($web->metrics->{pooler_ready}, 0, 'not ready');
is($web->get('/live')->{status}, 200, 'and alive');
$pooler->reconfigure("pooler.pools = 'nowhere, *'\n");
ready_says(503, 'no pool is available, see pooler.pools', 'others could be made, the listed one is not there');
$pooler->reconfigure("pooler.pools = '*'\n");
ready_says(200, 'primary', 'any database will do');
$pooler->reconfigure("pooler.pools = ''\n");
ready_says(503, 'there is no pool', 'no pool');
$pooler->reconfigure("pooler.pools = 'main'\n");
ready_says(200, 'primary', 'ready again');
my $last = $pooler->client('last');
$last->run('begin');

# A smart shutdown: said until the last client is done.
kill 'TERM', (split /\n/, slurp_file($pooler->node->data_dir . '/postmaster.pid'))[0];
ready_says(503, 'the server shuts down', 'a smart shutdown');
is($web->get('/live')->{status}, 200, 'alive until the end');
$last->run('commit');

done_testing;
