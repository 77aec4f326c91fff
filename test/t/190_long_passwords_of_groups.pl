# A group whose password is so long that it is stored out of line, which any member of
# it can bring about: it ends nobody's connection, whoever logs in. A login for which
# the group counts is answered as by the server, or as if the password were short, or
# is told that it is too long. (The server itself says "cannot read pg_class ..." to
# logins that come to a line of pg_hba.conf with such a group.)
use MIME::Base64;
use PoolerTest;

my $pooler = PoolerTest->new('groups', pools => 'main, telehealth, fire, *', conf => "listen_addresses = '127.0.0.1'\n",
    sql => join '', map { "create role $_;" } 'first login', 'plain login', 'huge1', 'huge2', 'huge3', 'late', 'middle in role huge2',
    'member login in role huge1', 'nested login in role middle, huge3', 'early login in role late', 'apart noinherit login in role huge1');
my $node = $pooler->node;
my $files = 0;
if ($pooler->sql('show server_version_num') >= 180000)
{
    plan(skip_all => 'no password is as long');
}
sub admin { return $node->safe_psql('postgres', $_[0]) }

# Its own password, as a member gives it to a group.
sub lengthen
{
    my ($group, $member) = @_;
    my ($salt, @keys) = map { encode_base64(join('', map { chr int rand 256 } 1 .. $_), '') } 3000, 32, 32;
    my $session = $pooler->direct($member, user => $member);
    $session->run("set role $group; alter role $group password 'SCRAM-SHA-256\$4096:$salt\$$keys[0]:$keys[1]'");
    $session->quit;
    return;
}

# What a login leads to: who it is, or the error.
sub ask
{
    my ($port, %options) = @_;
    my $said = eval {
        my $client = PoolerClient->new(host => '127.0.0.1', port => $port, may_fail => 1, application_name => 'asks', %options);
        my $error = $client->{login}{errors}[0];
        my $answer = $error ? "$error->{C} $error->{M}" : $client->{login}{eof} ? 'nothing' : $client->value("select current_user || ' in ' || current_database()");
        $client->quit;
        $answer;
    };
    return $said // "no answer: $@";
}
sub pooled { return ask($pooler->{port}, @_) }
sub as_direct_or_told
{
    my ($name, $short, %options) = @_;
    my ($direct, $pooled) = map { ask($_, %options) } $node->port, $pooler->{port};
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($pooled eq $direct || $pooled eq $short || $pooled =~ /^0A000 .*too long/, "$name: the answer is right or clear")
      || diag("directly: $direct; pooler: $pooled");
}

