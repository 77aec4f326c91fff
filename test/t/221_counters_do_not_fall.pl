# While a pool drains whose name another has by now, what /metrics counts is the new one's: a counter
# that fell when the old one has gone would be taken for a restart, and all of it counted once more.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $web = MetricsClient->new($port);
my $pooler = PoolerTest->new('counters_do_not_fall', pools => 'main=main pool_size=1 max_overflow=0',
    sql => 'create role other login;',
    conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n");

# Every counter, and what histograms count.
sub counters
{
    my $metrics = $web->metrics;
    return { map { $_ => $metrics->{$_} } grep { /^pooler_(pool|route)_\w+(_total|_count|_bucket|_sum)\{/ } keys %$metrics };
}

my $other = $pooler->client('other', user => 'other');
$other->run('select 1') foreach 1 .. 10;
$other->quit;
my $old = $pooler->client('old');
$old->run('select 1') foreach 1 .. 50;
$old->run('begin');
$pooler->poll_view(q{select transactions from pooler.pools}, '60', 'a pool that has done much');
is($web->metrics->{'pooler_pool_transactions_total{pool="main"}'}, 60, 'as /metrics tells');

$pooler->sql("alter system set pooler.pools = 'main=telehealth pool_size=2 max_overflow=0'");
$pooler->reconfigure('');
$pooler->poll_view(q{select string_agg(concat_ws(' ', pool, database, state), ', ' order by database) from pooler.pools}, 'main main draining, main telehealth open', 'two of its name');
is($web->metrics->{'pooler_route_transactions_total{pool="main",role="app"}'}, 50, 'a role that has not come to the new one yet');
my $new = $pooler->client('new');
$new->run('select 1') foreach 1 .. 25;
$pooler->poll_view(q{select transactions from pooler.pools where database = 'telehealth'}, '25', 'the new one works');

my $gauges = $web->metrics;
is($gauges->{'pooler_pool_clients{pool="main"}'}, 2, 'clients of both');
is($gauges->{'pooler_route_clients{pool="main",role="app"}'}, 2, 'also of the role');
is($gauges->{'pooler_pool_backends{pool="main",state="active"}'} + $gauges->{'pooler_pool_backends{pool="main",state="pinned"}'}, 1, 'the backend of the old one');
is($gauges->{'pooler_pool_size{pool="main"}'}, 2, 'settings of the new one');
my $before = counters();
is($before->{'pooler_pool_transactions_total{pool="main"}'}, 25, 'counters of the new one alone');
is($before->{'pooler_route_transactions_total{pool="main",role="app"}'}, 25, 'also of the role');
is($before->{'pooler_pool_login_seconds_count{pool="main"}'}, 1, 'and histograms');

$old->run('commit');
$pooler->poll_view(q{select string_agg(database, ' ') from pooler.pools}, 'telehealth', 'the old one has drained');
my $after = counters();
is(join(', ', grep { exists $after->{$_} && $after->{$_} < $before->{$_} } sort keys %$before), '', 'no counter has fallen');
is(join(', ', grep { !exists $after->{$_} && !/role="other"/ } sort keys %$before), '', 'nor gone, but those of a role that never came to the new one');

done_testing;
