# A backend that is stopped (SIGSTOP) while it is opened is given up after
# authentication_timeout, and another one is opened for who waits. Runs on the
# library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('opens', injected => 1, pools => 'main pool_size=0 max_overflow=0',
    conf => "authentication_timeout = 1s\npooler.pool_timeout = -1\npooler.spare_backends = 0\nrestart_after_crash = off\n");

$pooler->inject('birth-introduced', 'stop');
my $waits = $pooler->connect;
$waits->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'waits'));
my $stopped = $pooler->stopped('birth-introduced');
$pooler->poll_view('select backends, waiting from pooler.pools', '1|1', 'a client waits for a backend that is stopped');
my $status = eval { local $SIG{ALRM} = sub { die "it waits\n" }; alarm 5; $waits->result->{status} };
alarm 0;
is($status // $@, 'I', 'another one is opened, and the client is let in');
is($waits->value('select 1'), '1', 'and served') if $status;
ok(kill(0, $stopped), 'the first one is stopped yet');
kill 'CONT', $stopped;
my $end = time + 5;
sleep 0.01 while kill(0, $stopped) && time < $end;
ok(!kill(0, $stopped), 'it goes on only to end');
$pooler->poll_view("select backends, (select string_agg(state, ' ') from pooler.backends) from pooler.pools", '1|idle', 'the pool is whole');
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nobody crashed');

done_testing;
