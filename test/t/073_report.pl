# pooler.report() and pooler-top: what is wrong is on the page, and only that.
use PoolerTest;
use IPC::Run qw(start timeout);

my $pooler = PoolerTest->new('report', pools => 'main pool_size=2 max_overflow=1 timeout=0.3, fire pool_size=50');
my $node = $pooler->node;
my $top = $node->config_data('--sharedir') . '/extension/pooler-top.sql';

sub report { return $pooler->sql('select pooler.report()') }
sub top { return $node->safe_psql('postgres', '', extra_params => [ '-f', $top ]) }

# A quiet server.
my %client = map { $_ => $pooler->client($_) } qw(leak slow web waiter);
$client{$_}->run('select 1') foreach keys %client;
$pooler->poll_view("select problem from pooler.diagnose()", '', 'nothing is wrong');
my $quiet = report();
like($quiet, qr/^pooler [0-9.]+ on PostgreSQL \d+.*\nWorker listens on port $pooler->{port} since /, 'which server');
like($quiet, qr/^Problems \(pooler\.diagnose\)\n  none$/m, 'no problem');
like($quiet, qr/^Metrics that warn \(pooler\.health\)\n  none$/m, 'no warning');
is(() = $quiet =~ /^  (?:ok|warning|unknown|not applicable) +[A-Z]/mg, 9, 'the checklist');
like($quiet, qr/^  main: pool_size 2, max_overflow 1, pool_timeout 0\.3s$/m, 'its settings');

# Trouble.
$client{leak}->run('begin');
$client{leak}->run("select\n\t'a' as payment, '" . ('x' x 500) . "'");
$client{slow}->write(PoolerTest::Query('select pg_sleep(600)'));
$client{web}->run('begin');
is($client{waiter}->sqlstate('select 1'), '53300', 'a time-out');
my $id = $pooler->sql("select id from pooler.clients where application_name = 'leak'");
$pooler->poll_view('select count(*) from pooler.diagnose()', 4, 'trouble');
my $page = report();
like($page, qr/^  \d\. TimeoutError: QueuePool limit exceeded, pool main, since 20/m, 'the problem');
like($page, qr/^     client $id, leak, role app, backend \d+: select 'a' as payment, 'x{50,90}$/m, 'who, and the beginning of the statement on one line');
like($page, qr/^     -> SELECT pooler\.terminate_client\($id\);/m, 'what to do');
like($page, qr/^  exhaustion, pool main: 0\.\d+ \(threshold 0 share of checkouts\)\n.*\n     -> Raise max_overflow from 1 to 2\.$/m, 'the metric');
cmp_ok($page =~ tr/\n//, '<', 60, 'one page');

# pooler-top: once, and again and again.
like(top(), qr/^main\|\|\[###\] +\|3\/3\|4\|0\|\|\|1\|$/m, 'a full pool');
like(top(), qr/^fire\|\|\[-{40}\] +\|0\/50\|/m, 'a large one is scaled');
$client{waiter}->write(PoolerTest::Query('select 1'));
$pooler->poll_view("select waiting from pooler.pools where pool = 'main'", 1, 'one waits');
$client{waiter}->result;
$pooler->reconfigure("pooler.pools = 'main pool_size=2 max_overflow=1 timeout=60, nowhere'\n");
$pooler->poll_view("select count(*) from pooler.pools where pool_timeout = 60 or state = 'unavailable'", 2, 'a pool that cannot open');
$client{waiter}->write(PoolerTest::Query('select 1'));
$pooler->poll_view("select waiting from pooler.pools where pool = 'main'", 1, 'one waits');
my ($output, $errors) = ('', '');
my $psql = start([ 'psql', '-X', '-v', 'every=0.1', '-f', $top, $node->connstr('postgres') ], '<', \undef, '>', \$output, '2>', \$errors, timeout(60));
$psql->pump until $output =~ /(^ main .*){3}/ms || !$psql->pumpable;
like($output, qr/^ main +\| +\| \[###\]< +\| 3\/3 +\| +4 \| +1 \| +\d+\.\d \| +0 \| +2 \| $/m, 'who waits, and transactions since it looked last');
like($output, qr/^ nowhere +\| unavailable \| .*database "nowhere" does not exist/m, 'why a pool has no backends');
$psql->kill_kill;
is($errors, '', 'without errors');

# Over.
$client{slow}->cancel;
$client{slow}->result;
$_->run('rollback') foreach @client{qw(leak web)};
$client{waiter}->result;
$pooler->reconfigure("pooler.pools = 'main pool_size=2 max_overflow=1 timeout=0.3'\n");
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select problem from pooler.diagnose()", '', 'nothing is wrong');
like(report(), qr/^Problems \(pooler\.diagnose\)\n  none$/m, 'nor on the page');

done_testing;