# Whether the worker and a client that it has stay, whatever this does.
sub unharmed
{
    my ($name, $doing) = @_;
    $pooler->await_open;
    my $worker = $pooler->worker_pid;
    my $idle = $pooler->client('idle', user => 'first');
    $idle->run('select 1');
    $doing->();
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($pooler->worker_pid, $worker, "$name: the worker is the one it was");
    is(eval { $idle->value('select 7') } // 'its connection ended', '7', "$name: a client that was idle goes on");
    $pooler->await_open;
    return;
}

# Both have read it when this file's nobody is rejected.
sub write_hba
{
    my ($lines) = @_;
    my $nobody = 'nobody' . ++$files;
    my $file = $node->data_dir . '/pg_hba.conf';
    PostgreSQL::Test::Utils::append_to_file("$file.new", "local all all trust\nhost all first 127.0.0.1/32 trust\nhost main $nobody 127.0.0.1/32 reject\n$lines");
    rename "$file.new", $file or die $!;
    $node->reload;
    my $end = time + 60;
    foreach my $port ($node->port, $pooler->{port})
    {
        sleep 0.02 while ask($port, user => $nobody, database => 'main') !~ /rejects/ && time < $end;
    }
    return;
}

lengthen('huge1', 'member');
lengthen($_, 'nested') foreach 'huge2', 'huge3';
is(admin("select count(*) from pg_authid where rolname like 'huge_' and pg_column_size(rolpassword) > 2000"), '3', 'three groups have passwords out of line');

# ---- a group in pg_hba.conf ----

write_hba("host all +huge1 127.0.0.1/32 trust\nhost all +huge2,+huge3 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n");
sub rejected { my ($user, $database) = @_; return qq{28000 pg_hba.conf rejects connection for host "127.0.0.1", user "$user", database "$database", no encryption} }
foreach my $case ([ 'plain', 'none of its members', 'plain in main' ], [ 'member', 'a member', 'member in main' ],
    [ 'nested', 'a member by way of another group', rejected('nested', 'main') ], [ 'no_such_role', 'an unknown role', '28000 role "no_such_role" does not exist' ])
{
    my ($role, $name, $short) = @$case;
    unharmed("+group, $name", sub { as_direct_or_told("+group, $name", $short, user => $role, database => 'main') });
}
is(pooled(user => 'first', database => 'main'), 'first in main', 'who is on a line before it is let in');

# ---- a database that is called as the group ----

write_hba("host samerole all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n");
foreach my $database (qw(huge1 huge2 huge3))
{
    unharmed("samerole, $database", sub { as_direct_or_told("samerole, to $database", qq{3D000 database "$database" does not exist}, user => 'plain', database => $database) });
}
unharmed('samerole, a member', sub { as_direct_or_told('samerole, a member', rejected('member', 'huge1'), user => 'member', database => 'huge1') });
is(pooled(user => 'plain', database => 'main'), 'plain in main', 'samerole: who names another database is let in');
is(pooled(user => 'member', database => 'fire'), 'member in fire', 'whatever groups it is in');
admin('create database huge1');
unharmed('samerole, and there is such a database', sub { as_direct_or_told('samerole, to a database', 'plain in huge1', user => 'plain', database => 'huge1') });

# ---- the group's right to connect ----

write_hba("host all all 127.0.0.1/32 trust\n");
admin('revoke connect on database telehealth from public; grant connect on database telehealth to huge1, huge2, huge3, late');
my $denied = '42501 permission denied for database "telehealth"';
foreach my $case ([ 'member', 'a member', 'member in telehealth' ], [ 'nested', 'a member by way of another group', 'nested in telehealth' ],
    [ 'apart', 'one that does not inherit', $denied ], [ 'plain', 'none of its members', $denied ])
{
    my ($role, $name, $short) = @$case;
    unharmed("CONNECT, $name", sub { as_direct_or_told("CONNECT, $name", $short, user => $role, database => 'telehealth') });
}
unharmed('CONNECT on another database', sub { is(pooled(user => 'member', database => 'fire'), 'member in fire', 'a member logs in where all may') });
is(pooled(user => 'app', database => 'telehealth'), 'app in telehealth', 'so does the owner');
unharmed('the console', sub { like(pooled(user => 'member', database => 'pgbouncer'), qr/^(?:42501 .*console|0A000 .*too long)/, 'the console refuses a member') });

# Whoever is in when the group's password becomes long.
unharmed('while a member is in', sub {
    my $early = $pooler->client('early', user => 'early', database => 'telehealth');
    $early->run('select 1');
    lengthen('late', 'early');
    # for as long as some looks at changed roles
    my $got = 'early';
    for (my $end = time + 2; $got eq 'early' && time < $end; sleep 0.05)
    {
        $got = eval { $early->value('select current_user') } // 'its connection ended';
    }
    is($got, 'early', 'who is in stays in');
    as_direct_or_told('another one', 'early in telehealth', user => 'early', database => 'telehealth');
});

# ---- and back ----

admin(join ';', map { "alter role $_ password null" } qw(huge1 huge2 huge3 late));
is(pooled(user => $_, database => 'telehealth'), "$_ in telehealth", "$_ logs in when the passwords are short again") foreach qw(member nested early);
done_testing;
