# The checklist's monitoring: where pooler.metrics_port is open somebody may watch it.
use PoolerTest;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('checklist_metrics', pools => 'main pool_size=1', conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n");
sub item { my ($column) = @_; return "select $column from pooler.checklist where item = 7" }

is($pooler->sql(item('verdict')), 'unknown', 'nobody knows whether the metrics are read');
like($pooler->sql(item('evidence')), qr/pooler\.metrics_port.*\b$port\b/, 'where they are');

# Who reads the views is known; and without the port nothing is there.
$pooler->sql('create role watcher login in role pg_monitor');
my $watcher = $pooler->direct('watcher', user => 'watcher', database => 'postgres');
$pooler->poll_view(item('verdict'), 'ok', 'a role for monitoring that is connected');
$watcher->quit;
$pooler->poll_view("select count(*) from pg_stat_activity where usename = 'watcher'", 0, 'and has gone');
is($pooler->sql(item('verdict')), 'unknown', 'unknown again');
$pooler->sql('drop role watcher');
$pooler->sql('alter system set pooler.metrics_port = 0');
$pooler->restart;
is($pooler->sql(item('verdict')), 'warning', 'neither a role nor a port');

done_testing;
