# Pools that '*' made are closed when they have had no clients for
# pool_idle_timeout; with -1 never.
use PoolerTest;

my $pooler = PoolerTest->new('idle_pools', pools => 'main, * pool_size=1', conf => "pooler.pool_idle_timeout = -1\n");
my $pools = 'select string_agg(pool, $$ $$ order by pool) from pooler.pools';
is($pooler->sql($pools), 'main', 'a listed pool');
my ($left, $stays) = map { $pooler->client($_, database => $_) } qw(fire hems);
is($_->value('select 1'), '1', 'a pool is made') foreach $left, $stays;
$left->quit;
$pooler->poll_view("select clients from pooler.pools where pool = 'fire'", '0', 'without clients');
$pooler->poll_view("select min(idle_time) > '3s' from pooler.backends where pool in ('fire', 'hems')", 't', 'its backend is idle for long');
is($pooler->sql($pools), 'fire hems main', '-1: it stays');
is($pooler->client('again', database => 'fire')->value('select 1'), '1', 'and serves who comes again');

$pooler->poll_view("select clients from pooler.pools where pool = 'fire'", '0', 'who leaves');
$pooler->reconfigure("pooler.pool_idle_timeout = 1s\n");
$pooler->poll_view($pools, 'hems main', 'a second: it is closed');
$pooler->poll_view("select count(*) from pooler.backends where pool = 'fire'", '0', 'with its backends');
is($stays->value('select 1'), '1', 'one with a client is not, however long that says nothing');
is($pooler->client('new', database => 'fire')->value('select 1'), '1', 'it is made again');
$pooler->poll_view($pools, 'hems main', 'and closed again');
$stays->quit;
$pooler->poll_view($pools, 'main', 'a listed one stays');

done_testing;
