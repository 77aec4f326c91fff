# pooler.health: each of the guide's metrics is ok until a load has that very
# trouble, and ok again after its own remedy.
use PoolerTest;

my $pooler = PoolerTest->new('health', conf => "max_connections = 40\n",
    pools => 'main pool_size=1 max_overflow=0 timeout=0.3, telehealth pool_size=1 max_overflow=0,'
      . ' fire pool_size=1 max_overflow=8, * pool_size=4 max_overflow=1');

sub health
{
    my ($pool, $metric, $columns) = @_;
    return "select $columns from pooler.health where pool = '$pool' and metric = '$metric'";
}

sub is_verdict
{
    my ($pool, $metric, $verdict, $name) = @_;
    return $pooler->poll_view(health($pool, $metric, 'verdict'), $verdict, $name);
}

# Runs the statements of a warning, as psql's \gexec would.
sub remedy
{
    my ($pool, $metric) = @_;
    my @statements = split /\n/, $pooler->sql(health($pool, $metric, 'unnest(statements)'));
    $pooler->sql($_) foreach @statements;
    return @statements;
}

sub limits { my ($pool) = @_; return "select pool_size, max_overflow from pooler.pools where pool = '$pool'" }

# Nothing has happened yet; then nothing bad.
is($pooler->sql(health('main', 'exhaustion', 'verdict')), 'unknown', 'exhaustion of an unused pool');
is($pooler->sql(health('main', 'wait', 'verdict')), 'unknown', 'wait of an unused pool');
is($pooler->sql(health('main', 'idle surplus', 'verdict')), 'unknown', 'surplus within the first ten minutes');
is($pooler->sql(health('main', 'churn', 'verdict')), 'ok', 'churn of an unused pool');
my %client = map { $_ => $pooler->client($_) } qw(holder waiter);
$client{$_}->run('select 1') foreach qw(holder waiter holder);
is_verdict('main', $_, 'ok', "a healthy pool: $_") foreach qw(exhaustion wait churn);
is($pooler->sql("select count(*) from pooler.health where verdict = 'warning'"), 0, 'no warning at all');
is($pooler->sql('select count(*) from pooler.health where (verdict = $$warning$$) <> (remedy is not null and statements is not null)'),
    0, 'a remedy where there is a warning, only there');

