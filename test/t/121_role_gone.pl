# A role that changes while its clients wait for a backend of it: renamed, it is
# itself; dropped, or made or no longer a superuser, it is not what its clients
# logged in as, and they hear so. A birth that the server refuses is told to
# whom it was for; a server that cannot be reached makes a pool unavailable.
use PoolerTest;

my $pooler = PoolerTest->new('gone', pools => 'main pool_size=1, fire pool_size=2',
    conf => "pooler.pool_timeout = -1\npooler.role_quantum = 0\n",
    sql => join '', map { "create role $_ login;" } qw(renamed promoted dropped shared), 'limited connection limit 1');
my $holder = $pooler->client('holder');
$holder->run('select 1');

# Two clients of a role wait for the only backend, another's; one has been let
# in, one waits for the end of its login.
sub waiters
{
    my ($role) = @_;
    my $client = $pooler->client($role, user => $role);
    $client->run('select 1');
    $holder->run('begin');
    $client->write(Query('select current_user'));
    my $login = $pooler->connect;
    $login->write(PoolerClient::startup(user => $role, database => 'main', options => '-c work_mem=1234'));
    $pooler->poll_view("select waiting from pooler.routes where pool = 'main' and role = '$role'", '2', "clients of $role wait");
    return ($client, $login);
}

my ($client, $login) = waiters('renamed');
$pooler->sql('alter role renamed rename to other');
$holder->run('commit');
is($client->result->{rows}[0][0], 'other', 'RENAME: who waits is served by the new name');
is($login->result->{status}, 'I', 'and who logs in is let in');
is($login->value('show work_mem'), '1234kB', 'with its settings');
$_->quit foreach $client, $login;

foreach my $case ([ 'promoted', 'alter role promoted superuser', 'SUPERUSER' ], [ 'dropped', 'drop role dropped', 'DROP ROLE' ])
{
    my ($role, $sql, $name) = @$case;
    ($client, $login) = waiters($role);
    $pooler->sql($sql);
    $holder->run('commit');
    foreach my $result ($client->result, $login->result)
    {
        my $error = $result->{errors}[0];
        is("$error->{S} $error->{C} $error->{M}", 'FATAL 57P01 terminating connection due to administrator command', "$name: who waits is ended");
        is($error->{D}, 'The role was dropped, or is not what it was at login.', 'and told why');
        ok($result->{eof}, 'and that was all');
    }
    $pooler->poll_view("select count(*) from pooler.clients where pool = 'main'", '1', 'their places are free');
    is($holder->value('select current_user'), 'app', 'others go on');
}
is($pooler->client('again', user => 'promoted')->value('show is_superuser'), 'on', 'a new login has what the role is now');

# Two clients share a backend, and there would be room for another one.
my $busy = $pooler->client('busy', database => 'fire');
$busy->run('begin');
my @sharing = map { $pooler->client("sharing$_", user => 'shared', database => 'fire') } 1, 2;
my %pids = map { $_->value('select pg_backend_pid()') => 1 } @sharing;
is(scalar keys %pids, 1, 'two share a backend');
$sharing[0]->run('begin');
$pooler->sql('alter role shared superuser');
$busy->run('rollback');
$busy->quit;
$pooler->poll_view("select count(*) from pooler.backends where pool = 'fire' and role = 'app'", '0', 'there is room for another one');
$pooler->poll_view("select unborn from pooler.pools where pool = 'fire'", '1', 'which is born for nobody');
is($sharing[0]->value("select current_user || ' ' || current_setting('is_superuser')"), 'shared off', 'a transaction goes on as what it is');
is($sharing[0]->query('commit')->{tags}[0], 'COMMIT', 'to its end');
$_->quit foreach @sharing;

# The limit of a role is used up by a direct client.
my $direct = $pooler->direct('direct', user => 'limited');
my $refused = $pooler->client('refused', user => 'limited', may_fail => 1)->{login};
is("$refused->{errors}[0]{S} $refused->{errors}[0]{C} $refused->{errors}[0]{M}", 'FATAL 53300 too many connections for role "limited"',
    'who logs in hears what the server says of its birth');
ok($refused->{eof}, 'as the end of the login');
$direct->quit;
$pooler->poll_view("select count(*) from pg_stat_activity where usename = 'limited'", '0', 'the direct client leaves');
is($pooler->client('let in', user => 'limited')->value('select current_user'), 'limited', 'and there is room');

# The server's own socket is not there.
my $socket = $pooler->node->host . '/.s.PGSQL.' . $pooler->node->port;
$pooler->sql('select 1');
rename $socket, "$socket.away" or die $!;
$pooler->sql("select pg_terminate_backend(pid) from pooler.backends where pool = 'main'");
$pooler->poll_view("select state from pooler.pools where pool = 'main'", 'unavailable', 'backends cannot be opened');
like($pooler->sql("select last_error from pooler.pools where pool = 'main'"), qr/\.s\.PGSQL\.\d+.*No such file or directory/s, 'the view says why');
rename "$socket.away", $socket or die $!;
$pooler->poll_view("select state from pooler.pools where pool = 'main'", 'open', 'they can again');
is($pooler->client('late')->value('select 1'), '1', 'and serve');

done_testing;
