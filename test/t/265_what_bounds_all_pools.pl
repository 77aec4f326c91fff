# A pool without a limit of its own is exhausted where max_connections leaves no more, whatever
# pooler.max_backends says: what pooler.health proposes to raise is what bounds it.
use PoolerTest;

my $pooler = PoolerTest->new('what_bounds', pools => 'main pool_size=1 max_overflow=-1 timeout=1', conf => "max_connections = 14\npooler.max_backends = 100\n");
my $remedy = "select remedy from pooler.health where pool = 'main' and metric = 'exhaustion' and verdict = 'warning'";
my @holders = map { $pooler->client("h$_") } 1 .. 14;
my $served = 0;
$served++ while $served < @holders && $holders[$served]->sqlstate('begin') ne '53300';
cmp_ok($served, '<', 14, 'there is no connection left');
$pooler->poll_view("select count(*) from ($remedy) as r", 1, 'exhaustion');
like($pooler->sql($remedy), qr/no limit of its own: raise max_connections from 14 to 16, and restart\.$/, 'max_connections is to be raised');
done_testing;
