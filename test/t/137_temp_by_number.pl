# Objects of a temporary schema that is named by its number bind their client to
# its backend like those of pg_temp, and go with it.
use PoolerTest;

my $pooler = PoolerTest->new('temp_number', pools => 'main pool_size=1 timeout=60');
my ($client, $second, $direct) = ((map { $pooler->client($_) } qw(number second)), $pooler->direct('direct'));
my $pinned = "select array_to_string(pinned_by, ',') from pooler.clients where application_name = 'number'";

# The one backend has a temporary schema already: nothing that is done below
# needs pg_temp by its name.
sub number
{
    my ($session) = @_;
    my $number = 'select nspname from pg_namespace where oid = pg_my_temp_schema()';
    $session->run('create temp table first (); drop table first') unless defined $session->value($number);
    return $session->value($number);
}

# What is made, a question with its answer, and the end; N is the schema's name.
my @objects = (
    [ 'a function', 'create function N.f() returns int language sql as $$ select 9 $$', 'select N.f()', 9, 'drop function N.f()' ],
    [ 'a procedure', 'create procedure N.p(inout i int) language sql as $$ select 9 $$', 'call N.p(1)', 9, 'drop procedure N.p' ],
    [ 'an aggregate', 'create aggregate N.a(int) (sfunc = int4larger, stype = int)', 'select N.a(i) from generate_series(1, 9) i', 9, 'drop aggregate N.a(int)' ],
    [ 'an enum', "create type N.e as enum ('nine')", "select 'nine'::N.e", 'nine', 'drop type N.e' ],
    [ 'a domain', 'create domain N.d as int', 'select 9::N.d', 9, 'drop domain N.d' ],
    [ 'a composite type', 'create type N.c as (i int)', 'select (row(9)::N.c).i', 9, 'drop type N.c' ],
    [ 'a range', 'create type N.r as range (subtype = int)', 'select upper(N.r(1, 9))', 9, 'drop type N.r' ],
    [ 'a table', 'create table N.t as select 9 as i', 'select i from N.t', 9, 'drop table N.t' ],
    [ 'a sequence', 'create sequence N.s start 9', "select nextval('N.s')", 9, 'drop sequence N.s' ],
    [ 'an operator', 'create operator N.+ (leftarg = text, rightarg = text, function = textcat)', "select '9' operator(N.+) ''", 9, 'drop operator N.+(text, text)' ],
    [ 'a collation', 'create collation N.x from "C"', "select '9' collate N.x", 9, 'drop collation N.x' ],
    [ 'a text search configuration', 'create text search configuration N.w (copy = pg_catalog.simple)', "select to_tsvector('N.w', 'nine')", "'nine':1", 'drop text search configuration N.w' ],
    [ 'a function of pg_temp', 'create function pg_temp.f() returns int language sql as $$ select 9 $$', 'select N.f()', 9, 'drop function N.f()' ]);

# ---- bound as long as it is there ----

foreach (@objects)
{
    my ($name, $make, $ask, $answer, $end) = @$_;
    my %sql = (make => $make, ask => $ask, end => $end);
    my $own = { map { $_ => $sql{$_} =~ s/\bN\./number($direct) . '.'/ger } keys %sql };
    is($direct->sqlstate($own->{make}), '', "$name, direct: can be made");
    is($direct->value($own->{ask}), $answer, "$name, direct: is there");
    is($direct->sqlstate($own->{end}), '', "$name, direct: and gone");

    $own = { map { $_ => $sql{$_} =~ s/\bN\./number($client) . '.'/ger } keys %sql };
    is($client->sqlstate($own->{make}), '', "$name, pooled: can be made");
    $second->write(Query($own->{ask}));
    my $until = time + 30;
    sleep 0.01 until $second->readable(0) || $pooler->sql($pinned) ne '' || time > $until;
    is($pooler->sql($pinned), 'temporary object', "$name: binds its client to its backend");
    is($client->query($own->{ask})->{rows}[0][0], $answer, "$name, pooled: is there");
    is($client->sqlstate($own->{end}), '', "$name, pooled: and gone");
    my $others = $second->result;
    ok(@{ $others->{errors} } == 1, "$name: another client never finds it") or note join('; ', @{ $others->{log} });
    $pooler->poll_view($pinned, '', "$name: binds its client no longer");
}

# ---- who leaves takes it along ----

$client->quit;
foreach (@objects)
{
    my ($name, @sql) = @$_;
    my $leaver = $pooler->client('number');
    s/\bN\./number($leaver) . '.'/ge foreach @sql;
    my ($make, $ask, $answer, $end) = @sql;
    is($leaver->sqlstate($make), '', "$name: is made, and its client leaves");
    $leaver->quit;
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'number'", '0', "$name: it has left");
    my $found = $second->query($ask);
    ok(@{ $found->{errors} } == 1, "$name: the next client does not find it") or note join('; ', @{ $found->{log} });
    $second->query($end);
}
is($second->value('select count(*) from pg_depend where refobjid = pg_my_temp_schema() and refclassid = $$pg_namespace$$::regclass'), '0', 'nothing is left');

done_testing;
