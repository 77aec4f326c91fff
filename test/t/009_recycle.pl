# A backend that is too old is replaced when it is idle, never in a transaction.
use PoolerTest;

my $pooler = PoolerTest->new('recycle', pools => 'main pool_size=1, telehealth pool_size=4',
    conf => "pooler.pool_recycle = 2s\n");
my ($client, $other) = map { $pooler->client($_) } qw(c1 c2);
my $pid = $client->value('select pg_backend_pid()');
$pooler->poll_view("select count(*) from pooler.backends where pool = 'main' and pid <> $pid", '1', 'an idle backend is replaced');
$pooler->poll_view("select recycled > 0 from pooler.pools where pool = 'main'", 't', 'and counted');
isnt($client->value('select pg_backend_pid()'), $pid, 'clients go on with another');

$client->run('begin');
$pid = $client->value('select pg_backend_pid()');
$pooler->poll_view("select age > '4 s' from pooler.backends where pid = $pid", 't', 'in a transaction it grows old');
is($client->value('select pg_backend_pid()'), $pid, 'and stays');
$client->run('commit');
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'until the transaction is over');

# Pinned backends stay as well.
$client->run('create temp table t as select 5 as i');
$pid = $client->value('select pg_backend_pid()');
$pooler->poll_view("select age > '4 s' from pooler.backends where pid = $pid", 't', 'pinned, it grows old');
is($client->value('select i from t'), '5', 'and stays');
$client->run('drop table t');
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'until it is released');

# Work goes on while all of them are replaced.
my $end = time + 5;
my $good = 0;
my $failed = 0;
while (time < $end)
{
    $_->query('select 1')->{tags}[0] eq 'SELECT 1' ? $good++ : $failed++ foreach $client, $other;
}
is($failed, 0, "no statement failed ($good ran)");
$pooler->poll_view("select recycled >= 8 from pooler.pools where pool = 'telehealth'", 't', 'a pool without clients is renewed too');

$pooler->reconfigure("pooler.pool_recycle = -1\n");
$pooler->poll_view('select count(*) from pooler.pools where pool_recycle is null', '2', 'never is NULL');
$pooler->poll_view("select min(age) > '3 s' from pooler.backends", 't', 'then they stay');

done_testing;
