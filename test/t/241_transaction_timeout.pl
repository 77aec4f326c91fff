# From 17 on: transaction_timeout is a client's own, and of its transactions only. Those of the worker,
# one or two for each login, end nobody, however short it is in postgresql.conf.
use PoolerTest;

my $pooler = PoolerTest->new('timeout', pools => 'main');
if ($pooler->sql('show server_version_num') < 170000)
{
    plan(skip_all => 'there is no transaction_timeout');
}

my $stays = $pooler->client('stays');
my $worker = $pooler->worker_pid;
my $locks = $pooler->direct('locks', user => scalar getpwuid($<), database => 'postgres');
$_->run('set transaction_timeout = 0') foreach $locks, $pooler->{admin};

# A login looks for 20 ms whether the catalog is free again.
$pooler->reconfigure("transaction_timeout = 5ms\npooler.pool_timeout = 77s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '77', 'the worker has the configuration');
$locks->run('begin; lock table pg_authid');
my $refused = $pooler->client('refused', may_fail => 1)->{login};
is($refused->{errors}[0]{C}, '55P03', 'a login is refused for the lock, and takes longer than transaction_timeout');
$locks->run('commit');
$pooler->reconfigure("transaction_timeout = 0\npooler.pool_timeout = 78s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '78', 'the configuration of before');
is($pooler->worker_pid, $worker, 'the worker lives on');
is($stays->value('select 1'), '1', 'and its clients');

# A client's own holds, in a transaction and while it is idle in one, as on a direct connection.
foreach my $way (qw(client direct))
{
    my $own = $pooler->$way('own');
    $own->run("set transaction_timeout = '100ms'");
    is($own->query('select pg_sleep(60)')->{errors}[0]{C}, '25P04', "$way: a statement");
    $own = $pooler->$way('own');
    $own->run("set transaction_timeout = '100ms'");
    $own->run('begin');
    is($own->result('E')->{errors}[0]{C}, '25P04', "$way: idle in a transaction");
    $own = $pooler->$way('own');
    $own->run("begin; set local transaction_timeout = '100ms'; savepoint s; set local transaction_timeout = '1h'; rollback to s");
    is($own->result('E')->{errors}[0]{C}, '25P04', "$way: of a transaction");
}

# One client's is not another's, on the same backend.
$pooler->reconfigure("pooler.pool_size = 1\n");
$pooler->poll_view('select pool_size, backends from pooler.pools', '1|1', 'one backend');
my ($short, $none) = map { $pooler->client($_) } qw(short none);
my $pid = $short->value('select pg_backend_pid()');
$short->run("set transaction_timeout = '2s'");
is($none->value('select pg_backend_pid() from pg_sleep(2.5)'), $pid, 'another client has no time-out');
is($short->value('show transaction_timeout'), '2s', 'the first one keeps its own');
is($none->value('show transaction_timeout'), '0', 'and the other one has none');

done_testing;
