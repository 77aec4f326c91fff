# pooler.terminate_client(): the statement that runs is cancelled, and whatever
# the client had sent behind it is not run.
use PoolerTest;

my $pooler = PoolerTest->new('terminate', pools => 'main pool_size=1 timeout=60, telehealth pool_size=2, fire pool_size=1',
    sql => 'create role whole login; alter role whole set pooler.mode = session;');
$pooler->client('setup', database => $_)->run('create table t (n int); grant all on t to public') foreach qw(main telehealth fire);

my $names = 0;
sub login { my (%options) = @_; return $pooler->client('client' . ++$names, %options) }
sub id { return $pooler->sql("select id from pooler.clients where application_name = 'client$names'") }
sub rows { my ($database) = @_; return $pooler->direct('rows', database => $database)->value('select count(*) from t') }

# Ends the client once its statement runs; what it was told, and what it did.
sub is_ended
{
    my ($client, $id, $database, $what) = @_;
    is($pooler->sql("select pooler.terminate_client($id)"), 't', "$what: it is ended");
    my (@told, $result);
    do { $result = $client->result; push @told, map { $_->{C} } @{ $result->{errors} } } until $result->{eof};
    is("@told", '57014 57P01', "$what: cancelled, and told why it ends");
    $pooler->poll_view("select count(*) from pooler.clients where id = $id", 0, "$what: it is gone");
    is(rows($database), 0, "$what: nothing more of it was run");
    return;
}
sub await_statement { my ($id) = @_; return $pooler->poll_view("select reason from pooler.holders where client = $id", 'statement', 'a statement runs') }
my $sleep = PoolerTest::Query('select pg_sleep(600)');
my $insert = PoolerTest::Query('insert into t values (1)');

# Sent together, so that the backend has read all of it; sent later, so that it
# is still in the socket; so much that it is both.
foreach my $case ([ 'read', $sleep . $insert x 3 ], [ 'sent', $sleep, $insert x 3 ], [ 'much', $sleep . $insert x 500, $insert x 500 ],
    [ 'in a transaction', PoolerTest::Query('begin') . $sleep . PoolerTest::Query('rollback') . $insert, $insert ])
{
    my ($what, $first, $then) = @$case;
    foreach my $database (qw(main telehealth))
    {
        my $client = login(database => $database);
        my $id = id();
        $client->write($first);
        await_statement($id);
        $client->write($then) if $then;
        $client->result if $what eq 'in a transaction';
        is_ended($client, $id, $database, "$what, $database");
    }
}

# Batches of the extended protocol, a pinned client, session mode.
my $client = login();
my $id = id();
my $batch = sub { my ($sql) = @_; return PoolerTest::Parse('', $sql) . PoolerTest::Bind('', '') . PoolerTest::Execute() . PoolerTest::Sync() };
$client->write($batch->('select pg_sleep(600)') . $batch->('insert into t values (1)') x 3);
await_statement($id);
is_ended($client, $id, 'main', 'batches');
$client = login();
$id = id();
$client->run('prepare p as insert into t values (1)');
$client->write($sleep . PoolerTest::Query('execute p'));
await_statement($id);
is_ended($client, $id, 'main', 'pinned');
$client = login(user => 'whole');
$id = id();
$client->write($sleep . $insert, $insert);
await_statement($id);
is_ended($client, $id, 'main', 'session mode');

# One that waits for a backend, with two statements.
my $holder = login();
$holder->run('select 1');
my $waiter = login();
$id = id();
$waiter->run('select 1');
$holder->run('begin');
$waiter->write($insert x 2);
$pooler->poll_view("select state from pooler.clients where id = $id", 'waiting', 'one waits');
is($pooler->sql("select pooler.terminate_client($id)"), 't', 'it is ended');
$pooler->poll_view("select count(*) from pooler.clients where id = $id", 0, 'it is gone');
$holder->run('commit');
is($waiter->result->{errors}[0]{C}, '57P01', 'it is told why');
is(rows('main'), 0, 'nothing of it was run');

# One that is silent: in a transaction, kept, pinned, idle.
foreach my $case ([ 'idle in transaction', 'begin' ], [ 'kept', 'select 1' ], [ 'pinned', 'prepare p as select 1' ])
{
    my ($what, $sql) = @$case;
    my $silent = login(database => 'telehealth');
    $id = id();
    $silent->run($sql);
    $pooler->sql("select pooler.terminate_client($id)");
    my $last = $silent->result;
    is($last->{eof} && $last->{errors}[0]{C}, '57P01', "$what: ended and told why");
}

# One that does not read its results is not waited for.
my $deaf = login(database => 'fire');
$id = id();
$deaf->write(PoolerTest::Query(q{select repeat('x', 1000000) from generate_series(1, 100)}) . $insert);
$pooler->poll_view("select a.wait_event from pooler.clients as c join pg_stat_activity as a on a.pid = c.backend where c.id = $id", 'ClientWrite', 'one does not read');
$pooler->sql("select pooler.terminate_client($id)");
$pooler->poll_view("select count(*) from pooler.clients where id = $id", 0, 'it is ended all the same');
is(rows('fire'), 0, 'nothing more of it was run');

# The backends go on, and owe nobody anything.
$pooler->poll_view("select string_agg(distinct state, ',') from pooler.backends where pool in ('main', 'telehealth', 'fire') and client is not null and state <> 'idle'", '', 'no backend has a client');
foreach my $database (qw(main telehealth fire))
{
    my $next = login(database => $database);
    is($next->value('select count(*) from t'), 0, "$database: the next client is served");
    $next->quit;
}

done_testing;
