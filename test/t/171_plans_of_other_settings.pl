# A function's cached plan has literals and tables as they were read for whoever
# called it first in a backend: one who has not called it must get what his own
# settings and temporary tables make of it, however he came to set them.
use PoolerTest;

# A setting, a value, and what parse analysis or planning makes something else of.
my @settings = (
    [ 'DateStyle', 'ISO, DMY', "'01/02/2026'::date" ],
    [ 'TimeZone', 'Asia/Tokyo', "extract(epoch from '2026-01-01 00:00'::timestamptz)" ],
    [ 'timezone_abbreviations', 'India', "extract(epoch from '2026-01-01 00:00 IST'::timestamptz)" ],
    [ 'IntervalStyle', 'sql_standard', "extract(epoch from '-1 2:03'::interval)" ],
    [ 'array_nulls', 'off', "('{NULL}'::text[])[1] is null" ],
    [ 'transform_null_equals', 'on', 'coalesce(x = null, false)' ],
    [ 'extra_float_digits', '0', "0.1::float8 + 0.2::float8" ],
    [ 'bytea_output', 'escape', "'\\x41'::bytea" ],
    [ 'quote_all_identifiers', 'on', "quote_ident('a')" ]);

# S is set to V where F is called, and nothing is left of it at the end.
my @ways = (
    [ 'SET and RESET in one message', "set S = 'V'; select F; reset S" ],
    [ 'SET and RESET ALL in one message', "set S = 'V'; select F; reset all" ],
    [ 'set_config() in the same statement', "select y from (select set_config('S', 'V', true) as x, F as y offset 0) as t" ],
    [ 'SET LOCAL', "begin; set local S = 'V'; select F; commit" ],
    [ 'a SET that is rolled back', "begin; set S = 'V'; select F; rollback" ],
    [ "a function's SET clause", 'select c(F)' ]);

