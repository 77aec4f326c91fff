# Backends beyond pool_size are opened under pressure and closed on return.
use PoolerTest;

my $pooler = PoolerTest->new('overflow', pools => 'main pool_size=1 max_overflow=2',
    conf => "pooler.pool_timeout = -1\npooler.spare_backends = 0\n");
my $counts = 'select backends, overflow from pooler.pools';
$pooler->poll_view($counts, '1|0', 'pool_size backends are open at start');

my @clients = map { $pooler->client("c$_") } 1 .. 4;
$_->run('begin') foreach @clients[ 0 .. 2 ];
$pooler->poll_view($counts, '3|2', 'more are opened while all are busy');
is($pooler->sql('select count(*) from pooler.backends where overflow'), '2', 'the view shows which');
$clients[3]->write(Query('select 4'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'beyond the limit a client waits');
$clients[0]->run('commit');
is($clients[3]->result->{rows}[0][0], '4', 'until a backend is given back');
$_->run('commit') foreach @clients[ 1, 2 ];
$pooler->poll_view($counts, '1|0', 'overflow is closed on return');
is($pooler->sql('select opened - closed from pooler.pools'), '1', 'the counters agree');

# After loss the pool is filled again.
my $pid = $pooler->sql('select pid from pooler.backends');
$pooler->sql("select pg_terminate_backend($pid)");
$pooler->poll_view("select count(*) filter (where pid <> $pid), count(*) filter (where pid = $pid) from pooler.backends",
    '1|0', 'a lost backend is replaced');

# pool_size = 0: none ahead, and those that were needed stay.
$pooler->reconfigure("pooler.pools = 'main pool_size=0 max_overflow=0'\npooler.max_backends = 2\n");
$pooler->poll_view('select pool_size is null from pooler.pools', 't', 'pool_size = 0: no limit of its own');
$_->run('begin') foreach @clients[ 0, 1 ];
$clients[2]->write(Query('select 2'));
$pooler->poll_view('select backends, waiting from pooler.pools', '2|1', 'bounded by max_backends');
$_->run('commit') foreach @clients[ 0, 1 ];
is($clients[2]->result->{rows}[0][0], '2', 'a client that waited is served');
is($clients[$_]->value('select 1'), '1', "client $_ goes on") foreach 0 .. 3;
is($pooler->sql('select backends, overflow from pooler.pools'), '2|0', 'what was opened stays');

# max_overflow = -1: no limit of the pool's own.
$pooler->reconfigure("pooler.pools = 'main pool_size=1 max_overflow=-1'\npooler.max_backends = 4\n");
$pooler->poll_view('select max_overflow is null from pooler.pools', 't', 'unlimited is NULL');
$_->run('begin') foreach @clients;
is($pooler->sql('select backends from pooler.pools'), '4', 'as many as are needed');
$_->run('commit') foreach @clients;
$pooler->poll_view($counts, '1|0', 'and only while they are');

# In an entry of its own.
$pooler->reconfigure("pooler.pools = 'main pool_size=3, hems pool_size=1 max_overflow=1, telehealth'\n");
$pooler->poll_view('select string_agg(format($$%s %s %s$$, pool, pool_size, max_overflow), $$, $$ order by pool) from pooler.pools',
    'hems 1 1, main 3 0, telehealth 2 0', 'each pool has its own or the global value');

done_testing;
