# COPY, large objects, large values, portals, two-phase commit, late messages.
use PoolerTest;

my $pooler = PoolerTest->new('big', pools => 'main pool_size=1 max_overflow=0',
    conf => "max_prepared_transactions = 5\nlog_statement = none\n");
my ($one, $two) = map { $pooler->client($_) } qw(c1 c2);
$one->run('create table t (i int primary key, v text)');

# COPY in and out, with others in between.
sub copy_in { my ($client, @lines) = @_; $client->write(Query('copy t from stdin')); $client->result('G'); $client->write((map { CopyData("$_\n") } @lines), CopyDone()); return $client->result }
is(copy_in($one, map { "$_\tv$_" } 1 .. 10_000)->{tags}[0], 'COPY 10000', 'COPY FROM STDIN');
is($two->value('select count(*) from t'), '10000', 'another client sees it');
my $result = $one->query('copy (select i from t order by i) to stdout');
is(join('', @{ $result->{copied} }), join('', map { "$_\n" } 1 .. 10_000), 'COPY TO STDOUT');

# A COPY that fails: what comes late is swallowed, as by the server.
$one->write(Query('copy t from stdin'));
$one->result('G');
$one->write(CopyData("nonsense\n"));
$result = $one->result;
is($result->{errors}[0]{C}, '22P02', 'a COPY that fails');
$one->write(CopyData("9\tx\n"));
is($two->value('select 2'), '2', 'late CopyData holds no backend');
$one->write(CopyDone());
is($two->value('select 3'), '3', 'nor does a late CopyDone');
is($one->value('select 4'), '4', 'its client goes on');
$one->write(CopyData('x' x 100_000) x 20, CopyDone(), Query('select 5'));
is($one->result->{rows}[0][0], '5', 'late data before a query');

# Flush.
$one->write(Flush());
is($two->value('select 6'), '6', 'a lone Flush holds no backend');
$one->write(Parse('', 'select 7'), Bind('', ''), Execute(), Flush());
is($one->result('C')->{rows}[0][0], '7', 'answers come at Flush');
$one->write(Sync());
is($one->result->{types}, 'Z', 'the batch ends with Sync');
is($two->value('select 8'), '8', 'then others are served');
$one->write(Parse('', 'select 1/0'), Bind('', ''), Execute(), Query('select 9'), Sync(), Sync());
is($one->result->{types} . $one->result->{types}, '1EZZ', 'a Query behind a failed Execute is skipped');

# A pipeline.
$one->write(map { (Parse('', "select $_"), Bind('', ''), Execute(), Sync()) } 1 .. 1000);
is(join(' ', map { $one->result->{rows}[0][0] } 1 .. 1000), join(' ', 1 .. 1000), 'a pipeline of a thousand batches');

# Portals live to the end of their transaction.
$one->run('begin');
$one->write(Parse('', 'select generate_series(1, 10)'), Bind('p', ''), Execute('p', 3), Sync());
is(scalar @{ $one->result->{rows} }, 3, 'three rows of a portal');
$one->write(Execute('p', 3), Sync());
is($one->result->{rows}[0][0], '4', 'the next three in another batch');
$one->run('declare c cursor for select generate_series(1, 10); fetch 2 c');
is($one->value('fetch next c'), '3', 'a cursor');
$one->run('commit');
$two->run('select 1');
$one->write(Execute('p', 3), Sync());
is($one->result->{errors}[0]{C}, '34000', 'and not longer');

# Multi-statement queries, notices, savepoints.
is_deeply($one->query('select 1; begin; select 2; savepoint s; select 3; rollback to s; commit; select 4')->{tags},
    [ 'SELECT 1', 'BEGIN', 'SELECT 1', 'SAVEPOINT', 'SELECT 1', 'ROLLBACK', 'COMMIT', 'SELECT 1' ], 'many statements in one');
is($one->query('select 1; begin; select 2')->{status}, 'T', 'one that leaves a transaction open');
is($one->query('commit')->{status}, 'I', 'is finished by the same client');
is($one->query('do $$ begin raise warning $q$hear me$q$; end $$')->{notices}[0]{M}, 'hear me', 'a NOTICE');
is($one->query('insert into t values (20000, $$a$$); select 1/0')->{errors}[0]{C}, '22012', 'many statements are one transaction');
is($two->value('select count(*) from t where i = 20000'), '0', 'rolled back together');

# Two-phase commit: prepared by one, finished by another.
$one->run("begin; insert into t values (30000, 'two-phase'); prepare transaction 'x'");
is($two->value('select count(*) from t where i = 30000'), '0', 'PREPARE TRANSACTION');
$two->run("commit prepared 'x'");
is($one->value('select v from t where i = 30000'), 'two-phase', 'COMMIT PREPARED by another client');

# Large objects.
my $oid = $one->value('select lo_from_bytea(0, decode(repeat($$ab$$, 1000000), $$hex$$))');
is($two->value("select length(lo_get($oid))"), '1000000', 'a large object');
$one->run("begin; select lo_open($oid, 131072)");
is($one->value('select length(loread(0, 10))'), '10', 'its descriptor lives in the transaction');
$one->run('commit');
is($one->sqlstate('select loread(0, 10)'), '42704', 'and not longer');

# 100 MB each way.
my $big = 100 * 1024 * 1024;
is($one->value("select length('" . ('x' x $big) . "')"), $big, '100 MB to the server');
is(length $one->value("select repeat('y', $big)"), $big, '100 MB from the server');
is($two->value('select 10'), '10', 'and the next client');
$one->write(Parse('', 'select length($1::text)'), Bind('', '', 'z' x $big), Execute(), Sync());
is($one->result->{rows}[0][0], $big, '100 MB in a parameter');

# FunctionCall, as libpq's large objects use it: lo_creat(-1).
$one->write(PoolerClient::message_bytes('F', pack('N n n n N N n', 957, 1, 1, 1, 4, 0xffffffff, 1)));
is($one->result->{types}, 'VZ', 'FunctionCall');

is($pooler->sql("select count(*) from pooler.clients where pinned_by <> '{}'"), '0', 'nobody is pinned');
done_testing;
