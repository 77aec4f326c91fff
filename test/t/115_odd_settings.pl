# Settings of every type, from SET and from the startup packet, go with their
# client; what a backend does not take is dropped, or ends the session, and is
# no one else's.
use PoolerTest;

my $pooler = PoolerTest->new('odd', pools => 'main pool_size=1', conf => "pooler.pool_timeout = 10s\n");
my $other = $pooler->client('other');

# Of each type: bool, integer, real, string, enum; with an extra (a list of
# values, a time zone) and without.
my %set = (enable_seqscan => 'off', work_mem => '5MB', seq_page_cost => '1.1', random_page_cost => '0.3333333333333333',
    search_path => 'pg_catalog, public', default_transaction_isolation => 'serializable', bytea_output => 'escape',
    IntervalStyle => 'iso_8601', TimeZone => 'Asia/Kabul', DateStyle => 'German, DMY', log_timezone => undef,
    vacuum_cost_delay => '12.5ms', statement_timeout => '99s', geqo_seed => '0.25', xmloption => 'document',
    constraint_exclusion => 'on', temp_tablespaces => '', default_text_search_config => 'pg_catalog.german',
    client_min_messages => 'warning', synchronous_commit => 'local', plan_cache_mode => 'force_custom_plan', debug_print_plan => 'on');
delete $set{log_timezone};
my $show = 'select ' . join(', ', map { "current_setting('$_')" } sort keys %set);
my $options = join(' ', map { my $v = $set{$_}; $v =~ s/ /\\ /g; "-c $_=$v" } sort keys %set);
sub values_of { return $_[0]->run($show)->{rows}[0] }
my $fresh = values_of($other);

foreach my $how ('SET', 'the startup packet')
{
    my ($client, $direct) = map { $pooler->$_("by $how", $how eq 'SET' ? () : (options => $options)) } qw(client direct);
    foreach my $name ($how eq 'SET' ? sort keys %set : ())
    {
        $_->run("set $name = " . ($name =~ /path|spaces|DateStyle/i ? $set{$name} || "''" : "'$set{$name}'")) foreach $client, $direct;
    }
    my $expected = values_of($direct);
    foreach my $turn (1 .. 2)
    {
        is_deeply(values_of($other), $fresh, "$how: another has none of them, turn $turn");
        is_deeply(values_of($client), $expected, "$how: its client has all of them, turn $turn");
    }
    # changed on top, and reset to what the packet said
    $_->run("set seq_page_cost = 9.75; set bytea_output = hex; set enable_seqscan = on; set statement_timeout = 7") foreach $client, $direct;
    $other->run('select 1');
    is_deeply(values_of($client), values_of($direct), "$how: changed");
    $other->run("set seq_page_cost = 3; set geqo_seed = 0.5");
    $_->run('reset seq_page_cost; reset bytea_output; reset enable_seqscan') foreach $client, $direct;
    $other->run('reset all');
    is_deeply(values_of($client), values_of($direct), "$how: and reset");
    $_->run('reset all') foreach $client, $direct;
    is_deeply(values_of($other), $fresh, "$how: another has none of it still");
    is_deeply(values_of($client), values_of($direct), "$how: all reset");
    $_->quit foreach $client, $direct;
}
is_deeply(values_of($other), $fresh, 'nothing is left of them');

# What was refused at a login leaves the next one's base alone.
foreach my $turn (1 .. 2)
{
    foreach my $bad ('-c work_mem=3MB -c DateStyle=nonsense', '-c seq_page_cost=2 -c seq_page_cost=-1', '-c bytea_output=none', '-c enable_seqscan=maybe')
    {
        ok(@{ $pooler->client('bad', options => $bad, may_fail => 1)->{login}{errors} }, "\"$bad\" is refused, turn $turn");
        is_deeply(values_of($other), $fresh, 'another has nothing of it');
    }
}

# Twice the same in one packet: the later one holds, and nothing is left.
my $twice = $pooler->client('twice', options => '-c seq_page_cost=2 -c seq_page_cost=3 -c app.x=1 -c app.x=2');
$other->run('select 1');
is($twice->value('show seq_page_cost') . $twice->value('show app.x'), '32', 'the later of two');
$twice->quit;
is_deeply(values_of($other), $fresh, 'and another has neither');

# So many settings that lists grow.
my $many = $pooler->client('many', options => join(' ', map { "-c p.v$_=$_" } 1 .. 80));
$many->run(join('; ', map { "set q.v$_ = $_" } 1 .. 80));
$other->run('select 1');
is($many->value(join(' + ', map { "current_setting('p.v$_')::int + current_setting('q.v$_')::int" } 1 .. 80) =~ s/^/select /r), '6480', 'many of them');
is($other->value("select coalesce(current_setting('p.v80', true), 'none')"), 'none', 'another has none');
is($many->value('show p.v1'), '1', 'and they are there again');
$many->quit;

