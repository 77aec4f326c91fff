# A birth that has been given up and comes to its end all the same: its place is its
# own until the process has ended, and nobody else's backend is in it. Runs on the
# library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('late_birth', injected => 1, pools => 'main pool_size=1, fire pool_size=1',
    conf => "pooler.pool_timeout = -1\nrestart_after_crash = off\n");
my $other = $pooler->client('other', database => 'fire');
$other->run('select 1');
my $worker = $pooler->worker_pid;

# The next backend is forked with this delay of a login, which a signal ends; those
# after it without one. Who sees the other setting knows that the server has this one.
sub delay_logins
{
    my ($delay, $notice) = @_;
    $pooler->reconfigure("post_auth_delay = $delay\npooler.wait_notice = $notice\n");
    return $pooler->poll_view('show pooler.wait_notice', $notice, "logins take $delay s longer");
}
delay_logins(600, '1h');
my $first = $pooler->sql("select pid from pooler.backends where pool = 'main'");
$pooler->sql("select pg_terminate_backend($first)");
$pooler->poll_view("select count(*) from pooler.backends where pool = 'main' and state = 'unborn' and pid <> $first", '1', 'there is another backend');
my $slow = $pooler->sql("select pid from pooler.backends where pool = 'main'");
delay_logins(0, '2h');

# The worker waits for 10 s and gives the birth up, by a signal; with that the login
# comes to its end, which the worker reads while the backend stands still.
$pooler->inject('birth-started', 'stop');
my $client = $pooler->connect;
$client->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'client'));
$pooler->logged(qr/invalidated backend $slow: its login does not come to an end/, 'the birth is given up');
is($pooler->stopped('birth-started'), $slow, 'and comes to its end');
foreach (1 .. 3) { $other->run('select pg_sleep(0.2)') }    # the worker has its turns
is($pooler->sql("select string_agg(pid::text, ' ') from pooler.backends where pool = 'main'"), $slow, 'so long as it lives the place is its own');
kill 'CONT', $slow;
is($client->result->{status}, 'I', 'the client is let in');
my $served = $client->value('select pg_backend_pid()');
isnt($served, $slow, 'when it has ended another one serves who waits');
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $slow", '0', 'it has ended');
is($client->value('select pg_backend_pid()'), $served, 'the other one goes on');
is($pooler->sql("select backends || ' ' || idle from pooler.pools where pool = 'main'"), '1 1', 'and is counted once');
is($pooler->worker_pid, $worker, 'the worker is the one it was');
done_testing;
