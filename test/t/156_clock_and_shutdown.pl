# The clock is set back by an hour: a smart shutdown still ends the server in time,
# the console's averages are of what is done since, and no time is less than none. On
# a clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+70m', 'FAKETIME_NO_CACHE', 'clock_and_shutdown', pools => 'main pool_size=1 max_overflow=0, fire pool_size=1');
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;
my $client = $pooler->client('load');
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');

# SHOW STATS, a column by its name, of this pool.
sub average
{
    my ($pool, $column) = @_;
    $console->write(Query('SHOW STATS'));
    my (@names, @row);
    while (my ($type, $body) = $console->message)
    {
        @names = $body =~ /([a-z_]+)\0/g if $type eq 'T';
        my $result = { rows => [] };
        $console->note_message($result, $type, $body) if $type eq 'D';
        @row = @{ $result->{rows}[0] } if $type eq 'D' && $result->{rows}[0][0] eq $pool;
        last if $type eq 'Z';
    }
    my %row;
    @row{@names} = @row;
    return $row{$column};
}

# Under a load, as long as there is nothing to average.
sub averages
{
    my ($name) = @_;
    my $end = time + 5;
    my $average = 0;
    while (!$average && time < $end)
    {
        $client->run('select 1') foreach 1 .. 50;
        $average = average('main', 'avg_xact_count');
    }
    return cmp_ok($average, '>', 0, "$name: an average");
}

averages('before');
sleep 0.6;    # the worker has looked at the clock for a shutdown
my $slow = $pooler->client('slow', database => 'fire');
my $lock = $pooler->direct('lock', database => 'fire');
$lock->run('begin; select pg_advisory_xact_lock(1)');
$slow->write(Query('select pg_advisory_xact_lock(1)'));
$pooler->poll_view("select state from pooler.clients where application_name = 'slow'", 'active', 'a query runs');
$clock->set('+0');
$pooler->poll_view('select now() < started_at from pooler.worker', 't', 'the clock is set back');
averages('after');
cmp_ok(average('main', 'avg_xact_count'), '<', 100_000, 'after: a likely one');
$lock->run('commit');
$lock->quit;
is(scalar @{ $slow->result->{rows} }, 1, 'the query ends');
is($pooler->sql("select transactions, transaction_time >= '0', query_time >= '0' from pooler.pools where pool = 'fire'"), '1|t|t', 'after less time than none');
my @times = map { average('fire', $_) } qw(avg_xact_time avg_query_time total_xact_time total_query_time);
is(join(' ', grep { $_ < 0 || $_ > 1e8 } @times), '', 'nor are the console\'s times unlikely');
$slow->quit;

$console->vanish;
my $start = time;
{
    local $ENV{PGCTLTIMEOUT} = 15;
    delete $pooler->{admin};
    ok($pooler->node->stop('smart', fail_ok => 1), 'a smart shutdown comes to its end');
}
cmp_ok(time - $start, '<', 10, 'in time');
is($client->result->{errors}[0]{C}, '57P01', 'its idle client was told') if time - $start < 10;

done_testing;
