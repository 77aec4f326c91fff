# What the primary changes of a role, a database or a right is noticed by a standby's
# pooler: who logs in there afterwards has it, as directly, and after a promotion too.
use PoolerTest;

my $pooler = PoolerTest->new('primary', primary => 1, pools => 'main', sql => 'create role readers; create role member login;',
    conf => "autovacuum = off\n");
my $standby = $pooler->standby('');
my ($primary, $node) = map { $_->node } $pooler, $standby;
my $worker = $standby->worker_pid;

sub on_primary
{
    my (@statements) = @_;
    $primary->safe_psql('postgres', $_) foreach @statements;
    $primary->wait_for_catchup($node, 'replay', $primary->lsn('insert'));
    return;
}

# What a client that logs in now has, or why it may not; and what it was told.
sub asked
{
    my ($setting, %options) = @_;
    my $client = $standby->client('asks', may_fail => 1, %options);
    my $answer = $client->{login};
    $answer = $client->query("show $setting") unless @{ $answer->{errors} };
    my $said = @{ $answer->{errors} } ? $answer->{errors}[0]{M} : $answer->{rows}[0][0];
    $said .= " $client->{parameters}{DateStyle}" if $setting eq 'datestyle';
    $client->quit;
    return $said;
}

# Until new clients have it: until the worker knows, only those of new backends do.
sub has
{
    my ($name, $expected, @asked) = @_;
    my $end = time + ($ENV{TEST_PATIENCE} // 60);
    my $all = join(', ', ($expected) x 3);
    my $got;
    while (1)
    {
        $got = join(', ', map { asked(@asked) } 1 .. 3);
        last if $got eq $all || time > $end;
        sleep 0.05;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($got, $all, $name);
}

sub backends { return $standby->sql('select string_agg(pid::text, \' \' order by pid) from pooler.backends where state <> \'unborn\'') }

# ---- settings ----

has('before', '4MB', 'work_mem');
on_primary("alter role app set work_mem = '7MB'");
has('a setting of the role', '7MB', 'work_mem');
on_primary("alter role app set work_mem = '8MB'");
has('another value of it', '8MB', 'work_mem');
on_primary("alter role app in database main set work_mem = '9MB'");
has('in this database', '9MB', 'work_mem');
has('what is reported, before', 'ISO, MDY ISO, MDY', 'datestyle');
on_primary("alter database main set datestyle = 'SQL, DMY'");
has('a setting of the database, which a login is told', 'SQL, DMY SQL, DMY', 'datestyle');
on_primary("alter role all set work_mem = '10MB'", 'alter role app in database main reset all', 'alter role app reset all');
has('of everybody', '10MB', 'work_mem');
on_primary('alter role all reset all', 'alter database main reset all');
has('none any more', '4MB', 'work_mem');

my $long = join('', map { chr(ord('a') + int rand 26) } 1 .. 20000);
on_primary("alter role app set x.y = '$long'");
has('one of 20 kB', $long, 'x.y');
on_primary("alter role app set x.y = '" . reverse($long) . "'");
has('another one of 20 kB', scalar reverse($long), 'x.y');

# ---- rights ----

my $denied = 'permission denied to set parameter "session_replication_role"';
my @replica = ('session_replication_role', user => 'member', options => '-c session_replication_role=replica');
has('no right to set a parameter', $denied, @replica);
on_primary('grant set on parameter session_replication_role to member');
has('GRANT', 'replica', @replica);
on_primary('revoke set on parameter session_replication_role from member');
has('REVOKE', $denied, @replica);
on_primary('grant set on parameter session_replication_role to readers', 'grant readers to member');
has('GRANT to a group', 'replica', @replica);
on_primary('revoke readers from member');
has('one who leaves a group', $denied, @replica);

# ---- nothing of the kind: a second passes between two looks ----

on_primary("alter role member set work_mem = '6MB'");
my $stays = $standby->client('stays');
sleep 2.5;
$stays->run('select 1');
my $before = backends();
like($before, qr/\d/, 'there is a backend');
on_primary('create table t (i int)', "alter role member set work_mem = '6MB'", 'analyze');
sleep 2.5;
is($stays->value('select 2'), '2', 'after other changes a client is served');
is(backends(), $before, 'by the same one');

# ---- a lock on the catalog, for which whoever connects to the primary waits ----

my $locker = $pooler->direct('locker', user => scalar getpwuid($<), database => 'postgres');
$locker->run("begin; alter role app set work_mem = '11MB'; lock table pg_db_role_setting in access exclusive mode");
$standby->poll_view("select count(*) from pg_locks where relation = 'pg_db_role_setting'::regclass and mode = 'AccessExclusiveLock'", '1', 'it is locked');
$standby->new_log;
for (1 .. 10) { is($stays->value('select 2'), '2', 'who is there goes on'); sleep 0.25 }
unlike($standby->new_log, qr/ERROR/, 'the worker does not complain');
$locker->run('commit');
has('what was changed then', '11MB', 'work_mem');
on_primary('vacuum full pg_db_role_setting', "alter role app set work_mem = '12MB'");
has('after VACUUM FULL', '12MB', 'work_mem');

# ---- promotion ----

on_primary("alter role app set work_mem = '13MB'", 'grant set on parameter session_replication_role to member');
$node->promote;
has('what was changed last, after a promotion', '13MB', 'work_mem');
has('a right, too', 'replica', @replica);
$standby->sql("alter role app set work_mem = '14MB'");
is(asked('work_mem'), '14MB', 'what is changed there now, at once');
is($standby->worker_pid, $worker, 'all that by one worker');

$standby->stop('fast');
done_testing;
