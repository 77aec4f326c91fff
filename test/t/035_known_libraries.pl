# Whose library is known gives its backend back; superusers in transaction mode.
use PoolerTest;

my $pooler = PoolerTest->new('libraries', pools => 'main pool_size=2',
    conf => "pooler.superuser_mode = transaction\n",
    sql => 'create role boss superuser login; create role chief superuser login; create role plain login in role pg_read_all_settings;');
$pooler->node->safe_psql('main', 'create extension hstore; create extension fuzzystrmatch');

# A client that uses hstore: what it is pinned by, and its backend.
sub use_library
{
    my ($name) = @_;
    my $client = $pooler->client($name);
    is($client->value(q{select 'a=>1'::hstore -> 'a'}), '1', "$name uses the library");
    return ($client, $client->value('select pg_backend_pid()'));
}
sub pinned { my ($name) = @_; return "select pinned_by <> '{}' from pooler.clients where application_name = '$name'" }

sub reconfigure_libraries
{
    my ($list) = @_;
    $pooler->reconfigure("pooler.known_libraries = '$list'\n");
    $pooler->poll_view('show pooler.known_libraries', $list, "known: $list");
    $pooler->poll_view('select clients from pooler.worker', '0', 'nobody is there, for whom one would be born at once');
    # backends that had it loaded before are not what is tested
    $pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
    $pooler->poll_view("select count(*) from pooler.backends where state = 'unborn'", '2', 'fresh backends');
    return;
}

my ($client, $pid) = use_library('by default');
$client->run('begin; commit');
is($pooler->sql(pinned('by default')), 'f', 'contrib modules without state are known');
my $checkouts = $pooler->sql('select checkouts from pooler.pools');
is($pooler->client('next')->value('select 1'), '1', 'another client is served');
$client->quit;
is($pooler->sql("select count(*) from pooler.backends where pid = $pid"), '1', 'the backend stays');

reconfigure_libraries('fuzzystrmatch');
($client, $pid) = use_library('outside');
$pooler->poll_view(pinned('outside'), 't', 'a library outside the list pins');
like($pooler->sql("select pinned_by from pooler.clients where application_name = 'outside'"), qr/library/, 'and the view says by what');
$client->run('discard all');
is($client->value('select pg_backend_pid()'), $pid, 'for the rest of the session');
my $second = $pooler->client('second');
is($second->query(q{select 'a=>1'::hstore})->{rows}[0][0], '"a"=>"1"', 'another one is answered');
my $told = $second->result;
is(join('|', @{ $told->{errors}[0] // {} }{qw(S C M D)}), 'FATAL|53300|too many clients of pool "main" keep a backend for their session state|This session would keep one for: library.',
    'but may not keep the pool\'s last backend');
ok($told->{eof}, 'and is ended');
my $inside = $pooler->client('inside');
is($inside->value("select levenshtein('a', 'b')"), '1', 'one inside');
is($pooler->sql(pinned('inside')), 'f', 'does not');
$inside->quit;
$client->quit;
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'its backend is closed afterwards');

reconfigure_libraries('fuzzystrmatch, hstore');
($client, $pid) = use_library('listed');
$client->run('begin; commit');
is($pooler->sql(pinned('listed')), 'f', 'listed, it pins no more');
$client->quit;
$pooler->poll_view("select state from pooler.backends where pid = $pid", 'idle', 'and the backend goes on');
is($pooler->sql('select closed from pooler.pools') > 0, 1, 'the counter knows the others');

# LOAD pins, whatever is listed: who loads may have reasons.
$client = $pooler->client('loads', user => 'boss');
$client->run("load 'hstore'");
$pooler->poll_view(pinned('loads'), 't', 'LOAD pins');
$client->quit;
$pooler->poll_view("select count(*) from pooler.clients where pool = 'main'", '0', 'all have left');

# Superusers share backends by role, as others do.
my ($first, $second) = map { $pooler->client($_, user => 'boss') } qw(first second);
is($first->value('show is_superuser'), 'on', 'a superuser');
is($pooler->sql("select string_agg(distinct mode, ' ') from pooler.clients where role = 'boss'"), 'transaction', 'in transaction mode');
$pooler->poll_view("select count(*) from pooler.backends where state = 'unborn'", '0', 'both backends are boss\'s');
$first->run('begin');
$pid = $first->value('select pg_backend_pid()');
$first->run('commit');
$first->quit;
$pooler->poll_view("select state, role from pooler.backends where pid = $pid", 'idle|boss', 'its backend stays, and stays its role\'s');
my @pids;
foreach my $user (qw(app chief))
{
    my $other = $pooler->client($user, user => $user);
    is_deeply($other->run('select session_user, current_setting($$is_superuser$$)')->{rows},
        [ [ $user, $user eq 'app' ? 'off' : 'on' ] ], "$user is itself");
    isnt($other->value('select pg_backend_pid()'), $pid, "$user does not get a backend of boss's");
    push @pids, $pid;
    $other->quit;
}
is($second->value('select session_user'), 'boss', 'boss goes on');

# Back to the default: the next login is in session mode.
$pooler->reconfigure("pooler.superuser_mode = session\npooler.pool_timeout = 29s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '29', 'the worker has read it');
$second->quit;
my $last = $pooler->client('last', user => 'boss');
is($pooler->sql("select mode from pooler.clients where application_name = 'last'"), 'session', 'session mode again');
$pid = $last->value('select pg_backend_pid()');
$last->quit;
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'and its backend is closed');

# The same for what SET cannot undo: startup options, a role's preloaded library.
$pooler->sql("alter role plain set session_preload_libraries = 'fuzzystrmatch'");
foreach ([ 'app', 'ignore_system_indexes', 'on' ], [ 'plain', 'session_preload_libraries', 'fuzzystrmatch' ])
{
    my ($user, $setting, $value) = @$_;
    my $own = $pooler->client('own', user => $user, $user eq 'app' ? (options => "-c $setting=$value") : ());
    is($own->value("show $setting"), $value, "$user has $setting");
    $pid = $own->value('select pg_backend_pid()');
    $own->quit;
    $pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'on a backend that is closed afterwards');
}

done_testing;
