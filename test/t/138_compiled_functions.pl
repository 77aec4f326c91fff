# PL/pgSQL compiles a function once a backend, by the search_path of its first
# caller: another client's call must not get that one's types.
use PoolerTest;

my $pooler = PoolerTest->new('compiled', pools => 'main pool_size=1 max_overflow=0');
$pooler->node->safe_psql('main', <<'END_OF_SQL');
grant set on parameter plpgsql.variable_conflict to app;
set role app; set check_function_bodies = off;
create schema s1; create schema s2;
create domain s1.d as numeric(6, 1); create domain s2.d as numeric(6, 3);
create table s1.t (a int, b text); create table s2.t (b text, a int, c text);
create table watched (v text);
create function f() returns text language plpgsql as $$ declare v d := 1.23456; begin return v; end $$;
create function g() returns text language plpgsql as $$ declare r t%rowtype; begin select * into r from t; return r; end $$;
create function h() returns trigger language plpgsql as $$ declare v d := 1.23456; begin new.v = v; return new; end $$;
create trigger h before insert on watched for each row execute function h();
create function k(a int) returns int language plpgsql as $$ declare r int; begin select a into r from (values (7)) as x (a); return r; end $$;
insert into s1.t values (1, 'one'); insert into s2.t values ('two', 2, 'more');
END_OF_SQL

my $ask = "select f() || ' ' || g()";
my $insert = 'insert into watched values (null) returning v';
my %expected = (s1 => '1.2 (1,one)', s2 => '1.235 (two,2,more)');
my %inserted = (s1 => '1.2', s2 => '1.235');

# By the startup packet, by SET, and by SET in front of each statement.
my %started = map { $_ => $pooler->client("started $_", options => "-c search_path=$_,public") } qw(s1 s2);
my %set = map { $_ => $pooler->client("set $_") } qw(s1 s2);
$set{$_}->run("set search_path = $_, public") foreach qw(s1 s2);
foreach my $turn (1 .. 2)
{
    foreach my $schema (qw(s1 s2))
    {
        is($started{$schema}->value($ask), $expected{$schema}, "$turn, $schema of the startup packet");
        is($set{$schema}->value($ask), $expected{$schema}, "$turn, $schema of SET");
        is($set{$schema}->value($insert), $inserted{$schema}, "$turn, $schema: a trigger's function");
    }
}

# One that changes its path, after which both have the same.
$set{s1}->run('select f()');
$set{s1}->run('set search_path = s2, public');
is($set{s2}->value($ask), $expected{s2}, 'the path of another was changed to the same since its call');
# Who keeps its backend, and changes its path there.
my $own = $pooler->client('own');
$own->run('create temp table keeps ()');
foreach my $schema (qw(s1 s2 s1))
{
    $own->run("set search_path = $schema, public");
    is($own->value($ask), $expected{$schema}, "pinned, $schema");
}
$own->run('drop table keeps');
$own->quit;
my $late = $pooler->client('late', options => '-c search_path=s1,public');
is($late->value($ask), $expected{s1}, 'a login');

# What else compiling goes by.
my $column = $pooler->client('column');
$column->run('set plpgsql.variable_conflict = use_column');
is($column->value('select k(1)'), '7', 'a column goes before a variable');
is($pooler->client('error')->sqlstate('select k(1)'), '42702', 'and is ambiguous for the next client');
is($column->value('select k(1)'), '7', 'and not for the first');

is($pooler->sql('select opened from pooler.pools'), '1', 'one backend has served them all');
done_testing;
