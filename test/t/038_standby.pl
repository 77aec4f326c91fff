# A streaming standby pools too, read only, and goes on after promotion.
use PoolerTest;
use MetricsClient;

my $pooler = PoolerTest->new('primary', primary => 1, pools => 'main');
my $primary = $pooler->node;
$primary->safe_psql('main', 'create table t (i int); grant all on t to app; insert into t values (1)');

# The same product, seen from the standby.
my $metrics_port = PostgreSQL::Test::Cluster::get_free_port();
my $web = MetricsClient->new($metrics_port);
my $standby = $pooler->standby("pooler.pool_timeout = -1\n"
    . "pooler.metrics_port = $metrics_port\npooler.metrics_addresses = '127.0.0.1'\n");
my $node = $standby->node;
$standby->poll_view("select state, backends from pooler.pools", 'open|2', 'the standby\'s pool opens');
is($standby->sql('select pg_is_in_recovery()'), 't', 'while it is one');
is($web->get('/ready')->{body}, "standby\n", 'its probe says so');
is($web->metrics->{pooler_standby}, 1, 'so do its metrics');

my @clients = map { $standby->client("c$_") } 1 .. 5;
is($clients[0]->value('select i from t'), '1', 'a client reads');
is($clients[1]->sqlstate('insert into t values (0)'), '25006', 'and does not write');
is($clients[1]->value('show transaction_read_only'), 'on', 'as it can see');
is($clients[1]->{parameters}{in_hot_standby}, 'on', 'and was told');
is_deeply([ map { $_->value('select current_user') } @clients ], [ ('app') x 5 ], 'five clients on two backends');
is($standby->sql('select backends from pooler.pools'), '2', 'on no more');

# Settings and roles come from the primary.
$primary->safe_psql('postgres', 'create role late login');
$primary->safe_psql('main', 'insert into t values (2)');
$primary->wait_for_catchup($node, 'replay', $primary->lsn('insert'));
is($standby->client('late', user => 'late')->value('select current_user'), 'late', 'a role that was made on the primary');
is($clients[2]->value('select count(*) from t'), '2', 'rows, too');
$primary->safe_psql('postgres', 'alter role late nologin');
$primary->wait_for_catchup($node, 'replay', $primary->lsn('insert'));
my $refused = sub { $standby->client('refused', user => 'late', may_fail => 1)->{login} };
my $end = time + 30;
my $login = $refused->();
sleep 0.05, $login = $refused->() while !@{ $login->{errors} } && time < $end;
like($login->{errors}[0]{M}, qr/not permitted to log in/, 'and one that may no more');

# Promotion, beside clients that stay.
$clients[3]->run('begin');
$clients[3]->run("set local work_mem = '5MB'");
my $worker = $standby->worker_pid;
$node->promote;
$standby->poll_view('select pg_is_in_recovery()', 'f', 'promoted');
is($web->get('/ready')->{body}, "primary\n", 'as its probe says');
is($web->metrics->{pooler_standby}, 0, 'and its metrics');
is($clients[3]->value('show work_mem'), '5MB', 'a transaction goes on');
$clients[3]->run('commit');
is($clients[0]->sqlstate('insert into t values (3)'), '', 'a client that stayed writes');
is($clients[1]->value('select count(*) from t'), '3', 'another one sees it');
is($standby->worker_pid, $worker, 'the worker is the same');
is($standby->sql("select state from pooler.pools"), 'open', 'the pool is open');
is($standby->client('new')->value('show transaction_read_only'), 'off', 'a new client writes');
is_deeply([ map { $_->sqlstate('insert into t values (4)') } @clients ], [ ('') x 5 ], 'all write');
is($clients[4]->value('show in_hot_standby'), 'off', 'and see that it is no standby');
is($clients[4]->{parameters}{in_hot_standby}, 'off', 'which they are told');

# Roles are altered there now.
$standby->sql('alter role late login');
$standby->poll_view("select rolcanlogin from pg_roles where rolname = 'late'", 't', 'a role may again');
is($standby->client('late again', user => 'late')->value('select current_user'), 'late', 'at once');

$standby->stop('fast');
done_testing;
