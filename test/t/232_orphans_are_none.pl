# A pool whose only backend cannot serve its clients has none: one of an earlier worker, one that
# leaves and does not end, or one that hangs. Another pool then gives one up for its clients.
use PoolerTest;

my $pooler = PoolerTest->new('orphans', pools => '* pool_size=0', unavailable => 1,
    conf => "pooler.max_backends = 2\npooler.spare_backends = 0\npooler.pool_timeout = 20s\npooler.pool_recycle = -1\n");

sub backend_of { my ($pool) = @_; return $pooler->sql("select pid from pooler.backends where pool = '$pool' and state <> 'leaving'") }

# There are two backends: an idle one of telehealth, and one that is fire's and of no use to it.
sub fire_is_served
{
    my ($client, $name) = @_;
    my $idle = backend_of('telehealth');
    $client->write(PoolerClient::startup(user => 'app', database => 'fire'));
    is($client->result->{status}, 'I', "$name: a client is let in");
    is($client->value('select current_database()'), 'fire', "$name: and served");
    is($pooler->sql("select count(*) from pg_stat_activity where pid = $idle"), '0', "$name: another pool's idle backend has gone for that");
    $client->quit;
    return;
}

sub telehealth_is_served
{
    my $client = $pooler->client('idle', database => 'telehealth');
    $client->run('select 1');
    isnt(backend_of('telehealth'), '', 'another pool has the other backend');
    return $client;
}

# Of an earlier worker.
my $lost = $pooler->client('lost', database => 'fire');
$lost->run('begin');
my $orphan = backend_of('fire');
my $worker = $pooler->worker_pid;
my $stranger = $pooler->direct('stranger', database => 'fire', user => scalar getpwuid($<));
$stranger->run('begin; select pg_advisory_xact_lock(7)');
$lost->write(Query('select pg_advisory_xact_lock(7)'));
$pooler->poll_view("select wait_event_type from pg_stat_activity where pid = $orphan", 'Lock', 'a client waits inside its transaction');
kill 'TERM', $worker;
$pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', 'another worker');
my $idle = telehealth_is_served();
fire_is_served($pooler->connect, 'an orphan');
is($pooler->sql("select wait_event_type from pg_stat_activity where pid = $orphan"), 'Lock', 'which is still there');
my $waits = $pooler->client('waits', database => 'fire');
$idle->run('select 1');

# And where no other can give one up, clients hear that, not that theirs are in use.
$idle->run('begin');
$pooler->reconfigure("pooler.pool_timeout = 1s\n");
my $error = $waits->query('select 1')->{errors}[0];
is($error->{D}, 'Pool "fire" has no backend, and no other pool could give one up in time.', 'a time-out says that a pool has only an orphan');
like($error->{H}, qr/^Raise pooler\.max_backends/, 'and what to do');
$pooler->reconfigure("pooler.pool_timeout = 20s\n");
$_->quit foreach $waits, $idle;
$stranger->run('rollback');
$lost->quit;
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $orphan", '0', 'it ends');
$pooler->poll_view('select sum(backends) from pooler.pools', '1', 'one backend is left');

# One that waits for a lock while it ends, of its temporary table.
my $leaver = $pooler->client('leaver', database => 'fire');
$leaver->run('create temp table mine ()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
$stranger->run("begin; drop table $schema.mine");
$idle = telehealth_is_served();
$leaver->quit;
my $leaving = q{select count(*) from pooler.backends where state = 'leaving'};
$pooler->poll_view($leaving, '1', 'a backend leaves');
fire_is_served($pooler->connect, 'one that leaves');
is($pooler->sql($leaving), '1', 'which is still there');
$stranger->run('rollback');
$idle->quit;
$pooler->poll_view($leaving, '0', 'it ends');

# One that hangs.
$pooler->reconfigure("pooler.pool_pre_ping = on\n");
my $hangs = $pooler->client('hangs', database => 'fire');
$hangs->run('select 1');
my $hung = backend_of('fire');
$idle = telehealth_is_served();
kill 'STOP', $hung;
fire_is_served($pooler->connect, 'one that hangs');
is($hangs->value('select 2'), '2', 'its own client is served, too');
is($pooler->sql("select count(*) from pg_stat_activity where pid = $hung"), '1', 'it is still there');
kill 'CONT', $hung;
$_->quit foreach $idle, $hangs;
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $hung", '0', 'it ends');

done_testing;
