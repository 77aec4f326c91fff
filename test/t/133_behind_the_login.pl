# What a client sends together with its startup packet, or with its last
# password message, is answered after the login, as by the server, whose own
# port is asked the same.
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64;
use PoolerTest;

my $pooler = PoolerTest->new('behind', pools => 'main pool_size=2, fire pool_size=1 timeout=60', conf => "listen_addresses = '127.0.0.1'\n", sql => <<'END_OF_SQL');
create role r_scram login password 'right' in role pg_monitor; grant pg_monitor to app;
set password_encryption = md5; create role r_md5 login password 'right' in role pg_monitor;
END_OF_SQL
my $node = $pooler->node;
my %port = (pooler => $pooler->{port}, server => $node->port);
my $hba = $node->data_dir . '/pg_hba.conf';
PostgreSQL::Test::Utils::append_to_file("$hba.new", "local all all trust\n" . join('', map { "host all $_->[0] 127.0.0.1/32 $_->[1]\n" }
      [ r_md5 => 'md5' ], [ r_scram => 'scram-sha-256' ], [ all => 'trust' ]));
rename "$hba.new", $hba or die $!;
$node->reload;

# ---- logins by hand ----

sub message { my ($type, $body) = @_; return pack('a1 N a*', $type, length($body) + 4, $body) }
sub asked { my ($client) = @_; my ($type, $body) = $client->message; return $type eq 'R' ? unpack('N a*', $body) : $type }

# The last message of a SCRAM login.
sub scram_proof
{
    my ($client) = @_;
    my ($first, $nonce) = ('n=,r=' . 'n' x 24, 'n' x 24);
    $client->write(message('p', pack('Z* N/a*', 'SCRAM-SHA-256', "n,,$first")));
    my (undef, $server) = asked($client);
    my ($both, $salt, $rounds) = $server =~ /^r=(\Q$nonce\E[^,]+),s=([^,]+),i=(\d+)/ or die $server;
    my $round = my $salted = hmac_sha256(decode_base64($salt) . pack('N', 1), 'right');
    foreach (2 .. $rounds) { $round = hmac_sha256($round, 'right'); $salted ^= $round }
    my $key = hmac_sha256('Client Key', $salted);
    my $proof = $key ^ hmac_sha256("$first,$server,c=biws,r=$both", sha256($key));
    return message('p', "c=biws,r=$both,p=" . encode_base64($proof, ''));
}

