# In session mode a client has its backend from login to disconnect.
use PoolerTest;

my $pooler = PoolerTest->new('session',
    pools => 'main pool_size=2 max_overflow=0 mode=session, telehealth pool_size=2',
    conf => "pooler.pool_timeout = 0.3\n", sql => 'create role keeper login;');
my ($one, $two) = map { $pooler->client($_) } qw(c1 c2);

is($pooler->sql('select string_agg(pool || $$ $$ || mode, $$, $$ order by pool) from pooler.pools'),
    'main session, telehealth transaction', 'the view shows the mode');
my $pid = $one->value('select pg_backend_pid()');
is($one->{pid}, $pid, 'a client is told the pid of its backend');
isnt($two->{pid}, $pid, 'each has its own');
$one->run("set work_mem = '7MB'; create temp table t as select 3 as i; prepare p as select 4; listen news; select pg_advisory_lock(1)");
foreach my $turn (1 .. 3)
{
    $two->run('select 1');
    is($one->value('select i from t') . $one->value('execute p') . $one->value('show work_mem'), '347MB', "its session's state is there, turn $turn");
}
is($one->value('select pg_backend_pid()'), $pid, 'on the same backend');
$two->run("notify news");
is($one->result('A')->{types}, 'A', 'notifications come at once');

# The next one has to wait for a backend before it is in.
my $third = $pooler->client('c3', may_fail => 1)->{login}{errors}[0];
is($third->{C}, '53300', 'with all backends taken a login times out');
like($third->{M}, qr/^QueuePool limit of size 2 overflow 0 reached, connection timed out, timeout 0\.30$/, 'in QueuePool\'s words');

# What it leaves is gone, the backend is not.
$one->quit;
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'c1'", '0', 'a client leaves');
my $next = $pooler->client('c4');
is($next->{pid}, $pid, 'the next one gets its backend');
is($next->value('show work_mem'), $pooler->sql('show work_mem'), 'without its settings');
is($next->sqlstate('select * from t'), '42P01', 'without its temporary table');
is($next->sqlstate('execute p'), '26000', 'without its statement');
is($next->value('select count(*) from pg_listening_channels()'), '0', 'without its LISTEN');
is($next->value('select pg_try_advisory_lock(1)'), 't', 'without its lock');
is($next->value('select count(*) from pg_settings where source = $$session$$'), '0', 'without anything set');
$next->write(Query('select pg_sleep(600)'));
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '1', 'a statement runs');
$next->cancel;
is($next->result->{errors}[0]{C}, '57014', 'cancel works');
$_->quit foreach $next, $two;

# The role's own mode wins over the pool's, the pool's over the global one.
is($pooler->direct('plain')->sqlstate('alter role app set pooler.mode = session'), '42501', 'a plain role cannot choose');
$pooler->node->safe_psql('postgres', 'alter role keeper set pooler.mode = session;
    alter role app set pooler.mode = transaction');
my $keeper = $pooler->client('keeper', user => 'keeper', database => 'telehealth');
is($keeper->value('select pg_backend_pid()'), $keeper->{pid}, 'a role in session mode');
is($pooler->sql("select pinned_by <> '{}' from pooler.clients where application_name = 'keeper'"), 't', 'has its backend to itself');
my $app = $pooler->client('app', database => 'main');
$app->run('select 1');
isnt($app->value('select pg_backend_pid()'), $app->{pid}, 'a role in transaction mode in a pool in session mode');
$keeper->quit;

# By reload, for those who log in afterwards.
$pooler->node->safe_psql('postgres', 'alter role app reset pooler.mode');
$pooler->reconfigure("pooler.pools = 'main, telehealth'\npooler.mode = session\n");
$pooler->poll_view("select string_agg(mode, ' ') from pooler.pools", 'session session', 'the global mode');
my $late = $pooler->client('late');
is($late->value('select pg_backend_pid()'), $late->{pid}, 'holds from then on');
is($app->value('select 5'), '5', 'who is in stays as it was');

done_testing;
