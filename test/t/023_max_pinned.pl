# Pinned clients, and clients that do not read, cannot empty a pool.
use PoolerTest;

my $pooler = PoolerTest->new('maxpinned', pools => 'main pool_size=3 max_overflow=0',
    conf => "pooler.pool_timeout = 5s\npooler.client_write_timeout = 500ms\n", sql => 'create role other; grant other to app;');
$pooler->node->safe_psql('main', 'grant execute on function pg_replication_origin_session_setup(text), pg_backup_start(text, bool) to app');
my @clients = map { $pooler->client("c$_") } 1 .. 4;

# By default one less than the pool may open.
$_->run('create temp table mine as select 1 as i') foreach @clients[ 0, 1 ];
$pooler->poll_view('select pinned from pooler.pools', '2', 'two clients are pinned');
foreach ([ 'a temporary table', 'create temp table mine as select 1 as i' ], [ 'LISTEN', 'listen news' ],
    [ 'PREPARE', 'prepare p as select 1' ], [ 'WITH HOLD', 'declare c cursor with hold for select 1' ],
    [ 'an advisory lock', 'select pg_advisory_lock(1)' ], [ 'another role', 'set role other' ],
    [ 'a table in pg_temp', 'create table pg_temp.mine ()' ], [ 'a type there', 'create type pg_temp.pair as (a int, b int)' ],
    [ 'a sequence there', 'create temp sequence counted' ], [ 'a function there', 'create function pg_temp.f() returns int language sql as $$ select 1 $$' ],
    [ 'LOAD', "load 'plpgsql'" ], [ 'a replication origin', "select pg_replication_origin_session_setup('none')" ],
    [ 'a backup', "select pg_backup_start('b')" ])
{
    my ($name, $sql) = @$_;
    my $result = $clients[2]->query($sql);
    my $error = $result->{errors}[0];
    is($error->{C}, '53300', "$name would be one too many");
    like($error->{H}, qr/./, "$name: a hint says what to do");
    is($result->{status}, 'I', "$name: the session goes on");
    is($clients[3]->value('select 7'), '7', "$name: others are served");
}
$clients[2]->write(Parse('named', 'select 1'), Sync());
is($clients[2]->result->{errors}[0]{C}, '53300', 'a named statement would be one too many');
is($clients[2]->value('select 8'), '8', 'an unnamed one is not');
foreach my $sql ('create temp table passing () on commit drop', 'set role none', 'set role to default',
    'begin; set local role none; commit', 'create table public.stays (); drop table public.stays')
{
    is($clients[2]->sqlstate($sql), '', "nor is \"$sql\"");
}
$clients[0]->run('create temp table another (); prepare p as select 1');
is($clients[0]->value('execute p'), '1', 'who is pinned may keep more');

$clients[0]->run('discard all');
$pooler->poll_view('select pinned from pooler.pools', '1', 'one is released');
is($clients[2]->sqlstate('create temp table mine ()'), '', 'another may be pinned');
$pooler->reconfigure("pooler.max_pinned = 3\n");
$pooler->poll_view('show pooler.max_pinned', '3', 'more may be allowed');
my $end = time + 30;
sleep 0.05 while $clients[3]->sqlstate('create temp table mine ()') && time < $end;
$pooler->poll_view('select pinned from pooler.pools', '3', 'as many as that');
$_->quit foreach @clients;
$pooler->poll_view('select pinned, clients from pooler.pools', '0|0', 'all leave');

# Clients that do not read their results, while others wait.
my @deaf = map { $pooler->client("deaf$_") } 1 .. 3;
$_->write(Query('select repeat($$x$$, 1000) from generate_series(1, 200000)')) foreach @deaf;
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'ClientWrite'", '3', 'three do not read');
is($pooler->client('hears')->value('select 9'), '9', 'another is served nevertheless');
$pooler->poll_view("select count(*) < 3 from pooler.clients where application_name like 'deaf%'", 't', 'at the cost of one of them');

done_testing;
