# Where it listens: addresses, names, Unix sockets; logins that never end.
use PoolerTest;
use IO::Socket::IP;

my $pooler = PoolerTest->new('listen', conf => "authentication_timeout = 2s\n");
my $port = $pooler->{port};
my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $has_ipv6 = IO::Socket::IP->new(Listen => 1, LocalHost => '::1') ? 1 : 0;

# With these listening, as on a server of one's own; it takes a restart.
sub listen_on
{
    my ($addresses, $directories) = @_;
    $pooler->node->append_conf('postgresql.conf', "pooler.listen_addresses = '$addresses'\n"
          . "pooler.unix_socket_directories = '$directories'\n");
    $pooler->restart;
    return;
}

# By psql: libpq finds its own way. Where the server thinks the client is.
sub reached
{
    my ($host) = @_;
    my ($code, $out, $error) = $pooler->node->psql('', '',
        extra_params => [ '-w', '-c', 'select inet_client_addr()' ], connstr => "host='$host' port=$port user=app dbname=main application_name=psql");
    return $code == 0 ? "from <$out>" : $error;
}

$pooler->node->append_conf('pg_hba.conf', "host all all ::1/128 trust\n");
listen_on('localhost', $directory);
is($pooler->direct('plain')->sqlstate('show pooler.unix_socket_directories'), '42501', 'where the sockets are is not for everybody, as with the server\'s');
like(reached('localhost'), qr/^from <(127\.0\.0\.1|::1)>$/, 'localhost');
is(reached('127.0.0.1'), 'from <127.0.0.1>', 'localhost by its address');
is(reached($directory), 'from <>', 'the Unix socket');
is((stat "$directory/.s.PGSQL.$port")[2] & 0777, 0777, 'which everybody may use');
my $unix = PoolerClient->new(host => $directory, port => $port, user => 'app', database => 'main', application_name => 'unix');
is($pooler->sql("select address is null, port from pooler.clients where application_name = 'unix'"), 't|-1', 'in the view as in pg_stat_activity');
is($unix->value('select client_addr is null and client_port = -1 from pg_stat_activity where pid = pg_backend_pid()'), 't', 'and there');

SKIP:
{
    Test::More::skip 'this machine has no ::1', 4 unless $has_ipv6;
    listen_on('::1', $directory);
    is(reached('::1'), 'from <::1>', 'IPv6');
    like(reached('127.0.0.1'), qr/refused/, 'and not IPv4');
    listen_on('::1, 127.0.0.1', $directory);
    is(reached('::1'), 'from <::1>', 'both: IPv6');
    is(reached('127.0.0.1'), 'from <127.0.0.1>', 'both: IPv4');
}

listen_on('', $directory);
like(reached('127.0.0.1'), qr/refused/, 'no addresses');
is(reached($directory), 'from <>', 'only the Unix socket');
$pooler->stop('fast');
ok(!-e "$directory/.s.PGSQL.$port", 'its file goes with the server');

# One wrong name does not harm the others.
$pooler->new_log;
$pooler->node->append_conf('postgresql.conf', "pooler.listen_addresses = '127.0.0.1, no.such.host.invalid, 192.0.2.1'\n");
$pooler->start;
is(reached('127.0.0.1'), 'from <127.0.0.1>', 'beside wrong addresses the right one');
my $log = $pooler->new_log;
like($log, qr/could not translate host name "no\.such\.host\.invalid"/, 'a name that is not known is logged');
like($log, qr/could not listen on "192\.0\.2\.1", port $port/, 'an address of others, too');

# Lists that are none, and a path that is too long.
foreach my $case ([ '127.0.0.1', '/tmp/' . 'x' x 120, '127.0.0.1', qr!Unix-domain socket path in "/tmp/x+" is too long! ],
    [ '127.0.0.1', "$directory, \"x", '127.0.0.1', qr/invalid list syntax in parameter "pooler\.unix_socket_directories"/ ],
    [ '127.0.0.1,, x', $directory, $directory, qr/invalid list syntax in parameter "pooler\.listen_addresses"/ ])
{
    my ($addresses, $directories, $host, $logged) = @$case;
    $pooler->new_log;
    listen_on($addresses, $directories);
    is(reached($host), 'from <' . ($host eq '127.0.0.1' ? $host : '') . '>', 'what is right is listened on');
    like($pooler->new_log, $logged, 'what is wrong is logged');
}
listen_on('127.0.0.1', $directory);

# Half-open logins end, and do not stop others.
my $startup = PoolerClient::startup(user => 'app', database => 'main');
my %said = (nothing => '', 'half a length' => substr($startup, 0, 2), 'half a packet' => substr($startup, 0, 20),
    'all but a byte' => substr($startup, 0, -1), 'a TLS request' => pack('N N', 8, 80877103));
my %half = map { $_ => $pooler->connect } sort keys %said;
my @crowd = map { $pooler->connect } 1 .. 100;
$half{$_}->write($said{$_}) foreach keys %said;
is($half{'a TLS request'}->fill(1) && substr($half{'a TLS request'}{buffer}, 0, 1, ''), 'N', 'TLS is answered');
$pooler->poll_view("select count(*) from pooler.clients where state = 'login'", '105', 'connections that do not log in');
my $began = time;
is($pooler->client('other')->value('select 1'), '1', 'another client is served beside them');
cmp_ok(time - $began, '<', 1.5, 'before they end');
ok($half{$_}->result->{eof}, "who says $_ is cut off") foreach sort keys %said;
ok((grep { $_->result->{eof} } @crowd) == 100, 'so are a hundred others');
$pooler->poll_view("select count(*) from pooler.clients where state = 'login'", '0', 'nothing is left of them');

# One who is slow and in time.
my $slow = $pooler->connect;
$slow->write(substr($startup, 0, 3));
$pooler->poll_view("select count(*) from pooler.clients where state = 'login'", '1', 'a slow one');
$slow->write(substr($startup, 3));
is($slow->result->{status}, 'I', 'gets in');
$pooler->poll_view("select min(age(now(), connected_at)) > '3s' from pooler.clients where state <> 'login'", 't', 'and stays beyond the time for logins');
is($slow->value('select 1'), '1', 'served');

done_testing;
