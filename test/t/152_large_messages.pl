# A large message that comes steadily, however slowly, is no half message for
# pooler.client_read_timeout; one that stops is. And who works steadily over a Unix
# socket, which does not count its bytes, is no more silent than over TCP.
use PoolerTest;

my $pooler = PoolerTest->new('large', pools => 'main pool_size=1, telehealth pool_size=1, fire pool_size=1 mode=session, hems pool_size=1',
    conf => "pooler.client_read_timeout = 1s\npooler.client_write_timeout = 1s\npooler.pool_timeout = 60s\nlog_statement = none\n");
my @unix = (host => $pooler->node->host);
my $text = 'x' x 100_000;

# ---- one message in 150 pieces, 3 s long ----

my @large = ([ 'TCP', $pooler->client('large') ],
    [ 'pinned', $pooler->client('large', database => 'telehealth') ],
    [ 'session mode', $pooler->client('large', database => 'fire') ],
    [ 'a Unix socket', $pooler->client('large', database => 'hems', @unix) ]);
$large[1][1]->run('create temp table mine ()');
my $bytes = Query("select length('$text')");
my $piece = length($bytes) / 150;
foreach my $i (0 .. 149)
{
    foreach (@large)
    {
        my $client = $_->[1];
        $client->write(substr($bytes, int($i * $piece), int(($i + 1) * $piece) - int($i * $piece))) if !$client->readable(0);
    }
    sleep 0.02;
}
foreach (@large)
{
    my ($name, $client) = @$_;
    my $result = $client->result;
    is($result->{errors}[0]{M} // $result->{rows}[0][0], length $text, "$name: a large message that comes steadily is answered");
    $client->vanish;
}

# ---- and one that stops ----

$pooler->poll_view('select sum(clients) from pooler.pools', '0', 'they leave');
my @stops = ([ 'TCP', $pooler->client('stops') ], [ 'a Unix socket', $pooler->client('stops', database => 'hems', @unix) ]);
my $start = time;
$_->[1]->write(substr($bytes, 0, 50_000)) foreach @stops;
foreach (@stops)
{
    my ($name, $client) = @$_;
    ok($client->readable(10), "$name: one that stops in the midst of it is ended");
    like($client->result->{errors}[0]{M}, qr/client_read_timeout/, "$name: for that");
    cmp_ok(time - $start, '>', 1, "$name: in no less than the time");
}

# ---- over a Unix socket, while others wait ----

my ($sender, $reader) = map { $pooler->client($_->[0], database => $_->[1], @unix) } [ 'sender', 'main' ], [ 'reader', 'hems' ];
my @next = map { $pooler->client('next', database => $_) } qw(main hems);
my @batch = (Parse('', 'select 1'), Bind('', ''), Execute(), Flush());
$sender->write(@batch);
$sender->result('C');
my $row = 'x' x 1000;
$reader->write(Query("select '$row' from generate_series(1, 2000)"));
$_->write(Query('select 2')) foreach @next;
$pooler->poll_view("select sum(waiting) from pooler.pools", '2', 'a Unix socket: others wait');
my ($end, $sent, $read, $said) = (time + 3, 0, 0, '');
while (time < $end)
{
    if (!$said)
    {
        $sender->write(@batch);
        my $result = $sender->result('C');
        $said = join(' ', 'cut', map { $_->{M} } @{ $result->{errors} }) if $result->{eof};
        $sent++;
    }
    $read += sysread($reader->{socket}, $reader->{buffer}, 2048, length $reader->{buffer}) // 0 if $reader->readable(0);
    sleep 0.02;
}
note "$sent batches, $read bytes read slowly";
is($said, '', 'a Unix socket: a pipeline without Sync is not cut');
$sender->write(Sync());
is($sender->result->{status}, 'I', 'a Unix socket: it ends with its Sync') if !$said;
my $result = $reader->result;
is(join(' ', scalar @{ $result->{rows} }, @{ $result->{tags} }), '2000 SELECT 2000', 'a Unix socket: who reads results bit by bit is not cut');
is($_->result->{rows}[0][0], '2', 'a Unix socket: then the others are served') foreach @next;

done_testing;
