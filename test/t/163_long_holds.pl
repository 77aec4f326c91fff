# A hold of a day, on a clock that this test sets (libfaketime): what pooler.latencies says of it
# is not less than its mean, or nothing.
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+0', 'FAKETIME_CACHE_DURATION', 'long_holds', pools => 'main pool_size=1 max_overflow=0');
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;

my $held = q{from pooler.latencies where pool = 'main' and measure = 'held' and role is null};
my $client = $pooler->client('holder');
$client->run('begin');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select count $held", 0, 'counted anew');
my $then = $pooler->sql('select now()');
$clock->set('+24h');
$pooler->poll_view("select now() > timestamptz '$then' + interval '23 hours'", 't', 'a day later');
$client->run('commit');
$pooler->poll_view("select count $held", 1, 'one hold');
is($pooler->sql("select mean > '23 hours' $held"), 't', 'of a day: the mean is exact');
is($pooler->sql("select max >= mean or max is null $held"), 't', 'the longest is not less') or diag $pooler->sql("select * $held");
is($pooler->sql("select (p50 is null or p50 >= '20 hours') and (p90 is null or p90 >= '20 hours') and (p99 is null or p99 >= '20 hours') $held"), 't', 'nor are the quantiles of one');

done_testing;
