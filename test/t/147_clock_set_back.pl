# The clock is set back while a client is kept: it does not keep its backend for
# an hour, others get it. On a clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+70m', 'FAKETIME_NO_CACHE', 'set_back', pools => 'main pool_size=2 max_overflow=0', conf => "pooler.pool_timeout = -1\n");
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;
my ($quick, $long, $waits, $other) = map { $pooler->client($_) } qw(quick long waits other);

sub backend_of { return $pooler->sql("select coalesce(backend, 0) from pooler.clients where application_name = '$_[0]'") }

# Both backends are born; then the quick client is kept by one.
$long->write(Query('select pg_sleep(0.1)'));
is($other->value('select 0'), '0', 'two are served at once');
$long->result;
my $kept = 0;
my $end = time + 20;
until ($kept || time > $end)
{
    $quick->run('select 1') for 1 .. 50;
    $kept = backend_of('quick');
}
ok($kept, 'a quick client is kept');
$clock->set('+0');
$pooler->poll_view("select now() < started_at from pooler.worker", 't', 'the clock is set back');

# It is silent; the other backend is busy.
$long->write(Query('select pg_sleep(6)'));
$pooler->poll_view("select state from pooler.clients where application_name = 'long'", 'active', 'the other backend is busy');
my $before = time;
$waits->write(Query('select 3'));
ok($waits->readable(3), 'who waits is served in time');
is($waits->result->{rows}[0][0], '3', 'with its own answer');
ok(time - $before < 3 && !$long->readable(0), 'before the other backend is free');
$long->result;
is($quick->value('select 4'), '4', 'the quick client goes on');
$pooler->poll_view("select count(*) from pooler.clients where backend is not null", '0', 'silent clients are not kept for long');

done_testing;
