# Settings of a library that is loaded after they were set, or in one backend and
# not in the other: nobody's value becomes another's.
use PoolerTest;

my $pooler = PoolerTest->new('late', pools => 'main pool_size=1, fire pool_size=2');
$pooler->node->safe_psql('main', 'create extension hstore');
my $other = $pooler->client('other');
my $load = 'do $$ begin null; end $$';
my $warnings = 'plpgsql.extra_warnings';

# A backend in which no library has been loaded.
sub fresh
{
    my $pid = $other->value('select pg_backend_pid()');
    $pooler->sql("select pg_terminate_backend($pid)");
    $pooler->poll_view("select count(*) from pooler.backends where pool = 'main' and pid <> $pid", '1', 'a fresh backend');
    $other = $pooler->client('other');
    return;
}

# From the startup packet, over nothing, over a role's setting, and over one
# that the library does not like.
foreach my $base ('', 'too_many_rows', 'nonsense')
{
    $pooler->sql("alter role app " . ($base ? "set $warnings = '$base'" : "reset $warnings"));
    fresh();
    my ($client, $direct) = map { $pooler->$_('c', options => "-c $warnings=shadowed_variables") } qw(client direct);
    my $plain = $pooler->direct('d');
    $_->run($load) foreach $client, $direct, $plain;
    my $expected = $plain->value("show $warnings");
    foreach my $turn (1 .. 2)
    {
        is($other->value("show $warnings"), $expected, "over '$base': another has what a direct connection has, turn $turn");
        is($client->value("show $warnings"), $direct->value("show $warnings"), "over '$base': its client as on a direct one, turn $turn");
    }
    $_->run("reset $warnings") foreach $client, $direct;
    is($client->value("show $warnings"), $direct->value("show $warnings"), "over '$base': RESET");
    $_->quit foreach $client, $direct, $plain;
}
$pooler->sql("alter role app reset $warnings");

# An option that the library refuses, where another client had it loaded.
fresh();
$other->run($load);
my ($bad, $bad_direct) = map { $pooler->$_('bad', options => "-c $warnings=nonsense -c work_mem=3MB") } qw(client direct);
$bad_direct->run($load);
is($bad->value('show work_mem') . ' ' . $bad->value("show $warnings"), $bad_direct->value('show work_mem') . ' ' . $bad_direct->value("show $warnings"),
    'an option that its library refuses is dropped, and no other');
$other->run('select 1');
is($bad->value("show $warnings"), 'none', 'and stays so');
$bad->quit;

# A placeholder, and a library of another name that comes between.
fresh();
my $mine = $pooler->client('mine');
$mine->run("set my.var = 'mine'");
is($other->value(q{select coalesce(current_setting('my.var', true), 'none')}), 'none', 'a placeholder is nobody else\'s');
$other->run(q{select 'a=>1'::hstore});
is($mine->value('show my.var'), 'mine', 'and is there after a library was loaded');
is($other->value(q{select coalesce(current_setting('my.var', true), 'none')}), 'none', 'and still nobody else\'s');
$other->run($load);
is($mine->value('show my.var'), 'mine', 'and after another');
$mine->run('begin; set local my.passing = 1; commit');
is($other->value(q{select coalesce(current_setting('my.passing', true), 'none')}), 'none', 'one that has been is nobody else\'s');
is($mine->value(q{select coalesce(current_setting('my.passing', true), 'none')}), '', 'and is known to its client');
$mine->quit;

# Set where the library is not loaded, served where it is: dropped there, as
# where it is loaded.
my ($loads, $sets, @held) = map { $pooler->client($_, database => 'fire') } qw(loads sets held1 held2);
$loads->run("begin; $load");
my $loaded = $loads->value('select pg_backend_pid()');
$sets->run("set $warnings = 'nonsense'; set my.var = 'mine'; set work_mem = '3MB'");
is($sets->value("show $warnings"), 'nonsense', 'where the library is not loaded any value goes');
$loads->run('commit');
$_->run('begin') foreach @held;
my ($here) = grep { $_->value('select pg_backend_pid()') eq $loaded } @held;
$here->run('commit');
is($sets->value('select pg_backend_pid()'), $loaded, 'served where it is loaded');
is(join(' ', map { $sets->value("show $_") } $warnings, 'my.var', 'work_mem'), 'none mine 3MB', 'that one is dropped, and no other');
$_->run('rollback') foreach @held;

done_testing;
