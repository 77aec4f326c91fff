# Without the lines for its own backends a pool is unavailable and says so;
# pasting them mends it.
use PoolerTest;
use MetricsClient;

my $metrics_port = PostgreSQL::Test::Cluster::get_free_port();
my $web = MetricsClient->new($metrics_port);
my $pooler = PoolerTest->new('hba_missing', pools => 'main, fire',
    conf => "pooler.pool_timeout = 0.3\npooler.metrics_port = $metrics_port\npooler.metrics_addresses = '127.0.0.1'\n");
my $data = $pooler->node->data_dir;
my $admin = scalar getpwuid($<);

# Only what the tests themselves need; lines of the pooler go in front of it.
my $others = "local postgres $admin trust\nhost all all 127.0.0.1/32 trust\n";

sub write_file
{
    my ($name, $text) = @_;
    unlink "$data/$name.new";
    PostgreSQL::Test::Utils::append_to_file("$data/$name.new", $text);
    rename "$data/$name.new", "$data/$name" or die $!;
    return;
}

# Reloads, and waits until each pool has tried again and failed.
sub fail_again
{
    my $before = $pooler->sql('select max(last_error_at) from pooler.pools');
    $pooler->node->reload;
    $pooler->poll_view("select count(*) from pooler.pools where last_error_at > '$before'", '2', 'pools try again at a reload');
    return;
}

$pooler->stop('fast');
write_file('pg_hba.conf', $others);
write_file('pg_ident.conf', "# nobody\n");
$pooler->start_server;
$pooler->new_log;
$pooler->poll_view("select string_agg(distinct state, ' '), count(*) from pooler.pools", 'unavailable|2', 'pools are unavailable');
like($pooler->sql("select last_error from pooler.pools where pool = 'main'"), qr/no pg_hba\.conf entry/, 'with the server\'s own words');
is($pooler->sql('select count(*) from pooler.pools where last_error_at is null'), '0', 'and a time');
like($pooler->sql('select hba_missing from pooler.worker'), qr/no pg_hba\.conf entry/, 'the worker says it as well');
is($pooler->sql('select listening from pooler.worker'), 't', 'it takes clients nevertheless');
is($web->get('/ready')->{status} . $web->get('/ready')->{body}, "503pg_hba.conf lets no backend in, see pooler.hba_lines()\n", 'but it is not ready');
is($web->metrics->{pooler_hba_missing}, 1, 'as its metrics say');
my $login = $pooler->client('refused', may_fail => 1)->{login};
is(scalar @{ $login->{errors} }, 1, 'a client is told after pool_timeout');
like($login->{errors}[0]{D}, qr/cannot open backends: .*no pg_hba\.conf entry/, 'why');
unlike($login->{errors}[0]{H}, qr/Raise/, 'and no larger pool is proposed');

# What it says is not said again and again.
fail_again() for 1 .. 4;
my $log = $pooler->new_log . slurp_file($pooler->node->logfile);
foreach my $pool (qw(main fire))
{
    my @said = slurp_file($pooler->node->logfile) =~ /pool "$pool" cannot open a backend/g;
    is(scalar @said, 1, "the log says it once of pool \"$pool\"");
}
my @refused = slurp_file($pooler->node->logfile) =~ /no pg_hba\.conf entry for host "\[local\]"/g;
cmp_ok(scalar @refused, '<', 60, 'and few attempts are made');

# The lines are printed, the same ones in the log.
my %line = map { m!([^/]+)\|(.*)! } split /\n/, $pooler->sql('select file, line from pooler.hba_lines()');
is(join(' ', sort keys %line), 'pg_hba.conf pg_ident.conf', 'a line for each of two files');
ok(index($log, $line{$_}) >= 0, "the log has the line for $_") foreach sort keys %line;

# One is not enough.
write_file('pg_hba.conf', "$line{'pg_hba.conf'}\n$others");
fail_again();
$pooler->poll_view("select last_error ~* 'peer authentication failed' from pooler.pools where pool = 'main'", 't', 'half of it: the error is another one');
is($pooler->sql("select string_agg(distinct state, ' ') from pooler.pools"), 'unavailable', 'the pools stay unavailable');
like($pooler->new_log, qr/cannot open a backend.*?Put this line first/s, 'another error is news');

write_file('pg_ident.conf', "$line{'pg_ident.conf'}\n");
$pooler->node->reload;
$pooler->poll_view("select string_agg(distinct state, ' ') from pooler.pools", 'open', 'with both the pools open');
$pooler->poll_view('select hba_missing is null from pooler.worker', 't', 'nothing is missing');
is($pooler->sql("select coalesce(last_error, '') from pooler.pools where pool = 'main'"), '', 'the error is gone');
$pooler->poll_view("select string_agg(distinct (opened - closed - backends)::text, ' ') from pooler.pools", '0', 'only what was opened counts as closed');
my $client = $pooler->client('c');
is($client->value('select current_user'), 'app', 'clients are served');
if ($pooler->sql('show server_version_num') >= 160000)
{
    is($client->value("select coalesce(system_user, 'unknown')"), 'unknown', 'and none is taken for who came by the lines');
    my $session = PoolerClient->new(host => '127.0.0.1', port => $pooler->{port}, user => $admin, database => 'main');
    is($session->value("select coalesce(system_user, 'unknown')"), 'unknown', 'nor a superuser');
}

# Lost later: who is in stays in.
write_file('pg_ident.conf', "# nobody\n");
$pooler->node->reload;
$pooler->sql("select pg_terminate_backend(pid) from pooler.backends where pool = 'fire'");
$pooler->poll_view("select state from pooler.pools where pool = 'fire'", 'unavailable', 'a pool that loses its backends then');
is($client->value('select 1'), '1', 'another one serves with those it has');
is($pooler->sql("select state from pooler.pools where pool = 'main'"), 'open', 'and is open');

done_testing;
