# A place among pooler.max_pinned is given back by a backend that outlives the
# worker in whose time it took it.
use PoolerTest;

my $pooler = PoolerTest->new('given_back', pools => 'main pool_size=2', conf => "pooler.max_pinned = 1\n");

foreach my $life (1 .. 3)
{
    my $client = $pooler->client('client');
    my $error = $client->query('prepare p as select 1')->{errors}[0];
    is($error ? "$error->{C} $error->{D}" : '', '', "life $life: one client may be pinned");
    my $other = $pooler->client('other');
    is($other->sqlstate('create temp table mine ()'), '53300', "life $life: and no other");
    $client->run('begin');
    my $orphan = $client->value('select pg_backend_pid()');
    my $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    $pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', "life $life: another worker listens");
    is($client->query('commit')->{tags}[0], 'COMMIT', "life $life: its transaction ends well");
    $pooler->poll_view("select count(*) from pg_stat_activity where pid = $orphan", '0', "life $life: its backend ends");
    is($pooler->sql('select pinned from pooler.pools'), '0', "life $life: nobody is pinned");
    $other = $pooler->client('other');
    is($other->sqlstate('create temp table mine ()'), '', "life $life: another may be pinned");
    is($pooler->client('third')->sqlstate('create temp table mine ()'), '53300', "life $life: and no third one");
    $other->quit;
    $pooler->poll_view('select pinned, clients from pooler.pools', '0|0', "life $life: all leave");
}

done_testing;
