# pg_upgrade with the pooler preloaded on both sides, and its extension.
use PoolerTest;
use Cwd qw(abs_path);

my $pooler = PoolerTest->new('old', pools => 'main');
my $old = $pooler->node;
$old->safe_psql('main', 'create extension pooler; create table t (i int); insert into t values (7); grant select on t to app');
$old->safe_psql('postgres', "alter role app set pooler.mode = session");
my $before = $pooler->client('before');
is($before->value('select i from t'), '7', 'before');
$before->quit;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $port = PostgreSQL::Test::Cluster::get_free_port();
$new->append_conf('postgresql.conf', <<END);
shared_preload_libraries = 'pooler'
pooler.listen_addresses = '127.0.0.1'
pooler.port = $port
pooler.pools = 'main'
pooler.pool_size = 2
pooler.max_overflow = 0
END
$pooler->stop('fast');

my $bindir = $old->config_data('--bindir');
my $output = '';
ok(IPC::Run::run([ 'sh', '-c', 'cd "$0" && exec "$@"', $new->basedir, 'pg_upgrade', '--no-sync', '--retain',
        '-b', $bindir, '-B', $bindir, '-d', abs_path($old->data_dir), '-D', abs_path($new->data_dir), '-s', $new->host,
        '-p', $old->port, '-P', $new->port ], '>&', \$output),
    'pg_upgrade succeeds')
  or diag($output);
like($output, qr/Upgrade Complete/, 'and says so');
my @logs = glob($new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_server.log');
is(scalar @logs, 1, 'the servers\' log is there');
unlike(slurp_file($logs[0]), qr/pooler (listens|does not)|pool "/, 'the pooler did nothing meanwhile');

my $upgraded = bless { node => $new, port => $port }, 'PoolerTest';
$upgraded->start_server;
$upgraded->sql('create extension if not exists pooler');
$upgraded->poll_view('select state, backends from pooler.pools', 'open|2', 'afterwards the pool opens');
my $after = $upgraded->client('after');
is($after->value('select i from t'), '7', 'and serves what was there');
is($upgraded->sql("select mode from pooler.clients where application_name = 'after'"), 'session', 'a role keeps its mode');
is($new->safe_psql('main', 'select count(*) from pooler.pools'), '1', 'the views are there in each database');
is($upgraded->sql("select string_agg(datname, ' ' order by datname) from pg_database where not datistemplate"), 'fire hems main postgres telehealth', 'all databases are there');

$upgraded->stop('fast');
done_testing;
