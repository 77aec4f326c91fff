# Real programs read the console: drivers, check_postgres, Debian's exporter.
use FindBin;
use PoolerTest;

my $pooler = PoolerTest->new('console_programs', pools => 'main pool_size=2', sql => q{
    create role monitor login password 'secret' in role pg_monitor;});
my $hba = $pooler->node->data_dir . '/pg_hba.conf';
PostgreSQL::Test::Utils::append_to_file("$hba.new",
    "local all all trust\nhost pgbouncer monitor 127.0.0.1/32 scram-sha-256\nhost main app 127.0.0.1/32 trust\n");
rename "$hba.new", $hba or die $!;
$pooler->node->reload;

my $client = $pooler->client('known');
$client->run('select 1') foreach 1 .. 42;
$client->quit;
$pooler->poll_view('select transactions, clients, idle + unborn from pooler.pools', '42|0|2', '42 transactions');
local %ENV = (%ENV, PGHOST => '127.0.0.1', PGPORT => $pooler->{port}, PGUSER => 'monitor', PGPASSWORD => 'secret');
delete $ENV{PGDATABASE};
foreach my $program ("/usr/bin/python3 $FindBin::Bin/console.py 42", "node $FindBin::Bin/console.js 42",
    "$ENV{CLIENTS}/console 42")
{
    my $output = `$program 2>&1`;
    is($?, 0, $program =~ s/.*\///r) or diag $output;
}
my $check = "check_postgres --host=127.0.0.1 --port=$pooler->{port} --dbuser=monitor --dbpass=secret";
like(`$check --action=pgbouncer_backends 2>&1`, qr/^POSTGRES_PGBOUNCER_BACKENDS OK: .*1 of 1000 connections/, 'check_postgres: backends');
like(`$check --action=pgb_pool_sv_idle --warning=1000 --critical=2000 2>&1`, qr/^POSTGRES_PGB_POOL_SV_IDLE OK: /, 'check_postgres: a pool');
like(`$check --action=pgb_pool_maxwait --warning=5 --critical=10 2>&1`, qr/^POSTGRES_PGB_POOL_MAXWAIT OK: /, 'check_postgres: the wait');
like(`$check --action=pgbouncer_checksum --critical=0 2>&1`, qr/checksum: [0-9a-f]{32}/, 'check_postgres: the settings');

done_testing;
