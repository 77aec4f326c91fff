# What PL/pgSQL compiled for another client: one who has not called the function
# gets the types and the rules of his own session, also where it is
# his own SET in this transaction that makes them others.
use PoolerTest;

my $pooler = PoolerTest->new('own_set', pools => 'main pool_size=1 max_overflow=0');
my $sql = <<'END_OF_SQL';
grant set on parameter plpgsql.variable_conflict to app;
set role app; set check_function_bodies = off;
create schema s1; create schema s2;
create domain s1.d as numeric(6, 1); create domain s2.d as numeric(6, 3);
create domain s1.e as int; create type s2.e as (i int);
END_OF_SQL
# Each check has functions of its own.
$sql .= <<"END_OF_SQL" foreach 0 .. 19;
create function fd$_() returns text language plpgsql as \$\$ declare v d := 1.23456; begin return v; end \$\$;
create function fe$_() returns text language plpgsql as \$\$ declare v e; begin return pg_typeof(v); end \$\$;
create function k$_(a int) returns int language plpgsql as \$\$ declare r int; begin select a into r from (values (7)) as x (a); return r; end \$\$;
create function s$_() returns text language plpgsql as \$\$ begin return 'a\\\\b'; end \$\$;
create function p$_(a int) returns text language plpgsql as \$\$ declare r int; begin select 1 into strict r where a = 0; return r; end \$\$;
END_OF_SQL
$pooler->node->safe_psql('main', $sql);
sub s1 { my ($how) = @_; return $pooler->$how('s1', options => '-c search_path=s1,public') }

# The first value, or the SQLSTATE of an error, which ends a transaction.
sub answer
{
    my ($client, $sql) = @_;
    my $result = $client->query($sql);
    $client->run('rollback') if $result->{status} eq 'E';
    return @{ $result->{errors} } ? $result->{errors}[0]{C} : $result->{rows}[0][0];
}

# ---- search_path ----

my $base = s1('client');
my $pid = $base->value('select pg_backend_pid()');
my $path = 'search_path = s2, public';
my @ways = (
    [ 'SET in the same message', "set $path; select F; reset search_path" ],
    [ 'SET in its transaction', "begin; set $path; select F; reset search_path; commit" ],
    [ 'SET LOCAL', "begin; set local $path; select F; commit" ],
    [ 'a SET that is rolled back', "begin; set $path; select F; rollback" ]);
my $n = 0;
is(answer(s1('direct'), 'select fd0()') . ' ' . answer(s1('direct'), "set $path; select fd0()"), '1.2 1.235', 'the types, directly');
foreach (@ways)
{
    my ($way, $sql) = @$_;
    my $client = s1('client');
    $n++;
    my $call = $sql =~ s/F/fd$n()/r;
    is(answer(s1('direct'), $call), '1.235', "$way, directly");
    is(answer($client, $call), '1.235', "$way, at the first call");
    is(answer($base, "select fd$n()"), '1.2', "$way is nothing to the next client");

    $n++;
    $call = $sql =~ s/F/fd$n()/r;
    $base->run("select fd$n()");
    is(answer($client, $call), '1.235', "$way, after another has called the function");
    $client->quit;
}
foreach ('SET alone', 'SET and call in one message')
{
    my $client = s1('client');
    $n++;
    $base->run("select fd$n(), fe$n()");
    $client->run("set $path") if /alone/;
    my $set = /alone/ ? '' : "set $path; ";
    is(answer($client, "${set}select fd$n() || ' ' || fe$n()"), '1.235 e', "$_, after another has called the functions");
    is(answer($base, "select fd$n() || ' ' || fe$n()"), '1.2 e', "$_, and the other again");
    $client->quit;
}
is(answer($base, 'select fe0()'), 'e', 'a type of the other kind');

# Pinned, and by the extended protocol.
foreach my $pin ('', 'create temp table keeps ()')
{
    my $client = s1('client');
    $n++;
    $base->run("select fd$n()");
    $client->run($pin) if $pin;
    $client->write(map({ (Parse('', $_), Bind('', ''), Execute()) } "set $path", "select fd$n()"), Sync());
    is($client->result->{rows}[0][0], '1.235', 'SET in a pipeline' . ($pin && ', pinned') . ', after another has called the function');
    $client->quit;
}

# ---- what else compiling goes by ----

