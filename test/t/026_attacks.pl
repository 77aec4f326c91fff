# What an attack on the engine found: each failed before it was mended.
use PoolerTest;

my $pooler = PoolerTest->new('attacks', pools => 'main pool_size=1',
    sql => 'create role mallory login;');
my ($alice, $bob) = map { $pooler->client($_) } qw(alice bob);

# A message that the server cannot read does not drop the unnamed statement of
# whoever was here before.
foreach my $bad ([ 'an empty Query', pack('a N', 'Q', 4) ],
    [ 'a Query with a rest', pack('a N a*', 'Q', 4 + 10, "select 1\0x") ],
    [ 'a Query that is no text', pack('a N a*', 'Q', 4 + 3, "\xff\xfe\0") ],
    [ 'a Parse without a text', pack('a N a*', 'P', 4 + 1, "\0") ])
{
    my ($name, $message) = @$bad;
    $alice->write(Parse('', "select 'the secret of alice'"), Sync());
    $alice->result;
    $bob->write($message, Bind('', ''), Execute(), Sync());
    my @log;
    do { push @log, @{ $bob->result->{rows} } } while $bob->readable(0.2);
    is_deeply(\@log, [], "$name, then Bind: no stranger's statement");
}
is($bob->value('select 1'), '1', 'the session goes on');

# A query sent by a client that hung up at once is run, and its slot is freed.
foreach my $turn (1 .. 5)
{
    my $client = $pooler->client("c$turn");
    $client->write(Query('select pg_sleep(0.01)'));
    shutdown $client->{socket}, 1;
    is($client->result->{tags}[0], 'SELECT 1', "an answer to who has closed his half, turn $turn");
}
$pooler->poll_view('select clients from pooler.pools', '2', 'their slots are free');

# A role that is renamed, and its old name another's, is served under its own.
my $mallory = $pooler->client('m', user => 'mallory');
$mallory->run('select 1');
$alice->run('select 1');
$pooler->sql('alter role mallory rename to eve');
$pooler->sql('create role mallory login');
is($mallory->value('select session_user'), 'eve', 'a renamed role goes on under its new name');

# A cancel of a query that waits hits that one, and no later one.
foreach my $turn (1 .. 20)
{
    $bob->run('begin');
    $alice->write(Query('select 1'));
    $alice->cancel;
    $bob->run('commit');
    $alice->result;
    is($alice->value("select $turn"), $turn, "the next statement is not cancelled, turn $turn");
}

done_testing;
