# pool_size = 0 is no limit, and max_overflow then says nothing: both are NULL in the views, absent in
# the metrics, and no text has them for numbers.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('unlimited', pools => 'main pool_size=0 max_overflow=5, telehealth pool_size=2 max_overflow=-1, fire pool_size=1 max_overflow=0',
    conf => "pooler.metrics_port = $port\n");
my %limits = (main => '|', telehealth => '2|', fire => '1|0');

foreach my $view (qw(pools advice))
{
    is($pooler->sql("select pool_size, max_overflow from pooler.$view where pool = '$_'"), $limits{$_}, "$view: $_") foreach sort keys %limits;
}
is($pooler->sql("select advised_pool_size, advised_max_overflow from pooler.advice where pool = 'main'"), '|', 'nor is a limit advised');
foreach my $pool (sort keys %limits)
{
    is($pooler->sql("select max(value) filter (where parameter = 'pool_size'), max(value) filter (where parameter = 'max_overflow') from pooler.settings where pool = '$pool'"),
        $limits{$pool}, "settings: $pool");
}

my $metrics = MetricsClient->new($port)->metrics;
my %sample = map { /^pooler_pool_(size|max_overflow)\{pool="(\w+)"\}$/ ? ("$2 $1" => $metrics->{$_}) : () } keys %$metrics;
is(join(', ', map { "$_ = $sample{$_}" } sort keys %sample), 'fire max_overflow = 0, fire size = 1, telehealth size = 2', 'metrics have limits only');

my $report = $pooler->sql('select pooler.report()');
like($report, qr/^  main: \w+, pool_size unlimited, max_overflow unlimited;/m, 'the report says so');
like($report, qr/^  telehealth: open, pool_size 2, max_overflow unlimited;/m, 'of each');
like($report, qr/^  main: .*pool_size unlimited/m, 'also among the settings');

# A pool without limit is never full.
my @clients = map { $pooler->client("busy $_", database => $_) } qw(main telehealth telehealth fire);
$_->run('begin') foreach @clients;
$pooler->poll_view('select sum(active) from pooler.pools', '4', 'all others are full');
is($pooler->sql('select verdict from pooler.checklist where item = 8'), 'unknown', 'but not every pool');

# One that has to wait all the same.
my $all = $pooler->sql('select sum(backends) from pooler.pools');
$pooler->reconfigure("pooler.health_wait = 100ms\npooler.max_backends = $all\npooler.spare_backends = 0\n");
$pooler->poll_view("select current_setting('pooler.max_backends')", $all, 'no more backends than there are');
my @waiters = map { $pooler->client("waiter $_") } 1 .. 4;
$_->write(Query('begin')) foreach @waiters;
$pooler->poll_view("select distinct problem from pooler.diagnose() where pool = 'main' and problem ~ 'reached'", 'QueuePool limit of size 0 overflow -1 reached', 'in QueuePool\'s words');

done_testing;
