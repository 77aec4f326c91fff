# A hold of a day, on a clock that this test sets (libfaketime): what pooler.latencies says of it
# is not less than its mean, or nothing.
use PoolerTest;
use Cwd;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
my $clock = Cwd::abs_path(PostgreSQL::Test::Utils::tempdir()) . '/clock';

sub set_clock
{
    my ($offset) = @_;
    open my $file, '>', "$clock.new" or die "$clock.new: $!";
    print $file "$offset\n";
    close $file or die "$clock.new: $!";
    rename "$clock.new", $clock or die "$clock: $!";
    return;
}

set_clock('+0');
my $pooler = do
{
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_CACHE_DURATION FAKETIME_DONT_FAKE_MONOTONIC)} = ($library, $clock, 1, 1);
    PoolerTest->new('long_holds', pools => 'main pool_size=1 max_overflow=0');
};
# As in 074: a worker that sees the clock move.
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker');
$pooler->await_open;

my $held = q{from pooler.latencies where pool = 'main' and measure = 'held' and role is null};
my $client = $pooler->client('holder');
$client->run('begin');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select count $held", 0, 'counted anew');
my $then = $pooler->sql('select now()');
set_clock('+24h');
$pooler->poll_view("select now() > timestamptz '$then' + interval '23 hours'", 't', 'a day later');
$client->run('commit');
$pooler->poll_view("select count $held", 1, 'one hold');
is($pooler->sql("select mean > '23 hours' $held"), 't', 'of a day: the mean is exact');
is($pooler->sql("select max >= mean or max is null $held"), 't', 'the longest is not less') or diag $pooler->sql("select * $held");
is($pooler->sql("select (p50 is null or p50 >= '20 hours') and (p90 is null or p90 >= '20 hours') and (p99 is null or p99 >= '20 hours') $held"), 't', 'nor are the quantiles of one');

done_testing;
