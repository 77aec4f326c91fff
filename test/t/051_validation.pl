# Capacity and the guide's rules for production: views, and warnings in the log
# at start and at reload.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('validation');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $file;

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

# Does the log say this from here on?  Waits for what the worker will write.
sub logs
{
    my ($offset, $pattern, $name) = @_;
    my $log;
    for (1 .. 600)
    {
        $log = substr(slurp_file($node->logfile), $offset);
        last if $log =~ $pattern;
        select(undef, undef, undef, 0.1);
    }
    like($log, $pattern, $name);
}

my $check = q{select concat_ws(' ', check_name, subject, required, available, shortfall, verdict)
    from pooler.capacity where check_name in };

$node->init;
$file = slurp_file($node->data_dir . '/postgresql.conf')
    . "shared_preload_libraries = 'pooler'\npooler.port = $port\nmax_connections = 100\n";

# The guide's small preset fits.
configure();
$node->start;
row(join ' ', 'create extension pooler;', map { "create database $_;" } qw(main telehealth fire hems));
is(row($check . q{('direct')}), 'direct 72 100 0 ok', 'small: 72 of 100');
is(row($check . q{('clients')}), 'clients 60 1000 0 ok', 'small: 60 clients');
like(row($check . q{('server')}), qr/^server 6\d 100 0 ok$/, 'small: 60 backends and what is reserved');
is(row('select count(*) from pooler.capacity where verdict <> $$ok$$'), 0, 'nothing is short');

# Two servers of the medium one do not, without the pooler.
my $offset = -s $node->logfile;
configure('pooler.pool_size = 10', 'pooler.max_overflow = 20', 'pooler.app_servers = 2',
    'pooler.capacity_buffer = 0.3');
$node->reload;
logs($offset, qr/WARNING:  capacity check "direct": 312 connections are required, available are 100/,
    'a warning at reload');
like(row($check . q{('direct')}), qr/^direct 312 100 212 short$/, 'and a row');
like(row($check . q{('server')}), qr/^server 12\d 100 2\d short$/, 'nor with it');
like(row(q{select advice from pooler.capacity where check_name = 'server'}),
    qr/^Set max_connections to 12\d, or pooler\.max_backends to 9\d\.$/, 'what to do');
is(row($check . q{('clients')}), 'clients 240 1000 0 ok', 'clients of two servers, no buffer');

# Do as it says.
configure('pooler.pool_size = 10', 'pooler.max_overflow = 20', 'pooler.max_backends = 80');
$node->reload;
$node->poll_query_until('postgres', 'show pooler.max_backends', '80');
like(row($check . q{('server')}), qr/^server 8\d 100 0 ok$/, 'max_backends bounds all pools');

# Limits of databases and roles.
$offset = -s $node->logfile;
row('alter database hems connection limit 4');
row('create role clerk login connection limit 7');
row('revoke connect on database main, telehealth from public');
configure("pooler.pools = 'main, hems pool_size=3 max_overflow=2, also=hems pool_size=1 max_overflow=0'");
$node->reload;
logs($offset, qr/WARNING:  pools may open 6 connections, but the limit of database "hems" is 4/,
    'a limit of a database in the log');
is(row($check . q{('database')}), 'database hems 6 4 2 short', 'the pools of a database together');
like(row(q{select advice from pooler.capacity where check_name = 'database'}),
    qr/ALTER DATABASE hems CONNECTION LIMIT 6/, 'its advice');
is(row($check . q{('role')}), '', 'a role that reaches its pools within its limit');
row('grant connect on database main to clerk');
is(row($check . q{('role')}), 'role clerk 15 7 8 short', 'one that does not');
row('alter role clerk superuser');
is(row($check . q{('role')}), '', "a superuser's limit counts for nothing");

# No limit: nothing can suffice for direct connections.
configure('pooler.max_overflow = -1', "pooler.pools = 'main, fire'");
$node->reload;
$node->poll_query_until('postgres', 'show pooler.max_overflow', '-1');
is(row($check . q{('direct')}), 'direct 100 short', 'direct, unlimited');
is(row($check . q{('server', 'clients') order by 1}), "clients 1000 ok\nserver 100 ok",
    'the pooler keeps to what there is');

