# A pool that '*' made stays as long as it is used, however short its connections
# are.
use PoolerTest;

my $pooler = PoolerTest->new('star_pools', pools => 'main pool_size=1, * pool_size=1', conf => "pooler.pool_idle_timeout = 1s\n");

# What came of a connection of some milliseconds.
sub short
{
    my $client = $pooler->client('short', database => 'fire', may_fail => 1);
    my $result = $client->{login}{status} eq 'I' ? $client->query('select pg_backend_pid()') : $client->{login};
    $client->quit;
    return $result->{rows}[0][0] // join('; ', 'not served', @{ $result->{log} });
}

my ($end, $count, %pids) = (time + 4.5, 0);
while (time < $end)
{
    $pids{ short() }++;
    $count++;
    sleep 0.25;
}
note "$count connections";
is(join(' ', map { /^\d+$/ ? 'pid' : $_ } keys %pids), 'pid', 'one backend has served all of them');
is($pooler->sql("select checkouts >= $count, opened, closed from pooler.pools where pool = 'fire'"), 't|1|0', 'the pool has counted all of them');

# A good-bye in one write with the query costs no backend.
my $client = $pooler->connect;
$client->write(PoolerClient::startup(user => 'app', database => 'fire'), Query('select 1'), Terminate());
my @results = map { $client->result } 1 .. 3;
is("$results[1]{rows}[0][0] $results[2]{eof}", '1 1', 'who says good-bye with the query is answered');
is($pooler->sql("select opened, closed from pooler.pools where pool = 'fire'"), '1|0', 'by the same backend, which stays');

$pooler->poll_view('select string_agg(pool, $$ $$) from pooler.pools', 'main', 'it is closed when nobody comes any more');

done_testing;
