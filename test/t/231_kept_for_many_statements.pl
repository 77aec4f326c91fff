# Whose backend goes to a pool without any is decided by what each is doing now: the largest pool
# gives one up also where each of its clients keeps a backend for many short statements.
use Crowd;
use PoolerTest;

my $pooler = PoolerTest->new('kept', pools => '* pool_size=0', unavailable => 1,
    conf => "pooler.max_backends = 4\npooler.spare_backends = 0\npooler.pool_timeout = 60s\npooler.pool_recycle = -1\n");

# How many of the clients there have had so many more answers since.
sub served
{
    my ($database, $transactions) = @_;
    return "select count(*) from pooler.clients where database = '$database' and application_name = 'crowd' and transactions > $transactions";
}

sub backends { return $pooler->sql(q{select string_agg(concat_ws(' ', pool, backends), ', ' order by pool) from pooler.pools where backends > 0}) }
sub pids { my ($pool) = @_; return $pooler->sql("select string_agg(pid::text, ' ' order by pid) from pooler.backends where pool = '$pool'") }

# So many backends for each.
my @busy = map { my $busy = $pooler->client('busy', database => $_); $busy->run('begin'); $busy } qw(telehealth telehealth telehealth main);
is(backends(), 'main 1, telehealth 3', 'a large pool and a small one have all that may be had');
$_->run('commit') foreach @busy;
my %crowd = (telehealth => Crowd->of_clients($pooler, 'crowd', 3, 0.1, database => 'telehealth'), main => Crowd->of_clients($pooler, 'crowd', 2, 0.01, database => 'main'));
$_->quit foreach @busy;
$pooler->poll_view(served('main', 5), '2', 'two clients share one backend');
$pooler->poll_view(served('telehealth', 20), '3', 'the large one has kept its clients for two seconds');
my $main = pids('main');

$crowd{fire} = Crowd->of_clients($pooler, 'crowd', 1, 0.01, database => 'fire');
$pooler->poll_view(served('fire', 200), '1', 'a pool without a backend is served');
is(backends(), 'fire 1, main 1, telehealth 2', 'the largest one has given a backend up');
is(pids('main'), $main, 'the small one has kept its only one');
my $before = $pooler->sql("select min(transactions) from pooler.clients where database = 'telehealth'");
$pooler->poll_view(served('telehealth', $before + 5), '3', 'all go on');
$_->stop foreach values %crowd;
foreach my $database (sort keys %crowd)
{
    is($crowd{$database}->answers, '1', "$database has nothing but answers");
}
done_testing;
