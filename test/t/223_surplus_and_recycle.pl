# Idle surplus is seen also where pool_recycle replaces backends before they have been idle for
# pooler.health_idle_time: the replacement of one that nobody needs is not needed either.
use PoolerTest;

my $pooler = PoolerTest->new('surplus_and_recycle', pools => 'main pool_size=6 recycle=4, telehealth pool_size=6 recycle=4', conf => "pooler.health_idle_time = 8s\n");
sub surplus { my ($pool) = @_; return "select verdict from pooler.health where pool = '$pool' and metric = 'idle surplus'" }

# In telehealth each is needed all the time.
my @busy = map { $pooler->client("busy $_", database => 'telehealth') } 1 .. 6;
$_->run('begin') foreach @busy;

$pooler->poll_view(surplus('main'), 'warning', 'nobody needs them');
is($pooler->sql(q{select recycled >= 6 from pooler.pools where pool = 'main'}), 't', 'though they have been replaced');
is($pooler->sql(surplus('telehealth')), 'ok', 'nobody says so of a pool that is busy');

# Those that are replaced after their use were needed until then. They leave in the middle, as one
# that is born once more for a client and not used would count at once.
my $since = $pooler->sql('select clock_timestamp()');
$_->quit foreach @busy;
$pooler->poll_view(q{select recycled >= 6 and backends = 6 and idle + unborn = 6 from pooler.pools where pool = 'telehealth'}, 't', 'they are replaced');
my $at_once = surplus('telehealth') . " and clock_timestamp() < '$since'::timestamptz + interval '7 s'";
like($pooler->sql($at_once), qr/^(ok)?$/, 'not surplus yet');
$pooler->poll_view(surplus('telehealth'), 'warning', 'but when nobody has come for so long');

done_testing;
