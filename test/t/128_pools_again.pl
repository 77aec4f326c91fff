# Pools that go and come: one that drains and is wanted again; more than there is
# room for while the removed ones drain.
use PoolerTest;

my $pooler = PoolerTest->new('again', pools => '*', unavailable => 1,
    conf => "max_connections = 160\npooler.pool_idle_timeout = 1s\npooler.pool_size = 0\npooler.max_overflow = -1\npooler.spare_backends = 0\n");

# A pool that '*' made drains, but its backend does not end.
$pooler->client('first')->run('select 1');
my $backend = $pooler->sql(q{select pid from pooler.backends where state = 'idle'});
kill 'STOP', $backend;
$pooler->poll_view('select pool, state from pooler.pools', 'main|draining', 'a pool that nobody uses drains');
my $client = $pooler->client('second');
isnt($client->value('select pg_backend_pid()'), $backend, 'somebody wants it again: it serves');
is($pooler->sql('select pool, state from pooler.pools'), 'main|open', 'as the same pool');
kill 'CONT', $backend;
$pooler->poll_view("select count(*) from pooler.backends where pid = $backend", '0', 'the old backend ends');
is($client->value('select 2'), '2', 'and the pool goes on');
$client->quit;

# 64 pools, and as many that drain, since their clients are in transactions.
my %busy;
foreach my $series (qw(a b))
{
    $pooler->reconfigure("pooler.pools = '" . join(', ', map { "$series$_=main" } 1 .. 64) . "'\n");
    $pooler->poll_view("select count(*) from pooler.pools where pool like '$series%' and state <> 'draining'", '64', "64 pools, $series");
    $busy{$series} = [ map { $pooler->client("$series$_", database => "$series$_") } 1 .. 64 ];
    $_->run('begin') foreach @{ $busy{$series} };
}
is($pooler->sql("select count(*), count(*) filter (where state = 'draining') from pooler.pools"), '128|64', 'half of them drain');
$pooler->new_log;
$pooler->reconfigure("pooler.pools = 'late=main, b1=main'\n");
$pooler->poll_view("select count(*) from pooler.pools where state = 'draining'", '127', 'then all but one');
is($pooler->sql("select count(*) from pooler.pools where pool = 'late'"), '0', 'there is no room for another one');
like($pooler->new_log, qr/LOG:  no room for pool "late" until removed pools have drained/, 'the log says so');
is(join(' ', map { $_->query('commit')->{tags}[0] } map { @$_ } values %busy), join(' ', ('COMMIT') x 128), 'transactions run to their end');
$pooler->poll_view('select string_agg(pool, $$ $$ order by pool) from pooler.pools', 'b1 late', 'they have drained, and it has its room');
unlike($pooler->new_log, qr/no room for pool/, 'which the log has heard once');
is($pooler->client('late', database => 'late')->value('select 3'), '3', 'and it serves');

done_testing;