# Each check has a function of its own: f0_0, f0_1 ...; c0_0 has a SET clause.
my $functions = "set role app; create function xml() returns text language plpgsql as \$\$ begin return '<a/><b/>'::xml; end \$\$;\n";
foreach my $i (0 .. $#settings)
{
    my ($name, $value, $expression) = @{ $settings[$i] };
    $functions .= <<"END_OF_SQL" foreach 0 .. 19;
create function f${i}_$_() returns text language plpgsql as \$\$ declare x int; begin return ($expression)::text; end \$\$;
create function c${i}_$_() returns text set $name = '$value' language plpgsql as \$\$ begin return f${i}_$_(); end \$\$;
END_OF_SQL
}
my $pooler = PoolerTest->new('plans', pools => 'main pool_size=1 max_overflow=0, fire pool_size=1 max_overflow=0 mode=session');
$pooler->node->safe_psql($_, $functions) foreach qw(main fire);

# The rows' values; the SQLSTATE of an error.
sub answer
{
    my ($client, $sql) = @_;
    my $result = $client->query($sql);
    return @{ $result->{errors} } ? $result->{errors}[0]{C} : join('|', map { $_->[0] // 'NULL' } @{ $result->{rows} });
}

sub in_way
{
    my ($way, $setting, $function) = @_;
    my ($name, $value) = @$setting;
    $way =~ s/c\(F\)/'c' . substr($function, 1)/e;
    return $way =~ s/\bF\b/$function/r =~ s/\bS\b/$name/gr =~ s/\bV\b/$value/r;
}

# ---- settings ----

my $base = $pooler->client('base');
my $pid = $base->value('select pg_backend_pid()');
$base->run('create temp table x (); drop table x');    # a new temporary schema makes every backend plan anew
foreach my $i (0 .. $#settings)
{
    my $setting = $settings[$i];
    my ($name, $value) = @$setting;
    my $n = 0;
    my $next = sub { return "f${i}_" . $n++ . '()' };
    my $set = "set $name = '$value'";

    # what is right
    my $function = $next->();
    my $theirs = answer($pooler->direct('direct'), "select $function");
    my $own = answer($pooler->direct('direct'), "$set; select $function");
    isnt($own, $theirs, "$name makes a difference, directly");

    # set alone, after another's call
    $function = $next->();
    is(answer($base, "select $function"), $theirs, "$name: as it is");
    my $client = $pooler->client('own');
    $client->run($set);
    is(answer($client, "select $function"), $own, "$name: SET alone, after another has called the function");
    is(answer($base, "select $function"), $theirs, "$name: and he gets his own again");
    $client->quit;

    # by the extended protocol
    $function = $next->();
    $base->run("select $function");
    $client = $pooler->client('own');
    $client->write(map({ (Parse('', $_), Bind('', ''), Execute()) } $set, "select $function", "reset $name"), Sync());
    is($client->result->{rows}[0][0], $own, "$name: SET in a pipeline, after another has called the function");
    $client->quit;

    # one who keeps his backend
    $function = $next->();
    $base->run("select $function");
    $client = $pooler->client('own');
    $client->run('create temp table keeps ()');
    $client->run($set);
    is(answer($client, "select $function"), $own, "$name: pinned, SET after another has called the function");
    $client->quit;

    # set and gone
    foreach (@ways)
    {
        my ($way, $sql) = @$_;
        $function = $next->();
        $client = $pooler->client('own');
        is(answer($client, in_way($sql, $setting, $function)), $own, "$name: $way, at the first call");
        is(answer($base, "select $function"), $theirs, "$name: $way is nothing to the next client");
        $client->quit;

        $function = $next->();
        $base->run("select $function");
        $client = $pooler->client('own');
        is(answer($client, in_way($sql, $setting, $function)), $own, "$name: $way, after another has called the function");
        $client->quit;
    }

    # session mode: the next one on the same backend
    $function = $next->();
    my $session = $pooler->client('session', database => 'fire');
    my $served = $session->value('select pg_backend_pid()');
    $session->run("select $function");
    $session->quit;
    $session = $pooler->client('session', database => 'fire');
    is($session->value('select pg_backend_pid()'), $served, "$name: session mode, a backend that has served another");
    $session->run($set);
    is(answer($session, "select $function"), $own, "$name: session mode, SET");
    $session->quit;
    $function = $next->();
    $session = $pooler->client('session', database => 'fire');
    is(answer($session, "$set; select $function; reset $name"), $own, "$name: session mode, SET and RESET");
    $session->quit;
    is(answer($pooler->client('session', database => 'fire'), "select $function"), $theirs, "$name: session mode, the next client");
}

# one that makes the literal an error
SKIP:
{
    if (answer($pooler->direct('direct'), "select '<a/>'::xml") eq '0A000')
    {
        note 'a server without libxml';
        last SKIP;
    }
    is(answer($pooler->direct('direct'), 'set xmloption = document; select xml()'), '2200M', 'xmloption makes a difference, directly');
    is(answer($base, 'select xml()'), '<a/><b/>', 'xmloption: as it is');
    my $document = $pooler->client('document');
    $document->run('set xmloption = document');
    is(answer($document, 'select xml()'), '2200M', 'xmloption: SET alone, after another has called the function');
    $document->quit;
}

# ---- temporary tables ----

$pooler->node->safe_psql('main', <<'END_OF_SQL');
set role app;
create table orders as select 1 as i; create sequence numbers start 100; create table shown as select 1 as i;
create function reads() returns text language plpgsql as $$ begin return (select count(*) from orders); end $$;
create function loops() returns text language plpgsql as $$ declare n int := 0; r record; begin for r in select * from orders loop n = n + 1; end loop; return n; end $$;
create function inserts() returns text language plpgsql as $$ declare t text; begin insert into orders values (9) returning tableoid::regclass into t; return t; end $$;
create function updates() returns text language plpgsql as $$ declare n int; begin update orders set i = i; get diagnostics n = row_count; return n; end $$;
create function deletes() returns text language plpgsql as $$ declare n int; begin delete from orders; get diagnostics n = row_count; return n; end $$;
create function numbered() returns text language plpgsql as $$ begin return nextval('numbers'); end $$;
create function views() returns text language plpgsql as $$ begin return (select count(*) from shown); end $$;
END_OF_SQL

my @all = map { "$_()" } qw(reads loops updates numbered views inserts deletes);
my $own = 'create temp table orders as select i from generate_series(1, 3) i; create temp sequence numbers start 500;
    create temp view shown as select generate_series(1, 5)';
sub of_temp
{
    my ($client) = @_;
    $client->run($own);
    return [ map { "$_ " . answer($client, "select $_") } @all ];
}

# First, since it gets a new temporary schema.
my $direct = of_temp($pooler->direct('direct'));
is_deeply($direct, [ 'reads() 3', 'loops() 3', 'updates() 3', 'numbered() 500', 'views() 5', 'inserts() orders', 'deletes() 4' ], 'temporary tables go first, directly');

# Another has had a temporary schema there, and called them.
my $other = $pooler->client('other');
$other->run('create temp table x (); drop table x');
$other->run("select $_") foreach @all;
$other->run('delete from orders; insert into orders values (1), (2)');
my $client = $pooler->client('temp');
my $pooled = of_temp($client);
is($pooled->[$_], $direct->[$_], "$all[$_] has the temporary one, after another's call") foreach 0 .. $#all;
is($pooler->direct('direct')->value('select count(*) from orders'), '2', 'and the permanent one has its rows');
$client->quit;
is(answer($pooler->client('next'), 'select reads()'), '2', 'which is what the next client reads');
is($base->value('select pg_backend_pid()'), $pid, 'on one backend');

done_testing;
