# A pool whose backends hang, or do not come to their end: that keeps neither other pools from opening
# theirs, nor this one from keeping as many as pool_size says.
use PoolerTest;

my $pooler = PoolerTest->new('rest', pools => 'main pool_size=1, telehealth pool_size=1, fire pool_size=2 max_overflow=1',
    conf => "pooler.max_overflow = 2\npooler.spare_backends = 0\npooler.pool_timeout = 5s\npooler.pool_recycle = -1\n");
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<), database => 'fire');

# The first pool's only backend hangs, and nobody wants one of it.
my $hangs = $pooler->sql(q{select pid from pooler.backends where pool = 'main'});
kill 'STOP', $hangs;
$pooler->poll_view("select state from pooler.backends where pid = $hangs", 'leaving', 'a backend hangs');
my @telehealth = map { $pooler->client("telehealth$_", database => 'telehealth', may_fail => 1) } 1 .. 2;
is($_->query('begin')->{tags}[0], 'BEGIN', 'another pool opens one beyond its first') foreach @telehealth;
is($pooler->sql("select state from pooler.backends where pid = $hangs"), 'leaving', 'while the hung one is still there');
is($pooler->client('main')->value('select 1'), '1', 'its own pool opens one for who comes');
kill 'CONT', $hangs;
done_testing;
