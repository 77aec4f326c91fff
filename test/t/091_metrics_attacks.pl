# Whoever reaches the metrics' port can neither stop it, nor the pooler, nor
# take anything from its clients.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('attacked', pools => 'main', sql => join('', map { "create role r$_ login;" } 1 .. 400),
    conf => "pooler.role_quantum = 0\npooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n");
my $web = MetricsClient->new($port);
my $client = $pooler->client('client');
$client->run('begin');

# Bad requests: each has its status, and no other effect.
my $host = "Host: x\r\n";
my %refused = (
    "POST /metrics HTTP/1.1\r\n$host\r\n" => 405, "DELETE /live HTTP/1.1\r\n$host\r\n" => 405,
    "GET /metric HTTP/1.1\r\n$host\r\n" => 404, "GET /metrics/ HTTP/1.1\r\n$host\r\n" => 404,
    "GET /../metrics HTTP/1.1\r\n$host\r\n" => 404, "GET /%6detrics HTTP/1.1\r\n$host\r\n" => 404,
    "GET / HTTP/1.1\r\n$host\r\n" => 404, "GET /metrics\0 HTTP/1.1\r\n$host\r\n" => 400,
    "GET /metrics HTTP/1.1\r\n\r\n" => 400, "GET /metrics HTTP/1.1\r\n$host$host\r\n" => 400,
    "GET /metrics HTTP/2.0\r\n$host\r\n" => 505, "GET http://x/metrics HTTP/1.1\r\n$host\r\n" => 400,
    "\r\n\r\n" => 400, "\x16\x03\x01\x02\0\x01\0" => 400, 'PRI * HTTP/2.0' . "\r\n\r\nSM\r\n\r\n" => 400,
    PoolerClient::startup(user => 'app', database => 'main') => 400,
    "GET /live HTTP/1.1\r\n$host" . 'X: ' . 'x' x 9000 => 431, 'GET /' . 'x' x 9000 => 431,
    "GET /live HTTP/1.1\r\n" . "X: y\r\n" x 3000 => 431);
foreach my $bytes (sort keys %refused)
{
    my $shown = substr($bytes, 0, 30) =~ s/[^ -~]/./gr;
    is($web->request($bytes)->{status}, $refused{$bytes}, "$refused{$bytes}: $shown");
}
is($web->request("DELETE / HTTP/1.1\r\n$host\r\n")->{headers}{allow}, 'GET, HEAD', 'what is allowed is said');
foreach my $round (1 .. 50)
{
    my $bytes = join '', map { chr int rand 256 } 1 .. 1 + rand 4000;
    my $socket = $web->connect;
    $socket->print($bytes);
    $socket->shutdown(1);
    my $answer = $web->answer($socket);
    ok(!$answer || $answer->{status} == 400 || $answer->{status} == 405, 'random bytes') or diag unpack 'H*', $bytes;
}

