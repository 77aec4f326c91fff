# pooler.usage: what each role and application has used, against a load that is
# counted here, and against the counters of the pools; bounded, whatever names
# clients give themselves.
use PoolerTest;

my $pooler = PoolerTest->new('usage', pools => 'main pool_size=1, telehealth pool_size=2, fire pool_size=1',
    sql => 'create role other login;', conf => "log_statement = none\npooler.pool_timeout = 60s\n");

sub usage { my ($name, $columns) = @_; return "select $columns from pooler.usage where application_name = '$name'" }
sub is_usage { my ($name, $columns, $expected, $what) = @_; return $pooler->poll_view(usage($name, $columns), $expected, $what) }

# All pools: the rows of each add up to what it counts itself.
my $differences = q{select coalesce(string_agg(p.pool, ', '), 'none') from pooler.pools as p
    left join (select pool, sum(transactions) as transactions, sum(checkouts) as checkouts, sum(clients) as clients
        from pooler.usage group by pool) as u using (pool)
    where (coalesce(u.transactions, 0), coalesce(u.checkouts, 0), coalesce(u.clients, 0)) <> (p.transactions, p.checkouts, p.clients)};
my $time_differences = q{select coalesce(string_agg(r.pool, ', '), 'none') from (
        select pool, sum(wait_time) as wait_time, sum(busy_time) as busy_time from pooler.routes group by pool) as r
    left join (select pool, sum(wait_time) as wait_time, sum(busy_time) as busy_time from pooler.usage group by pool) as u using (pool)
    where (coalesce(u.wait_time, '0'), coalesce(u.busy_time, '0')) <> (r.wait_time, r.busy_time)};
sub adds_up
{
    my ($when) = @_;
    $pooler->poll_view($differences, 'none', "$when: the rows add up to the pools' counters");
    return $pooler->poll_view($time_differences, 'none', "$when: and their times to those of the routes");
}
is($pooler->sql('select count(*) from pooler.usage'), 0, 'nothing yet');

# Two applications, known numbers of transactions.
my %main = map { $_ => $pooler->client($_) } qw(billing web);
my $twin = $pooler->client('web');
$main{billing}->run("select $_") foreach 1 .. 7;
foreach my $n (1 .. 5) { $main{web}->run("select $n"); $twin->run("select $n") }
is_usage('billing', 'pool, role, clients, transactions', 'main|app|1|7', 'seven transactions');
is_usage('web', 'clients, transactions', '2|10', 'two clients of one application are one row');
adds_up('two applications');

# One transaction of many statements, one that fails, one that is rolled back.
$main{billing}->run($_) foreach 'begin', 'select 1', 'select 2', 'commit', 'begin', 'rollback';
$main{billing}->query('select 1/0');
is_usage('billing', 'transactions', '10', 'transactions are counted, not statements');

# Waiting and being served, of known lengths.
my ($busy, $waited_before) = split /\|/, $pooler->sql(usage('billing', 'extract(epoch from busy_time), extract(epoch from wait_time)'));
$main{billing}->write(PoolerTest::Query('select pg_sleep(1)'));
$pooler->poll_view("select reason from pooler.holders where pool = 'main'", 'statement', 'one has the backend for a second');
my $asked = time;
$main{web}->run('select 1');
my $waited = time - $asked;
$main{billing}->result;
my $counted = $pooler->poll_view(usage('web', "extract(epoch from wait_time) between $waited - 0.25 and $waited + 0.25"), 't', "the other one waited for $waited s");
# Each look of the worker counts for the time since the last one, also where it
# meets a client in the moment before it is served.
is_usage('billing', "extract(epoch from wait_time) - $waited_before < 0.25", 't', 'which the first did not');
$pooler->poll_view(usage('billing', "extract(epoch from busy_time) - $busy between 0.9 and 1.4"), 't', 'and had the backend for 1 s');
adds_up('a wait');

# A name that changes: what is done under it counts for it.
$twin->run("set application_name = 'batch'");
is_usage('batch', 'clients', '1', 'a new name');
my $before = $pooler->sql(usage('batch', 'transactions'));
$twin->run("select $_") foreach 1 .. 4;
is_usage('batch', "transactions - $before", '4', 'four transactions under it');
is_usage('web', 'clients, transactions + ' . $before, '1|12', 'none of them under the old one');
$twin->run('prepare p as select 1');
$twin->run("set application_name = 'pinned'");
is_usage('pinned', 'clients', '1', 'also of a client that is pinned');
$twin->run('deallocate p');

