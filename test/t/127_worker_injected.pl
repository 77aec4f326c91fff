# Calls of the worker that fail while it starts, lets somebody in or answers: one
# connection ends, and the worker goes on. Runs on the library with injection
# (test/inject/inject.c).
use PoolerTest;
use MetricsClient;

my $metrics = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('failing', injected => 1, pools => 'main pool_size=1', sql => 'create role bob login;',
    conf => "pooler.metrics_port = $metrics\npooler.metrics_addresses = '127.0.0.1'\nrestart_after_crash = off\n");
my $web = MetricsClient->new($metrics);
my $client = $pooler->client('client');
$client->run('select 1');

sub is_whole
{
    my ($name, $step, $logged) = @_;
    ok($pooler->met($step), "$name: it has failed");
    $pooler->logged($logged, "$name: the log says so") if $logged;
    is($client->value('select 2'), '2', "$name: others go on");
    is($pooler->sql('select clients from pooler.worker'), '1', "$name: no place is lost");
    return;
}

# No epoll for another role.
$pooler->inject('worker-epoll_create1', 'EMFILE');
my $bob = $pooler->client('bob', user => 'bob', may_fail => 1)->{login};
is("$bob->{errors}[0]{C} $bob->{errors}[0]{M} $bob->{errors}[0]{H}", '53300 pooler could not open another connection The server\'s log says why.', 'no epoll for a role');
is_whole('no epoll', 'worker-epoll_create1', qr/could not create an epoll instance for a role's clients: Too many open files/);
is($pooler->client('bob', user => 'bob')->value('select current_user'), 'bob', 'the next time there is one');
$pooler->poll_view('select clients from pooler.worker', '1', 'he leaves');

# The metrics' endpoint: a connection that resets while it is answered, and one
# that cannot be watched any more.
foreach my $case ([ 'worker-send', 'ECONNRESET' ], [ 'worker-send', 'EINTR' ], [ 'worker-epoll_ctl', 'ENOMEM', 1 ])
{
    my ($step, $kind, $skip) = @$case;
    $pooler->poll_view("select count(*) from pooler.backends where state = 'idle' and idle_time > '1s'", '1', 'all is quiet');
    $pooler->inject($step, $kind, $skip);
    my $answer = $web->get('/live');
    is($answer ? $answer->{body} : 'none', $kind eq 'ECONNRESET' ? 'none' : "live\n", "metrics, $step, $kind: what is answered");
    is_whole("metrics, $step, $kind", $step, $kind eq 'ENOMEM' ? qr/ERROR:  could not watch a socket/ : undef);
    is($web->get('/live')->{status}, 200, "metrics, $step, $kind: the next one is answered");
}

# The console: an interrupted write is no failure.
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');
$pooler->inject('worker-send', 'EINTR');
is($console->query('SHOW STATE')->{types}, 'TDDDCZ', 'the console, EINTR: all is said');
$pooler->inject('worker-send', 'ECONNRESET');
$console->write(Query('SHOW STATE'));
ok($console->result->{eof}, 'the console, ECONNRESET: the connection ends');
$pooler->poll_view("select count(*) from pooler.clients where state = 'console'", '0', 'and is no client any more');
is_whole('the console', 'worker-send');

# The worker's own start: it is tried again.
my $worker = $pooler->worker_pid;
foreach my $case ([ 'worker-pg_strong_random', 'none', qr/FATAL:  could not generate random data/ ], [ 'worker-epoll_create1', 'EMFILE', qr/FATAL:  could not create an epoll instance/ ])
{
    my ($step, $kind, $logged) = @$case;
    $pooler->inject($step, $kind);
    kill 'TERM', $worker;
    $pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', "$step: another worker starts");
    ok($pooler->met($step), "$step: one of them failed");
    $pooler->logged($logged, "$step: the log says so");
    $pooler->await_open;
    is($pooler->client('next')->value('select 3'), '3', "$step: and it serves");
    $worker = $pooler->worker_pid;
}

done_testing;
