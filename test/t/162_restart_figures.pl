# Figures over a restart of the worker: the console's averages are not all that was ever done by
# the new worker's seconds; roles and applications add up to what pools keep; orphans are counted out.
use PoolerTest;

my $pooler = PoolerTest->new('restart_figures', pools => 'main pool_size=2 max_overflow=1, telehealth pool_size=1',
    sql => 'create role monitor login in role pg_monitor; create role other login;', conf => "pooler.pool_timeout = 60s\n");

# Rows of SHOW STATS by database, each by the names of its columns.
sub stats
{
    my $console = $pooler->client('console', user => 'monitor', database => 'pgbouncer');
    $console->write(Query('SHOW STATS'));
    my ($type, $body) = $console->message;
    my @names = unpack 'x2 (Z* x18)*', $body;
    my %rows;
    foreach my $row (@{ $console->result->{rows} }) { @{ $rows{ $row->[0] } }{@names} = @$row }
    $console->quit;
    return \%rows;
}

sub another_worker
{
    my ($name) = @_;
    my $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    return $pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', $name);
}

# What differs from the pools' own counters.
my $routes = q{select coalesce(string_agg(concat_ws(' ', p.pool, p.transactions, r.transactions), ', '), 'none') from pooler.pools as p
    left join (select pool, sum(transactions) as transactions from pooler.routes group by pool) as r using (pool)
    where coalesce(r.transactions, 0) <> p.transactions};
my $latencies = q{select coalesce(string_agg(concat_ws(' ', w.pool, w.measure, w.count, r.count), ', '), 'none') from pooler.latencies as w
    left join (select pool, measure, sum(count) as count from pooler.latencies where role is not null group by pool, measure) as r using (pool, measure)
    where w.role is null and w.measure <> 'open' and coalesce(r.count, 0) <> w.count};
my $usage = q{select coalesce(string_agg(concat_ws(' ', p.pool, p.transactions, u.transactions), ', '), 'none') from pooler.pools as p
    left join (select pool, sum(transactions) as transactions from pooler.usage group by pool) as u using (pool)
    where coalesce(u.transactions, 0) <> p.transactions};
# A backend that finds that its client has gone with the worker checks it out for that.
my $checkouts = $usage =~ s/transactions/checkouts/gr;
my $times = q{select coalesce(string_agg(concat_ws(' ', r.pool, r.busy_time, u.busy_time), ', '), 'none') from
    (select pool, sum(busy_time) as busy_time, sum(wait_time) as wait_time from pooler.routes group by pool) as r
    full join (select pool, sum(busy_time) as busy_time, sum(wait_time) as wait_time from pooler.usage group by pool) as u using (pool)
    where (r.busy_time, r.wait_time) is distinct from (u.busy_time, u.wait_time)};
sub adds_up
{
    my ($when) = @_;
    $pooler->poll_view($routes, 'none', "$when: transactions of roles add up to those of their pool");
    $pooler->poll_view($latencies, 'none', "$when: so do their holds, waits, logins and births");
    $pooler->poll_view($usage, 'none', "$when: so do those of applications");
    return if $when ne 'before';
    $pooler->poll_view($checkouts, 'none', "$when: and checkouts");
    return $pooler->poll_view($times, 'none', "$when: and times of roles are those of applications");
}

# 20,000 transactions, of another role and pool, too; none is under way.
my $client = $pooler->client('load');
foreach (1 .. 40) { $client->write((Query('select 1')) x 500); $client->result foreach 1 .. 500 }
my $other = $pooler->client('other', user => 'other');
$other->run('select 1') foreach 1 .. 7;
$pooler->client('tele', database => 'telehealth')->run('select 1');
$pooler->poll_view('select sum(transactions), sum(busy) from (select transactions, active + pinned as busy from pooler.pools) as p', '20008|0', '20,008 transactions are over');
$pooler->poll_view(q{select bytes_received > 250000 and bytes_sent > 400000 from pooler.pools where pool = 'main'}, 't', 'and their bytes are counted');
adds_up('before');
$other->run('select 1');
another_worker('another worker');
my $stats = stats();
my $uptime = $pooler->sql('select extract(epoch from clock_timestamp() - pg_postmaster_start_time())');
is($stats->{main}{total_xact_count}, 20008, 'totals have survived');
my %total = (recv => 'received', map { $_ => $_ } qw(server_assignment_count xact_count query_count sent));
foreach my $count (sort keys %total)
{
    my $most = $stats->{main}{"total_$total{$count}"} / $uptime;
    cmp_ok($stats->{main}{"avg_$count"}, '<=', 1 + 1.2 * $most, "avg_$count is of no more than there was time for");
}
adds_up('after');

# A role of before and a new one go on.
$pooler->client('load')->run('select 1');
$pooler->client('new', user => 'monitor')->run('select 1');
$pooler->poll_view('select sum(transactions) from pooler.pools', '20011', 'two more');
adds_up('later');
is($pooler->sql("select transactions from pooler.routes where pool = 'main' and role = 'other'"), '8', 'who is not here any more still has his row');

# Backends of the former worker that end later are counted as closed.
my $balance = q{select string_agg(concat_ws(' ', pool, opened - closed - backends), ', ' order by pool) from pooler.pools};
my @holders = map { $pooler->client("holder $_") } 1, 2;
$_->run('begin') foreach @holders;
my @orphans = map { $_->value('select pg_backend_pid()') } @holders;
$pooler->poll_view(q{select count(*) from pooler.backends where state = 'starting'}, '0', 'none is being opened');
another_worker('a third worker');
$pooler->poll_view("select count(*) from pg_stat_activity where pid in ($orphans[0], $orphans[1]) and state = 'idle in transaction'", 2, 'two transactions go on');
$_->query('commit') foreach @holders;
$pooler->poll_view("select count(*) from pg_stat_activity where pid in ($orphans[0], $orphans[1])", 0, 'they end, and their backends');
$pooler->poll_view('select string_agg(backends::text, $$ $$ order by pool) from pooler.pools', '2 1', 'the pools have their backends');
$pooler->poll_view($balance, 'main 0, telehealth 0', 'opened without closed are those that are there');
$pooler->poll_view($routes, 'none', 'what they did last is their role\'s, too');

done_testing;
