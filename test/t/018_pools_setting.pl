# pooler.pools: reload adds, changes and removes pools without dropping others.
use PoolerTest;

my $pooler = PoolerTest->new('pools', pools => 'main, hems pool_size=3 max_overflow=2',
    conf => "pooler.pool_timeout = -1\n");
my $list = 'select string_agg(pool, $$ $$ order by pool) from pooler.pools';
is($pooler->sql($list), 'hems main', 'two pools');
is($pooler->sql("select database, pool_size, max_overflow from pooler.pools where pool = 'hems'"), 'hems|3|2', 'with values of their own');
my $client = $pooler->client('stays');
$client->run("set work_mem = '7MB'");

# Added.
$pooler->reconfigure("pooler.pools = 'main, hems, reports=fire mode=session pool_size=1'\n");
$pooler->poll_view("select database || ' ' || mode || ' ' || state from pooler.pools where pool = 'reports'", 'fire session open', 'a pool of another name is added');
is($pooler->client('r', database => 'reports')->value('select current_database()'), 'fire', 'and serves its database');
$pooler->poll_view("select pool_size, max_overflow from pooler.pools where pool = 'hems'", '2|0', 'without its own values a pool has the global ones');
is($client->value('show work_mem'), '7MB', 'clients of others notice nothing');

# Shrunk and grown.
$pooler->reconfigure("pooler.pools = 'main pool_size=5, hems pool_size=1'\n");
$pooler->poll_view("select string_agg(pool || backends, ' ' order by pool) from pooler.pools where state = 'open'", 'hems1 main5', 'sizes change at once');
$pooler->poll_view($list, 'hems main', 'a pool that is not used goes');

# Removed: transactions finish, then their clients are closed.
my ($open, $idle) = map { $pooler->client($_, database => 'hems') } qw(open idle);
$open->run('create table t (i int); begin; insert into t values (1)');
$pooler->reconfigure("pooler.pools = 'main'\n");
my $result = $idle->result;
is($result->{errors}[0]{C}, '57P01', 'an idle client of a removed pool is told');
$open->run('insert into t values (2)');
is($open->query('commit')->{tags}[0], 'COMMIT', 'a transaction finishes');
$result = $open->result;
is($result->{errors}[0]{C}, '57P01', 'then its client is told, too');
$pooler->poll_view($list, 'main', 'and the pool goes');
is($pooler->client('x', database => 'hems', may_fail => 1)->{login}{status}, '', 'nobody new gets in');
is($pooler->node->safe_psql('hems', 'select count(*) from t'), '2', 'what was committed is there');

# A bad entry keeps the old value.
$pooler->new_log;
foreach my $bad ('main pool_size=many', 'main no_such_parameter=1', 'main, main', 'main=', '=x', 'main pool_size=-3', 'main mode=sometimes')
{
    $pooler->node->append_conf('postgresql.conf', "pooler.pools = '$bad'\n");
    $pooler->node->reload;
    $pooler->node->wait_for_log(qr/invalid value for parameter "pooler.pools": "\Q$bad\E"/);
    pass("a bad entry is an error: $bad");
    is($pooler->sql('show pooler.pools'), 'main', 'and keeps the old value');
}
is($client->value('show work_mem'), '7MB', 'the client is still there');
is($pooler->sql($list), 'main', 'the pool, too');

# Every other database.
$pooler->node->safe_psql('postgres', 'create database "Other-1" owner app');
$pooler->reconfigure("pooler.pools = 'main pool_size=3, * pool_size=1'\npooler.pool_idle_timeout = 2s\n");
$pooler->poll_view('select pool, pool_size from pooler.pools', 'main|3', 'a wildcard alone is no pool');
my $other = $pooler->client('o', database => 'Other-1');
is($other->value('select current_database()'), 'Other-1', 'a pool is made at the first login');
is($pooler->sql("select pool_size from pooler.pools where pool = 'Other-1'"), '1', 'with the values of *');
like($pooler->client('x', database => 'not_there', may_fail => 1)->{login}{errors}[0]{M}, qr/database "not_there" does not exist/, 'but not for a database that is not there');
is($pooler->sql("select count(*) from pooler.pools where pool = 'not_there'"), '0', 'which makes no pool');
$other->quit;
$pooler->poll_view($list, 'main', 'closed when it was not used for pool_idle_timeout');

# A database that is created after the start; one that is dropped.
$pooler->reconfigure("pooler.pools = 'main, later'\n");
$pooler->poll_view("select state from pooler.pools where pool = 'later'", 'unavailable', 'a database that is not there yet');
$pooler->logged(qr/LOG:  pool "later" cannot open a backend\n.*DETAIL:  database "later" does not exist/, 'the log says why, too');
like($pooler->sql("select last_error from pooler.pools where pool = 'later'"), qr/database "later" does not exist/, 'the view says why');
like($pooler->client('x', database => 'later', may_fail => 1)->{login}{errors}[0]{M}, qr/later/, 'a client is told');
$pooler->node->safe_psql('postgres', 'create database later owner app');
$pooler->poll_view("select state from pooler.pools where pool = 'later'", 'open', 'once created its pool opens');
is($pooler->client('l', database => 'later')->value('select current_database()'), 'later', 'and serves');
is($pooler->node->psql('postgres', 'drop database later'), 0, 'DROP DATABASE is not held up by idle backends');
is($pooler->node->psql('postgres', 'create database copy template main'), 0, 'nor is CREATE DATABASE ... TEMPLATE');
is($client->value('show work_mem'), '7MB', 'the first client is there to the end');

done_testing;
