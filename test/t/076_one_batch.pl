# A birth ends while the client it is meant for begins to speak: the worker hears
# of both at once, and leaves the client to the backend. (The model has that as
# the mutant ROUTEEVENT.) Runs on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('batch', injected => 1, pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = -1\npooler.spare_backends = 0\n");

my $client = $pooler->client('client');
$client->run('select 1');
$pooler->inject('birth-message', 'stop');
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
my $backend = $pooler->stopped('birth-message');
my $worker = $pooler->worker_pid;

kill 'STOP', $worker;
$pooler->inject('take-idle', 'stop');
kill 'CONT', $backend;
is($pooler->stopped('take-idle'), $backend, 'it is born, and not yet in the epoll');
$client->write(Query('select 2'));
kill 'CONT', $worker;
$pooler->poll_view('select backends from pooler.routes', '1', 'the worker knows of it');
kill 'CONT', $backend;
is($client->result->{rows}[0][0], '2', 'and the client is served');

done_testing;
