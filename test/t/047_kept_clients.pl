# With more clients than backends a quick client is kept while another backend is
# idle, and given up as soon as somebody waits.
use PoolerTest;

# A kept client would be given up by itself after a second: too late for others.
my $pooler = PoolerTest->new('kept', conf => "pooler.max_overflow = 0\npooler.pool_timeout = 0.4\n");
my ($quick, $long, $waits, $other) = map { $pooler->client($_) } qw(quick long waits other);

sub held { return $pooler->sql("select checkouts - transactions from pooler.clients where application_name = '$_[0]'") }
sub taken { return $pooler->sql("select checkouts from pooler.clients where application_name = '$_[0]'") }

# The second backend is born.
$long->write(Query('select pg_sleep(0.1)'));
is($other->value('select 0'), '0', 'two are served at once');
$long->result;

# Quick: it speaks again at once.  Soon some of these are kept, so that there are
# fewer checkouts than transactions.
my $end = time + 30;
until (held('quick') < -10 || time > $end)
{
    $quick->run('select 1') for 1 .. 20;
}
cmp_ok(held('quick'), '<', -10, 'a quick client is kept while another backend is idle');

foreach my $round (1 .. 10)
{
    my $before = taken('quick');
    $quick->run('select 2') for 1 .. 10;    # kept now, and silent
    $long->write(Query('select pg_sleep(0.8)'));
    $pooler->poll_view(q{select count(*) from pooler.clients where application_name = 'long' and state = 'active'},
        '1', "round $round: the other backend is busy");
    is($waits->value('select 3'), '3', 'who waits gets the backend that the silent client had');
    ok(!$long->readable(0), 'before the other one is free');
    $long->result;
    is($quick->value('select 4'), '4', 'the silent one is served when it speaks');
}

# A slow client is not kept: each of its transactions is a checkout.
my $checkouts = taken('other');
foreach (1 .. 3)
{
    $other->run('select 5');
    $pooler->sql('select pg_sleep(0.05)');
}
is(taken('other') - $checkouts, 3, 'a slow client is not kept');

done_testing;
