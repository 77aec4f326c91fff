# A standby whose replay conflicts with a transaction that a pooled backend has between two clients:
# neither of them hears of it, nor does who comes later.
use PoolerTest;

my $pooler = PoolerTest->new('primary', primary => 1, pools => 'main pool_size=1', injected => 1);
my $primary = $pooler->node;
$primary->safe_psql('main', 'create table t (i int); grant all on t to app; insert into t values (1)');
my $standby = $pooler->standby("pooler.pool_timeout = -1\nmax_standby_streaming_delay = 0\n");
is($standby->sql('select pg_is_in_recovery()'), 't', 'a standby with one backend');

# The backend changes settings from those of one client to those of another in a transaction of its own.
my ($first, $second) = map { $standby->client($_) } qw(first second);
$first->run("set work_mem = '5MB'");
sub meets_conflict
{
    my ($step) = @_;
    $standby->poll_view('select state from pooler.backends', 'idle', 'the backend is idle');
    $standby->inject($step, 'conflict');
    return;
}

# What a client that waits for a minute hears when it cancels that.
sub cancelled
{
    my ($client) = @_;
    $client->write(Query('select pg_sleep(60)'));
    $standby->poll_view("select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'", '1', 'a statement runs');
    $client->cancel;
    return answered($client);
}

sub answered
{
    my ($client, $sql) = @_;
    $client->write(Query($sql)) if $sql;
    my $result = $client->result;
    return join ' ', (map { $_->[0] } @{ $result->{rows} }), (map { "$_->{S} $_->{C}" } @{ $result->{errors} }), $result->{eof} ? 'end' : ();
}

my $backend = $standby->sql('select pid from pooler.backends');
meets_conflict('switch-set');
is(answered($second, "select 'second'"), 'second', 'who comes next is answered');
ok(!$standby->missed('switch-set'), 'its backend met a conflict');
is(cancelled($second), 'ERROR 57014', 'and cancels what it wants to');
is(answered($first, 'show work_mem'), '5MB', 'the other one has its session');

# At a login, whose end a backend says: the next client is another one.
meets_conflict('greet-set');
my $new = $standby->client('new', options => '-c work_mem=6MB');
ok(!$standby->missed('greet-set'), 'a login whose backend met a conflict');
is(cancelled($first), 'ERROR 57014', 'another client hears of what it does itself');
is(answered($new, 'show work_mem'), '6MB', 'who has logged in is served');

is($standby->sql('select pid from pooler.backends'), $backend, 'all that by one backend');

# A conflict with a client's own transaction is that client's.
$second->run('begin isolation level repeatable read');
$second->run('select count(*) from t');
$primary->safe_psql('main', 'delete from t; vacuum t');
is(answered($second), 'FATAL 40001 end', 'a transaction that conflicts with the replay');
$standby->poll_view('select backends from pooler.pools', '1', 'costs its backend');
$standby->stop('fast');
done_testing;
