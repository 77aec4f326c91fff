# From 17 on log_connections has a line for a login by trust, too: for pooler's clients as for others.
use PoolerTest;

my $pooler = PoolerTest->new('trust', pools => 'main', conf => "log_connections = on\n",
    hba => "host all app 127.0.0.1/32 trust\n");
my $expected = $pooler->sql('show server_version_num') >= 170000 ? 1 : 0;
my $line = qr/LOG:  connection authenticated: user="app" method=trust \(.*pg_hba\.conf:\d+\)\n/;
foreach my $way (qw(direct client))
{
    $pooler->new_log;
    my $client = $pooler->$way('trusted');
    $client->run('select 1');
    is(scalar(() = $pooler->new_log =~ /$line/g), $expected, "$way: lines of a login by trust");
}

done_testing;
