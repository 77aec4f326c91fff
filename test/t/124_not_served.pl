# A server on which pooler cannot serve, or not so many, says so at its start and
# runs; what needs the worker has one clear error. Other modules are loaded first.
use PoolerTest;

my $pooler = PoolerTest->new('unserved', pools => 'main',
    conf => "shared_preload_libraries = 'pg_stat_statements, pooler'\npooler.max_client_conn = 200\nmax_files_per_process = 1000\n");

# Modules that use the same hooks.
$pooler->sql('create extension pg_stat_statements');
$pooler->client('counted')->run('select 4711 as counted_by_another_module');
is($pooler->sql("select calls from pg_stat_statements as s join pg_roles as r on r.oid = s.userid where rolname = 'app' and query like '%counted_by%'"), '1',
    'a module that is loaded before pooler works');

# As many requests as there are clients, which are more than the worker takes at once.
my @crowd = map { $pooler->client("crowd$_") } 1 .. 60;
is($pooler->sql("select count(*) from pooler.clients where application_name like 'crowd%' and pooler.terminate_client(id)"), '60', 'sixty requests at once');
$pooler->poll_view('select clients from pooler.worker', '0', 'are served');
is(join(' ', map { $_->result->{errors}[0]{C} } @crowd), join(' ', ('57P01') x 60), 'each of them');

# A worker that does not take them.
@crowd = map { $pooler->client("crowd$_") } 1 .. 30;
my $worker = $pooler->worker_pid;
kill 'STOP', $worker;
my $asks = $pooler->direct('asks', user => scalar getpwuid($<), database => 'postgres');
my $result = $asks->query("select pooler.terminate_client(id) from pooler.clients where application_name like 'crowd%'");
kill 'CONT', $worker;
is("$result->{errors}[0]{C} $result->{errors}[0]{M}", "53400 the pooler's worker does not take requests", 'a worker that is stopped: one error, in time');
$pooler->poll_view('select clients from pooler.worker', '14', 'those that were sent are served later');
is($asks->value('select count(pooler.terminate_client(id)) from pooler.clients'), '14', 'and it takes others again');
$pooler->poll_view('select clients from pooler.worker', '0', 'and serves them');
$asks->quit;

# Starts the server with such a limit of open files; a new log.
sub start_with
{
    my ($files) = @_;
    $pooler->stop('fast');
    $pooler->new_log;
    my $node = $pooler->node;
    PostgreSQL::Test::Utils::system_or_bail('sh', '-c', 'ulimit -n $0 && exec pg_ctl -w -D "$1" -l "$2" -o "--cluster-name=$3" start', $files, $node->data_dir, $node->logfile, $node->name);
    $node->_update_pid(1);
    return;
}
sub is_not_served
{
    my ($name) = @_;
    is($pooler->sql("select pid is null, listening, clients, backends from pooler.worker"), 't|f|0|0', "$name: the view says so");
    ok(!eval { $pooler->connect }, "$name: nobody listens");
    my $reset = $pooler->{admin}->query('select pooler.reset_stats()')->{errors}[0];
    is("$reset->{C} $reset->{M}", "55000 the pooler's worker is not running", "$name: what needs the worker says so");
    is($pooler->sql('select pooler.terminate_client(1), pooler.cancel_client(1)'), 'f|f', "$name: there is no client to end");
    is($pooler->direct('direct')->value('select 1'), '1', "$name: the server runs");
    return;
}

start_with(1000);
$pooler->logged(qr/LOG:  pooler does not serve: the limit of open files is too low\n.*DETAIL:  It is 1000; client sockets begin at \d+\.\n.*HINT:  Raise it \(ulimit -n/, 'too few files for anybody');
is_not_served('no files');

start_with(1250);
$pooler->logged(qr/WARNING:  pooler can serve (\d+) clients, not the 200 of pooler\.max_client_conn\n.*DETAIL:  The limit of open files is 1250\.\n.*HINT:  Raise it to \d+/, 'files for some');
$pooler->await_open;
my $most = $pooler->sql('select max_clients from pooler.worker');
cmp_ok($most, '>', 0, 'some can be served');
cmp_ok($most, '<', 200, 'not all');
my @clients = map { $pooler->client("c$_", may_fail => 1) } 1 .. $most + 1;
my $last = (pop @clients)->{login}{errors}[0];
is(join(' ', map { $_->value('select 1') } @clients), join(' ', (1) x $most), 'so many are served');
is("$last->{C} $last->{M} $last->{D}", "53300 sorry, too many clients already pooler serves at most $most clients.", 'and no more');
$pooler->sql("alter system set pooler.max_overflow = 150");
$pooler->node->reload;
$pooler->poll_view('select max_overflow from pooler.pools', '150', 'more clients are wanted');
is($pooler->sql("select available, advice from pooler.capacity where check_name = 'clients'"),
    "$most|Raise the limit of open files (ulimit -n): it lowers pooler.max_client_conn to $most and 152 are needed.", 'pooler.capacity says what to raise');

done_testing;
