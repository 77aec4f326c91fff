# From 18 on a function in SQL keeps its plans for later statements, as those of PL/pgSQL do: one who
# has not called it must get what his own settings make of its literals, however he came to set them.
use PoolerTest;

my @settings = (
    [ 'DateStyle', 'ISO, DMY', "'01/02/2026'::date" ],
    [ 'TimeZone', 'Asia/Tokyo', "extract(epoch from '2026-01-01 00:00'::timestamptz)" ],
    [ 'transform_null_equals', 'on', 'coalesce(x = null, false)' ],
    [ 'bytea_output', 'escape', "'\\x41'::bytea" ]);

# S is set to V where F is called; "own": it is still set so afterwards.
my @ways = (
    [ 'SET alone', "set S = 'V'", 'select F' ],
    [ 'SET and RESET in one message', "set S = 'V'; select F; reset S" ],
    [ 'set_config() before', "begin; select set_config('S', 'V', true)", 'select F; commit' ],
    [ 'set_config() in the same message', "begin; select from set_config('S', 'V', true); select F; commit" ],
    [ 'set_config() in the same statement', "select y from (select set_config('S', 'V', true) as x, F as y offset 0) as t" ],
    [ 'set_config() forth and back in it', "select y from (select set_config('S', 'V', true) as x, F as y, set_config('S', 'B', true) offset 0) as t" ],
    [ 'SET LOCAL', "begin; set local S = 'V'; select F; commit" ]);

# Two statements are not inlined.
my $functions = 'set role app;';
foreach my $i (0 .. $#settings)
{
    $functions .= "create function f${i}_$_() returns text language sql as \$\$ select 1; select ($settings[$i][2])::text from (select null::int as x offset 0) as t \$\$;\n" foreach 0 .. 19;
}
my $pooler = PoolerTest->new('sql_functions', pools => 'main pool_size=1 max_overflow=0');
$pooler->node->safe_psql('main', $functions);

# What the last statement that returns a row says.
sub answer { my ($client, @messages) = @_; my $said; foreach (@messages) { my $result = $client->query($_); $said = $result->{rows}[-1][0] if @{ $result->{rows} } } return $said }

my $base = $pooler->client('base');
my $pid = $base->value('select pg_backend_pid()');
$base->run('create temp table x (); drop table x');    # a new temporary schema makes every backend plan anew
foreach my $i (0 .. $#settings)
{
    my ($name, $value) = @{ $settings[$i] };
    my $before = $base->value("show $name");
    my $n = 0;
    foreach (@ways)
    {
        my ($way, @messages) = @$_;
        my $function = "f${i}_" . $n++ . '()';
        my @own = map { s/\bF\b/$function/r =~ s/\bS\b/$name/gr =~ s/'V'/'$value'/gr =~ s/'B'/'$before'/gr } @messages;
        my $theirs = answer($pooler->direct('direct'), "select $function");
        my $own = answer($pooler->direct('direct'), @own);
        isnt($own, $theirs, "$name, $way: makes a difference, directly");

        is(answer($base, "select $function"), $theirs, "$name, $way: as it is");
        my $client = $pooler->client('own');
        is(answer($client, @own), $own, "$name, $way: after another has called the function");
        is(answer($base, "select $function"), $theirs, "$name, $way: and he gets his own again");
        $client->quit;

        # the other way round
        $function = "f${i}_" . $n++ . '()';
        @own = map { s/\bF\b/$function/r =~ s/\bS\b/$name/gr =~ s/'V'/'$value'/gr =~ s/'B'/'$before'/gr } @messages;
        $client = $pooler->client('own');
        is(answer($client, @own), $own, "$name, $way: at the first call");
        is(answer($base, "select $function"), $theirs, "$name, $way: is nothing to the next client");
        $client->quit;
    }
}
is($base->value('select pg_backend_pid()'), $pid, 'on one backend');

done_testing;
