# With max_connections used up by others, pools take what there is, never the
# reserved, and recover by themselves.
use PoolerTest;

my $pooler = PoolerTest->new('capacity', pools => 'main, telehealth',
    conf => "max_connections = 14\nsuperuser_reserved_connections = 2\npooler.reserve = 2\n"
      . "pooler.pool_size = 3\npooler.pool_timeout = -1\n");
my $client = $pooler->client('c1');
$client->run('select 1');
is($pooler->sql('select sum(backends) from pooler.pools'), '6', 'pools have what they should');

# 14 = 6 of the pools, the admin's, 2 + 2 reserved: three are left for others.
my @others = map { $pooler->direct("other$_") } 1 .. 3;
$pooler->reconfigure("pooler.pool_size = 10\n");
$pooler->poll_view('select min(pool_size) from pooler.pools', '10', 'pools want more');
$pooler->poll_view('select sum(backends) from pooler.pools', '6', 'but never the reserved');
is($client->value('select 2'), '2', 'clients are served');
push @others, map { $pooler->direct("other$_") } 4, 5;
is($pooler->direct('full', may_fail => 1)->{login}{errors}[0]{C}, '53300', 'others took all that was left to them');
my $super = $pooler->direct('super', user => scalar getpwuid($<), database => 'postgres');
is($super->value('select 1'), '1', 'a superuser still gets in');
$pooler->sql('create role late login');
is($pooler->client('late', user => 'late')->value('select current_user'), 'late',
    'a backend that has its slot is born, whatever superusers have taken since');
is($client->value('show superuser_reserved_connections'), '2', 'and tells the setting as it is');
$super->quit;

# A backend that is lost now cannot always be replaced: the others serve.
# (Two statements: in one the planner may end a backend before it asks of which pool.)
my $ended = $pooler->sql("select string_agg(pid::text, ',') from pooler.backends where pool = 'main' and state in ('idle', 'unborn')");
$pooler->sql("select pg_terminate_backend(pid) from unnest('{$ended}'::int[]) as pid");
$pooler->poll_view("select count(*) from pg_stat_activity where pid in ($ended)", '0', 'backends are lost');
is($client->value('select 3'), '3', 'clients are served by what there is');

$_->quit foreach @others;
$pooler->poll_view('select sum(backends) from pooler.pools', '9', 'with others gone the pools take what is there');
is($client->value('select 4'), '4', 'and serve');

# A limit over all pools; each listed pool can always have one.
$pooler->reconfigure("pooler.max_backends = 4\n");
$pooler->poll_view('select sum(backends) <= 4 from pooler.pools', 't', 'max_backends bounds all pools');
is($pooler->client('t', database => 'telehealth')->value('select 5'), '5', 'each pool serves');
$pooler->reconfigure("pooler.max_backends = 1\n");
$pooler->poll_view('select sum(backends) <= 2 from pooler.pools', 't', 'down to one for each pool');
is($pooler->client('c', database => $_)->value('select 6'), '6', "$_ serves") foreach qw(main telehealth);

# A role's and a database's own limit.
$pooler->reconfigure("pooler.max_backends = -1\n");
$pooler->node->safe_psql('postgres', 'create role limited login connection limit 1');
my @limited = map { $pooler->client("l$_", user => 'limited') } 1, 2;
$limited[0]->run('begin');
$limited[1]->write(Query('select 7'));
$pooler->poll_view("select waiting from pooler.routes where role = 'limited'", '1', 'a role at its CONNECTION LIMIT waits for its own');
$limited[0]->run('commit');
is($limited[1]->result->{rows}[0][0], '7', 'and is served');
is($client->value('select 8'), '8', 'other roles are not concerned');

# More clients than max_client_conn.
$pooler->node->append_conf('postgresql.conf', "pooler.max_client_conn = 5\npooler.pool_size = 3\n");
$pooler->restart;
my @clients = map { $pooler->client("c$_") } 1 .. 5;
my $refused = $pooler->client('sixth', may_fail => 1)->{login}{errors}[0];
is($refused->{C}, '53300', 'a client beyond max_client_conn is refused');
is($clients[4]->value('select 9'), '9', 'those within are served');
$clients[0]->quit;
$pooler->poll_view('select sum(clients) from pooler.pools', '4', 'one leaves');
is($pooler->client('next')->value('select 10'), '10', 'another is let in');

# A pool that comes when one before it has all that may be had.
my $late = PoolerTest->new('late', pools => 'telehealth', conf => "max_connections = 12\n"
      . "superuser_reserved_connections = 2\npooler.reserve = 2\npooler.pool_size = 8\npooler.pool_timeout = -1\n");
sub set_pools
{
    my ($pools, $there) = @_;
    $late->reconfigure("pooler.pools = '$pools'\n");
    $late->poll_view('select count(*) from pooler.pools', $there, "pools: $pools");
    return;
}
$late->poll_view('select sum(backends) from pooler.pools', '8', 'one pool has taken all but the reserved');
set_pools('telehealth, main', 2);
is($late->client('m')->value('select 11'), '11', 'a pool without any backend may have one of pooler.reserve');
set_pools('telehealth', 1);
my @rest;
while (1)
{
    my $other = $late->direct('rest' . @rest, may_fail => 1);
    last if @{ $other->{login}{errors} };
    push @rest, $other;
}
cmp_ok(scalar @rest, '>=', 1, 'others take the reserve');
set_pools('telehealth, main', 2);
is($late->client('m')->value('select 12'), '12', 'then the largest pool gives one up');
is($late->client('t', database => 'telehealth')->value('select 13'), '13', 'and serves with what is left');

done_testing;
