# A client cannot hold a backend by doing nothing while others wait.
use PoolerTest;

my $pooler = PoolerTest->new('holders', pools => 'main pool_size=1',
    conf => "pooler.client_read_timeout = 1s\npooler.pool_timeout = 60s\n");
sub waits { return $pooler->poll_view('select waiting from pooler.pools', $_[0], "$_[0] waiting: $_[1]") }

# A batch without its Sync, answered so far.
my $holder = $pooler->client('holder');
$holder->write(Parse('', 'select 1'), Bind('', ''), Execute(), Flush());
$holder->message for 1 .. 4;
ok(!$holder->readable(2.5), 'nobody waits: an open batch may stay open');
my $next = $pooler->client('next');
$next->write(Query('select 2'));
my $result = $holder->result;
is($result->{errors}[0]{C}, '08P01', 'somebody waits: it ends');
like($result->{errors}[0]{M}, qr/client_read_timeout/, 'with the setting in its message');
ok($result->{eof}, 'and its connection, too');
is($next->result->{rows}[0][0], '2', 'the one who waited is served');

# Half a message, whether somebody waits or not.
$holder = $pooler->client('half');
$holder->run('select 1');
$holder->write(substr(Query('select 3'), 0, 8));
is($holder->result->{errors}[0]{C}, '08P01', 'half a message ends, too');
is($next->value('select 4'), '4', 'and its backend serves others');

# A transaction that rests is none of these.
$holder = $pooler->client('in transaction');
$holder->run('begin');
$next->write(Query('select 5'));
waits(1, 'for a transaction');
ok(!$holder->readable(2.5), 'a transaction is not ended');
$holder->run('commit');
is($next->result->{rows}[0][0], '5', 'its end lets the next one in');

# Results that are not read: as long as client_write_timeout is off they stay.
my $rows = "select repeat('x', 1000000) from generate_series(1, 100)";
$holder = $pooler->client('reader');
$holder->write(Query($rows));
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'ClientWrite'", '1', 'the backend waits for its client to read');
$next->write(Query('select 6'));
waits(1, 'for results to be read');
ok(!$next->readable(2.5), 'off: the reader keeps its backend');
$pooler->reconfigure("pooler.client_write_timeout = 500ms\n");
is($next->result->{rows}[0][0], '6', 'on: the one who waits is served');
ok($holder->result->{eof}, 'and the reader has lost its connection');

# Nobody waits: it may take its time.
$holder = $pooler->client('slow reader');
$holder->write(Query($rows));
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'ClientWrite'", '1', 'again');
$pooler->poll_view("select now() - since > '1.5s' from pooler.clients where application_name = 'slow reader'", 't', 'for longer than the time-out');
is(scalar @{ $holder->result->{rows} }, 100, 'but while nobody waits all of its results come');

done_testing;
