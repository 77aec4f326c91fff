# A newborn backend serves its own pool first; but where the pool has others at work, one of those is
# given to a pool without any meanwhile.
use Crowd;
use PoolerTest;

my $quantum = 8;
my $pooler = PoolerTest->new('newborn', pools => '* pool_size=0', unavailable => 1,
    conf => "pooler.max_backends = 3\npooler.role_quantum = ${quantum}s\npooler.spare_backends = 0\npooler.pool_timeout = 60s\npooler.pool_recycle = -1\n");

my @busy = map { my $busy = $pooler->client('busy', database => 'telehealth'); $busy->run('begin'); $busy } 1 .. 3;
$_->run('commit') foreach @busy;
my $backends = q{from pooler.backends where pool = 'telehealth'};
my $pids = $pooler->sql("select string_agg(pid::text, ',') $backends");
my @crowds = Crowd->of_clients($pooler, 'slow', 3, 0.7, database => 'telehealth');
$_->quit foreach @busy;
$pooler->poll_view("select count(*) $backends and pid in ($pids) and age > interval '$quantum s'", '3', 'three backends are no newborns');
$pooler->reconfigure("pooler.max_backends = 4\n");
my $born = time;
push @crowds, Crowd->of_clients($pooler, 'quick', 1, 0.01, database => 'telehealth');
$pooler->poll_view("select count(*) $backends and pid not in ($pids)", '1', 'a fourth client has a newborn');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'quick' and transactions > 20", '1', 'and never leaves it idle');

my $fire = $pooler->client('fire', database => 'fire');
is($fire->value('select current_database()'), 'fire', 'another pool gets a backend');
cmp_ok(time - $born, '<', $quantum, 'while that is newborn');
is($pooler->sql("select count(*) $backends and pid in ($pids)"), '2', 'one of the others has gone');
$_->stop foreach @crowds;
is($_->answers, '1', 'with nothing but answers') foreach @crowds;
done_testing;
