# Real drivers with their default settings do real work through the pooler.
# Each program here checks its own answers and exits with 0.
use FindBin;
use PoolerTest;

my $pooler = PoolerTest->new('drivers',
    pools => 'main pool_size=12 max_overflow=4, telehealth, fire, hems',
    conf => "log_statement = none\n",
    sql => "alter role app password 'secret';");
my $hba = $pooler->node->data_dir . '/pg_hba.conf';
PostgreSQL::Test::Utils::append_to_file("$hba.new",
    "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
rename "$hba.new", $hba or die $!;
$pooler->node->reload;

local %ENV = (%ENV,
    PGHOST => '127.0.0.1', PGPORT => $pooler->{port}, PGUSER => 'app',
    PGDATABASE => 'main', PGPASSWORD => 'secret',
    CLASSPATH => "$ENV{CLIENTS}:/usr/share/java/postgresql.jar");
foreach my $program (
    (map { "/usr/bin/python3 $FindBin::Bin/with_$_.py" } qw(psycopg2 psycopg3 asyncpg sqlalchemy odbc)),
    "node $FindBin::Bin/with_node_postgres.js", 'java with_pgjdbc',
    (map { "$ENV{CLIENTS}/with_$_" } qw(pgx pq)),
    (map { "sh $FindBin::Bin/with_$_.sh" } qw(psql pgbench)))
{
    my $output = `$program 2>&1`;
    is($?, 0, $program =~ s/.*\///r) or diag $output;
}
$pooler->poll_view("select count(*) from pooler.backends where state = 'pinned'", '0',
    'no backend stays pinned');
cmp_ok($pooler->sql('select max(backends) from pooler.pools'), '<=', 16, 'never more backends than the limit');

done_testing;
