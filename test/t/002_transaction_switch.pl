# Clients take turns on one backend, and only between transactions.
use PoolerTest;

my $pooler = PoolerTest->new('turns', pools => 'main pool_size=1');
my @clients = map { $pooler->client("c$_") } 1 .. 20;

my %pids;
foreach my $turn (1 .. 5)
{
    foreach my $client (@clients)
    {
        $pids{ $client->value('select pg_backend_pid()') }++;
    }
}
is(scalar keys %pids, 1, 'twenty clients take turns on one backend');
is($pooler->sql('select count(*) from pooler.backends'), '1', 'which is the only one');
is($pooler->sql('select backends, clients, waiting from pooler.pools'), '1|20|0', 'the view counts them');
is($pooler->sql('select pool, role, backends, clients from pooler.routes'),
    'main|app|1|20', 'and the route');
cmp_ok($pooler->sql('select checkouts from pooler.pools'), '>=', 100, 'each turn was a checkout');
is($pooler->sql("select count(*) from pooler.clients where transactions >= 5 and state <> ''"),
    '20', 'each client had its transactions');

# Questions in flight at once: each gets its own answer.
foreach my $turn (1 .. 5)
{
    $clients[$_]->write(Query("select '$turn.$_'")) foreach 0 .. $#clients;
    is_deeply([ map { $_->result->{rows}[0][0] } @clients ],
        [ map { "$turn.$_" } 0 .. $#clients ], "each of twenty gets its own answer, turn $turn");
}

# A transaction keeps its backend.
my ($one, $two) = @clients;
$one->run('create table t (i int)');
$one->run('begin; insert into t values (1)');
$two->write(Query('select count(*) from t'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'another client waits for the transaction');
ok($pooler->sql('select longest_wait from pooler.pools') ne '', 'the view says for how long');
ok(!$two->readable(0), 'and gets nothing');
$one->run('insert into t values (2); commit');
is($two->result->{rows}[0][0], '2', 'then it sees what was committed');
$pooler->poll_view('select waiting from pooler.pools', '0', 'nobody waits');

# An aborted transaction is a transaction.
$one->query('begin; select 1/0');
$two->write(Query('select 3'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'an aborted transaction keeps its backend too');
is($one->sqlstate('select 1'), '25P02', 'its client is in it');
$one->run('rollback');
is($two->result->{rows}[0][0], '3', 'then the other goes on');

done_testing;