# Nor may they have less than one each, whatever the limits say.
configure('pooler.max_overflow = -1', "pooler.pools = 'main, hems, telehealth, fire, other=main'", 'pooler.reserve = 92');
$node->reload;
$node->poll_query_until('postgres', 'show pooler.reserve', '92');
like(row(q{select concat_ws('|', required, verdict, advice) from pooler.capacity where check_name = 'server'}),
    qr/^short\|Set max_connections to 10[0-9]\.$/, 'without limit, not even one for each');
configure('pooler.pool_size = 5', 'pooler.max_overflow = 0', "pooler.pools = 'main, hems, telehealth, fire'", 'pooler.reserve = 97');
$node->reload;
$node->poll_query_until('postgres', 'show pooler.reserve', '97');
like(row(q{select concat_ws('|', required, verdict, advice) from pooler.capacity where check_name = 'server'}),
    qr/^(12\d)\|short\|Set max_connections to \1\.$/, 'with limits');

# Production.
$offset = -s $node->logfile;
configure('pooler.env = production', 'max_connections = 400', 'pooler.pool_recycle = 1h',
    'pooler.pool_pre_ping = off', 'pooler.echo_pool = on',
    "pooler.pools = 'main, fire recycle=-1 pre_ping=on echo=off'");
$node->restart;
logs($offset, qr/WARNING:  pooler\.env is production, but pooler\.pool_recycle is 3600s\n.*HINT:  Set pooler\.pool_recycle to 1800 or less\./,
    'recycle');
logs($offset, qr/WARNING:  pooler\.env is production, but pooler\.pool_pre_ping is off/, 'pre_ping');
logs($offset, qr/WARNING:  pooler\.env is production, but pooler\.echo_pool is on/, 'echo');
logs($offset, qr/WARNING:  pooler\.env is production, but recycle of pool "fire" is -1/, "a pool's own");
is(row(q{select string_agg(concat_ws(' ', check_name, pool, verdict), ', ')
    from pooler.validation where check_name <> 'capacity'}),
    'recycle short, pre_ping short, echo short, recycle fire short, pre_ping fire ok, echo fire ok',
    'the view');
is(row('select distinct enforced from pooler.validation'), 't', 'enforced');
row('alter database fire connection limit 4');
$offset = -s $node->logfile;
configure('pooler.env = production', 'max_connections = 400', "pooler.pools = 'fire pre_ping=off echo=on'");
$node->reload;
logs($offset, qr/WARNING:  pooler\.env is production, but pre_ping of pool "fire" is off\n.*HINT:  Set pre_ping of pool fire in pooler\.pools to on\./,
    "a pool's own pre_ping");
logs($offset, qr/WARNING:  pooler\.env is production, but echo of pool "fire" is on\n.*HINT:  Set echo of pool fire in pooler\.pools to off\./,
    'and echo');
like(row(q{select concat_ws('|', pool, setting, value, required, verdict, hint) from pooler.validation
    where check_name = 'capacity' and setting like 'CONNECTION LIMIT%'}),
    qr/^CONNECTION LIMIT of database fire\|4\|at least 60 \(database\)\|short\|Set its limit with ALTER DATABASE fire CONNECTION LIMIT 60, or /, 'the limit of a database in the view');
row('alter database fire connection limit -1');
row('alter database hems connection limit -1');
$offset = -s $node->logfile;
configure('pooler.env = production', 'max_connections = 400');
$node->restart;
$node->poll_query_until('postgres', 'select pid > 0 from pooler.worker', 't');
is(row('select count(*) from pooler.validation where verdict <> $$ok$$'), 0,
    "the guide's values for production pass");
unlike(substr(slurp_file($node->logfile), $offset), qr/WARNING/, 'without a warning');
$node->stop;
done_testing();
