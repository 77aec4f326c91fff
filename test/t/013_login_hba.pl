# Logins follow pg_hba.conf, as it is at that moment.
use PoolerTest;

my $pooler = PoolerTest->new('login', sql => <<'END');
create role r_trust login; create role r_reject login;
create role r_scram login password 'right';
set password_encryption = md5; create role r_md5 login password 'right'; reset password_encryption;
create role r_both login password 'right';
create role r_plain login password 'right'; create role r_peer login; create role r_ssl login;
create role r_none login; create role r_nologin; create role r_old login password 'right' valid until '2020-01-01';
create role r_nopassword login; create role "Ä ""quoted"" role" login password 'right';
END
$pooler->node->safe_psql('fire', 'revoke connect on database fire from public');

sub write_hba
{
    my ($lines) = @_;
    my $file = $pooler->node->data_dir . '/pg_hba.conf';
    PostgreSQL::Test::Utils::append_to_file("$file.new", "local all all trust\n$lines");
    rename "$file.new", $file or die $!;
    $pooler->node->reload;
    return;
}

# What a login leads to: '' or the error.
sub login
{
    my ($user, $password, $options) = @_;
    local $ENV{PGPASSWORD} = $password;
    my ($code, $out, $error) = $pooler->psql("user='$user' " . ($options // ''), 'select current_user');
    return $code == 0 ? $out : $error;
}
sub await { my ($answer, $expected) = @_; my $end = time + 30; sleep 0.05 while $answer->() !~ $expected && time < $end; return $answer->() }

write_hba(<<'END');
host all r_trust 127.0.0.1/32 trust
host all r_reject 127.0.0.1/32 reject
host all r_md5 127.0.0.1/32 md5
host all r_both 127.0.0.1/32 md5
host all r_plain 127.0.0.1/32 password
host all r_peer 127.0.0.1/32 ident
hostssl all r_ssl 127.0.0.1/32 trust
host all r_none 10.0.0.0/8 trust
host all all 127.0.0.1/32 scram-sha-256
END
is(await(sub { login('r_trust') }, qr/^r_trust$/), 'r_trust', 'trust');
like(await(sub { login('r_reject') }, qr/rejects/), qr/pg_hba\.conf rejects connection for host "127\.0\.0\.1", user "r_reject"/, 'reject');
is(login('r_scram', 'right'), 'r_scram', 'scram-sha-256');
like(login('r_scram', 'wrong'), qr/password authentication failed for user "r_scram"/, 'a wrong password');
like(login('r_scram', ''), qr/no password supplied/, 'no password');
is(login('r_md5', 'right'), 'r_md5', 'md5');
like(login('r_md5', 'wrong'), qr/password authentication failed for user "r_md5"/, 'a wrong one');
is(login('r_both', 'right'), 'r_both', 'md5 in the file, a SCRAM secret: SCRAM');
is(login('Ä "quoted" role', 'right'), 'Ä "quoted" role', 'a name that needs quotes');
like(login('no_such_role', 'right'), qr/password authentication failed for user "no_such_role"/, 'an unknown role is not told apart');
like(login('r_old', 'right'), qr/password authentication failed/, 'a password that has expired');
like(login('r_nopassword', 'right'), qr/password authentication failed/, 'a role without a password');
like(login('r_ssl', ''), qr/password authentication failed|no password supplied/, 'hostssl does not match: the next line does');
like(login('r_scram', 'right', 'sslmode=require'), qr/server does not support SSL/, 'TLS is not there yet');
like(login('r_plain', 'right'), qr/password/, 'another method is refused');
unlike(login('r_plain', 'right'), qr/^r_plain$/, 'and does not let in');
like(login('r_peer'), qr/ident/, 'by its name');

# Checks after authentication.
write_hba("host all all 127.0.0.1/32 trust\n");
like(await(sub { login('r_none') }, qr/^r_none$/), qr/^r_none$/, 'a reload takes effect');
like(login('r_nologin'), qr/role "r_nologin" is not permitted to log in/, 'NOLOGIN');
like(login('r_trust', '', 'dbname=fire'), qr/permission denied for database "fire"/, 'no CONNECT');
like(login('nobody_here'), qr/role "nobody_here" does not exist/, 'an unknown role');
like(login('r_trust', '', 'replication=true'), qr/replication/, 'replication is refused');
like(login('r_trust', '', 'replication=database'), qr/replication/, 'logical replication, too');

# No line at all; a file that cannot be read.
write_hba("host all r_trust 127.0.0.1/32 trust\n");
like(await(sub { login('r_none') }, qr/no pg_hba/), qr/no pg_hba\.conf entry for host "127\.0\.0\.1", user "r_none", database "main", no encryption/, 'no line');
my $client = $pooler->client('stays', user => 'r_trust');
write_hba("host all nonsense\n");
$pooler->node->wait_for_log(qr/pg_hba\.conf was not reloaded/);
is(login('r_trust'), 'r_trust', 'a file with an error changes nothing');
is($client->value('select 1'), '1', 'who is in stays in');

# Databases and roles by keyword; addresses.
write_hba(<<'END');
host sameuser all 127.0.0.1/32 trust
host main +r_group 127.0.0.1/32 trust
host all all 127.0.0.1/32 reject
END
$pooler->node->safe_psql('postgres', 'create role r_group; grant r_group to r_trust');
is(await(sub { login('r_trust') }, qr/^r_trust$/), 'r_trust', 'a role by its group');
like(login('r_none'), qr/rejects/, 'and not without');
like(login('r_trust', '', 'dbname=hems'), qr/rejects/, 'nor in another database');

# Too slow to log in.
write_hba("host all all 127.0.0.1/32 trust\n");
$pooler->reconfigure("authentication_timeout = 1s\n");
my $silent = $pooler->connect;
ok($silent->result->{eof}, 'who says nothing is cut off after authentication_timeout');

done_testing;
