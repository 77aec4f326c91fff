# Databases that are renamed, moved, given away, dropped and copied, beside their
# pools; what changes of roles and their databases mean for the next login.
use PoolerTest;

my $pooler = PoolerTest->new('databases', pools => 'main pool_size=2, fire pool_size=1, *',
    sql => 'create role r login; create role keeper login; create role owner2 login; create database spare;');
my $node = $pooler->node;
sub admin { return $node->safe_psql('postgres', $_[0]) }
sub as { my ($role, %options) = @_; return $pooler->client("as $role", user => $role, may_fail => 1, %options) }
sub refused { my ($client) = @_; my $error = $client->{login}{errors}[0]; return $error ? "$error->{C} $error->{M}" : '' }

# ---- while backends of the pool are idle in it ----

my $client = as('app', database => 'spare');
$client->run('select 1');
admin('alter database spare rename to other');
is(refused(as('r', database => 'spare')), '3D000 database "spare" does not exist', 'RENAME: the old name is nobody\'s');
my $renamed = as('app', database => 'other');
is($renamed->value('select current_database()'), 'other', 'the new one is a pool\'s');
$_->quit foreach $client, $renamed;

$node->psql('postgres', q{set allow_in_place_tablespaces = on; create tablespace elsewhere location ''});
$client = as('app', database => 'other');
$client->run('select 1');
admin('alter database other set tablespace elsewhere');
is($client->value(q{select spcname from pg_tablespace t, pg_database d where d.dattablespace = t.oid and datname = current_database()}), 'elsewhere', 'SET TABLESPACE: its client goes on there');
admin('create database copy template other');
is(as('app', database => 'copy')->value('select current_database()'), 'copy', 'a copy, while it is served');
is($client->value('select 2'), '2', 'and it goes on');
admin('alter database other connection limit 50');
is($client->value('select 3'), '3', 'what needs nobody out is not waited for');
$client->quit;
my $altered = $pooler->sql('select clock_timestamp()');
$pooler->poll_view("select count(*) from pooler.backends where pool = 'other' and role is not null and clock_timestamp() - age < '$altered'", '0', 'those from before are exchanged when they are idle');
$client = as('app', database => 'other');

# One who may not do it disturbs nobody.
my $pid = $client->value('select pg_backend_pid()');
my $nobody = $pooler->direct('nobody', user => 'r', database => 'postgres');
is($nobody->sqlstate($_), '42501', "\"$_\" by a stranger") foreach 'drop database other', 'alter database other rename to mine', 'drop database fire with (force)';
is($pooler->sql("select state <> 'leaving' from pooler.backends where pid = $pid"), 't', 'and the backend stays');
is($client->value('select 4'), '4', 'and serves');

# WITH (FORCE) waits for nobody.
$client->run('begin');
admin('drop database other with (force)');
ok($client->query('select 1')->{eof}, 'WITH (FORCE) ends it');
is(refused(as('app', database => 'other')), '3D000 database "other" does not exist', 'and it is gone');

# ---- for those who log in afterwards ----

sub work_mem { return as($_[0])->value('show work_mem') }
my $default = work_mem('r');
admin("alter role all in database main set work_mem = '3MB'");
is(work_mem('r'), '3MB', 'ALTER ROLE ALL IN DATABASE');
admin('alter role all in database main reset all');
is(work_mem('r'), $default, 'and its end');

# Settings that belong to a role's database go with REASSIGN and DROP OWNED.
admin('revoke connect on database main from public; grant connect on database main to r, keeper');
is(refused(as($_)), '', "$_ may connect") foreach qw(r keeper);
$node->safe_psql('main', 'drop owned by r');
is(refused(as('r')), '42501 permission denied for database "main"', 'DROP OWNED takes the right away');
is(refused(as('keeper')), '', 'only his');
admin('grant connect on database main to r');
$node->safe_psql('main', 'drop owned by r, keeper');
is(refused(as($_)), '42501 permission denied for database "main"', "DROP OWNED of several: $_") foreach qw(r keeper);

admin('alter database main owner to owner2');
is(refused(as('owner2')), '', 'OWNER: the new one may connect');
is(refused(as('app')), '42501 permission denied for database "main"', 'the old one may not');
admin('begin; alter database main owner to app; rollback');
is(refused(as('app')), '42501 permission denied for database "main"', 'a change that is rolled back');
admin('alter database main owner to app');
is(refused(as('app')), '', 'and back');
admin('begin; savepoint s; grant connect on database main to keeper; rollback to s; commit');
is(refused(as('keeper')), '42501 permission denied for database "main"', 'a savepoint that is rolled back');
admin('grant connect on database main to public');

# Nothing that does not exist, or is of another kind, disturbs.
my $stays = as('r', database => 'fire');
$pid = $stays->value('select pg_backend_pid()');
$node->psql('postgres', $_) foreach 'alter database nothing owner to app', 'alter role nothing rename to nobody', 'drop owned by nothing',
    'grant connect on database nothing to r', 'alter database nothing rename to main';
$node->safe_psql('postgres', 'create table public.t (); alter table t owner to keeper; alter table t rename to u; grant select on u to keeper; drop table u');
is(as('r', database => 'fire')->value('select pg_backend_pid()'), $pid, 'statements about others exchange no backend');
foreach my $sql ('alter role r set work_mem = default', 'drop owned by r', 'drop owned by keeper, r', 'alter database fire owner to owner2',
    'alter role all in database fire set work_mem = default', 'alter database fire set work_mem = default', 'grant connect on database fire to r',
    'revoke connect on database main, fire from keeper', 'alter database fire connection limit 50', 'alter role all set work_mem = default')
{
    my $before = as('r', database => 'fire')->value('select pg_backend_pid()');
    admin($sql);
    isnt(as('r', database => 'fire')->value('select pg_backend_pid()'), $before, "one about the role or its database does: $sql");
}
done_testing;