# One answer to a connection, whatever follows; a body, in pieces, half-closed.
my $get = "GET /live HTTP/1.1\r\n$host\r\n";
is($web->request($get x 100)->{body}, "live\n", 'a hundred requests at once are answered once');
is($web->request("GET /live HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello")->{body}, "live\n", 'a body is nobody\'s business');
my $slow = $web->connect;
foreach my $byte (split //, $get)
{
    $slow->print($byte);
    $slow->flush;
}
is($web->answer($slow)->{body}, "live\n", 'byte by byte');
my $half = $web->connect;
$half->print($get);
$half->shutdown(1);
is($web->answer($half)->{body}, "live\n", 'who has ended sending is answered');

my $worker = $pooler->worker_pid;

# A crowd that says nothing keeps nobody out, and gets none of the pooler's places.
my @crowd = map { my $socket = $web->connect; $socket->print('GET /met') if $_ % 2; $socket } 1 .. 1000;
is($web->get('/live')->{body}, "live\n", 'beside a thousand silent connections it answers');
is($web->metrics->{pooler_clients}, 1, 'they are no clients');
is($client->value('select 1'), '1', 'the client is served');
is($pooler->client('another')->value('select 2'), '2', 'and another one');
cmp_ok($web->metrics->{process_max_fds}, '>=', 1000, 'files enough');

# The kernel's lines of the metrics' port, but for those that listen, in fields.
sub kernel_lines
{
    my $local = sprintf ':%04X', $port;
    my $listening = '0A';
    open my $table, '<', '/proc/net/tcp' or die $!;
    return grep { $_->[1] =~ /$local$/ && $_->[3] ne $listening } map { [split] } <$table>;
}

# The worker's files that are connections of the metrics' port. A pool's backends come and go.
sub connections
{
    my %inodes = map { $_->[9] => 1 } kernel_lines();
    return scalar grep { /^socket:\[(\d+)\]/ && $inodes{$1} } map { readlink($_) // '' } glob "/proc/$worker/fd/*";
}

sub await
{
    my ($reached, $name) = @_;
    my $deadline = time + 60;
    sleep 0.02 until $reached->() || time > $deadline;
    return ok($reached->(), $name);
}

# A page that the kernel does not take at once is written as it is read.
@crowd = ();
await(sub { connections() == 0 }, 'the crowd is gone');
$pooler->client('one of many', user => "r$_")->run('select 1') foreach 1 .. 400;
my $narrow = PoolerTest::narrow_socket($port);
syswrite($narrow, "GET /metrics HTTP/1.1\r\n$host\r\n") or die $!;
sub unsent { my $sum = 0; $sum += hex((split /:/, $_->[4])[0]) foreach kernel_lines(); return $sum }
await(sub { unsent() > 0 }, 'it does not read');
is($web->get('/live')->{body}, "live\n", 'another one is served meanwhile');
my $queued = unsent();
my $page = $web->answer($narrow);
cmp_ok($queued, '<', length($page->{body}) / 2, 'most of the page was still in the worker');
is(length $page->{body}, $page->{headers}{'content-length'}, 'all of it arrives');
close $narrow;

# Who is slow is told so, who does not read is cut; nothing stays.
my $silent = $web->connect;
$silent->print('GET /live HT');
my $began = time;
is($web->answer($silent)->{status}, 408, 'too slow');
cmp_ok(time - $began, '>', 5, 'not at once');
cmp_ok(time - $began, '<', 30, 'and not too late');
my @again = map { my $s = $web->connect; $s->print("GET /metrics HTTP/1.1\r\n$host\r\n"); $s } 1 .. 100;
is(scalar(grep { ($web->answer($_) // { status => 0 })->{status} == 200 } @again) >= 32, 1, 'a hundred at once');
@again = ();
await(sub { connections() == 0 }, 'no file stays open');
my $deaf = $web->connect(Sockopts => [ [ Socket::SO_RCVBUF, 1024 ] ]);
$deaf->print("GET /metrics HTTP/1.1\r\n$host\r\n");
$deaf->flush;
await(sub { connections() > 0 }, 'who does not read is let in');
await(sub { connections() == 0 }, 'and cut');
is($pooler->worker_pid, $worker, 'it is still the same worker');
unlike($pooler->new_log, qr/terminated by signal|ERROR: .*(palloc|memory)/, 'nothing in the log');
is($client->value('select 3'), '3', 'the client has its transaction');
$client->run('commit');

# A port that is taken does not stop the pooler.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my $taken_port = $taken->sockport;
$client->quit;
$pooler->node->append_conf('postgresql.conf', "pooler.metrics_port = $taken_port\n");
$pooler->restart;
like($pooler->new_log, qr/could not listen on "127\.0\.0\.1", port $taken_port/, 'a port that is taken is logged');
is($pooler->client('late')->value('select 4'), '4', 'clients are served all the same');
$pooler->node->append_conf('postgresql.conf', "pooler.metrics_port = 0\n");
$pooler->restart;
ok(!defined $web->connect, 'off: nobody listens');

done_testing;
