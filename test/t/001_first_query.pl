# A client of the pooler's port is answered as one of the server's own.
use PoolerTest;

my $pooler = PoolerTest->new('first');

my $client = $pooler->client('c1');
is($client->value('select 1'), '1', 'a first query is answered');
is_deeply($client->run('select session_user, current_user, current_database()')->{rows},
    [[qw(app app main)]], 'as the role and in the database that were asked for');

foreach my $database (@PoolerTest::databases)
{
    is($pooler->client('c', database => $database)->value('select current_database()'),
        $database, "pool $database is reached");
}

# Everything that a driver reads at login.
my $direct = $pooler->direct('c1');
is_deeply($client->{parameters}, $direct->{parameters}, 'login reports the same settings');
ok($client->{key}, 'login sends a cancel key');
isnt($client->{pid}, $pooler->client('c2')->{pid}, 'each client is told a pid of its own');
like($client->{login}{types}, qr/^RS+KZ$/, 'login has the messages of the server in its order');

# Answers, message by message.
foreach my $sql (
    'select 1 as a, null as b', '', 'select 1; select 2', 'select no_such_column',
    'select 1/0', 'this is not SQL', 'begin; select 1', 'select 1/0', 'select 1', 'rollback',
    "do \$\$ begin raise notice 'hello'; end \$\$", 'commit',
    'create table t (i int); drop table t')
{
    is_deeply($client->query($sql)->{log}, $direct->query($sql)->{log}, "\"$sql\" as on a direct connection");
}
foreach my $batch (
    [ Parse('', 'select $1::int + 1'), Bind('', '', 41), Describe('P', ''), Execute(), Sync() ],
    [ Parse('', 'select 1/0'), Bind('', ''), Execute(), Parse('', 'select 1'), Sync() ],
    [ Sync() ],
    [ Parse('', 'select generate_series(1, 5)'), Bind('p', ''), Execute('p', 2), Execute('p', 2), Sync() ])
{
    $_->write(@$batch) foreach $client, $direct;
    is_deeply($client->result->{log}, $direct->result->{log}, 'extended query as on a direct connection');
}

# Logins that fail.
my $unknown = $pooler->client('x', user => 'nobody_here', may_fail => 1)->{login};
is($unknown->{errors}[0]{C}, '28000', 'an unknown role is refused');
like($unknown->{errors}[0]{M}, qr/role "nobody_here" does not exist/, 'in the words of the server');
like($pooler->client('x', database => 'nowhere', may_fail => 1)->{login}{errors}[0]{M},
    qr/nowhere/, 'a database without a pool is refused by name');
is($client->value('select 2'), '2', 'and the others go on');

my ($code, $out) = $pooler->psql('', "select 'psql'");
is($out, 'psql', 'psql goes through the pooler');

done_testing;
