# A pool whose backends pg_hba.conf does not let in is not too small: neither pooler.health nor
# pooler.diagnose() says so when its clients time out or wait; they say what is wrong, as
# pooler.advice does.
use PoolerTest;

my $pooler = PoolerTest->new('unavailable', pools => 'main pool_size=1 max_overflow=1 timeout=0.2, fire pool_size=1 max_overflow=1 timeout=600',
    conf => "pooler.health_wait = 100ms\n");
my $data = $pooler->node->data_dir;
my $admin = scalar getpwuid($<);
$pooler->stop('fast');
unlink "$data/pg_hba.conf";
PostgreSQL::Test::Utils::append_to_file("$data/pg_hba.conf", "local postgres $admin trust\nhost all all 127.0.0.1/32 trust\n");
$pooler->start_server;
$pooler->poll_view("select string_agg(distinct state, ' '), count(*) from pooler.pools where last_error ~ 'no pg_hba.conf entry'", 'unavailable|2', 'pools are unavailable');

# main's clients have timed out; one of fire waits.
$pooler->client('refused', may_fail => 1) foreach 1, 2;
$pooler->poll_view("select timeouts from pooler.pools where pool = 'main'", '2', 'clients time out');
my $waiter = $pooler->connect;
$waiter->write(PoolerClient::startup(user => 'app', database => 'fire', application_name => 'waiter'));
$pooler->poll_view("select longest_wait > '200 ms' from pooler.pools where pool = 'fire'", 't', 'another one waits');
$pooler->poll_view("select sum(timeouts) from pooler.history where pool = 'main'", '2', 'the history has it');

foreach my $case ([ 'main', 'exhaustion' ], [ 'fire', 'wait' ])
{
    my ($pool, $metric) = @$case;
    my $row = "from pooler.health where pool = '$pool' and metric = '$metric'";
    my $remedy = $pooler->sql("select remedy $row");
    unlike($remedy, qr/raise (max_overflow|pool_size|pooler\.max_backends)/i, "$metric: no larger pool is proposed");
    like($remedy, qr/no pg_hba\.conf entry|pooler\.hba_lines\(\)/, "$metric: but what is wrong is said");
    unlike($pooler->sql("select array_to_string(statements, ' ') $row"), qr/ALTER SYSTEM/i, "$metric: no statement makes it larger");
    like($pooler->sql("select coalesce(string_agg(problem, ', ' order by n), 'none') from pooler.diagnose() with ordinality as d (problem, pool, since, cause, client, application_name, role, backend, statement, remedy, n) where pool = '$pool'"),
        qr/^pool unavailable/, "$pool: pooler.diagnose() says first that it is unavailable");
    is($pooler->sql("select coalesce(string_agg(problem || ': ' || remedy, '; '), 'none') from pooler.diagnose() where pool = '$pool' and remedy ~* 'raise (max_overflow|pool_size|pool_timeout)'"),
        'none', "$pool: and nowhere that it is too small");
    like($pooler->sql("select change from pooler.advice where pool = '$pool'"), qr/^No backend can be opened, mend that first: .*no pg_hba\.conf entry/, "$pool: nor by pooler.advice");
}

done_testing;