# Exhaustion.
$client{holder}->run('begin');
is($client{waiter}->sqlstate('select 1'), '53300', 'a time-out');
is_verdict('main', 'exhaustion', 'warning', 'exhaustion');
like($pooler->sql(health('main', 'exhaustion', 'remedy')), qr/Raise max_overflow from 0 to 1\.$/, 'its remedy');
like($pooler->sql(health('main', 'exhaustion', 'evidence')), qr/ended in "QueuePool limit reached": 1; backends now: 1, of these busy: 1/, 'its evidence');
is($pooler->sql(health('telehealth', 'exhaustion', 'verdict')), 'unknown', 'no other pool has it');
is((remedy('main', 'exhaustion'))[0],
    q{ALTER SYSTEM SET pooler.pools = 'main pool_size=1 max_overflow=1 timeout=300ms, telehealth pool_size=1 max_overflow=0,}
      . q{ fire pool_size=1 max_overflow=8, * pool_size=4 max_overflow=1';}, 'its first statement');
$pooler->poll_view(limits('main'), '1|1', 'the pool is larger');
is($client{waiter}->value('select 1'), '1', 'the same load is served');
is_verdict('main', 'exhaustion', 'ok', 'exhaustion is over');
$client{holder}->run('commit');

# Wait.
my %other = map { $_ => $pooler->client($_, database => 'telehealth') } qw(holder waiter);
$pooler->reconfigure("pooler.health_wait = 200ms\n");
$other{holder}->run('begin');
$other{waiter}->write(PoolerTest::Query('select 7'));
is_verdict('telehealth', 'wait', 'warning', 'wait');
like($pooler->sql(health('telehealth', 'wait', 'remedy')), qr/Raise pool_size from 1 to 2\.$/, 'its remedy');
like($pooler->sql(health('telehealth', 'wait', 'evidence')), qr/^clients that wait: 1, the first for 0\.[2-9]|^clients that wait: 1, the first for [1-9]/, 'its evidence');
remedy('telehealth', 'wait');
is($other{waiter}->result->{rows}[0][0], '7', 'it is served beside the holder');
$pooler->poll_view(limits('telehealth'), '2|0', 'the pool is larger');
$other{holder}->run('commit');
# kept, it speaks without being checked out again
my $checkouts = q{select checkouts from pooler.clients where application_name = 'waiter'};
my ($patience, $before) = (time + 30);
do { $before = $pooler->sql($checkouts); $other{waiter}->run('select 1'); }
  until $pooler->sql($checkouts) eq $before || time > $patience;
my $reset_at = q{select stats_reset_at from pooler.pools where pool = 'telehealth'};
my $remedied_at = $pooler->sql($reset_at);
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select ($reset_at) > '$remedied_at'", 't', 'counted anew, as the remedy did');
is_verdict('telehealth', 'wait', 'unknown', 'nothing is known');
$other{waiter}->run('select 1');
is_verdict('telehealth', 'wait', 'ok', 'wait is over, also for a client that is kept by its backend');

# Churn: a burst opens overflow, which is closed again.
sub burst
{
    my $closed = $pooler->sql("select closed from pooler.pools where pool = 'fire'");
    my ($size, $overflow) = split /\|/, $pooler->sql(limits('fire'));
    my @burst = map { $pooler->client("burst$_", database => 'fire') } 1 .. 9;
    $_->run('begin') foreach @burst;
    $pooler->poll_view("select overflow, backends from pooler.pools where pool = 'fire'", "$overflow|9", 'a burst fills the pool');
    $_->run('commit') foreach @burst;
    return $pooler->poll_view("select closed - $closed from pooler.pools where pool = 'fire'", $overflow, 'its overflow is closed');
}
burst();
is_verdict('fire', 'churn', 'warning', 'churn');
$pooler->poll_view(health('fire', 'churn', 'value'), 8, 'eight exchanges');
is($pooler->sql(health('fire', 'churn', 'remedy')), 'Raise pool_size from 1 to 2, with max_overflow 7.', 'its remedy');
remedy('fire', 'churn');
$pooler->poll_view(limits('fire'), '2|7', 'fewer overflow, the same limit');
$pooler->poll_view("select backends >= 2 from pooler.pools where pool = 'fire'", 't', 'they are open');
burst();
is_verdict('fire', 'churn', 'ok', 'churn is over');

# Idle surplus, in a pool that '*' made.
my $visitor = $pooler->client('visitor', database => 'hems');
$visitor->run('select 1');
$pooler->poll_view("select backends from pooler.pools where pool = 'hems'", '4', 'a pool of its own');
is_verdict('hems', 'idle surplus', 'unknown', 'too early to tell');
$pooler->reconfigure("pooler.health_idle_time = 100ms\n");
$pooler->poll_view(health('hems', 'idle surplus', 'value > threshold'), 't', 'more than the threshold');
is($pooler->sql(health('main', 'idle surplus', 'verdict')), 'ok', 'one backend is none');
# How much at once depends on which backends are older than that by now.
for (my $size = 4; $size > 1;)
{
    is_verdict('hems', 'idle surplus', 'warning', "idle surplus with $size");
    my ($smaller, $overflow) = $pooler->sql(health('hems', 'idle surplus', 'remedy'))
      =~ /^Lower pool_size from $size to (\d), max_overflow (\d) keeps the limit\.$/;
    cmp_ok($smaller // $size, '<', $size, 'its remedy lowers pool_size') or last;
    is($smaller + $overflow, 5, 'and keeps the limit');
    remedy('hems', 'idle surplus');
    $pooler->poll_view(q{select pool_size + max_overflow, pool_size < } . $size . q{ from pooler.pools where pool = 'hems'}, '5|t', 'smaller, the same limit');
    ($size) = split /\|/, $pooler->sql(limits('hems'));
    $pooler->poll_view("select backends from pooler.pools where pool = 'hems'", $size, 'the others are closed');
}
is_verdict('hems', 'idle surplus', 'ok', 'idle surplus is over');
is($visitor->value('select 2'), '2', 'its client has lost nothing');

# Where there is no room, the remedy makes it; no limit of its own: the shared one.
$pooler->sql(q{alter system set pooler.pools = 'main pool_size=1 max_overflow=30 timeout=2'});
$pooler->reconfigure('');
$pooler->poll_view(limits('main'), '1|30', 'a pool that takes all');
my @holders = map { $pooler->client("h$_") } 1 .. 31;
is(scalar(grep { $_->sqlstate('begin') eq '53300' } @holders), 0, 'all are served');
is($client{waiter}->sqlstate('select 1'), '53300', 'one is refused');
is_verdict('main', 'exhaustion', 'warning', 'exhausted again');
like($pooler->sql(health('main', 'exhaustion', 'remedy')), qr/ from 30 to 37\. That needs max_connections = 4\d and a restart\.$/, 'max_connections has to grow');
my ($wanted) = $pooler->sql(health('main', 'exhaustion', 'remedy')) =~ /max_connections = (\d+)/;
is((remedy('main', 'exhaustion'))[0], "ALTER SYSTEM SET max_connections = $wanted;", 'it does');
undef @holders;
%client = %other = ();
undef $visitor;
$pooler->restart;
is($pooler->sql("select verdict from pooler.capacity where check_name = 'server'"), 'ok', 'the pool fits');
is($pooler->sql('show max_connections'), $wanted, 'into the new limit');
$pooler->sql(q{alter system set pooler.pools = 'main max_overflow=-1 timeout=2'});
$pooler->reconfigure("pooler.max_backends = 2\n");
$pooler->poll_view("select max_overflow is null from pooler.pools", 't', 'no limit');
my $late = $pooler->client('late');
@holders = map { $pooler->client("h$_") } 1 .. 2;
$_->run('begin') foreach @holders;
is($late->sqlstate('select 1'), '53300', 'but max_backends');
is_verdict('main', 'exhaustion', 'warning', 'exhausted once more');
like($pooler->sql(health('main', 'exhaustion', 'remedy')), qr/no limit of its own: raise pooler\.max_backends from 2 to 3\.$/, 'which is to be raised');
remedy('main', 'exhaustion');
$pooler->poll_view('show pooler.max_backends', '3', 'it is');
$pooler->poll_view("select count(*) from pooler.backends where state = 'unborn'", '1', 'there is a backend for it');
is($late->value('select 3'), '3', 'it is served');
is_verdict('main', 'exhaustion', 'ok', 'exhaustion is over');

done_testing;
