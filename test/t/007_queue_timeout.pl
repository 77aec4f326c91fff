# Who waits too long gets QueuePool's error and keeps its session.
use PoolerTest;

my $pooler = PoolerTest->new('timeout', pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = 0.3\n");
my ($holder, $waiter) = map { $pooler->client($_) } qw(holder waiter);

$holder->run('begin');
my $result = $waiter->query('select 1');
is($result->{types}, 'EZ', 'one error and ReadyForQuery');
is($result->{status}, 'I', 'in no transaction');
my $error = $result->{errors}[0];
is($error->{C}, '53300', 'SQLSTATE');
is($error->{S}, 'ERROR', 'not fatal');
is($error->{M}, 'QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 0.30', 'QueuePool\'s words');
like($error->{D}, qr/main/, 'the detail names the pool');
ok($error->{H}, 'a hint says what to do');
$pooler->poll_view('select timeouts from pooler.pools', '1', 'the pool counts it');

# The books of the protocol: one error and one ReadyForQuery per Sync.
my @batch = (Parse('', 'select 1'), Bind('', ''), Execute(), Sync());
$waiter->write(@batch);
is($waiter->result->{types}, 'EZ', 'an extended batch');
$waiter->write((@batch) x 3);
is(join('', map { $waiter->result->{types} } 1 .. 3), 'EZEZEZ', 'three in a pipeline');
$waiter->write((Query('select 1')) x 3);
is(join('', map { $waiter->result->{types} } 1 .. 3), 'EZEZEZ', 'three simple queries in a pipeline');
$waiter->write(@batch[ 0, 1, 2 ], Flush(), @batch);
is($waiter->result->{types}, 'EZ', 'Flush is no Sync');

# Half a batch: the rest belongs to it, whenever it comes.
my $timeouts = $pooler->sql('select timeouts from pooler.pools');
$waiter->write(@batch[ 0, 1 ]);
$pooler->poll_view("select timeouts > $timeouts from pooler.pools", 't', 'a time-out in half a batch');
$waiter->write(@batch[ 2, 3 ]);
is($waiter->result->{types}, 'EZ', 'its rest is skipped');
$timeouts = $pooler->sql('select timeouts from pooler.pools');
my $message = Query("select '" . ('x' x 100_000) . "'");
$waiter->write(substr($message, 0, 50_000));
$pooler->poll_view("select timeouts > $timeouts from pooler.pools", 't', 'a time-out in half a message');
$waiter->write(substr($message, 50_000));
is($waiter->result->{types}, 'EZ', 'its rest is skipped');
ok(!$waiter->readable(0), 'and nothing more comes');

$holder->run('commit');
is($waiter->value('select 2'), '2', 'the session goes on');
$waiter->write(@batch);
is($waiter->result->{types}, '12DCZ', 'with the protocol in step');
is($pooler->sql("select count(*) from pooler.clients where application_name in ('holder', 'waiter')"), '2', 'both are there');

# First come, first served.
$pooler->reconfigure("pooler.pool_timeout = -1\n");
$pooler->poll_view("select pool_timeout is null from pooler.pools", 't', 'waiting without limit is NULL in the view');
my @queue = map { $pooler->client("q$_") } 1 .. 5;
$holder->run('begin');
foreach my $i (1 .. 5)
{
    $queue[ $i - 1 ]->write(Query('select clock_timestamp()'));
    $pooler->poll_view('select waiting from pooler.pools', $i, "$i wait");
}
$holder->run('commit');
my @times = map { $_->result->{rows}[0][0] } @queue;
is_deeply([ sort @times ], \@times, 'served in the order they came');

# At once; and a notice before.
$pooler->reconfigure("pooler.pool_timeout = 0\n");
$pooler->poll_view("select pool_timeout from pooler.pools", '0', 'no waiting at all');
$holder->run('begin');
like($waiter->query('select 1')->{errors}[0]{M}, qr/timeout 0\.00$/, 'refused at once');
$pooler->reconfigure("pooler.pool_timeout = 30s\npooler.wait_notice = 50ms\n");
$pooler->poll_view("select pool_timeout from pooler.pools", '30', 'in fact the guide\'s time');
$waiter->write(Query('select 3'));
is($waiter->result('N')->{types}, 'N', 'a notice comes while it waits');
$holder->run('commit');
is($waiter->result->{rows}[0][0], '3', 'then the answer');

done_testing;
