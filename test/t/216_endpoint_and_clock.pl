# The clock is set while somebody is slow to ask pooler.metrics_port: it is neither cut
# for that nor kept for hours. On a clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $clock = FakeClock->new('+70m', 'FAKETIME_NO_CACHE', 'endpoint_and_clock', pools => 'main',
    conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n");
my $pooler = $clock->pooler;
my $web = MetricsClient->new($port);
$clock->another_worker;
$pooler->await_open;

# A connection that has said this much.
sub began
{
    my $socket = $web->connect;
    $socket->print('GET /live HTTP/1.1');
    $socket->flush;
    is($web->get('/live')->{body}, "live\n", 'who comes after it is answered, so it has been let in');
    return $socket;
}

# The worker has seen that the clock was set: the time of its counters has followed.
sub set
{
    my ($offset, $seen) = @_;
    my $old = $pooler->sql('select stats_reset_at from pooler.worker');
    $pooler->sql('select pooler.reset_stats()');
    $pooler->poll_view("select stats_reset_at > '$old' from pooler.worker", 't', 'counters begin anew');
    my $at = $pooler->sql('select stats_reset_at from pooler.worker');
    my $socket = began();
    $clock->set($offset);
    $pooler->poll_view("select stats_reset_at - '$at' $seen from pooler.worker", 't', 'the clock was set');
    return $socket;
}

my $kept = set('+0', "< '-1 hour'");
my $told = IO::Select->new($kept)->can_read(30);
ok($told, 'set back: its time is up as ever');
is($told && $web->answer($kept)->{status}, 408, 'and it is told so');

my $cut = set('+3h', "> '2 hours'");
ok(!IO::Select->new($cut)->can_read(1), 'set forward: its time is not up');
$cut->print("\r\nHost: localhost\r\n\r\n");
$cut->flush;
is(($web->answer($cut) // {})->{body}, "live\n", 'and it goes on');

done_testing;