# More than can be carried: the client keeps its backend.
my $huge = $pooler->client('huge');
$huge->run("set app.big = '" . 'x' x 1_200_000 . "'");
$pooler->poll_view("select array_to_string(pinned_by, ', ') from pooler.clients where application_name = 'huge'", 'settings', 'a setting too large to be carried pins');
foreach my $length (reverse 64_600 .. 65_400)
{
    next if $length % 100;
    $huge->run("set app.big = '" . 'x' x $length . "'");
    $other->run('select 1') if $pooler->sql("select pinned_by = '{}' from pooler.clients where application_name = 'huge'") eq 't';
    is($huge->value('select length(current_setting($$app.big$$))'), $length, "carried or not: $length bytes are there");
}
$huge->run("set app.big = 'small'");
$pooler->poll_view("select array_to_string(pinned_by, ', ') from pooler.clients where application_name = 'huge'", '', 'until it is small');
$other->run('select 1');
is($huge->value('show app.big'), 'small', 'then it is carried');
$huge->quit;

is($pooler->sql("select count(*) from pooler.clients where pinned_by <> '{}'"), '0', 'nobody is pinned');

# An option for what is a transaction's, or for another role.
$pooler->sql('create role team; grant team to app');
foreach my $option ('transaction_read_only=on', 'role=pg_monitor', 'role=team')
{
    my ($bound, $bound_direct) = map { $pooler->$_('bound', options => "-c $option", may_fail => 1) } qw(client direct);
    is_deeply([ map { $_->{M} } @{ $bound->{login}{errors} } ], [ map { $_->{M} } @{ $bound_direct->{login}{errors} } ], "$option: logs in as on a direct connection");
    next if @{ $bound->{login}{errors} };
    my ($name) = split /=/, $option;
    is($bound->value("show $name"), $bound_direct->value("show $name"), "$option: is shown as there");
    $_->quit foreach $bound, $bound_direct;
    is_deeply(values_of($other), $fresh, 'another has nothing of it');
    is($other->value("select current_user || current_setting('transaction_read_only')"), 'appoff', 'nor is it in its place');
}

# A tablespace that is gone: as on a direct connection the value stays.
$pooler->sql('set allow_in_place_tablespaces = on');
$pooler->sql("create tablespace going location ''");
$pooler->sql('grant create on tablespace going to app');
my ($client, $direct) = map { $pooler->$_('tablespace', options => '-c app.y=1') } qw(client direct);
my ($started, $started_direct) = map { $pooler->$_('started', options => '-c temp_tablespaces=going -c work_mem=6MB') } qw(client direct);
$_->run("set temp_tablespaces = going; set default_tablespace = going; set work_mem = '3MB'") foreach $client, $direct;
$other->run('select 1');
$pooler->sql('drop tablespace going');
foreach my $turn (1 .. 2)
{
    is_deeply($started->run('select current_setting($$temp_tablespaces$$), current_setting($$work_mem$$)')->{rows}, [ [ 'going', '6MB' ] ], "one of the startup packet, turn $turn");
    is_deeply(values_of($other), $fresh, 'which nobody else has');
}
is($started_direct->value('show temp_tablespaces'), 'going', 'as on a direct connection');
$_->quit foreach $started, $started_direct;
is_deeply([ map { $client->value("show $_") } qw(temp_tablespaces default_tablespace work_mem app.y) ],
    [ map { $direct->value("show $_") } qw(temp_tablespaces default_tablespace work_mem app.y) ], 'settings that name what is gone');
$other->run('select 1');
is($client->value('show work_mem'), '3MB', 'and those beside them');
$_->quit foreach $client, $direct;

# One who may set what only superusers may, and then may not: his value cannot
# be had by another backend, and he is told after the third.
$pooler->sql('grant set on parameter log_statement to app');
my $grantee = $pooler->client('grantee');
$grantee->run("set log_statement = 'all'");
$other->run('select 1');
is($grantee->value('show log_statement'), 'all', 'a parameter by GRANT is carried');
$other->run('select 1');
$pooler->sql('revoke set on parameter log_statement from app');
my $result = $grantee->query('show log_statement');
is($result->{errors}[0]{C}, '55000', 'after REVOKE it cannot be restored');
is($result->{errors}[0]{M}, 'could not restore the settings of this session', 'which the client is told');
ok($result->{eof}, 'and its session ends');
$pooler->sql('grant set on parameter log_statement to app');
$grantee = $pooler->client('grantee', options => '-c log_statement=ddl');
$other->run('select 1');
is($grantee->value('show log_statement'), 'ddl', 'the same in the startup packet');
$other->run('select 1');
$pooler->sql('revoke set on parameter log_statement from app');
is($grantee->query('show log_statement')->{errors}[0]{C}, '55000', 'and after REVOKE');
is_deeply(values_of($other), $fresh, 'another is served');

done_testing;