# Logs in, with these bytes in the write of its last message (or, if $apart, in
# one of their own behind it), and then asks once more: what was answered to the
# login ('in', if it is) and to each message.
sub answers
{
    my ($where, $user, $options, $bytes, $apart) = @_;
    my $client = PoolerClient->connect(host => '127.0.0.1', port => $port{$where});
    my $last = PoolerClient::startup(user => $user, database => 'main', %$options);
    if ($user ne 'app')
    {
        $client->write($last);
        my ($wanted, $salt) = asked($client);
        $last = $user eq 'r_scram' ? scram_proof($client) : message('p', 'md5' . md5_hex(md5_hex("right$user") . $salt) . "\0");
    }
    $client->write($last, $apart ? '' : $bytes);
    my $login = $client->result;
    return join('; ', @{ $login->{log} }) if $login->{status} ne 'I';
    $client->write($apart ? $bytes : '', Query(($options->{database} // '') eq 'pgbouncer' ? 'SHOW VERSION' : "select 'asked later'"));
    my @said = 'in';
    my $result;
    do { $result = $client->result; push @said, map { substr($_, 0, 80) } @{ $result->{log} } }
      until $result->{eof} || grep { /^D (asked later|PgBouncer)/ } @{ $result->{log} };
    $client->quit;
    return join('; ', @said);
}

# The lines hold.
my $end = time + 30;
foreach my $where (sort keys %port)
{
    foreach ([ r_md5 => 5 ], [ r_scram => 10 ])
    {
        my ($user, $code) = @$_;
        my $is = '';
        while ($is ne $code && time < $end)
        {
            my $client = PoolerClient->connect(host => '127.0.0.1', port => $port{$where});
            $client->write(PoolerClient::startup(user => $user, database => 'main'));
            ($is) = asked($client);
        }
    }
}

# ---- a database of a pool: the first such login is ended by a backend ----

my $memory = 4000;
my @behind = ([ 'a query', Query("select 'behind'") ],
    [ 'three queries', map { Query("select 'behind $_'") } 1 .. 3 ],
    [ 'the extended protocol', Parse('', "select 'behind', \$1"), Bind('', '', 1), Execute(), Sync() ],
    [ 'a query of more than 10 kB', Query("select length('" . 'x' x 12_000 . "')") ],
    [ 'a query of 200 kB', Query("select length('" . 'x' x 200_000 . "')") ],
    [ 'a query that fails', Query('select 1 / 0') ],
    [ 'a transaction', Query('begin'), Query('select 2') ],
    [ 'a query and good-bye', Query('select 4'), Terminate() ]);
foreach (@behind)
{
    my ($name, @bytes) = @$_;
    foreach my $user (qw(app r_md5 r_scram))
    {
        my $options = { options => '-c work_mem=' . ++$memory . 'kB' };
        my $expected = answers('server', $user, $options, join('', @bytes));
        is(answers('server', $user, $options, join('', @bytes), 1), $expected, "$user, $name: answered by the server, in the same write or in another");
        is(answers('pooler', $user, $options, join('', @bytes)), $expected, "$user, $name: behind the $_ login") foreach qw(first later);
    }
}

# Who says good-bye at once need not be let in first, and leaves nothing behind.
my $gone = $pooler->connect;
$gone->write(PoolerClient::startup(user => 'app', database => 'main'), Terminate());
ok($gone->result->{eof} || $gone->result->{eof}, 'good-bye behind the login: it ends');

# ---- a login that waits; a stranger's unnamed statement ----

my $holder = $pooler->client('holder', database => 'fire');
foreach my $turn (qw(first later))
{
    $holder->run('begin');
    my $login = $pooler->connect;
    $login->write(PoolerClient::startup(user => 'app', database => 'fire', options => '-c work_mem=3MB'), Query("select 'behind'"));
    $pooler->poll_view("select waiting from pooler.pools where pool = 'fire'", '1', "$turn: it waits, with its login or with its query");
    $holder->run('commit');
    is($login->result->{status}, 'I', "$turn: it is let in");
    $login->write(Query("select 'asked later'"));
    is($login->result->{rows}[0][0], 'behind', "$turn: and answered");
    $login->quit;
    $pooler->poll_view("select count(*) from pooler.clients where pool = 'fire'", '1', "$turn: it leaves");
}
foreach my $turn (qw(first later))
{
    my $options = { database => 'fire', options => '-c work_mem=5MB' };
    $holder->write(Parse('', "select 'of the holder'"), Sync());
    $holder->result;
    is(answers('pooler', 'app', $options, join('', Bind('', ''), Execute(), Sync())),
        answers('server', 'app', $options, join('', Bind('', ''), Execute(), Sync())), "$turn login: a Bind behind it runs nobody else's statement");
}

# ---- the console ----

foreach ([ 'a question', 1 ], [ 'more than 10 kB of them', 1000 ])
{
    my ($name, $count) = @$_;
    my $bytes = Query('SHOW STATE') x $count;
    foreach my $user (qw(app r_md5 r_scram))
    {
        is(answers('pooler', $user, { database => 'pgbouncer' }, $bytes), answers('pooler', $user, { database => 'pgbouncer' }, $bytes, 1), "$user, the console, $name: behind the login");
    }
}
$pooler->poll_view("select count(*) from pooler.clients", '1', 'all have left');
is($holder->value('select 5'), '5', 'who was there goes on');

done_testing;
