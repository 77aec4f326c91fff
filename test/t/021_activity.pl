# What the server shows and does about a client is as on a direct connection.
use PoolerTest;

my $pooler = PoolerTest->new('activity', pools => 'main pool_size=1 max_overflow=0',
    conf => "log_line_prefix = '%m [%p] %u@%d %a %h '\nlog_statement = none\npg_stat_statements.track = all\n");
$pooler->node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'pooler, pg_stat_statements'");
$pooler->restart;
$pooler->node->safe_psql('main', 'create extension pg_stat_statements');
my ($one, $two) = map { $pooler->client($_) } qw(first second);
my $me = 'select usename, application_name, client_addr, client_port, state, query from pg_stat_activity where pid = pg_backend_pid()';

foreach my $client ($one, $two, $one)
{
    my $name = $client->value('show application_name');
    my ($user, $application, $address, $port, $state, $query) = @{ $client->run($me)->{rows}[0] };
    is("$user $application $address $state", "app $name 127.0.0.1 active", "pg_stat_activity shows $name");
    is($port, $client->{socket}->sockport, "$name: with its port");
    is($query, $me, "$name: and its query");
    is($client->value('select host(inet_client_addr())'), '127.0.0.1', "$name: inet_client_addr()");
    is($client->value('select inet_client_port()'), $port, "$name: inet_client_port()");
    is($pooler->sql("select host(address) || ' ' || port from pooler.clients where application_name = '$name'"), "127.0.0.1 $port", "$name: the view knows the same");
}

# Between clients a backend shows nobody's query.
$one->run('select 1 as somebodys');
$pooler->poll_view("select count(*) from pg_stat_activity where query like '%somebodys%' and pid <> pg_backend_pid()", '0', 'an idle backend shows no query');
is($pooler->sql("select state, wait_event, application_name, client_addr from pg_stat_activity where datname = 'main'"), 'idle|ClientRead|pooler|', 'but whose it is');
$pooler->poll_view("select backend_type, wait_event_type, wait_event in ('Extension', 'PoolerMain') from pg_stat_activity where pid = " . $pooler->worker_pid,
    'pooler|Extension|t', 'the worker shows that it waits for events');
$one->run('begin');
is($pooler->sql("select state, application_name from pg_stat_activity where datname = 'main'"), 'idle in transaction|first', 'in a transaction it shows whose');
$one->run('commit');

# The log.
$pooler->new_log;
$one->query("select 'logged' || no_such_column");
like($pooler->new_log, qr/app\@main first 127\.0\.0\.1 ERROR:  column "no_such_column" does not exist/, 'a log line bears user, database, application and address');
$pooler->node->safe_psql('postgres', "alter role app set log_min_duration_statement = 0");
my $logged = $pooler->client('logged');
$logged->run("select 'duration of this'");
$pooler->node->wait_for_log(qr/logged 127\.0\.0\.1 LOG:  duration: .* statement: select 'duration of this'/);
pass('statement logging');
$pooler->node->safe_psql('postgres', "alter role app reset log_min_duration_statement");
$_->quit foreach $logged;

# pg_stat_statements.
$one->run('select 5 as counted, 6 as twice') foreach 1 .. 3;
is($pooler->node->safe_psql('main', "select calls from pg_stat_statements where query like 'select \$1 as counted, \$2 as twice'"), '3', 'pg_stat_statements counts');

# Time-outs, and their absence for the next client.
$one->run("set statement_timeout = '100ms'");
is($one->sqlstate('select pg_sleep(600)'), '57014', 'statement_timeout');
is($two->value('select pg_sleep(0.3)'), '', 'which is not the next client\'s');
is($one->value('select 1'), '1', 'its own client goes on');
$one->run("set statement_timeout = 0; set lock_timeout = '100ms'");
$two->run('create table locked (i int)');
my $direct = $pooler->direct('locker');
$direct->run('begin; lock table locked');
is($one->sqlstate('select * from locked'), '55P03', 'lock_timeout');
$direct->run('rollback');

my $idler = $pooler->client('idler');
$idler->run("set idle_in_transaction_session_timeout = '100ms'; begin");
my $result = $idler->result;
is($result->{errors}[0]{C}, '25P03', 'idle_in_transaction_session_timeout');
ok($result->{eof}, 'ends the session');
is($two->value('select 2'), '2', 'and no other');
$idler = $pooler->client('idler');
$idler->run("set idle_session_timeout = '300ms'");
$two->run('select 3');
$result = $idler->result;
is($result->{errors}[0]{C}, '57P05', 'idle_session_timeout, while nobody serves it');
ok($result->{eof}, 'ends the session');
is($two->value('select 3'), '3', 'and no other');
$pooler->poll_view('select backends from pooler.pools', '1', 'the pool has its backend');

# Ended by its own role.
$pooler->sql('select 1');
$direct = $pooler->direct('same role');
$one->run('begin');
my $pid = $one->value('select pg_backend_pid()');
is($direct->value("select pg_terminate_backend($pid)"), 't', 'pg_terminate_backend() by the role itself');
$result = $one->result;
is($result->{errors}[0]{C}, '57P01', 'tells the client');
ok($result->{eof}, 'and ends its session');
is($two->value('select 4'), '4', 'others go on');

# A client that is gone ends its statement (client_connection_check_interval).
$two->run("set client_connection_check_interval = '100ms'");
$two->write(Query('select pg_sleep(600)'));
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '1', 'a statement runs');
$two->vanish;
$pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '0', 'and ends with its client');

# The views may be read by pg_monitor, and by nobody else.
$pooler->sql('create role watcher login in role pg_monitor');
my $watcher = $pooler->direct('watcher', user => 'watcher', database => 'postgres');
foreach my $view (qw(pools routes backends clients settings capacity presets))
{
    is($watcher->sqlstate("select * from pooler.$view"), '', "pg_monitor reads pooler.$view");
    is($pooler->direct('plain', database => 'postgres')->sqlstate("select * from pooler.$view"), '42501', "others do not: $view");
}
is($watcher->sqlstate('select pooler.reset_stats()'), '42501', 'what changes something is not pg_monitor\'s');
cmp_ok($pooler->sql('select transactions from pooler.pools'), '>', 10, 'transactions are counted');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view('select transactions, checkouts, timeouts from pooler.pools', '0|0|0', 'until reset_stats()');

done_testing;
