# There are 128 entries for pools. When all are in use, those that "*" made and that nobody uses make
# room: for databases that come, and for entries of pooler.pools.
use PoolerTest;

my $pooler = PoolerTest->new('entries', pools => join(', ', map { "a$_=main" } 1 .. 64),
    conf => "max_connections = 160\npooler.pool_size = 0\npooler.spare_backends = 0\npooler.pool_timeout = 30s\n");

# 64 removed pools, whose clients are in transactions, and 61 that are listed: three are left.
my @busy = map { $pooler->client("a$_", database => "a$_") } 1 .. 64;
$_->run('begin') foreach @busy;
my $listed = join(', ', map { "b$_=main" } 1 .. 61);
sub set_pools
{
    my ($pools) = @_;
    $pooler->reconfigure("pooler.pools = '$pools'\n");
    return;
}
sub pools_are { my ($pools, $name) = @_; return $pooler->poll_view(q{select string_agg(concat_ws(' ', pool, database, case when state = 'draining' then state end), ', ' order by pool, database) from pooler.pools where pool !~ '^[ab]'}, $pools, $name) }
set_pools("$listed, *");
$pooler->poll_view("select count(*) from pooler.pools where state = 'draining'", '64', 'pools that drain');

# Says the database, or the error.
sub comes
{
    my ($database) = @_;
    my $client = $pooler->client('comes', database => $database, may_fail => 1);
    my $error = $client->{login}{errors}[0];
    return ($client, $error ? "$error->{C} $error->{M}: $error->{D}" : $client->value('select current_database()'));
}
my $no_room = '53300 pooler has no room for a pool of database "%s": Each of 128 pools is listed in pooler.pools, has clients, or has backends that have yet to end.';

my %client;
foreach my $database (qw(main telehealth fire))
{
    ($client{$database}, my $got) = comes($database);
    is($got, $database, "$database has its pool");
}
my ($refused, $told) = comes('hems');
is($told, sprintf($no_room, 'hems'), 'no entry is left, and the error says so');
pools_are('fire fire, main main, telehealth telehealth', 'those with clients stay');

# Nobody uses one any more.
$client{telehealth}->quit;
pools_are('fire fire, main main', 'it makes room long before pool_idle_timeout');
($client{hems}, $told) = comes('hems');
is($told, 'hems', 'for another one');
is($client{$_}->value('select 1'), '1', "$_ goes on") foreach qw(fire main hems);

# Two that come at once, where none of the others has a backend.
my $pids = $pooler->sql(q{select string_agg(pid::text, ',') from pooler.backends where pool in ('fire', 'hems')});
$pooler->sql("select pg_terminate_backend(pid) from unnest('{$pids}'::int[]) as pid");
$pooler->poll_view(q{select sum(backends) from pooler.pools where pool in ('fire', 'hems')}, '0', 'two pools without backends');
$client{$_}->quit foreach qw(fire hems);
foreach my $database (qw(telehealth postgres))
{
    ($client{$database}, $told) = comes($database);
    is($told, $database, "$database has the place of one of them");
}

# An entry that is listed now, whose name is one that "*" has made, and nothing is free.
$client{main}->run('begin');
set_pools("$listed, main=telehealth, *");
pools_are('main main draining, postgres postgres, telehealth telehealth', 'it finds no room');
($refused, $told) = comes('main');
is($told, sprintf($no_room, 'main'), 'its name is nobody else\'s meanwhile');
pools_are('main main draining, postgres postgres, telehealth telehealth', 'the old pool is not revived');
$client{postgres}->quit;
pools_are('main main draining, main telehealth, telehealth telehealth', 'it has the place of one that nobody uses');
($refused, $told) = comes('main');
is($told, 'telehealth', 'and serves');
is($client{main}->run('commit')->{tags}[0], 'COMMIT', 'the old one\'s client has come to the end of its transaction');
is(join(' ', map { $_->run('commit')->{tags}[0] } @busy), join(' ', ('COMMIT') x 64), 'so have the others');

done_testing;
