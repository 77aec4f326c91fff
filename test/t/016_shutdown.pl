# The worker's and the cluster's end, with clients connected.
use PoolerTest;

my $pooler = PoolerTest->new('shutdown', pools => 'main pool_size=2 max_overflow=1');

# Ends the cluster as told; returns what its client saw, dies if it takes long.
sub ended
{
    my ($mode, $client) = @_;
    my $start = time;
    $pooler->stop($mode);
    cmp_ok(time - $start, '<', 20, "$mode shutdown is prompt");
    return $client->result;
}

# The worker ended: transactions finish, then everybody reconnects.
my ($idle, $busy) = map { $pooler->client($_) } qw(idle busy);
$idle->run('create table t (i int)');
$busy->run('begin; insert into t values (1)');
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', 'another worker starts');
ok($idle->result->{eof}, 'an idle client is closed');
is($busy->sqlstate('insert into t values (2)'), '', 'a transaction goes on');
is($busy->query('commit')->{tags}[0], 'COMMIT', 'and commits');
$pooler->await_open;
my $again = $pooler->client('again');
is($again->value('select count(*) from t'), '2', 'the new worker serves');
$pooler->poll_view('select backends <= 3 from pooler.pools', 't', 'with no more backends than the limit');
ok($busy->result->{eof}, 'the old client is closed at the end of its transaction');

# One whose answer is still to come hears of the end then, though a backend that
# has served it before is in another's transaction and has its socket open.
$pooler->reconfigure("pooler.pools = 'fire pool_size=1 max_overflow=0'\n");
$pooler->poll_view("select state from pooler.pools where pool = 'fire'", 'open', 'a pool of one');
my ($asks, $holds) = map { $pooler->client($_, database => 'fire') } qw(asks holds);
my $first = $asks->value('select pg_backend_pid()');
is($holds->value('begin; select pg_backend_pid()'), $first, 'the same backend serves two');
$pooler->reconfigure("pooler.pools = 'fire pool_size=1 max_overflow=1'\n");
$asks->write(Query('select pg_sleep(2), pg_backend_pid()'));
$pooler->poll_view("select count(*) from pooler.clients where backend is not null", '2', 'another one serves the first');
$worker = $pooler->worker_pid;
kill 'TERM', $worker;
isnt($asks->result->{rows}[0][1], $first, 'it is answered');
my $last_word = $asks->result;
is_deeply([ $last_word->{eof}, map { $_->{C} } @{ $last_word->{errors} } ], [ 1, '57P01' ], 'and then hears of the end');
is($holds->sqlstate('select 1'), '', 'while the transaction goes on');
$last_word = $holds->query('commit');
is($last_word->{tags}[0], 'COMMIT', 'and commits');
ok($holds->result->{eof}, 'before it ends, too');
$pooler->reconfigure("pooler.pools = 'main pool_size=2 max_overflow=1'\n");
$pooler->poll_view("select pool, state from pooler.pools", 'main|open', 'the first pool again');

# Killed several times in a row, under load.
foreach my $turn (1 .. 3)
{
    my @clients = map { $pooler->client("c$_") } 1 .. 10;
    $_->write(Query('select pg_sleep(0.01)')) foreach @clients;
    $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    $pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', "again, turn $turn");
    $pooler->await_open;
    is($pooler->client('next')->value('select 1'), '1', "and serves, turn $turn");
}
$pooler->poll_view("select count(*) <= 3 from pg_stat_activity where datname = 'main'", 't', 'no backend is left behind');

# Fast and immediate.
foreach my $mode (qw(fast immediate))
{
    my @clients = map { $pooler->client("c$_") } 1 .. 5;
    $clients[0]->run('begin; insert into t values (3)');
    $clients[1]->run('create temp table mine ()');
    my $result = ended($mode, $clients[2]);
    ok($result->{eof}, "$mode: an idle client is closed");
    my $told = $clients[0]->result;
    is(($mode eq 'fast' ? $told->{errors} : $told->{notices})->[0]{C}, '57P01', "$mode: one in a transaction is told");
    $pooler->start;
    is($pooler->client('after')->value('select count(*) from t'), '2', "$mode: it serves again");
}

# Smart: waits for transactions and pinned clients, refuses new ones.
my ($open, $pinned) = map { $pooler->client($_) } qw(open pinned);
$idle = $pooler->client('idle');
$open->run('begin; insert into t values (4)');
$pinned->run('create temp table mine as select 6 as i');
my $stop = IPC::Run::start([ 'pg_ctl', '-D', $pooler->node->data_dir, '-m', 'smart', '-t', '60', 'stop' ], '>', '/dev/null');
my $result = $idle->result;
is($result->{errors}[0]{C}, '57P01', 'smart: an idle client is told');
ok($result->{eof}, 'and closed');
is($pinned->value('select i from mine'), '6', 'smart: a pinned client goes on');
is($open->query('commit')->{tags}[0], 'COMMIT', 'smart: a transaction goes on');
eval { is($pooler->client('new', may_fail => 1)->{login}{status}, '', 'smart: nobody new is let in'); 1 } or pass('smart: nobody new is let in');
$pinned->quit;
delete $pooler->{admin};
ok($stop->finish, 'smart shutdown ends when the last has left');
$pooler->node->_update_pid(0);

# A crash of a backend restarts all of it.
$pooler->start;
my @clients = map { $pooler->client("c$_") } 1 .. 4;
my $pid = $clients[0]->value('select pg_backend_pid()');
$_->run('begin') foreach @clients[ 1, 2 ];
kill 'KILL', $pid;
ok($_->result->{eof}, 'after a crash a client is closed') foreach @clients;
delete $pooler->{admin};
ok($pooler->node->poll_query_until('postgres', "select count(*) > 0 from pooler.pools where state = 'open'"), 'the pool comes back without help');
is($pooler->client('survivor')->value('select count(*) from t'), '3', 'and serves');
ended('fast', $pooler->client('last'));

done_testing;
