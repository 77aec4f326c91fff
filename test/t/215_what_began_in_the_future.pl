# The clock is set back behind the beginning of a pool and of its counters: what it does
# from then on is known at once, not from an hour later on. On a clock that this test
# sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+70m', 'FAKETIME_NO_CACHE', 'began', pools => 'main');
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;

# Both begin on this clock; what the first worker began may not have.
my $fire = "where pool = 'fire'";
$pooler->reconfigure("pooler.pools = 'main, fire pool_size=1 timeout=0.3, nowhere=nowhere'\n");
$pooler->poll_view("select state from pooler.pools where pool = 'nowhere'", 'unavailable', 'a pool without a database');
my $began = $pooler->sql("select stats_reset_at from pooler.worker");
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select stats_reset_at > '$began' from pooler.worker", 't', 'counters begin anew');
$pooler->poll_view("select state from pooler.pools $fire", 'open', 'a pool begins');
my ($holder, $waiter) = map { $pooler->client($_, database => 'fire') } qw(holder waiter);
is($waiter->value('select 1'), '1', 'it has done something');
$pooler->poll_view("select sum(checkouts) > 0 from pooler.history $fire", 't', 'as its history says');
my $done = $pooler->sql("select checkouts from pooler.pools $fire");

$clock->set('+0');
$pooler->poll_view('select now() < started_at from pooler.worker', 't', 'the clock is set back');
$holder->run('begin');
is($waiter->sqlstate('select 2'), '53300', 'a time-out');
$holder->run('commit');
$pooler->poll_view("select verdict from pooler.health $fire and metric = 'exhaustion'", 'warning', 'is a warning');
$pooler->poll_view("select sum(timeouts) from pooler.history $fire", '1', 'and in its history');
$pooler->poll_view("select sum(checkouts) from pooler.history $fire", 1, 'which begins with what is done since');
is($pooler->sql("select count(*) from pooler.diagnose() $fire and problem ~ 'QueuePool limit exceeded'"), '1', 'and a problem');
is($pooler->sql("select checkouts from pooler.pools $fire"), $done + 1, 'no counter is set back');
is($pooler->sql('select max(since) <= clock_timestamp() from pooler.health'), 't', 'nothing is counted since an hour to come');
is($pooler->sql('select max(greatest(stats_reset_at, last_error_at, unavailable_since)) <= clock_timestamp() from pooler.pools'), 't', 'nothing happened then');

done_testing;
