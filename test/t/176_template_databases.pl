# Whoever may copy a database can do so while its pool has idle backends; a copy or
# DROP that cannot succeed is refused at once and disturbs nobody of the pool; and
# a session of the pool itself does not wait for itself.
use PoolerTest;

my $pooler = PoolerTest->new('template_databases', pools => 'main, *',
    sql => 'create role maker login createdb; create role nobody login; create database tmpl owner app is_template true; create database plain owner app;');
my $admin = scalar getpwuid($<);

# How it ended, and after how many seconds.
sub attempt
{
    my ($client, $sql) = @_;
    my $start = time;
    return ($client->sqlstate($sql), time - $start);
}

sub direct { return $pooler->direct($_[0], user => $_[0], database => 'postgres') }

# ---- a template's copy ----

my $of_template = $pooler->client('of tmpl', database => 'tmpl');
$of_template->run('select 1');
$pooler->poll_view("select bool_and(state = 'idle') from pooler.backends where pool = 'tmpl' and role = 'app'", 't', 'the pool of a template has an idle backend');
my ($code) = attempt(direct('maker'), 'create database copy1 template tmpl');
is($code, '', 'CREATEDB copies a template that it does not own');
is($of_template->value('select 1'), '1', 'the client of the template goes on');
$of_template->run('select 1');
($code) = attempt(direct('maker'), 'create database copy2 template = tmpl');
is($code, '', 'and once more');

# ---- who may not ----

my ($idle, $busy) = map { $pooler->client($_, database => 'plain') } qw(idle busy);
$busy->run('begin');
foreach ([ 'nobody', 'create database no template tmpl', 'no CREATEDB' ], [ 'nobody', 'create database no template plain', 'no CREATEDB' ],
    [ 'app', 'create database no template plain', 'its owner, no CREATEDB' ], [ 'maker', 'create database no template plain', 'CREATEDB, no template and not its own' ])
{
    my ($role, $sql, $name) = @$_;
    my $pid = $idle->value('select pg_backend_pid()');
    my ($code, $seconds) = attempt(direct($role), $sql);
    is($code, '42501', "$sql: $name");
    cmp_ok($seconds, '<', 2, 'at once');
    is($idle->value('select pg_backend_pid()'), $pid, 'and the pool keeps its backends');
}
$busy->quit;
$idle->quit;

# ---- through the pool itself ----

$pooler->sql('alter role app createdb');
my ($own, $other) = map { $pooler->client($_) } qw(own other);
$own->run('begin');
$other->run('select 1');
$own->run('commit');
$other->quit;
$pooler->poll_view("select clients from pooler.pools where pool = 'main'", '1', 'one client of main is alone there');
($code, my $seconds) = attempt($own, 'create database copy3 template main');
is($code, '', 'its owner copies main through main\'s pool');
cmp_ok($seconds, '<', 3, 'without waiting for itself');
my $super = $pooler->client('super', user => $admin);
$own->quit;
$super->run('select 1');
$pooler->poll_view("select clients from pooler.pools where pool = 'main'", '1', 'a superuser is alone there');
($code, $seconds) = attempt($super, 'create database copy4 template main');
is($code, '', 'and does the same');
cmp_ok($seconds, '<', 3, 'without waiting for itself');
$super->quit;

$own = $pooler->client('own');
foreach ([ 'drop database main', '55006' ], [ 'alter database main rename to other', '0A000' ])
{
    my ($sql, $expected) = @$_;
    ($code, $seconds) = attempt($own, $sql);
    is($code, $expected, "$sql from within");
    cmp_ok($seconds, '<', 2, 'is refused at once');
}
is($own->value('select 1'), '1', 'and the client goes on');
is($pooler->client('next', database => $_)->value('select 1'), '1', "$_ is served afterwards") foreach qw(main plain tmpl copy3);

done_testing;
