# Messages of a login that no client should send: each is refused as by the
# server itself, whose own port is asked the same.
use PoolerTest;

my $pooler = PoolerTest->new('passwords', pools => 'main pool_size=1', injected => 1,
    conf => "listen_addresses = '127.0.0.1'\nlog_connections = on\n", sql => <<'END');
create role r_scram login password 'right'; create role "Ä" login password 'right'; create role r_host login;
set password_encryption = md5; create role r_md5 login password 'right'; reset password_encryption;
END
my $node = $pooler->node;
my $worker = $pooler->worker_pid;
my @ports = ($pooler->{port}, $node->port);
sub write_hba
{
    my ($lines) = @_;
    my $file = $node->data_dir . '/pg_hba.conf';
    PostgreSQL::Test::Utils::append_to_file("$file.new", "local all all trust\n$lines");
    rename "$file.new", $file or die $!;
    $node->reload;
    return;
}
my $lines = "host all app 127.0.0.1/32 trust\nhost all r_md5 127.0.0.1/32 md5\nhost all all 127.0.0.1/32 scram-sha-256\n";
write_hba($lines);

# A client of that port that has sent its startup packet: what it is asked for.
sub begin
{
    my ($port, $user) = @_;
    my $client = PoolerClient->connect(host => '127.0.0.1', port => $port);
    $client->write(PoolerClient::startup(user => $user, database => 'main'));
    my ($type, $body) = $client->message;
    return ($client, $type eq 'R' ? unpack('N', $body) : $type, substr($body, 4));
}
my $end = time + 30;
sleep 0.02 while ((begin($ports[0], 'r_md5'))[1] ne '5' || (begin($ports[1], 'r_md5'))[1] ne '5') && time < $end;

sub message { my ($type, $body) = @_; return pack('a1 N a*', $type, length($body) + 4, $body) }
sub first { my ($mechanism, $data) = @_; return message('p', pack('Z* N/a*', $mechanism, $data)) }

# The errors that these messages lead to.
sub answer
{
    my ($port, $user, @messages) = @_;
    my ($client) = begin($port, $user);
    my @log;
    foreach my $message (@messages)
    {
        $client->write($message);
        my $result = $client->result($message eq $messages[-1] ? 'Z' : 'R');
        push @log, map { join(' / ', grep { defined } @$_{qw(S C M D H)}) } @{ $result->{errors} };
        push @log, $result->{types} unless @{ $result->{errors} };
        last if $result->{eof};
    }
    return join('; ', @log);
}

my $nonce = 'r=' . 'n' x 24;
foreach (
    [ 'r_scram', 'another message', qr/08P01 .* got message type 81$/, Query('select 1') ],
    [ 'r_scram', 'no mechanism', qr/08P01 .*invalid string/, message('p', 'SCRAM-SHA-256') ],
    [ 'r_scram', 'nothing at all', qr/08P01/, message('p', '') ],
    [ 'r_scram', 'a mechanism that is not offered', qr/08P01 .*invalid SASL authentication mechanism/, first('SCRAM-MD5', "n,,n=,$nonce") ],
    [ 'r_scram', 'channel binding without TLS', qr/08P01/, first('SCRAM-SHA-256-PLUS', "p=tls-server-end-point,,n=,$nonce") ],
    [ 'r_scram', 'more announced than there is', qr/08P01 .*insufficient data/, message('p', pack('Z* N a*', 'SCRAM-SHA-256', 99, 'n,,')) ],
    [ 'r_scram', 'a length below none', qr/08P01 .*insufficient data/, message('p', pack('Z* N a*', 'SCRAM-SHA-256', 0xfffffff0, 'n,,')) ],
    [ 'r_scram', 'more than was announced', qr/08P01 .*invalid message format/, message('p', pack('Z* N a*', 'SCRAM-SHA-256', 3, "n,,n=,$nonce")) ],
    [ 'r_scram', 'a malformed SCRAM message', qr{08P01 .*malformed SCRAM message / .}, first('SCRAM-SHA-256', 'n,,n=') ],
    [ 'r_scram', 'an empty one', qr/08P01 .*malformed SCRAM message/, first('SCRAM-SHA-256', '') ],
    [ 'r_scram', 'one with a NUL in it', qr/08P01 .*malformed SCRAM message/, first('SCRAM-SHA-256', "n,,n=,\0$nonce") ],
    [ 'r_scram', 'one that is too long', qr/28P01 password authentication failed for user "r_scram"/, first('SCRAM-SHA-256', "n,,n=,r=" . 'n' x 1024) ],
    [ 'r_scram', 'a final message with another nonce', qr/08P01/, first('SCRAM-SHA-256', "n,,n=,$nonce"), message('p', "c=biws,$nonce,p=" . 'A' x 43 . '=') ],
    [ 'r_scram', 'without a first response, then malformed', qr/08P01/, message('p', pack('Z* N', 'SCRAM-SHA-256', 0xffffffff)), message('p', 'x') ],
    [ 'nobody', 'a malformed message of nobody', qr/08P01 .*malformed SCRAM message/, first('SCRAM-SHA-256', 'n,,n=') ],
    [ 'r_md5', 'another message, md5', qr/08P01 .*expected password response, got message type 81$/, Query('select 1') ],
    [ 'r_md5', 'no password', qr/08P01 invalid password packet size/, message('p', '') ],
    [ 'r_md5', 'one without its end', qr/08P01 invalid password packet size/, message('p', 'md5') ],
    [ 'r_md5', 'one with two ends', qr/08P01 invalid password packet size/, message('p', "md5\0md5\0") ],
    [ 'r_md5', 'an empty one, md5', qr/28P01 empty password returned by client/, message('p', "\0") ],
    [ 'r_md5', 'in clear', qr/28P01 password authentication failed/, message('p', "right\0") ])
{
    my ($user, $name, $expected, @messages) = @$_;
    my ($pooled, $direct) = map { answer($_, $user, @messages) } @ports;
    $pooled =~ s!^FATAL / (\w+) / !FATAL / $1 !;
    $direct =~ s!^FATAL / (\w+) / !FATAL / $1 !;
    like($pooled, $expected, "$name: is refused");
    is($pooled, $direct, "$name: as by the server");
}

