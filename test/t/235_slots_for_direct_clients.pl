# Direct clients take each slot that comes free: a pool that keeps giving backends up for another one
# that has none would soon have none itself, and the other would not get any.
use Crowd;
use PoolerTest;

my $pooler = PoolerTest->new('slots', pools => '* pool_size=0', unavailable => 1,
    conf => "max_connections = 14\nsuperuser_reserved_connections = 2\npooler.reserve = 2\npooler.spare_backends = 0\n"
      . "pooler.pool_timeout = 10s\npooler.pool_recycle = -1\n");
my @busy = map { my $busy = $pooler->client('busy', database => 'telehealth'); $busy->run('begin'); $busy } 1 .. 7;
$_->run('commit') foreach @busy;
my $backends = q{select backends from pooler.pools where pool = 'telehealth'};
my $had = $pooler->sql($backends);
cmp_ok($had, '>=', 7, 'a pool has a backend for each client');

# They come again and again until they are let in, and stay. The superusers' slots are not theirs.
my $crowd = Crowd->start($pooler->node->basedir . '/direct', 12, 1, sub {
        my ($me) = @_;
        my $client;
        my $end = time + 120;
        while ($me->goes_on && time < $end)
        {
            $client //= eval { $pooler->direct('direct', database => 'hems') };
            sleep 0.005;
        }
    });
my $slots = q{select count(*) from pg_stat_activity where application_name = 'direct' and backend_type = 'client backend'};
$pooler->poll_view($slots, 14 - 2 - 1 - $had, 'direct clients have the other slots');
my $before = $pooler->sql($slots);

my $fire = $pooler->client('fire', database => 'fire', may_fail => 1);
# What it lacks are the four reserved ones and its own, less the superusers' two where no login of a
# direct client, about to be refused, has one of these just then.
cmp_ok($pooler->sql($backends), '>=', $had - 5, 'another pool is given what it lacks, and no more');
cmp_ok($pooler->sql($slots), '>', $before, 'others have taken that');
is($_->value('select 1'), '1', 'the large pool goes on') foreach @busy;

# When they are gone it is served.
$crowd->stop;
$crowd->finish;
$pooler->poll_view($slots, '0', 'the direct clients leave');
is($pooler->client('after', database => 'fire')->value('select current_database()'), 'fire', 'the other pool is served');
done_testing;
