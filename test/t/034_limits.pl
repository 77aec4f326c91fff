# Spares, the time that a backend stays with its role, CONNECTION LIMITs.
use PoolerTest;

my $pooler = PoolerTest->new('limits', pools => 'main pool_size=1 max_overflow=6, hems, telehealth pool_size=4, fire pool_size=1',
    conf => "pooler.pool_timeout = -1\npooler.spare_backends = 3\nlog_statement = none\n",
    sql => 'create role r1 login; create role r2 login; create role r3 login; create role low login connection limit 2;');

# Spares: so many unborn are kept while the pool is busy, and no others.
my $counts = "select backends, unborn from pooler.pools where pool = 'main'";
is($pooler->sql($counts), '1|1', 'a pool that is not busy has no spares');
my @busy = map { $pooler->client("c$_") } 1 .. 5;
$_->run('begin') foreach @busy[ 0, 1 ];
$pooler->poll_view($counts, '5|3', 'beside two busy ones three are ready');
my $closed = $pooler->sql("select closed from pooler.pools where pool = 'main'");
$pooler->poll_view("select min(age) > '3s' from pooler.backends where pool = 'main' and state = 'unborn'", 't', 'they stay as long as it is busy');
is($pooler->sql("select closed from pooler.pools where pool = 'main'"), $closed, 'none was closed in the meantime');
$_->run('begin') foreach @busy[ 2 .. 4 ];
$pooler->poll_view($counts, '7|2', 'beside five as many as the limit allows');
$pooler->reconfigure("pooler.spare_backends = 1\n");
$pooler->poll_view($counts, '6|1', 'fewer after a reload');
$_->run('rollback') foreach @busy;
$_->quit foreach @busy;
$pooler->poll_view("select backends from pooler.pools where pool = 'main'", '1', 'spares go when nobody is busy');

# A backend stays with its role for role_quantum: that many processes at most.
sub switches
{
    my ($quantum_ms) = @_;
    my $seconds = 3;
    $pooler->reconfigure("pooler.role_quantum = '${quantum_ms}ms'\n");
    $pooler->poll_view('show pooler.role_quantum', "${quantum_ms}ms", 'a quantum');
    my $before = $pooler->sql("select opened from pooler.pools where pool = 'fire'");
    my $script = $pooler->node->basedir . '/script';
    PostgreSQL::Test::Utils::append_to_file($script, "select 1;\n") unless -e $script;
    my $start = time;
    my @runs = map {
        my $output = '';
        IPC::Run::start([ 'pgbench', '-n', '-f', $script, '-c', 2, '-T', $seconds, '-h', '127.0.0.1',
                '-p', $pooler->{port}, '-U', $_, 'fire' ], '>&', \$output)
    } qw(r1 r2 r3);
    ok($_->finish, 'a role ran without an error') foreach @runs;
    my $quanta = (time - $start) * 1000 / $quantum_ms;
    my $opened = $pooler->sql("select opened - $before from pooler.pools where pool = 'fire'");
    note "$opened backends in $quanta quanta";
    cmp_ok($opened, '<=', $quanta + 2, "no more switches than $quantum_ms ms allow");
    return $opened;
}
my $few = switches(400);
is($pooler->sql("select count(*) from pooler.routes where pool = 'fire' and role in ('r1', 'r2', 'r3') and transactions >= 10"), '3', 'and all roles progress');
cmp_ok(switches(20), '>', $few, 'more with a shorter one');

# CONNECTION LIMIT of a role: backends, not clients.
is($pooler->sql("select required, available, shortfall, verdict from pooler.capacity where check_name = 'role' and subject = 'low'"), '7|2|5|short', 'a limit below what a pool may open is shown');
like($pooler->sql("select advice from pooler.capacity where check_name = 'role' and subject = 'low'"), qr/ALTER ROLE low CONNECTION LIMIT 7/, 'with advice');
$pooler->reconfigure("pooler.spare_backends = 0\n");
my @low = map { $pooler->client("low$_", user => 'low', database => 'telehealth') } 1 .. 4;
$_->run('select 1') foreach @low;
pass('more clients than the limit');
is($pooler->sql("select backends <= 2 from pooler.routes where role = 'low'"), 't', 'on no more backends');
$_->run('begin') foreach @low[ 0, 1 ];
$low[2]->write(Query('select 3'));
$pooler->poll_view("select waiting from pooler.routes where role = 'low'", '1', 'at the limit the third waits');
is($pooler->client('other', database => 'telehealth')->value('select 1'), '1', 'another role is served');
$low[0]->run('commit');
is($low[2]->result->{rows}[0][0], '3', 'it gets what is given back');
$low[1]->run('commit');

# While nobody waits births that fail are not tried again and again.
$pooler->new_log;
$pooler->poll_view("select min(idle_time) > '3s' from pooler.backends where pool = 'telehealth' and role = 'low'", 't', 'clients at the limit rest');
my @failed = $pooler->new_log =~ /too many connections for role "low"/g;
cmp_ok(scalar @failed, '<=', 5, 'and no births fail in the meantime');

# CONNECTION LIMIT of a database.
$pooler->sql('alter database hems connection limit 1');
$pooler->poll_view("select required, available, shortfall, verdict from pooler.capacity where check_name = 'database' and subject = 'hems'", '2|1|1|short', 'a database\'s limit is shown');
my @hems = map { $pooler->client("h$_", database => 'hems') } 1 .. 2;
$hems[0]->run('begin');
$hems[1]->write(Query('select 2'));
$pooler->poll_view("select waiting from pooler.routes where pool = 'hems'", '1', 'at its limit a client waits');
$hems[0]->run('commit');
is($hems[1]->result->{rows}[0][0], '2', 'until a backend is given back');
$pooler->sql('alter database hems connection limit -1');
is($pooler->sql("select count(*) from pooler.capacity where check_name = 'database'"), '0', 'without it nothing is short');
$hems[0]->run('begin');
is($hems[1]->value('select 2'), '2', 'and both are served');

done_testing;
