# A backend that ends before its birth tells the worker why, and only then comes
# to its end: by then its place in shared memory may be another's, which it must
# not touch. Runs on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('place', injected => 1, pools => 'main pool_size=1 max_overflow=0',
    conf => "restart_after_crash = off\npooler.spare_backends = 0\n");

$pooler->client('first')->run('select 1');
my $first = $pooler->sql('select pid from pooler.backends');
$pooler->inject('exit-begun', 'stop', 1);    # not the one that is terminated, the next one
$pooler->inject('birth-unborn', 'fatal');
$pooler->sql("select pg_terminate_backend($first)");
# A backend that failed before its birth, on its way out.
my $stopped = $pooler->stopped('exit-begun');

my $client = $pooler->client('second');
is($client->value('select 2'), '2', 'another one is opened');
my $second = $client->value('select pg_backend_pid()');
$client->quit;
$pooler->poll_view('select clients from pooler.pools', '0', 'its client has left');
is($pooler->sql(q{select pid from pooler.backends where state = 'idle'}), $second, 'it is idle');
my $before = $pooler->sql('select checkouts, transactions from pooler.pools');

kill 'CONT', $stopped;
my $end = time + 60;
sleep 0.02 while -d "/proc/$stopped" && time < $end;
ok(!-d "/proc/$stopped", 'the first one goes on and ends');
is($pooler->sql('select checkouts, transactions from pooler.pools'), $before, 'no counter is lost');
my $third = $pooler->client('third');
is($third->value('select pg_backend_pid()'), $second, 'the other one serves the next client');
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nobody crashed');

done_testing;
