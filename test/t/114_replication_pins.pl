# Replication's state in a session, and what a stranger's lock does to cleaning.
use PoolerTest;

my $pooler = PoolerTest->new('replication', pools => 'main pool_size=2',
    conf => "wal_level = replica\nmax_wal_senders = 2\n", sql => 'create role repl login replication;');
$pooler->node->safe_psql('main', q{
    grant execute on function pg_backup_start(text, bool), pg_backup_stop(bool), pg_replication_origin_create(text),
        pg_replication_origin_session_setup(text), pg_replication_origin_session_reset(),
        pg_replication_origin_session_is_setup() to repl;
    select pg_replication_origin_create('elsewhere')});
my ($client, $second) = map { $pooler->client($_, user => 'repl') } qw(pinned second);

# It has its place among those who may be pinned (here: one) until its backend has seen that nothing pins it,
# which is after its answer.
sub is_released
{
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $pooler->poll_view("select state, array_to_string(pinned_by, ', ') from pooler.clients where application_name = 'pinned'", 'idle|', $name);
}

# What pins, its name, a question that shows the state is there, and the end.
my @states = (
    [ 'replication slot', q{select pg_create_physical_replication_slot('mine', true, true)},
        q{select count(*) from pg_replication_slots where slot_name = 'mine' and active_pid = pg_backend_pid()}, '1', q{select pg_drop_replication_slot('mine')} ],
    [ 'replication origin', q{select pg_replication_origin_session_setup('elsewhere')},
        'select pg_replication_origin_session_is_setup()', 't', 'select pg_replication_origin_session_reset()' ],
    [ 'backup', q{select pg_backup_start('mine', true)}, 'select 1', '1', 'select pg_backup_stop(false)' ]);
foreach (@states)
{
    my ($name, $begin, $question, $answer, $end) = @$_;
    $client->run($begin);
    $pooler->poll_view("select array_to_string(pinned_by, ', ') from pooler.clients where application_name = 'pinned'", $name, "a $name pins, under its name");
    foreach my $turn (1 .. 2)
    {
        my $pid = $second->value('select pg_backend_pid()');
        is($client->value($question), $answer, "$name: it is there, turn $turn");
        isnt($client->value('select pg_backend_pid()'), $pid, "$name: on a backend of its own");
    }
    $client->run($end);
    is_released("$name: released when it is gone");
}
foreach my $sql ("select pg_create_physical_replication_slot('stays')", "select pg_drop_replication_slot('stays')",
    "begin; select pg_replication_origin_session_setup('elsewhere'); select pg_replication_origin_session_reset(); commit")
{
    $client->run($sql);
    is_released("\"$sql\" does not pin");
}

# Who leaves takes it along; a backup cannot be cleaned, its backend is closed.
foreach ([ 'replication slot', 'idle', q{select count(*) from pg_replication_slots}, '0' ],
    [ 'replication origin', 'idle', q{select count(*) from pg_replication_origin}, '1' ],
    [ 'backup', '', 'select 1', '1' ])
{
    my ($name, $state, $question, $answer) = @$_;
    my ($begin) = map { $_->[1] } grep { $_->[0] eq $name } @states;
    my $leaver = $pooler->client('leaver', user => 'repl');
    $leaver->run($begin);
    my $pid = $leaver->value('select pg_backend_pid()');
    $leaver->quit;
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'leaver'", '0', "$name: who has it leaves");
    $pooler->poll_view("select count(*) from pooler.backends where pid = $pid", $state eq '' ? '0' : '1', "$name: its backend is " . ($state || 'closed'));
    is($pooler->sql($question), $answer, "$name: nothing is left of it");
    is($client->sqlstate($begin), '', "$name: another may have it");
    $client->run((map { $_->[4] } grep { $_->[0] eq $name } @states)[0]);
    is($client->sqlstate('select pg_replication_origin_session_reset()'), '55000', "$name: the backend has no origin") if $name eq 'replication origin';
    is_released("$name: and leave it");
}

# A stranger's lock on a temporary table: cleaning does not wait for it.
my $leaver = $pooler->client('leaver');
$leaver->run('create temp table mine ()');
my $pid = $leaver->value('select pg_backend_pid()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<));
$stranger->run("begin; drop table $schema.mine");
$leaver->quit;
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'leaver'", '0', 'who left is gone');
ok($pooler->node->wait_for_log(qr/leaver ERROR:  canceling statement due to lock timeout/), 'the log says why it is not cleaned');
is($second->sqlstate('select * from mine'), '42P01', 'another is served meanwhile, by another backend');
$stranger->run('rollback');
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'a backend that could not be cleaned is closed');
$pooler->poll_view('select backends from pooler.pools', '2', 'and another one opened');

done_testing;
