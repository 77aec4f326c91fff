# The clock is set back by an hour: a smart shutdown still ends the server in time,
# and the console's averages are of what is done since. On a clock that this test
# sets (libfaketime).
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

set_clock('+70m');
my $pooler = do
{
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC)} = ($library, $clock, 1, 1);
    PoolerTest->new('clock_and_shutdown', pools => 'main pool_size=1 max_overflow=0');
};
# See 074: of the first worker the clock may be the machine's.
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker');
$pooler->await_open;
my $client = $pooler->client('load');
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');

# SHOW STATS, by the names of its columns, of this pool.
sub average
{
    $console->write(Query('SHOW STATS'));
    my (@names, @row);
    while (my ($type, $body) = $console->message)
    {
        @names = $body =~ /([a-z_]+)\0/g if $type eq 'T';
        my $result = { rows => [] };
        $console->note_message($result, $type, $body) if $type eq 'D';
        @row = @{ $result->{rows}[0] } if $type eq 'D' && $result->{rows}[0][0] eq 'main';
        last if $type eq 'Z';
    }
    my %row;
    @row{@names} = @row;
    return $row{avg_xact_count};
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
        $average = average();
    }
    return cmp_ok($average, '>', 0, "$name: an average");
}

averages('before');
sleep 0.6;    # the worker has looked at the clock for a shutdown
set_clock('+0');
$pooler->poll_view('select now() < started_at from pooler.worker', 't', 'the clock is set back');
averages('after');
cmp_ok(average(), '<', 100_000, 'after: a likely one');

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