# Without a first response a login goes on: the message comes after an empty one.
my ($client) = begin($ports[0], 'r_scram');
$client->write(message('p', pack('Z* N', 'SCRAM-SHA-256', 0xffffffff)));
is_deeply([ $client->message ], [ 'R', pack('N', 11) ], 'no first response: the server asks');
$client->write(message('p', "n,,n=,$nonce"));
like(($client->message)[1], qr/^\0\0\0\x0b\Q$nonce\E.+,s=.+,i=4096$/, 'and answers when it is there');
$client->vanish;

# Lengths that no password has; the server says nothing to these.
is(answer($ports[0], 'r_md5', pack('a1 N', 'p', 1 << 20)), 'FATAL / 08P01 / invalid password packet size', 'a message that is announced too long');
is(answer($ports[0], 'r_md5', pack('a1 N', 'p', 3)), 'FATAL / 08P01 / invalid password packet size', 'one that is shorter than its length');
like(answer($ports[0], 'r_md5', message('p', 'x' x 65000 . "\0")), qr/28P01 .* password authentication failed/, 'a long password is only wrong');

is(answer($ports[0], $_, message('p', 'x' x 65531 . "\0")), 'FATAL / 08P01 / invalid message length', "one byte more is too long, $_") foreach qw(r_md5 r_scram);
is(answer($ports[0], $_, message('p', 'x' x 70000)), 'FATAL / 08P01 / invalid password packet size', "and more than that, $_") foreach qw(r_md5 r_scram);

# No randomness for the salt, after that for the cancel key.
$pooler->inject('worker-pg_strong_random', 'none', 1);
($client) = PoolerClient->connect(host => '127.0.0.1', port => $ports[0]);
$client->write(PoolerClient::startup(user => 'r_md5', database => 'main'));
is($client->result->{errors}[0]{C}, '28P01', 'no salt, no login');

# What the log has of it: what the server would, and from a stranger no bytes as
# they came.
sub log_in { my ($user, $password) = @_; local $ENV{PGPASSWORD} = $password; return $pooler->psql("user='$user'", 'select current_user') }
$pooler->new_log;
is((log_in('r_md5', 'right'))[1], 'r_md5', 'a login by password');
like($pooler->new_log, qr/connection authenticated: identity="r_md5" method=md5.*\n.*DETAIL:  Connection matched .*line 3/, 'is logged with its line');
is((log_in('Ä', 'right'))[1], 'Ä', 'one of a role whose name is not ASCII');
like($pooler->new_log, qr/identity="\\xc3\\x84" method=scram-sha-256/, 'too');
like((log_in("x\nLOG:  all is well", 'wrong'))[2], qr/password authentication failed for user "x\nLOG:  all is well"/, 'a stranger with a line feed in his name');
my $log = $pooler->new_log;
like($log, qr/password authentication failed for user "x\\x0aLOG:  all is well"/, 'has none in the log');
like($log, qr/DETAIL:  Role "x\\x0aLOG:  all is well" does not exist/, 'nor in its details');
unlike($log, qr/^LOG:  all is well/m, 'and writes no line of his own');
like($log, qr/CONTEXT:  login through pooler from host "127\.0\.0\.1", port \d+/, 'but his address is there');

# ---- lines that the worker cannot use ----

write_hba("host all r_host no-such-host.invalid trust\nhost all app 127.0.0.1/32 trust\nhost all all localhost trust\nhost all all 127.0.0.1/32 reject\n");
ok($node->wait_for_log(qr/LOG:  host names in "[^"]+" do not match clients of pooler/), 'host names are reported');
like(slurp_file($node->logfile), qr/DETAIL:  pooler asks no name server\. 2 lines have a host name, the first is line 2\./, 'how many, and the first');
sub refused { my ($user) = @_; my $error = $pooler->client('x', user => $user, may_fail => 1)->{login}{errors}[0]; return $error ? "$error->{C} $error->{M}" : '' }
like(refused('r_host'), qr/^28000 pg_hba\.conf rejects connection .* user "r_host"/, 'and match nobody');
is(refused('app'), '', 'the other lines hold');

# A file that is broken when a worker begins: the postmaster's lines are used.
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/pg_hba.conf', "host all \@no_such_file 127.0.0.1/32 trust\nhost all all third.invalid trust\n");
$pooler->sql("select pg_terminate_backend(pid) from pooler.worker");
$pooler->poll_view("select pid <> $worker and listening from pooler.worker", 't', 'a worker that begins with a broken file');
is(refused('app'), '', 'serves by the lines that the server has');
like(refused('r_host'), qr/^28000 pg_hba\.conf rejects/, 'by all of them');
like(slurp_file($node->logfile), qr/3 lines have a host name, the first is line 2/, 'the broken line is passed over');
write_hba($lines);

# User names by database: the server takes another name than was sent.
if ($pooler->sql('show server_version_num') < 170000)
{
    $pooler->reconfigure("db_user_namespace = on\n");
    $end = time + 30;
    sleep 0.02 while refused('app') eq '' && time < $end;
    is(refused('app'), '0A000 pooler does not support "db_user_namespace"', 'db_user_namespace');
}
done_testing;
