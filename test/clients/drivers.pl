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
    PGDATABASE => 'main', PGPASSWORD => 'secret');
foreach my $program (
    [qw(/usr/bin/python3 with_psycopg2.py)], [qw(/usr/bin/python3 with_psycopg3.py)],
    [qw(/usr/bin/python3 with_asyncpg.py)], [qw(/usr/bin/python3 with_sqlalchemy.py)],
    [qw(node with_node_postgres.js)], [qw(sh with_psql.sh)], [qw(sh with_pgbench.sh)])
{
    my ($interpreter, $file) = @$program;
    my $output = `$interpreter $FindBin::Bin/$file 2>&1`;
    is($?, 0, $file) or diag $output;
}
$pooler->poll_view("select count(*) from pooler.backends where state = 'pinned'", '0',
    'no backend stays pinned');
cmp_ok($pooler->sql('select max(backends) from pooler.pools'), '<=', 16, 'never more backends than the limit');

done_testing;
