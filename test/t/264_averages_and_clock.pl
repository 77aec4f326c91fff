# The console's averages are about the last minute or two, also where the clock is set forward in it. On a
# clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+0', 'FAKETIME_NO_CACHE', 'averages_and_clock', pools => 'main', sql => 'create role monitor login in role pg_monitor;');
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;

sub average
{
    my ($console) = @_;
    my ($row) = grep { $_->[0] eq 'main' } @{ $console->run('show stats_averages')->{rows} };
    return $row->[2];
}
my $console = $pooler->client('console', user => 'monitor', database => 'pgbouncer');
my $client = $pooler->client('load');

# Hours pass in no time.
my $old = $pooler->sql('select stats_reset_at from pooler.worker');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select stats_reset_at > '$old' from pooler.worker", 't', 'counters begin anew');
my $at = $pooler->sql('select stats_reset_at from pooler.worker');
$client->run('select 1') foreach 1 .. 5000;
cmp_ok(average($console), '>=', 20, 'so many transactions a second');
$clock->set('+3h');
$pooler->poll_view("select stats_reset_at - '$at' > '2 hours' from pooler.worker", 't', 'the clock was set');
cmp_ok(average($console), '>=', 20, 'they are not fewer for that');
done_testing;
