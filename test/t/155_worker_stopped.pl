# The worker is stopped (SIGSTOP) while a backend asks it for a client's file: the
# backend is not blamed for that afterwards. Runs on the library with injection
# (test/inject/inject.c): copying the file is forbidden.
use PoolerTest;

my $pooler = PoolerTest->new('worker_stopped', injected => 1, pools => 'main pool_size=1', conf => "restart_after_crash = off\n");
my @clients = $pooler->client('equal');
# The first one's login was ended by a backend, which has its file; the next ones'
# by the worker, once it has heard how.
$clients[0]->run('select 1');
push @clients, map { $pooler->client('equal') } 1 .. 5;
# From now on this backend asks for each file that it has not got.
$pooler->inject('backend-pooler_net_copy_file', 'EPERM');
my $pid = $clients[5]->value('select pg_backend_pid()');
ok($pooler->met('backend-pooler_net_copy_file'), 'copying is forbidden');
$pooler->poll_view('select count(*) from pooler.clients where backend is not null', '0', 'the backend is idle');
my $worker = $pooler->worker_pid;

foreach my $i (2 .. 4)
{
    kill 'STOP', $worker;
    sleep 0.01 until slurp_file("/proc/$worker/stat") =~ /\) T /;
    $clients[$i]->write(Query('select pg_backend_pid()'));
    sleep 1.5;
    ok(!$clients[$i]->readable(0), "turn $i: the backend asks the worker, who is stopped");
    kill 'CONT', $worker;
    is($clients[$i]->result->{rows}[0][0] // 'nothing', $pid, "turn $i: then it serves the client");
    $pooler->poll_view('select count(*) from pooler.clients where backend is not null', '0', "turn $i: and is idle");
}
is($pooler->sql('select invalidated, opened from pooler.pools'), '0|1', 'the backend is not taken for a dead one');
unlike(slurp_file($pooler->node->logfile), qr/did not begin/, 'nor is it said so');

done_testing;
