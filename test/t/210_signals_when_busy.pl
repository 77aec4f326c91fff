# A worker that always has something to do hears signals all the same: a reload, a
# barrier (DROP DATABASE), its end by the administrator, a fast shutdown. Runs on the
# library with injection (test/inject/inject.c): there is always a file to read.
use PoolerTest;

my $pooler = PoolerTest->new('signals', injected => 1, pools => 'main pool_size=1', sql => "create database unused;\n");
my $node = $pooler->node;
my $client = $pooler->client('c1');
sub never_sleeps
{
    $pooler->inject('worker-epoll_pwait', 'busy');
    ok($pooler->met('worker-epoll_pwait'), 'the worker never sleeps from now on');
    return is($client->value('select 1'), '1', 'and serves');
}

never_sleeps();
$pooler->reconfigure("pooler.pools = 'main pool_size=2'\n");
$pooler->poll_view('select pool_size from pooler.pools', '2', 'a reload is heard');

my $owner = $pooler->direct('owner', user => scalar getpwuid($<), database => 'postgres');
$owner->write(Query('drop database unused'));
ok($owner->readable($ENV{TEST_PATIENCE} // 60) && $owner->result->{status} eq 'I', 'DROP DATABASE does not wait for it');

my $worker = $pooler->worker_pid;
is($pooler->sql("select pg_terminate_backend($worker)"), 't', 'it is told to end');
$pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', 'and another one comes');
$pooler->await_open;
$client = $pooler->client('c2');
never_sleeps();
delete $pooler->{admin};
ok($node->stop('fast', fail_ok => 1), 'a fast shutdown ends');

done_testing;
