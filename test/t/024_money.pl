# pgbench's bank with 200 clients on eight backends: no error, the books agree,
# the limit holds, everybody progresses.  POOLER_TEST_SECONDS: 60.
use PoolerTest;

my $seconds = $ENV{POOLER_TEST_SECONDS} // 60;
my $pooler = PoolerTest->new('money', conf => "log_statement = none\npooler.pool_timeout = -1\n",
    pools => 'main pool_size=8 max_overflow=0, hems pool_size=8 max_overflow=0 mode=session');
$pooler->node->command_ok([ 'pgbench', '-i', '-q', '-s', 20, '-U', 'app', $_ ], "data for $_") foreach qw(main hems);

sub bank
{
    my ($database, $time, @options) = @_;
    my $output = '';
    my $run = IPC::Run::start([ 'pgbench', '-n', '-c', 200, '-T', $time, @options,
            '-h', '127.0.0.1', '-p', $pooler->{port}, '-U', 'app', $database ], '>&', \$output);
    $pooler->poll_view("select clients > 0 from pooler.pools where pool = '$database'", 't', "$database: clients come");
    my ($most, $clients, $slowest) = (0, 0);
    while ($run->pumpable)
    {
        my ($backends, $now) = split /\|/, $pooler->sql("select count(*), (select clients from pooler.pools where pool = '$database')
            from pg_stat_activity where datname = '$database' and backend_type = 'client backend'");
        $most = $backends if $backends > $most;
        $clients = $now if $now > $clients;
        my $least = $pooler->sql("select min(transactions) from pooler.clients where pool = '$database' having count(*) = 200");
        $slowest = $least if $least ne '';
        sleep 0.2;
        $run->pump_nb;
    }
    ok($run->finish, "$database: pgbench ends well") or diag $output;
    unlike($output, qr/error|aborted/i, "$database: without an error");
    cmp_ok($most, '<=', 8, "$database: never more backends than the limit");
    my ($done) = $output =~ /transactions actually processed: (\d+)/;
    note "$database: $done transactions, at most $clients clients at once, slowest had " . ($slowest // '?');
    is($pooler->node->safe_psql($database, 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)
        and (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history)
        and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)'), 't', "$database: the sums agree");
    is($pooler->node->safe_psql($database, 'select count(*) from pgbench_history'), $done, "$database: each transaction is in the books once");
    return $slowest;
}

cmp_ok(bank('main', $seconds, '-j', 2) // 0, '>', 0, 'main: the slowest of 200 clients progressed');
cmp_ok($pooler->sql("select min(checkouts) from pooler.backends where pool = 'main'"), '>', 100, 'main: each backend had many checkouts');
cmp_ok($pooler->sql("select checkouts > 200 from pooler.pools where pool = 'main'"), 'eq', 't', 'main: backends changed hands');

# In session mode each transaction has a connection of its own (-C). It waits
# for its backend at login, where pgbench blocks: so each has its own thread.
bank('hems', $seconds / 2, '-C', '-j', 200);

done_testing;
