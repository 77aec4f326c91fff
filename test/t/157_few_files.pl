# A backend that has few files serves any number of clients: those whom it served
# longest ago make room.
use PoolerTest;

my $pooler = PoolerTest->new('few_files', pools => 'main pool_size=1',
    conf => "max_files_per_process = 100\npooler.pool_timeout = 60s\nlog_statement = none\n");
my @clients = map { $pooler->client("c$_") } 1 .. 60;
$pooler->new_log;
my $pid = $clients[0]->value('select pg_backend_pid()');
foreach my $round (1 .. 3)
{
    my ($served, %pids) = (0);
    foreach my $i (0 .. $#clients)
    {
        my $result = $clients[$i]->query("select $i, pg_backend_pid()");
        $served++ if ($result->{rows}[0][0] // '') eq $i;
        $pids{ $result->{rows}[0][1] // 'none' }++;
        last if $result->{eof};
    }
    is($served, scalar @clients, "round $round: all are served");
    is(join(' ', keys %pids), $pid, "round $round: by one backend");
    $clients[0]->query(join('; ', map { "create table t${round}_$_ (i int primary key); insert into t${round}_$_ values (1)" } 1 .. 20));
    is(join(' ', map { $clients[$_]->value("select i from t${round}_$_") } 1 .. 20), join(' ', (1) x 20), "round $round: and it has files of its own");
}
unlike($pooler->new_log, qr/FATAL|ERROR|PANIC/, 'nothing of it is in the log');
is($pooler->sql('select opened, invalidated from pooler.pools'), '1|0', 'no other backend was needed');

done_testing;