# A client that comes and goes between two looks; another role, another pool.
foreach (1 .. 3) { my $short = $pooler->client('short', database => 'telehealth'); $short->run('select 1'); $short->quit }
is_usage('short', 'pool, clients, transactions, checkouts >= 3', 'telehealth|0|3|t', 'three short sessions');
$pooler->sql('grant connect on database telehealth to other');
my $other = $pooler->client('billing', user => 'other', database => 'telehealth');
$other->run('select 1');
is_usage('billing', "string_agg(concat_ws(' ', pool, role, clients), ', ' order by pool)", 'main app 1, telehealth other 1', 'a row for each pool, role and name');
my $vanishes = $pooler->client('vanishes', database => 'telehealth');
$vanishes->run('begin');
$vanishes->vanish;
is_usage('vanishes', 'clients, transactions, checkouts > 0', '0|0|t', 'one that vanishes in a transaction');
adds_up('clients that left');

# More names than there is room for.
my $fickle = $pooler->client('fickle', database => 'fire');
my $names = 300;
foreach my $n (1 .. $names)
{
    $fickle->run("set application_name = 'name $n'");
    $pooler->poll_view(usage("name $n", 'clients'), '1', "name $n") if $n % 100 == 0 || $n > $names - 3;
}
$fickle->run('select 1');
my @leavers = map { $pooler->client("leaver $_", database => 'fire') } 1 .. 30;
foreach my $round (1 .. 10)
{
    $leavers[$_]->run("set application_name = 'round $round of $_'") foreach 0 .. $#leavers;
    $pooler->poll_view("select count(*) from pooler.usage where application_name like 'round $round of %' and clients = 1", 30, "30 names, round $round");
}
$pooler->poll_view('select count(*) <= 256 + (select count(*) from pooler.pools) from pooler.usage', 't', 'the table is bounded');
$pooler->poll_view("select transactions > 0 from pooler.usage where pool = 'fire' and role is null", 't', 'the rest has what made room');
is_usage('web', 'clients', '1', 'who is connected keeps a row');
adds_up('many names');

# Counted anew.
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view('select count(*) from pooler.usage where clients = 0 or transactions > 0', 0, 'reset: only who is connected, from nothing');
$main{billing}->run('select 1');
is_usage('billing', "string_agg(concat_ws(' ', pool, transactions), ', ' order by pool)", 'main 1, telehealth 0', 'counted from there');
adds_up('after a reset');

# Another worker counts on.
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select pid <> $worker from pooler.worker where listening", 't', 'another worker');
is_usage('billing', "string_agg(concat_ws(' ', pool, clients, transactions), ', ' order by pool)", 'main 0 1', 'its clients are gone, their counts are not');
my $again = $pooler->client('billing');
$again->run('select 1');
is_usage('billing', 'clients, transactions', '1|2', 'and it counts on');

# Pools that go: what they had goes with them, wherever they have their place when they come back.
# Counted anew, as what backends ended while there was no worker is in no row.
$again->quit;
$pooler->poll_view('select clients from pooler.worker', '0', 'nobody is here');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view('select (select count(*) from pooler.usage), (select sum(checkouts) from pooler.pools)', '0|0', 'nothing is counted');
foreach my $pool (qw(main telehealth fire)) { my $c = $pooler->client('goes', database => $pool); $c->run('select 1') foreach 1 .. 5; $c->quit }
$pooler->poll_view(q{select string_agg(pool, ' ' order by pool) from pooler.usage where application_name = 'goes' and transactions = 5}, 'fire main telehealth', 'three pools are used');
sub set_pools { my ($list) = @_; $pooler->sql("alter system set pooler.pools = '$list'"); return $pooler->reconfigure('') }
set_pools('telehealth pool_size=2');
$pooler->poll_view('select string_agg(pool, $$ $$) from pooler.pools', 'telehealth', 'two are removed and have drained');
$pooler->poll_view('select string_agg(distinct pool, $$ $$) from pooler.usage', 'telehealth', 'and with them what was used of them');
adds_up('removed pools');
set_pools('telehealth pool_size=2, fire pool_size=1');
$pooler->poll_view(q{select state from pooler.pools where pool = 'fire'}, 'open', 'one of them is back');
my $back = $pooler->client('goes', database => 'fire');
$back->run('select 1') foreach 1 .. 3;
is_usage('goes', "string_agg(concat_ws(' ', pool, transactions), ', ' order by pool)", 'fire 3, telehealth 5', 'one that comes back counts from nothing');
adds_up('pools that came back');

done_testing;
