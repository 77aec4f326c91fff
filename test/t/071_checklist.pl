# pooler.checklist: each item of the guide's checklist is a warning where it is
# not done, and ok once its own remedy has been followed.
use PoolerTest;

my $pooler = PoolerTest->new('checklist', pools => 'main, fire recycle=2h', conf => <<END);
max_connections = 20
pooler.pool_recycle = 1h
pooler.pool_pre_ping = off
pooler.echo_pool = on
END

sub item { my ($item, $column) = @_; return "select $column from pooler.checklist where item = $item" }
sub is_verdict { my ($item, $verdict, $name) = @_; return $pooler->poll_view(item($item, 'verdict'), $verdict, $name) }

# Does as the remedy says: "Set X to Y".
sub follow
{
    my ($item) = @_;
    my %set = $pooler->sql(item($item, 'remedy')) =~ /Set ([a-z_.]+) to (\w+)/g or die "no remedy of item $item";
    $pooler->sql("alter system set $_ = $set{$_}") foreach keys %set;
    $pooler->node->reload;
    return;
}

# Before: nothing is as it should be.
is($pooler->sql("select string_agg(item || ' ' || verdict, ', ' order by item) from pooler.checklist"),
    '1 warning, 2 unknown, 3 warning, 4 warning, 5 warning, 6 ok, 7 warning, 8 unknown, 9 unknown', 'before');
is($pooler->sql(item(3, 'evidence')), 'pooler.pool_recycle = 3600s, pool fire: recycle = 7200s', 'evidence names the pool');

# The settings.
follow(4);
is_verdict(4, 'ok', 'pre_ping');
follow(5);
is_verdict(5, 'ok', 'echo');
follow(3);
$pooler->poll_view(item(3, 'evidence'), 'pooler.pool_recycle = 1800s, pool fire: recycle = 7200s', 'recycle for all');
is($pooler->sql(item(3, 'verdict || $$: $$ || remedy')), "warning: Set recycle of pool fire in pooler.pools to 1800 or less.",
    'but one pool has its own');
$pooler->reconfigure("pooler.pools = 'main, fire recycle=30min'\n");
is_verdict(3, 'ok', 'recycle');
$pooler->reconfigure("pooler.max_overflow = 8\n");
is_verdict(6, 'warning', 'capacity');
like($pooler->sql(item(6, 'evidence')), qr/^server: required 2\d, available 20; direct: required 24, available 20; /, 'evidence of all checks');

# Restart once for both.
follow(6);
follow(1);
is($pooler->sql(item(1, 'verdict')), 'warning', 'the restart is missing');
$pooler->restart;
is_verdict(1, 'ok', 'env');
is_verdict(6, 'ok', 'capacity');

# Monitoring.
$pooler->sql('create role watcher login in role pg_monitor');
is_verdict(7, 'unknown', 'a role for monitoring that is not connected');
my $watcher = $pooler->direct('watcher', user => 'watcher', database => 'postgres');
is_verdict(7, 'ok', 'a role for monitoring that is');
is($watcher->value(item(1, 'verdict')), 'ok', 'which may read the checklist');
$watcher->quit;
is_verdict(7, 'unknown', 'and has gone');
$watcher = $pooler->client('exporter', user => 'watcher', database => 'pgbouncer');
is_verdict(7, 'ok', 'one that is connected to the console');
$watcher->quit;
is_verdict(7, 'unknown', 'and has gone, too');

# Load: pools of two each; until then nobody can tell.
is_verdict(2, 'unknown', 'pools that nobody has used');
my @clients = map { my $db = $_; map { $pooler->client("c$_", database => $db) } 1 .. 2 } qw(main fire);
$_->run('begin') foreach @clients;
is_verdict(8, 'ok', 'every pool is full and nobody times out');
$_->run('commit') foreach @clients;
is_verdict(2, 'ok', 'pool_size has proved itself');
is_verdict(8, 'unknown', 'the load is over');
like($pooler->sql(item(8, 'remedy')), qr/pgbench -h HOST -p $pooler->{port} -c 20 -T 600 -f YOUR_TRANSACTIONS main; .* fire$/, 'how to make one');
$pooler->reconfigure("pooler.pool_timeout = 0.2\npooler.max_overflow = 0\n");
$pooler->poll_view("select count(*) from pooler.pools where max_overflow = 0 and pool_timeout < 1 and backends = 2", 2, 'too few');
my $late = $pooler->client('late');
$_->run('begin') foreach @clients;
is($late->sqlstate('select 1'), '53300', 'a time-out');
is_verdict(8, 'warning', 'the load is too much');
is_verdict(2, 'warning', 'and pool_size is too small');
is($pooler->sql(item(2, 'evidence')), 'main: exhaustion', 'where and how');
$_->run('commit') foreach @clients;

# Documentation.
$pooler->sql(q{comment on schema pooler is 'for 50 users; wiki/db'});
is_verdict(9, 'ok', 'documented');
like($pooler->sql(item(9, 'evidence')), qr{for 50 users; wiki/db$}, 'where');

# No pools.
$pooler->reconfigure("pooler.pools = ''\n");
is_verdict($_, 'not applicable', "item $_ without pools") foreach 2, 6, 8;

done_testing;
