# What the worker remembers of logins (settings, in a table for all) is given back
# when it ends: after some lives there is still room for a client's settings, and
# nobody is pinned for want of it.
use PoolerTest;

# The table has room for the settings of each client, backend and login that is
# remembered, of those 128: for two lives' logins there would be none.
my $pooler = PoolerTest->new('given_back', pools => 'main pool_size=1',
    conf => "max_connections = 20\npooler.max_client_conn = 20\nlog_statement = none\n");

foreach my $life (1 .. 4)
{
    foreach my $n (1 .. 120)
    {
        my $client = $pooler->client('comes', options => '-c work_mem=' . (64 + $life * 1000 + $n) . 'kB');
        $client->quit;
    }
    my $client = $pooler->client('stays', options => "-c work_mem=${life}000kB");
    is($client->value('show work_mem'), "${life}000kB", "life $life: a client's settings");
    is($pooler->sql("select pinned_by from pooler.clients where application_name = 'stays'"), '{}', "life $life: it is not pinned");
    is($pooler->client('other')->value('select 1'), '1', "life $life: another is served");
    my $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    $pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', "life $life: another worker listens");
    $pooler->await_open;
}

done_testing;
