# pooler.history and pooler.utilisation: seconds whose load is known beforehand.
use PoolerTest;

my $pooler = PoolerTest->new('history', pools => 'main pool_size=2 max_overflow=0, telehealth pool_size=1 max_overflow=-1');
my %client = map { $_ => $pooler->client($_) } qw(first second third);
# a login may take a backend for a moment: from the second after it
my $since = $pooler->sql('select now()');
my $main = "from pooler.history where pool = 'main'";

$pooler->poll_view("select count(*) > 0 $main and at > '$since'", 't', 'samples are written');
is($pooler->sql("select max(busy) $main and at > '$since'"), 0, 'nobody has been busy');

# Backends that are held are busy, whatever their clients do.
$client{first}->run('begin');
$pooler->poll_view("select max(busy) $main", 1, 'one is held');
$client{second}->run('begin');
$pooler->poll_view("select max(busy) $main", 2, 'both are held');
$client{third}->write(Query('select 3'));
$pooler->poll_view("select max(waiting) $main", 1, 'one client waits');
is($pooler->sql("select bool_and((longest_wait is not null) = (waiting > 0)) $main"), 't', 'for a time');
$pooler->poll_view("select sum(wait_time) > interval '1 s' $main", 't', 'which is counted');
is($pooler->sql("select bool_and(clients = 3 and backends = 2) $main and busy = 2 and waiting = 1"), 't', 'three clients, two backends');
$pooler->poll_view("select pool_limit, busy_most, utilisation_1min > 0 and utilisation_1min <= 1, waiting_15min > 0 from pooler.utilisation where pool = 'main'", '2|2|t|t', 'so says pooler.utilisation');
is($pooler->sql("select busy_1min = 0, utilisation_1min is null, waiting_15min = 0 from pooler.utilisation where pool = 'telehealth'"), 't|t|t', 'another pool was not used, and has no limit');
$client{$_}->run('commit') foreach qw(first second);
is($client{third}->result->{rows}[0][0], '3', 'it is served');

# All seconds together are what the counters say.
$client{first}->run('select 1') foreach 1 .. 20;
$pooler->poll_view("select sum(transactions) = (select transactions from pooler.pools where pool = 'main') $main", 't', 'transactions');
$pooler->poll_view("select sum(checkouts) = (select checkouts from pooler.pools where pool = 'main') $main", 't', 'checkouts');
$pooler->poll_view("select sum(held) = (select count from pooler.latencies where pool = 'main' and measure = 'held' and role is null) $main", 't', 'holds');
is($pooler->sql("select count(*) = count(distinct at) and max(at) <= now() $main"), 't', 'one row for a second');

# Counters that are set back, and a worker that was away.
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select transactions from pooler.pools where pool = 'main'", 0, 'counters are set back');
$client{first}->run('select 1') foreach 1 .. 3;
my $before = $pooler->sql("select max(at) $main");
$pooler->poll_view("select sum(transactions) $main and at > '$before'", 3, 'the next seconds have what came since');
my $worker = $pooler->worker_pid;
my $rows = $pooler->sql("select count(*) $main and at <= '$before'");
kill 'TERM', $worker;
$pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker');
my $back = $pooler->sql('select now()');
$pooler->poll_view("select count(*) > 0 $main and at > '$back'", 't', 'goes on');
is($pooler->sql("select count(*) $main and at <= '$before'"), $rows, 'and what was is still there');
is($pooler->sql("select max(transactions) < 100 $main"), 't', 'no second has what was before it');

# Another pool in the same entry.
$pooler->reconfigure("pooler.pools = 'fire'");
$pooler->poll_view("select count(*) from pooler.pools where pool = 'main'", 0, 'the pool is removed');
is($pooler->sql("select count(*) $main"), 0, 'with its history');
$pooler->reconfigure("pooler.pools = 'fire, main'");
$pooler->poll_view("select count(*) > 0 $main", 't', 'a new one of that name');
is($pooler->sql("select sum(transactions) $main"), 0, 'begins anew');

done_testing();
