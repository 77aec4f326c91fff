# State that cannot be carried pins its client, for as long as it is there.
use PoolerTest;

my $pooler = PoolerTest->new('pins', pools => 'main pool_size=2',
    sql => 'create role other; grant other to app;');
my $client = $pooler->client('pinned');
my $second = $pooler->client('second');

sub pinned { return "select pinned_by <> '{}' from pooler.clients where application_name = '$_[0]'" }

# What pins, a question that shows the state is there with its answer, and the end.
my @states = (
    [ 'temp table', 'create temp table mine as select 7 as i', 'select i from mine', 7, 'drop table mine' ],
    [ 'temp table in a transaction of one message',
        'begin; create temp table mine as select 7 as i; commit; select 1', 'select i from mine', 7, 'drop table mine' ],
    [ 'temp view', 'create temp view v as select 8 as i', 'select i from v', 8, 'drop view v' ],
    [ 'temp function', 'create function pg_temp.f() returns int language sql as $$ select 9 $$',
        'select pg_temp.f()', 9, 'drop function pg_temp.f()' ],
    [ 'LISTEN', 'listen news', 'select * from pg_listening_channels()', 'news', 'unlisten news' ],
    [ 'PREPARE', 'prepare p as select 5', 'execute p', 5, 'deallocate p' ],
    [ 'cursor WITH HOLD', 'declare c scroll cursor with hold for select generate_series(1, 9)', 'fetch first c', 1, 'close c' ],
    [ 'advisory lock', 'select pg_advisory_lock(1)',
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()", 1, 'select pg_advisory_unlock(1)' ],
    [ 'SET ROLE', 'set role other', 'select current_user', 'other', 'reset role' ],
    [ 'all of it', 'create temp table a (); listen b; prepare c as select 4; set role other', 'execute c', 4, 'discard all' ]);

foreach (@states)
{
    my ($name, $begin, $question, $answer, $end) = @$_;
    $client->run($begin);
    $pooler->poll_view(pinned('pinned'), 't', "$name pins");
    is($pooler->sql("select b.state, b.pinned_by = c.pinned_by from pooler.backends b
        join pooler.clients c on b.pid = c.backend where c.application_name = 'pinned'"),
        'pinned|t', "$name: the views name backend and client");
    is($pooler->sql('select pinned from pooler.pools'), '1', "$name: the pool counts it");
    foreach my $turn (1 .. 3)
    {
        my $pid = $second->value('select pg_backend_pid()');
        is($client->value($question), $answer, "$name: it is there, turn $turn");
        isnt($client->value('select pg_backend_pid()'), $pid, "$name: on a backend of its own");
    }
    $client->run($end);
    $pooler->poll_view(pinned('pinned'), 'f', "$name: released when it is gone");
}

# Named statements of the protocol.
$client->write(Parse('s1', 'select $1::int * 2'), Sync());
$client->result;
$pooler->poll_view(pinned('pinned'), 't', 'a named statement pins');
$second->run('select 1');
$client->write(Bind('', 's1', 21), Execute(), Sync());
is($client->result->{rows}[0][0], '42', 'and is there');
$client->write(Close('S', 's1'), Sync());
$client->result;
$pooler->poll_view(pinned('pinned'), 'f', 'released when it is closed');

# What does not outlive its transaction does not pin.
foreach my $sql ('begin; create temp table t () on commit drop; commit',
    'begin; declare c cursor for select 1; fetch c; commit', 'select pg_advisory_xact_lock(1)',
    'begin; set local role other; commit', 'begin; listen x; rollback',
    'begin; create temp table t (); rollback', 'show all', 'select version()',
    "select typname from pg_type where typname = 'int4'")
{
    $client->run($sql);
    $pooler->poll_view(pinned('pinned'), 'f', "\"$sql\" does not pin");
}

# Notifications come, and an own one bears the client's own pid.
$client->run('listen news');
$second->run("notify news, 'from second'");
my $result = $client->result('A');
is($client->{notifications}[0]{payload}, 'from second', 'a notification reaches an idle pinned client');
isnt($client->{notifications}[0]{pid}, $client->{pid}, 'which does not look like an own one');
$client->run("notify news, 'own'");
$client->result('A') if @{ $client->{notifications} } < 2;
is($client->{notifications}[1]{pid}, $client->{pid}, 'an own one with its own');
$client->run('unlisten *');

# Who leaves takes its state along.
my $leaver = $pooler->client('leaver');
$leaver->run("create temp table mine (); listen news; prepare p as select 1; select pg_advisory_lock(5); set role other");
$pooler->poll_view(pinned('leaver'), 't', 'a client is pinned');
my $pid = $leaver->value('select pg_backend_pid()');
$leaver->quit;
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'leaver'", '0', 'it leaves');
$pooler->poll_view("select count(*) from pooler.backends where state = 'pinned'", '0', 'its backend is free');
foreach (1 .. 20)
{
    last if $second->value('select pg_backend_pid()') eq $pid;
    $second->write(Query('select pg_backend_pid()')); $client->run('select 1'); $second->result;
}
is($second->sqlstate('select * from mine'), '42P01', 'no temp table is left');
is($second->sqlstate('execute p'), '26000', 'no statement');
is($second->value('select count(*) from pg_listening_channels()'), '0', 'no LISTEN');
is($second->value('select current_user'), 'app', 'no other role');
is($second->value('select pg_try_advisory_xact_lock(5)'), 't', 'no lock');

# Sequence state is a session's: forgotten at a switch, with a hint.
$client->run('create sequence s; select nextval($$s$$)');
$_->run('select 1') foreach $second, $second, $client;
my $error = $pooler->client('seq')->query('select lastval()')->{errors}[0];
is($error->{C}, '55000', 'lastval() of another is not seen');
like($error->{H}, qr/^In transaction mode/, 'a hint says why');
my $seq = $pooler->client('seq');
$seq->run('do $$ begin commit; begin perform 1 / 0; exception when division_by_zero then null; end; end $$');
$error = $seq->query('do $$ begin commit; begin perform 1; exception when others then null; end; perform currval($s$s$s$); end $$')->{errors}[0];
is($error->{C}, '55000', 'currval() after transactions inside a block');
like($error->{H}, qr/^In transaction mode/, 'has the hint as well');
is($pooler->direct('seq')->query('select lastval()')->{errors}[0]{H}, undef, 'the server itself says nothing of it');

done_testing;
