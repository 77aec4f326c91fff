# pg_cancel_backend() of pooler's own process cancels nothing, for it runs no
# statement: neither the process nor any client ends.
use PoolerTest;

my $pooler = PoolerTest->new('worker_is_cancelled', pools => 'main pool_size=3, fire pool_size=2');
my $worker = $pooler->worker_pid;

# What a client is answered, or how it ended.
sub answered
{
    my ($client, $sql) = @_;
    $client->write(Query($sql)) if $sql;
    my $result = $client->result;
    return $result->{rows}[0][0] // ($result->{errors}[0] ? $result->{errors}[0]{C} : $result->{eof} ? 'cut off' : 'done');
}

# One who comes now: its login is the worker's next turn.
sub newcomer
{
    my $client = eval { $pooler->client('newcomer', database => 'fire') } or return 'not let in';
    my $said = answered($client, 'select 1');
    $client->quit;
    return $said;
}

my $idle = $pooler->client('idle', database => 'fire');
is(answered($idle, 'select 1'), '1', 'a client that becomes idle');
my ($pinned, $waits, @holders) = map { $pooler->client($_) } qw(pinned waits holds1 holds2);
$pinned->run('create temp table mine as select 5 as n');
$_->run('begin') foreach @holders;
$holders[0]->run('create table made ()');
$waits->write(Query('select 7'));
$pooler->poll_view("select waiting from pooler.pools where pool = 'main'", '1', 'one waits');
my $login = $pooler->connect;
my $startup = PoolerClient::startup(user => 'app', database => 'fire');
$login->write(substr($startup, 0, 10));
$pooler->poll_view("select count(*) from pooler.clients where state = 'login'", '1', 'and one logs in');

is($pooler->sql("select pg_cancel_backend($worker)"), 't', 'the worker is sent a cancel');
is(newcomer(), '1', 'who comes then is served');
is($pooler->worker_pid, $worker, 'by the same worker');
is(answered($idle, 'select 2'), '2', 'the idle client goes on');
is(answered($pinned, 'select n from mine'), '5', 'the pinned one with its state');
$login->write(substr($startup, 10));
is($login->result->{status}, 'I', 'the login comes to its end');
ok(!$waits->readable(0), 'the one that waits still does');
is(answered($holders[0], 'commit'), 'done', 'a transaction is committed');
is(answered($waits), '7', 'then the one that waits is served');
is(answered($holders[1], 'select count(*) from made'), '0', 'another transaction goes on');
$holders[1]->query('rollback');

# ---- under load ----

my @load = map { scalar eval { $pooler->client("load $_", database => 'fire') } } 1 .. 6;
my %said;
foreach my $turn (grep { defined $load[0] } 1 .. 20)
{
    $_->write(Query("select 'answer ' || pg_sleep(0.01)")) foreach @load;
    $pooler->sql("select pg_cancel_backend($worker)");
    $said{ newcomer() }++;
    $said{ answered($_) }++ foreach @load;
}
is(join(', ', map { "$_: $said{$_}" } sort keys %said), '1: 20, answer : 120', '20 cancels in a row: all are served');
is($pooler->worker_pid, $worker, 'by the same worker');
is(answered($pinned, 'select n + 1 from mine'), '6', 'the pinned client is still there');

done_testing;
