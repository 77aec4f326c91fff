# A client's settings go with it from backend to backend, and to nobody else.
use PoolerTest;

my $pooler = PoolerTest->new('settings', pools => 'main pool_size=1');

# Each step is done by a client of the pooler and by one of the server; another
# client uses the only backend before each.  All messages must be the same; only
# what is reported at once (by RESET ALL) comes in the order in which the backend
# changed it first (16: guc_nondef_list), which no client may rely on.
sub ordered
{
    my ($log) = @_;
    my @reports = sort grep { /^S / } @$log;
    return [ map { /^S / ? shift @reports : $_ } @$log ];
}
my $other = $pooler->client('other');
sub same
{
    my ($client, $direct, $sql) = @_;
    $other->run("set work_mem = '1MB'; set search_path = pg_catalog; set app.who = 'other';
        set DateStyle = 'SQL, MDY'; set application_name = 'someone'; set client_encoding = latin1");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(ordered($client->query($sql)->{log}), ordered($direct->query($sql)->{log}), "\"$sql\"");
}

my ($client, $direct) = map { $pooler->$_('c1') } qw(client direct);
my $fresh = 'show work_mem; show search_path; show DateStyle; show application_name; show client_encoding';
same($client, $direct, $_) foreach (
    $fresh, 'show app.who',
    "set work_mem = '7MB'", 'show work_mem',
    "select set_config('search_path', 'public, pg_catalog', false)", 'show search_path',
    "set app.who = 'mine'", 'show app.who', "select current_setting('app.who')",
    "set DateStyle = 'German, DMY'", 'show DateStyle', "select '1.2.2026'::date",
    "set TimeZone = 'Asia/Tokyo'", 'show TimeZone', "set IntervalStyle = iso_8601",
    "set application_name = 'mine'", 'show application_name',
    "set client_encoding = latin1", "select 'ä'", 'show client_encoding', 'reset client_encoding',
    'set standard_conforming_strings = off', q{select '\\\\'}, 'reset standard_conforming_strings',
    "begin; set local work_mem = '9MB'; show work_mem; commit", 'show work_mem',
    "begin; set work_mem = '10MB'; rollback", 'show work_mem',
    "begin; set work_mem = '11MB'; commit", 'show work_mem',
    'set default_transaction_isolation = serializable', 'show transaction_isolation',
    'set session characteristics as transaction read only', 'show transaction_read_only',
    'set session characteristics as transaction read write',
    "set no_such_setting = 1", "set work_mem = 'much'", 'set port = 1',
    'reset work_mem', 'show work_mem',
    'reset all', $fresh, 'show TimeZone', 'discard all', $fresh);

# Startup options, as a driver sends them.
my %options = (
    options => '-c work_mem=5MB -c search_path=pg_catalog -c app.who=startup',
    DateStyle => 'ISO, YMD', TimeZone => 'Asia/Kabul', client_encoding => 'SQL_ASCII',
    extra_float_digits => '0');
($client, $direct) = map { $pooler->$_('startup', %options) } qw(client direct);
is_deeply($client->{parameters}, $direct->{parameters}, 'startup options are reported');
same($client, $direct, $_) foreach (
    $fresh, 'show app.who', 'show extra_float_digits', 'show TimeZone',
    'set work_mem = 1000', 'reset work_mem', 'show work_mem', 'reset all', 'show app.who', $fresh);
foreach my $bad ('-c work_mem=much', '-c no_such_setting=1', '-c port=1')
{
    is_deeply(
        $pooler->client('bad', options => $bad, may_fail => 1)->{login}{errors}[0]{M},
        $pooler->direct('bad', options => $bad, may_fail => 1)->{login}{errors}[0]{M},
        "a bad option is refused as by the server: $bad");
}

# The other way round: a fresh client has nothing of the others.
my ($new, $new_direct) = map { $pooler->$_('new') } qw(client direct);
is_deeply($new->{parameters}, $new_direct->{parameters}, 'a fresh client is told fresh values');
is_deeply($new->query($_)->{log}, $new_direct->query($_)->{log}, "a fresh client: \"$_\"")
  foreach $fresh, 'show app.who', 'show TimeZone', 'show standard_conforming_strings',
  "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings
      where source not in ('default', 'configuration file', 'override', 'environment variable') and name <> 'application_name'";

# A placeholder whose library comes later, and may refuse it: as on a direct
# connection it is dropped then.
my ($early, $early_direct) = map { $pooler->$_('early') } qw(client direct);
foreach ($early, $early_direct)
{
    $_->run("set plpgsql.variable_conflict = 'use_column'");
    $new->run('select 1');
    is($_->value('show plpgsql.variable_conflict'), 'use_column', 'a placeholder is carried');
    $_->run('do $$ begin null; end $$');
    $new->run('select 1');
    is($_->value('show plpgsql.variable_conflict'), 'error', 'and dropped where its library refuses it');
}

# What parse analysis has read stays the client's own inside a function's plan.
$client->run(q{create function public.d() returns date language plpgsql as $$ begin return '01/02/2026'::date; end $$});
my ($american, $european) = map { $pooler->client($_) } qw(mdy dmy);
$american->run("set DateStyle = 'ISO, MDY'");
$european->run("set DateStyle = 'ISO, DMY'");
foreach my $turn (1 .. 8)
{
    is($american->value('select public.d()') . ' ' . $european->value('select public.d()'),
        '2026-01-02 2026-02-01', "a function reads a date in its client's order, turn $turn");
}

is($pooler->sql("select count(*) from pooler.clients where pinned_by <> '{}'"), '0', 'nobody was pinned');
is($pooler->sql('select count(*) from pooler.backends'), '1', 'on one backend');

# A reload reaches backends that have a client's values loaded.
$other->run("set work_mem = '3MB'");
$pooler->reconfigure("work_mem = '6MB'\n");
$pooler->poll_view('show work_mem', '6MB', 'the file is read');
my $end = time + 30;
sleep 0.01 while $new->value('show work_mem') ne '6MB' && time < $end;
is($new->value('show work_mem'), '6MB', 'a reload reaches a client that set nothing');
is($other->value('show work_mem'), '3MB', 'and leaves another its own value');

done_testing;
