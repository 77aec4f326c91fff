# Without randomness for a cancel key a client is refused, and costs no place. Runs
# on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('keyless', injected => 1, pools => 'main pool_size=1', conf => "pooler.max_client_conn = 5\n");
my $client = $pooler->client('client');
$client->run('select 1');
$pooler->new_log;
foreach (1 .. 4)
{
    $pooler->inject('worker-pg_strong_random', 'none');
    my $keyless = $pooler->connect;
    is($keyless->result->{errors}[0]{C}, '53300', 'no cancel key: the client is refused');
    ok(!$pooler->missed('worker-pg_strong_random'), 'for that reason');
}
like($pooler->new_log, qr/LOG:  could not generate random cancel key/, 'the log says so');
is($pooler->client('other')->value('select 2'), '2', 'another one is let in');
is($client->value('select 2'), '2', 'others go on');

done_testing;
