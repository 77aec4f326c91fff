# The configuration file: defaults of both environments, reload, removal of a
# line, mistakes; read back from the worker (pooler.pools, pooler.settings).
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('settings');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $file;

# The configuration file is what it was at first, and these lines.
sub configure
{
    my (@lines) = @_;
    open my $out, '>', $node->data_dir . '/postgresql.conf' or die $!;
    print $out $file, map { "$_\n" } @lines;
    close $out;
}

sub row
{
    my ($sql) = @_;
    return $node->safe_psql('postgres', $sql);
}

sub becomes
{
    my ($sql, $expected, $name) = @_;
    ok($node->poll_query_until('postgres', $sql, $expected), $name);
}

# What is in the log from this place on.
sub logged
{
    my ($offset) = @_;
    return substr(slurp_file($node->logfile), $offset);
}

my $limits = q{select distinct concat_ws(' ', pool_size, max_overflow,
    pool_recycle, pool_timeout, pool_pre_ping, echo_pool) from pooler.pools};
my $main = $limits . q{ where pool = 'main'};
my $hems = $limits . q{ where pool = 'hems'};

$node->init;
$file = slurp_file($node->data_dir . '/postgresql.conf')
    . "shared_preload_libraries = 'pooler'\npooler.port = $port\n";

configure();
$node->start;
row('create extension pooler');
becomes('select count(*) from pooler.pools', 4, "the guide's four pools");
is(row($limits), '5 10 3600 30 t f', "the guide's values for development");
is(row('select distinct source from pooler.settings'), 'guide default', 'and so it says');

# The environment may come after the values, and a line wins over it.
configure("pooler.pool_timeout = '1500ms'", "pooler.env = 'production'");
$node->restart;
becomes($limits, '20 40 1800 1.5 t f', "the guide's values for production");
is(row('show pooler.pool_size'), '20', 'SHOW');
is(row('show pooler.pool_timeout'), '1500ms', 'SHOW with a unit');
is(row(q{select concat_ws(' ', setting, source, boot_val, reset_val)
    from pg_settings where name = 'pooler.max_overflow'}), '40 default 40 40', 'pg_settings');

# Reload, and removal of lines.
configure("pooler.env = 'production'", 'pooler.pool_size = 7', 'pooler.max_overflow = -1',
    "pooler.pools = 'main, hems pool_size=3 recycle=15min timeout=0'");
$node->reload;
becomes($main, '7 1800 30 t f', 'a reload; what is unlimited is NULL');
is(row($hems), '3 900 0 t f', "a pool's own values");
is(row(q{select string_agg(parameter || ' ' || source, ', ' order by parameter)
    from pooler.settings where pool = 'hems' and source <> 'guide default'}),
    'max_overflow global, pool_recycle pool, pool_size pool, pool_timeout pool',
    'where values come from');
configure("pooler.env = 'production'");
$node->reload;
becomes($main, '20 40 1800 30 t f', 'without the lines the defaults of production');
is(row('show pooler.pool_size'), '20', 'SHOW');
row('alter system set pooler.pool_size = 9');
$node->reload;
becomes($main, '9 40 1800 30 t f', 'ALTER SYSTEM');
row('alter system reset pooler.pool_size');
$node->reload;
becomes($main, '20 40 1800 30 t f', 'and its RESET');

# Mistakes do not stop a reload, and the old value stays.
my $offset = -s $node->logfile;
configure("pooler.env = 'production'", "pooler.pools = 'main, hems pool_sise=3'",
    'pooler.pool_size = 8', 'pooler.pol_timeout = 3');
$node->reload;
becomes($main, '8 40 1800 30 t f', 'a reload with mistakes');
is(row(q{select string_agg(pool, ' ' order by pool) from pooler.pools
    where state <> 'draining'}), 'fire hems main telehealth', 'the pools stay');
like(logged($offset), qr/Entry 2 \(hems pool_sise=3\): there is no parameter "pool_sise"/,
    'the entry is named');
like(logged($offset), qr/invalid configuration parameter name "pooler\.pol_timeout"/,
    'so is the misspelt setting');

# Nor do they stop a start.
$offset = -s $node->logfile;
$node->restart;
becomes($main, '8 40 1800 30 t f', 'a start with mistakes');
like(logged($offset), qr/WARNING:  invalid configuration parameter name "pooler\.pol_timeout"/,
    'the misspelt setting is named at start');

# Roles may have a mode, and it does not change what the views show.
configure();
$node->restart;
row('create role regular login; alter role regular set pooler.mode = session;
    grant pg_monitor to regular');
is($node->safe_psql('postgres', 'show pooler.mode', extra_params => [ '-U', 'regular' ]),
    'session', "a role's mode");
is($node->safe_psql('postgres', q{select distinct value || ' ' || source
    from pooler.settings where parameter = 'mode'}, extra_params => [ '-U', 'regular' ]),
    'transaction guide default', "the pools' mode for that role");

# Without the library there is one clear error.
configure("shared_preload_libraries = ''");
$node->restart;
my ($code, $out, $err) = $node->psql('postgres', 'drop extension pooler; create extension pooler');
like($err, qr/ERROR:  pooler is not loaded into the server\nHINT:  Add pooler to shared_preload_libraries/,
    'CREATE EXTENSION without the library');
is(() = $err =~ /ERROR/g, 1, 'one error');
$node->stop;
done_testing();
