# A pool whose backends hang, or do not come to their end: that keeps neither other pools from opening
# theirs, nor this one from keeping as many as pool_size says.
use PoolerTest;

my $pooler = PoolerTest->new('rest', pools => 'main pool_size=1, telehealth pool_size=1, fire pool_size=2 max_overflow=1',
    conf => "pooler.max_overflow = 2\npooler.spare_backends = 0\npooler.pool_timeout = 5s\npooler.pool_recycle = -1\n");
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<), database => 'fire');

# A backend that cannot end for the stranger's lock, beside the two that the pool is to keep.
my @fire = map { $pooler->client("fire$_", database => 'fire') } 1 .. 3;
$_->run('begin') foreach @fire;
$fire[0]->run('create temp table mine ()');
my $schema = $fire[0]->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
$fire[0]->run('commit');
$stranger->run("begin; drop table $schema.mine");
$fire[0]->quit;
$pooler->poll_view(q{select state from pooler.backends where pool = 'fire' and state = 'leaving'}, 'leaving', 'a backend leaves and does not end');
$_->run('commit') foreach @fire[ 1, 2 ];
my $stay = q{select string_agg(pid::text, ' ' order by pid) from pooler.backends where pool = 'fire' and state <> 'leaving'};
my $had = $pooler->sql($stay);
is(scalar(split / /, $had), 2, 'beside two others');
$pooler->poll_view(q{select min(idle_time) > '3s' from pooler.backends where pool = 'fire' and state <> 'leaving'}, 't', 'which are idle for long');
is($pooler->sql($stay), $had, 'and stay: they are no more than pool_size');
$stranger->run('rollback');
$pooler->poll_view(q{select backends from pooler.pools where pool = 'fire'}, '2', 'the other one ends');
is($pooler->sql($stay), $had, 'the two are there');
$_->quit foreach @fire[ 1, 2 ];

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
