# SHOW CONFIG's query_wait_timeout is 0 where PgBouncer's is, without a limit; the shortest
# pool_timeout is not one.
use PoolerTest;

my $pooler = PoolerTest->new('console_timeouts', pools => 'main pool_size=1', sql => 'create role monitor login in role pg_monitor;');
my $console = $pooler->client('console', user => 'monitor', database => 'pgbouncer');

foreach my $case ([ '0', '0', 1 ], [ '500ms', '0.5', 1 ], [ '-1', '', 0 ], [ '30s', '30', 30 ])
{
    my ($setting, $in_effect, $shown) = @$case;
    $pooler->reconfigure("pooler.pool_timeout = $setting\n");
    $pooler->poll_view('select pool_timeout from pooler.pools', $in_effect, "pool_timeout = $setting");
    my ($row) = grep { $_->[0] eq 'query_wait_timeout' } @{ $console->query('SHOW CONFIG')->{rows} };
    is($row->[1], $shown, "pool_timeout = $setting as PgBouncer would say it");
}

done_testing;
