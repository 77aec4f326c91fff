# Settings, written to the file, read back from the worker after a restart.
use PoolerTest;

my $pooler = PoolerTest->new('file');
my $node = $pooler->node;

# Starts with these lines instead of those before.
my $file = $node->data_dir . '/postgresql.conf';
my $base = slurp_file($file) =~ s/^pooler\.(pools|pool_size|max_overflow) .*\n//gmr;
sub with
{
    my ($lines, %options) = @_;
    $pooler->stop('fast') if $node->{_pid};
    open my $f, '>', $file or die $!;
    print $f $base, $lines;
    close $f;
    my $started = $node->start(fail_ok => $options{fails});
    $pooler->await_open if $started && !$options{unavailable};
    return $started;
}
my $six = "select distinct pool_size, max_overflow, pool_recycle, pool_timeout, pool_pre_ping, echo_pool from pooler.pools";

with('');
is($pooler->sql($six), '5|10|3600|30|t|f', 'development: the guide\'s defaults');
is($pooler->sql('select string_agg(pool, $$ $$ order by pool) from pooler.pools'), 'fire hems main telehealth', 'the guide\'s four databases');
is($pooler->sql("select distinct source from pooler.settings where parameter in ('pool_size', 'max_overflow')"), 'guide default', 'the view says where they come from');

with("max_connections = 300\npooler.env = production\n");
is($pooler->sql($six), '20|40|1800|30|t|f', 'production: the guide\'s defaults');

with("pooler.pool_size = 3\npooler.max_overflow = 4\npooler.pool_recycle = 1h\npooler.pool_timeout = 1500ms\npooler.pool_pre_ping = off\npooler.echo_pool = on\n");
is($pooler->sql($six), '3|4|3600|1.5|f|t', 'all six from the file, with units');
is($pooler->sql("select distinct source from pooler.settings where parameter = 'pool_size'"), 'global', 'the view says global');

with("pooler.pool_size = 3\npooler.pools = 'main pool_size=4 recycle=15min timeout=0.25 pre_ping=off echo=on, hems'\n");
is($pooler->sql("select pool_size, pool_recycle, pool_timeout, pool_pre_ping, echo_pool from pooler.pools where pool = 'main'"), '4|900|0.25|f|t', 'a pool\'s own values');
is($pooler->sql("select source from pooler.settings where parameter = 'pool_size' order by pool"), "global\npool", 'the view tells them apart');

# echo_pool: one checkout from beginning to end.
$pooler->new_log;
my $client = $pooler->client('echo');
my $pid = $client->value('select pg_backend_pid()');
$pooler->client('other')->value('select 1');
$node->wait_for_log(qr/checkout.*(?s:.*)checkin/);
like($pooler->new_log, qr/LOG:  .*checkout/, 'echo_pool logs checkouts');

# ALTER SYSTEM, SHOW, RESET.
$node->safe_psql('postgres', "alter system set pooler.pool_timeout = '2min'");
$node->reload;
$pooler->poll_view("select pool_timeout from pooler.pools where pool = 'hems'", '120', 'ALTER SYSTEM and a reload');
is($pooler->sql('show pooler.pool_timeout'), '2min', 'SHOW');
$node->safe_psql('postgres', 'alter system reset pooler.pool_timeout');
$node->reload;
$pooler->poll_view("select pool_timeout from pooler.pools where pool = 'hems'", '30', 'and back');

# Production: what fails the guide's validation is a WARNING, not an end.
$pooler->new_log;
with("pooler.env = production\npooler.pool_size = 5\npooler.max_overflow = 10\npooler.pool_recycle = 1h\npooler.pool_pre_ping = off\npooler.echo_pool = on\n");
my $log = $pooler->new_log;
like($log, qr/WARNING:.*$_/, "production warns: $_") foreach qw(pool_recycle pool_pre_ping echo_pool);
like($log, qr/HINT:/, 'with a hint');
cmp_ok($pooler->sql("select count(distinct check_name) from pooler.validation where enforced and verdict <> 'ok'"), '>=', 3, 'and in the view');
is($pooler->client('c')->value('select 1'), '1', 'and serves all the same');
$pooler->new_log;
with("max_connections = 20\npooler.pool_size = 5\n", unavailable => 1);
$node->wait_for_log(qr/capacity check "direct"/, $pooler->{log_read});
like($pooler->new_log, qr/WARNING: .*connections are required(?s:.*?)HINT: .*max_connections/, 'a shortfall is warned of at start');
is($pooler->sql("select shortfall > 0 and advice like '%max_connections%' from pooler.capacity where check_name = 'server'"), 't', 'and advice given');
with("max_connections = 100\n");
is($pooler->sql("select required, available, shortfall from pooler.capacity where check_name = 'direct'"), '72|100|0', 'the guide\'s small scale fits');

# Addresses and sockets.
my $directory = PostgreSQL::Test::Utils::tempdir_short();
with("pooler.unix_socket_directories = '$directory'\npooler.pool_size = 1\n");
is(PoolerClient->new(host => $directory, port => $pooler->{port}, user => 'app', database => 'main')->value('select inet_client_addr()'), undef, 'a Unix socket');
is($pooler->client('tcp')->value('select host(inet_client_addr())'), '127.0.0.1', 'beside TCP');
with("pooler.listen_addresses = ''\npooler.unix_socket_directories = '$directory'\npooler.pool_size = 1\n");
ok(!eval { $pooler->connect }, 'no TCP where none is wanted');
is(PoolerClient->new(host => $directory, port => $pooler->{port}, user => 'app', database => 'main')->value('select 2'), '2', 'only the socket');

# A port that is taken: the cluster is unharmed.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0);
with("pooler.port = " . $taken->sockport . "\npooler.unix_socket_directories = ''\n", unavailable => 1);
is($pooler->sql('select 3'), '3', 'a taken port does not harm the cluster');
like(slurp_file($node->logfile), qr/could not (bind|listen)/, 'the log says so');

# Errors.
foreach my $bad ("pooler.poolsize = 3", "pooler.pool_size = -1", "pooler.pool_timeout = 'soon'", "pooler.mode = sometimes", "pooler.pools = 'main main'")
{
    my $answer = with("$bad\n", fails => 1, unavailable => 1);
    my ($name) = $bad =~ /pooler\.(\w+)/;
    like(slurp_file($node->logfile), qr/(WARNING|ERROR|FATAL|LOG):.*"pooler\.$name"/, "named in the log: $bad");
}
with("pooler.pool_size = 2\n");
is($pooler->direct('plain', database => 'postgres')->sqlstate('set pooler.no_such = 1'), '42602', 'a misspelt name is an error at SET');
is($pooler->direct('plain')->sqlstate('set pooler.pool_size = 1'), '55P02', 'what the file decides cannot be SET');

# Without the library.
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$base = slurp_file($file) =~ s/^pooler\..*\n//gmr;
with('', unavailable => 1);
my ($code, $out, $error) = $node->psql('postgres', 'select * from pooler.pools');
like($error, qr/shared_preload_libraries/, 'without the library the views say what is missing');
($code, $out, $error) = $node->psql('template1', 'create extension pooler');
like($error, qr/shared_preload_libraries/, 'CREATE EXTENSION as well');

done_testing;
