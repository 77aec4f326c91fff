# log_connections and log_disconnections: which of many clients came and left is told by
# its address, since all lines are the worker's.
use PoolerTest;

my $pooler = PoolerTest->new('log', pools => 'main', conf => "log_connections = on\nlog_disconnections = on\n");
my $node = $pooler->node;
my ($here, $there) = ($pooler->client('here', host => $node->host), $pooler->client('there'));
my $port = $there->{socket}->sockport;
foreach ([ $here, 'host=[local]' ], [ $there, "host=127.0.0.1 port=$port" ])
{
    my ($client, $from) = @$_;
    my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
    like($log, qr/connection authorized by pooler: user=app database=main \Q$from\E$/m, "$from: authorized");
    unlike($log, qr/disconnection: .*user=app .*\Q$from\E$/m, "$from: still there");
    $client->value('select 1');
    $client->quit;
    my $end = time + 30;
    sleep 0.02 while ($log = PostgreSQL::Test::Utils::slurp_file($node->logfile)) !~ /disconnection: .*user=app .*\Q$from\E$/m && time < $end;
    like($log, qr/disconnection: session time: 0:00:0\d\.\d\d\d user=app database=main \Q$from\E$/m, "$from: has left");
}

# A login that fails was no session.
my $refused = $pooler->client('refused', user => 'nobody', may_fail => 1);
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
like($log, qr/role "nobody" does not exist/, 'one that is refused');
unlike($log, qr/disconnection: .*user=nobody/, 'is no disconnection');
done_testing;
