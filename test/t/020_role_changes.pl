# Changes of roles and databases take effect for those who log in afterwards.
use PoolerTest;

my $pooler = PoolerTest->new('roles', pools => 'main pool_size=3',
    sql => 'create role r login; create role boss superuser login; create role leaver login;');
sub admin { return $pooler->node->safe_psql('postgres', $_[0]) }
sub as { my ($role) = @_; return $pooler->client("as $role", user => $role, may_fail => 1) }

my $before = as('r');
my $default = $before->value('show work_mem');

admin("alter role r set work_mem = '3MB'");
is(as('r')->value('show work_mem'), '3MB', 'ALTER ROLE ... SET');
admin("alter role r in database main set work_mem = '5MB'");
is(as('r')->value('show work_mem'), '5MB', 'ALTER ROLE ... IN DATABASE ... SET');
admin('alter role r reset all; alter role r in database main reset all');
is(as('r')->value('show work_mem'), $default, 'RESET ALL');
admin("alter database main set work_mem = '7MB'");
is(as('r')->value('show work_mem'), '7MB', 'ALTER DATABASE ... SET');
admin("alter database main reset work_mem; alter role all set work_mem = '8MB'");
is(as('r')->value('show work_mem'), '8MB', 'ALTER ROLE ALL SET');
admin('alter role all reset work_mem');
is(as('r')->value('show work_mem'), $default, 'and its end');

# A change that is rolled back changes nothing.
admin("begin; alter role r set work_mem = '9MB'; rollback");
is(as('r')->value('show work_mem'), $default, 'a change that was rolled back');

# In the middle of the transaction of a change a login sees the old.
my $changer = $pooler->direct('changer', user => scalar getpwuid($<));
$changer->run("begin; alter role r set work_mem = '11MB'");
is(as('r')->value('show work_mem'), $default, 'before COMMIT the old value');
$changer->run('commit');
is(as('r')->value('show work_mem'), '11MB', 'after it the new one');

# Who is in sees new values in his time, but under his own.
my $end = time + 60;
sleep 0.01 while $before->value('show work_mem') ne '11MB' && time < $end;
is($before->value('show work_mem'), '11MB', 'a later transaction has the new value');
$before->run("set work_mem = '12MB'");
admin("alter role r set work_mem = '13MB'");
sleep 0.01 while as('r')->value('show work_mem') ne '13MB' && time < $end;
is($before->value('show work_mem'), '12MB', 'what a session has set for itself stays');
$before->run('reset work_mem');
sleep 0.01 while $before->value('show work_mem') ne '13MB' && time < $end;
is($before->value('show work_mem'), '13MB', 'until it is reset');

admin('alter role r nologin');
like(as('r')->{login}{errors}[0]{M}, qr/role "r" is not permitted to log in/, 'NOLOGIN refuses');
is($before->value('select current_user'), 'r', 'and leaves live sessions alone');
$pooler->sql("select pg_terminate_backend(pid) from pooler.backends where role is distinct from 'r'");
is($before->value('select current_user'), 'r', 'whatever happens to others');
admin('alter role r login');
is(as('r')->value('select 1'), '1', 'LOGIN lets in again');

# A row may change without ALTER ROLE.
foreach my $may (0, 1)
{
    admin("update pg_authid set rolcanlogin = ${may}::boolean where rolname = 'r'");
    is(as('r')->{login}{status}, $may ? 'I' : '', 'UPDATE pg_authid ' . ($may ? 'lets in' : 'refuses'));
}

my $boss = as('boss');
is($boss->value('show is_superuser'), 'on', 'a superuser');
admin('alter role boss nosuperuser');
my $plain = as('boss');
is($plain->value('show is_superuser'), 'off', 'NOSUPERUSER holds for the next login');
is($plain->sqlstate('select pg_read_file($$postgresql.conf$$)'), '42501', 'in every respect');
admin('alter role r superuser');
is(as('r')->value('show is_superuser'), 'on', 'SUPERUSER as well');
admin('alter role r nosuperuser');
is(as('r')->value('show is_superuser'), 'off', 'and back');

admin('alter role r rename to renamed');
is(as('renamed')->value('select session_user'), 'renamed', 'RENAME: the new name');
like(as('r')->{login}{errors}[0]{M}, qr/role "r" does not exist/, 'not the old one');
is($before->value('select session_user'), 'renamed', 'a live session has the new name, as on a direct connection');
admin('create role r login');
is(as('r')->value('select current_user'), 'r', 'another role under the old name is itself');

my $leaver = as('leaver');
$leaver->run('select 1');
admin('drop role leaver');
like(as('leaver')->{login}{errors}[0]{M}, qr/role "leaver" does not exist/, 'DROP ROLE');
admin('create role leaver login');
is(as('leaver')->value('select rolname from pg_roles where oid = (select usesysid from pg_stat_activity where pid = pg_backend_pid())'),
    'leaver', 'a role created anew is another role');

admin('revoke connect on database main from public');
like(as('renamed')->{login}{errors}[0]{M}, qr/permission denied for database "main"/, 'REVOKE CONNECT');
admin('grant connect on database main to public');
admin('alter database main allow_connections false');
like(as('renamed')->{login}{errors}[0]{M}, qr/main/, 'ALLOW_CONNECTIONS false');
admin('alter database main allow_connections true');
is(as('renamed')->value('select 2'), '2', 'and true');

# Membership is looked up in each statement.
admin('create role team');
$pooler->node->safe_psql('main', 'create table secret as select 42 as i; grant select on secret to team');
my $member = as('renamed');
is($member->sqlstate('select * from secret'), '42501', 'no member');
admin('grant team to renamed');
is($member->value('select * from secret'), '42', 'GRANT holds at once');
admin('revoke team from renamed');
is($member->sqlstate('select * from secret'), '42501', 'REVOKE, too');

done_testing;
