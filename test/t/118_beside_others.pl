# Beside other libraries of the server: one that keeps state though it was
# preloaded, and one that decides about logins.
use PoolerTest;

my $pooler = PoolerTest->new('preloaded', pools => 'main pool_size=1', conf => "shared_preload_libraries = 'plperl, pooler'\n");
sub pinned { return $pooler->sql("select array_to_string(pinned_by, ', ') from pooler.clients where application_name = '$_[0]'") }
my $client = $pooler->client('first');
my $pid = $client->value('select pg_backend_pid()');
is(pinned('first'), 'library', 'a preloaded library that keeps state pins whoever comes');
is($client->value('select pg_backend_pid()'), $pid, 'to one backend');
$client->quit;
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'which is closed afterwards');
$pooler->reconfigure("pooler.known_libraries = 'plperl'\n");
$pooler->poll_view('show pooler.known_libraries', 'plperl', 'unless the administrator knows it');
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
$pooler->poll_view("select count(*) from pooler.backends where state = 'unborn'", '1', 'for backends from then on');
$client = $pooler->client('second');
is($client->value('select 1') . pinned('second'), '1', 'nobody is pinned then');
$client->quit;

# What a module about logins would not see must not be served.
foreach my $order ('auth_delay, pooler', 'pooler, auth_delay')
{
    $pooler->stop('fast');
    $pooler->node->append_conf('postgresql.conf', "shared_preload_libraries = '$order'\n");
    $pooler->new_log;
    $pooler->start_server;
    $pooler->logged(qr/pooler does not serve: another module decides about logins/, "$order: the log says that pooler does not serve");
    is($pooler->sql('select count(*) from pooler.worker where listening'), '0', "$order: nor does it");
    ok(!eval { $pooler->client('x') }, "$order: nobody gets in");
    is($pooler->direct('d')->value('select 1'), '1', "$order: the server itself serves");
}

# Views without the library.
$pooler->stop('fast');
$pooler->node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$pooler->start_server;
foreach my $relation ('pooler.pools', 'pooler.clients', 'pooler.backends', 'pooler.worker', 'pooler.settings', 'pooler.health', 'pooler.hba_lines()')
{
    my ($code, $out, $error) = $pooler->node->psql('postgres', "\\set VERBOSITY verbose\nselect count(*) from $relation");
    like($error, qr/ERROR:  55000: pooler is not loaded into the server\n.*HINT:  Add pooler to shared_preload_libraries/s, "$relation without the library");
}

done_testing;