# What to set, a call, and its answers: without, with.
my @rules = (
    [ 'plpgsql.variable_conflict', 'use_column', 'k', '(1)', sub { $_[0]{errors}[0]{C} // $_[0]{rows}[0][0] } ],
    [ 'plpgsql.print_strict_params', 'on', 'p', '(1)', sub { $_[0]{errors}[0]{D} // 'no detail' } ],
    [ 'standard_conforming_strings', 'off', 's', '()', sub { $_[0]{rows}[0][0] } ]);
my @load = 'do $$ begin end $$';    # plpgsql: else its settings are unknown
foreach (@rules)
{
    my ($setting, $value, $function, $arguments, $shown) = @$_;
    my $i = 0;
    my $call = sub { return "select $function$i$arguments" };
    my $ask = sub { my ($client, $sql) = @_; my $result = $client->query($sql); $client->run('rollback') if $result->{status} eq 'E'; return $shown->($result) };
    my $direct = sub { my $client = $pooler->direct('direct'); $client->run($_) foreach @load, @_; return $ask->($client, $call->()) };
    my ($theirs, $own) = ($direct->(), $direct->("set $setting = $value"));
    isnt($own, $theirs, "$setting makes a difference, directly");
    my $other = $pooler->client('other');
    $other->run($_) foreach @load;

    $i++;
    is($ask->($other, $call->()), $theirs, "$setting: as it is");
    my $client = $pooler->client('own');
    $client->run("set $setting = $value");
    is($ask->($client, $call->()), $own, "$setting: SET alone, after another has called the function");
    is($ask->($other, $call->()), $theirs, "$setting: and the other again");
    $client->quit;

    $i++;
    $client = $pooler->client('own');
    is($ask->($client, 'begin; set local ' . "$setting = $value; " . $call->() . '; rollback'), $own, "$setting: SET LOCAL at the first call");
    is($ask->($other, $call->()), $theirs, "$setting: SET LOCAL is nothing to the next client");
    $i++;
    is($ask->($client, "set $setting = $value; " . $call->() . "; reset $setting"), $own, "$setting: SET and RESET at the first call");
    is($ask->($other, $call->()), $theirs, "$setting: SET and RESET is nothing to the next client");
    $_->quit foreach $client, $other;
}

# ---- types of another's temporary objects ----

my @temporary = (
    [ 'a column of a temporary table', 'v tt.x%type; begin select x into v from tt',
        'create temp table tt (x numeric(6, 1)); insert into tt values (1.234)', 'create temp table tt (x numeric(6, 3)); insert into tt values (1.234)', '1.234', 'drop table tt' ],
    [ 'a column of another type', 'v tt.x%type; begin select x into v from tt',
        'create temp table tt (x int); insert into tt values (1)', "create temp table tt (x text); insert into tt values ('one')", 'one', 'drop table tt' ],
    [ 'a row of a temporary table', 'v tt%rowtype; begin select * into v from tt',
        'create temp table tt (x int); insert into tt values (1)', "create temp table tt (x text, y int); insert into tt values ('one', 2)", '(one,2)', 'drop table tt' ],
    [ 'a domain', 'v pg_temp.dd; begin v = 1.234',
        'create domain pg_temp.dd as numeric(6, 1)', 'create domain pg_temp.dd as numeric(6, 3)', '1.234', 'drop domain pg_temp.dd' ],
    [ 'a composite type', 'v pg_temp.cc; begin v = row(1.234)',
        'create type pg_temp.cc as (x numeric(6, 1))', 'create type pg_temp.cc as (x numeric(6, 3))', '(1.234)', 'drop type pg_temp.cc' ]);
foreach my $i (0 .. $#temporary)
{
    my ($name, $body, $theirs, $own, $expected, $drop) = @{ $temporary[$i] };
    foreach my $end ('is dropped', 'goes with its client')
    {
        my $function = "t$i" . ($end =~ /goes/ ? 'g' : 'd') . '()';
        $pooler->node->safe_psql('main', "set role app; set check_function_bodies = off; create function $function returns text language plpgsql as \$\$ declare $body; return v; end \$\$");
        my $direct = $pooler->direct('direct');
        $direct->run($own);
        is(answer($direct, "select $function"), $expected, "$name, directly");
        $direct->quit;

        my $other = $pooler->client('other');
        $other->run($theirs);
        $other->run("select $function");
        $other->run($drop) if $end =~ /dropped/;
        $other->quit;
        my $client = $pooler->client('own');
        $client->run($own);
        is(answer($client, "select $function"), $expected, "$name, after another's, which $end");
        $client->quit;
    }
}

is($base->value('select pg_backend_pid()'), $pid, 'on one backend');
done_testing;
