# A right to set a parameter that is taken away is gone for the next login, and what a
# prepared transaction has altered is there when it is committed; as directly.
use PoolerTest;

my $super = getpwuid($<);
my $pooler = PoolerTest->new('revoked', pools => 'main pool_size=3', conf => "max_prepared_transactions = 5\n",
    sql => 'create role g2; create role g1 in role g2; create role other login; create role member login in role g1; create role of_public login; '
      . join '', map { "create role $_ login;" } qw(prepared1 prepared2 prepared3));
my $admin = $pooler->direct('admin', user => $super, database => 'postgres');

# What a login with these options leads to: a setting's value, or the error.
sub ask
{
    my ($where, $user, $options, $setting) = @_;
    my $client = $pooler->$where('asks', user => $user, may_fail => 1, ($options ? (options => $options) : ()));
    my $error = $client->{login}{errors}[0];
    my $answer = $client->query("show $setting") unless $error;
    $error //= $answer->{errors}[0];
    my $said = $error ? "$error->{S} $error->{C} $error->{M}" : $answer->{rows}[0][0];
    $client->quit;
    return $said;
}
sub as_direct
{
    my ($name, $expected, @asked) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(ask('direct', @asked), $expected, "$name: directly");
    return is(ask('client', @asked), $expected, $name);
}

# ---- GRANT and REVOKE ----

my $denied = 'FATAL 42501 permission denied to set parameter "session_replication_role"';
my @replica = ('-c session_replication_role=replica', 'session_replication_role');
foreach my $case (
    [ 'app', 'a role', 'grant set on parameter session_replication_role to app', 'revoke set on parameter session_replication_role from app' ],
    [ 'member', 'by a group of its group', 'grant set on parameter session_replication_role to g2', 'revoke g2 from g1' ],
    [ 'member', 'by its group', 'grant set on parameter session_replication_role to g1', 'revoke g1 from member' ],
    [ 'of_public', 'by PUBLIC', 'grant set on parameter session_replication_role to public', 'revoke all on parameter session_replication_role from public' ],
    [ 'other', 'by being a superuser', 'alter role other superuser', 'alter role other nosuperuser' ])
{
    my ($role, $name, $grant, $revoke) = @$case;
    as_direct("$name, before", $denied, $role, @replica);
    $admin->run($grant);
    as_direct("$name, GRANT", 'replica', $role, @replica) foreach 1 .. 3;    # by several backends
    $admin->run($revoke);
    as_direct("$name, REVOKE", $denied, $role, @replica) foreach 1 .. 3;
    $admin->run($grant) if $grant !~ /superuser/ && $revoke !~ /^revoke g/;
    as_direct("$name, GRANT again", 'replica', $role, @replica) if $grant !~ /superuser/ && $revoke !~ /^revoke g/;
    $admin->run($revoke);
}

# ---- prepared transactions ----

foreach my $case ([ 'prepared1', 'alter role prepared1 set search_path = b' ], [ 'prepared2', 'alter role prepared2 in database main set search_path = b' ],
    [ 'prepared3', 'alter database main set search_path = b' ])
{
    my ($role, $sql) = @$case;
    $admin->run("begin; $sql");
    $admin->run('prepare transaction \'x\'');
    as_direct("\"$sql\", prepared", '"$user", public', $role, undef, 'search_path') foreach 1 .. 3;
    $admin->run('commit prepared \'x\'');
    is(ask('direct', $role, undef, 'search_path'), 'b', "\"$sql\", committed: directly");
    my $end = time + 3;
    sleep 0.02 while ask('client', $role, undef, 'search_path') ne 'b' && time < $end;
    is(join(' ', map { ask('client', $role, undef, 'search_path') } 1 .. 3), 'b b b', "\"$sql\", committed: the next logins have it");
}

done_testing;
