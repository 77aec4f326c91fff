# A birth ends while the client it is meant for begins to speak: the worker hears
# of both at once, and leaves the client to the backend. (The model has that as
# the mutant ROUTEEVENT.) Runs on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('batch', library => $ENV{POOLER_INJECTED}, pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = -1\npooler.spare_backends = 0\n");
my $data = $pooler->node->data_dir;
mkdir "$data/inject" or die;

sub inject
{
    my ($step) = @_;
    PostgreSQL::Test::Utils::append_to_file("$data/inject.new", "stop 0\n");
    rename "$data/inject.new", "$data/inject/$step" or die $!;
    return;
}

# The backend that stopped there.
sub stopped
{
    my ($step) = @_;
    my $end = time + 60;
    while (time < $end)
    {
        return $1 if -e "$data/inject.log" && slurp_file("$data/inject.log") =~ /^$step stop (\d+)/m;
        sleep 0.01;
    }
    die "nobody came to $step";
}

my $client = $pooler->client('client');
$client->run('select 1');
inject('birth-message');
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
my $backend = stopped('birth-message');
my $worker = $pooler->worker_pid;

kill 'STOP', $worker;
inject('take-idle');
kill 'CONT', $backend;
is(stopped('take-idle'), $backend, 'it is born, and not yet in the epoll');
$client->write(Query('select 2'));
kill 'CONT', $worker;
$pooler->poll_view('select backends from pooler.routes', '1', 'the worker knows of it');
kill 'CONT', $backend;
is($client->result->{rows}[0][0], '2', 'and the client is served');

done_testing;
