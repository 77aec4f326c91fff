# A login that takes its time, while the pool it names becomes one of another database:
# it harms nobody, and never is in a database that it was not let into. A role's own
# application_name is shown of all its clients. A line that rejects says so to any role.
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64;
use PoolerTest;

my $pooler = PoolerTest->new('reload', pools => 'r=main pool_size=1, main, fire pool_size=1', conf => "listen_addresses = '127.0.0.1'\n",
    sql => "create role slow login password 'right'; create role named login; alter role named set application_name = 'billing';");
my $node = $pooler->node;
my $file = $node->data_dir . '/pg_hba.conf';

sub write_hba
{
    my ($lines, $expected, %asked) = @_;
    PostgreSQL::Test::Utils::append_to_file("$file.new", "local all all trust\n$lines");
    rename "$file.new", $file or die $!;
    $node->reload;
    my $end = time + 60;
    foreach my $port ($node->port, $pooler->{port})
    {
        sleep 0.02 while said($port, %asked) !~ $expected && time < $end;
    }
    return;
}

# The error of a login, or what it is asked for.
sub said
{
    my ($port, %options) = @_;
    my $client = PoolerClient->connect(host => '127.0.0.1', port => $port);
    $client->write(PoolerClient::startup(%options));
    my $result = $client->result('R');
    my $error = $result->{errors}[0];
    return $error ? "$error->{S} $error->{C} $error->{M}" : $result->{types};
}

# ---- the pool becomes another database's ----

# A login by SCRAM up to the client's proof, which is returned.
sub begin_scram
{
    my ($user, $password, $database) = @_;
    my $client = $pooler->connect;
    $client->write(PoolerClient::startup(user => $user, database => $database));
    $client->message;
    my $first = 'n=,r=' . 'n' x 24;
    $client->write(PoolerClient::message_bytes('p', pack('Z* N/a*', 'SCRAM-SHA-256', "n,,$first")));
    my ($type, $body) = $client->message;
    my $challenge = substr($body, 4);
    my ($nonce, $salt, $count) = $challenge =~ /^r=(.*),s=(.*),i=(\d+)$/ or die "no challenge: $type $challenge";
    my $block = my $salted = hmac_sha256(decode_base64($salt) . pack('N', 1), $password);
    foreach (2 .. $count) { $block = hmac_sha256($block, $password); $salted ^= $block }
    my $key = hmac_sha256('Client Key', $salted);
    my $proof = $key ^ hmac_sha256("$first,$challenge,c=biws,r=$nonce", sha256($key));
    return ($client, PoolerClient::message_bytes('p', "c=biws,r=$nonce,p=" . encode_base64($proof, '')));
}

write_hba("host all slow 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n", qr/^R$/, user => 'slow', database => 'main');
my ($quick, $last) = begin_scram('slow', 'right', 'r');
$quick->write($last);
is($quick->result->{status}, 'I', 'a login by password');
is($quick->value('select current_database()'), 'main', 'is in the database of the pool');
$quick->quit;

my @databases = qw(main telehealth);
foreach my $name ('a login that takes its time', 'another one', 'a third one, that may not connect there')
{
    my ($from, $to) = @databases;
    $node->safe_psql('postgres', "revoke connect on database $to from public") if $name =~ /third/;
    my ($slow, $proof) = begin_scram('slow', 'right', 'r');
    $pooler->reconfigure("pooler.pools = 'r=$to pool_size=1, main, fire pool_size=1'\n");
    $pooler->poll_view("select string_agg(database, ' ') from pooler.pools where pool = 'r' and state = 'open'", $to, "$name: the pool becomes another database's");
    my ($stays, $holder) = map { $pooler->client($_, database => 'r') } qw(stays holder);
    is($_->value('select current_database()'), $to, "$name: who comes now is in that one") foreach $stays, $holder;
    $holder->run('begin');    # has the only backend
    $slow->write($proof);
    ok(!$stays->readable(1.5), "$name: who came meanwhile and is idle is not ended");
    is($holder->query('commit')->{tags}[0], 'COMMIT', "$name: who is in a transaction goes on");
    my $login = $slow->result;
    my $where = $login->{status} eq 'I' ? $slow->value('select current_database()') : @{ $login->{errors} } ? 'told' : 'nothing';
    like($where, qr/^(?:$from|told)$/, "$name: it is let into the database that it began with, or told");
    foreach my $client ($stays, $holder)
    {
        is(eval { $client->value('select current_database()') } // 'its end', $to, "$name: who came meanwhile stays in");
        $client->vanish;
    }
    is(eval { $pooler->client('next', database => 'r')->value('select current_database()') }, $to, "$name: so do those who come next");
    $slow->vanish;
    $node->safe_psql('postgres', "grant connect on database $to to public");
    @databases = reverse @databases;
}

# ---- application_name by ALTER ROLE ----

my @clients = map { PoolerClient->new(host => '127.0.0.1', port => $pooler->{port}, user => 'named', database => 'fire') } 1 .. 3;
foreach my $i (0 .. $#clients)
{
    my $client = $clients[$i];
    my $name = 'client ' . ($i + 1) . ' of a role with an application_name';
    my $row = 'from pooler.clients where port = ' . $client->{socket}->sockport;
    is($client->{parameters}{application_name}, 'billing', "$name: it is told so");
    is($pooler->sql("select application_name $row"), 'billing', "$name: shown in pooler.clients after the login");
    $client->run('begin');
    is($client->value('show application_name'), 'billing', "$name: it is so in a transaction");
    is($pooler->sql("select application_name $row"), 'billing', "$name: shown in pooler.clients, too");
    is($pooler->sql("select application_name from pg_stat_activity where pid = (select backend $row)"), 'billing', "$name: and in pg_stat_activity");
    $client->run('commit');
}
my $own = $pooler->client('its own', user => 'named', database => 'fire');
is($pooler->sql("select application_name from pooler.clients where port = " . $own->{socket}->sockport), 'its own', 'one that it asks for is stronger');

# ---- a line that rejects ----

my $long = $pooler->sql('show server_version_num') < 180000;    # from 18 on no password is so long
my ($salt, @keys) = map { encode_base64(join('', map { chr int rand 256 } 1 .. $_), '') } $long ? 3000 : 100, 32, 32;
$node->safe_psql('postgres', "create role huge login password 'SCRAM-SHA-256\$4096:$salt\$$keys[0]:$keys[1]'");
is($node->safe_psql('postgres', "select pg_column_size(rolpassword) > 2000 from pg_authid where rolname = 'huge'"), $long ? 't' : 'f', 'a password out of line, up to 17');
write_hba("host main all 127.0.0.1/32 reject\nhost fire app 127.0.0.1/32 trust\nhost telehealth all 127.0.0.1/32 ident\n", qr/rejects/, user => 'app', database => 'main');
foreach my $case ([ 'main', 'a line that rejects' ], [ 'fire', 'no line' ])
{
    my ($database, $name) = @$case;
    foreach my $role (qw(slow no_such_role huge))
    {
        my $expected = 'FATAL 28000 ' . ($database eq 'main' ? 'pg_hba.conf rejects connection' : 'no pg_hba.conf entry')
          . qq{ for host "127.0.0.1", user "$role", database "$database", no encryption};
        is(said($pooler->{port}, user => $role, database => $database), $expected, "$name: what $role is told");
        # that one has "cannot read pg_class ..." from the server
        is(said($node->port, user => $role, database => $database), $expected, "$name: as by the server") if $role ne 'huge';
    }
}

done_testing;
