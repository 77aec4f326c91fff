# What was an hour ago is over: pooler.health, pooler.history, and what is
# recycled by its age, on a clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->passing('+0', 'FAKETIME_CACHE_DURATION', 'an_hour_later', pools => 'main pool_size=1 max_overflow=0 timeout=0.3');
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;
my $main = "where pool = 'main'";
$pooler->poll_view("select closed from pooler.pools $main", '1', 'its predecessor\'s backend has ended');
my $churn = "select value, verdict from pooler.health $main and metric = 'churn'";
my $exhaustion = "select verdict from pooler.health $main and metric = 'exhaustion'";

my %client = map { $_ => $pooler->client($_) } qw(holder waiter);
$client{holder}->run('begin');
is($client{waiter}->sqlstate('select 1'), '53300', 'a time-out');
$client{holder}->run('commit');
$pooler->poll_view($exhaustion, 'warning', 'is a warning');
is($pooler->sql("select now() - since < interval '1 min' from pooler.health $main limit 1"), 't', 'since the pool began');

my $then = $pooler->sql('select now()');
$clock->set('+70m');
$pooler->poll_view("select now() > timestamptz '$then' + interval '1 hour'", 't', 'an hour later');
$pooler->poll_view($exhaustion, 'unknown', 'nothing is known of its exhaustion');
is($pooler->sql("select timeouts from pooler.pools $main"), 1, 'the counter has it for ever');
is($pooler->sql("select abs(extract(epoch from clock_timestamp() - since) - 3600) < 1 from pooler.health $main limit 1"), 't', 'looked at is the last hour');
is($pooler->sql("select count(*) from pooler.history where at <= timestamptz '$then'"), 0, 'pooler.history has no more');
$pooler->poll_view("select recycled, closed from pooler.pools $main", '1|2', 'the backend is recycled');
is($pooler->sql("select invalidated from pooler.pools $main"), '0', 'but not blamed for the hour');
$pooler->poll_view("select sum(recycled), sum(closed) from pooler.history $main", '1|1', 'as pooler.history says');
is($pooler->sql($churn), '0|ok', 'which is no churn');
is($client{waiter}->value('select 2'), '2', 'no client has noticed');
$pooler->poll_view($exhaustion, 'ok', 'the pool is well');

# Another worker looks at the same hour.
$client{holder} = $pooler->client('holder');
$client{holder}->run('begin');
is($client{waiter}->sqlstate('select 1'), '53300', 'another time-out');
$pooler->poll_view($exhaustion, 'warning', 'is a warning');
$clock->another_worker;
$pooler->poll_view($exhaustion, 'warning', 'it still is');

# Births that fail are tried less and less often, on a clock that goes wrong.
%client = ();
$pooler->node->stop;
$clock = FakeClock->new('+70m', 'FAKETIME_CACHE_DURATION', 'set_back', pools => 'main pool_size=1 max_overflow=0 timeout=0.3');
$pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;
$then = $pooler->sql("select now() - interval '70 min'");
$pooler->sql('create role limited login connection limit 0');
sub is_refused
{
    my $login = $pooler->client('limited', user => 'limited', may_fail => 1)->{login};
    return $login->{errors}[0]{M} =~ /^too many connections for role/;
}
my $refused = 0;
my $end = time + 60;
$refused += is_refused() while $refused < 4 && time < $end;
is($refused, 4, 'a role without connections is refused');

# The clock is set back: no time-out is late by an hour.
$clock->set('+0');
$pooler->await_open;
$end = time + 60;
do { $client{waiter} = $pooler->client('waiter') }
  until $pooler->sql("select max(connected_at) < timestamptz '$then' + interval '1 hour' from pooler.clients") eq 't' || time > $end;
is($pooler->sql("select max(connected_at) < timestamptz '$then' + interval '1 hour' from pooler.clients"), 't', 'the worker knows of it');
$client{holder} = $pooler->client('holder');
$client{holder}->run('begin');
my $before = time;
is($client{waiter}->sqlstate('select 1'), '53300', 'a time-out');
cmp_ok(time - $before, '<', 10, 'in time');
$client{holder}->run('commit');
$end = time + 60;
sleep 0.1 until ($refused = is_refused()) || time > $end;
ok($refused, 'a birth is tried again in time, too');

done_testing;
