# A worker that is ended comes back and counts from what is there.
use PoolerTest;

my $pooler = PoolerTest->new('restart', pools => 'main pool_size=2');
my @clients = map { $pooler->client("c$_") } 1 .. 3;
$_->run('select 1') foreach @clients;
$pooler->poll_view('select clients from pooler.pools', '3', 'three clients');

foreach my $turn (1 .. 3)
{
    my $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    ok($_->result->{eof}, "turn $turn: the worker's clients see the end") foreach @clients;
    $pooler->poll_view("select state, backends from pooler.pools where (select listening and pid <> $worker from pooler.worker)", 'open|2', 'another worker has opened the pool');
    @clients = map { $pooler->client("c$_ of $turn") } 1 .. 3;
    is($clients[$_]->value("select $_"), $_, 'and serves') foreach 0 .. 2;
    $pooler->poll_view('select clients from pooler.pools', '3', 'the pool counts its clients');
    $pooler->poll_view('select sum(clients) from pooler.routes', '3', 'and so do its routes');
    $pooler->poll_view('select count(*) from pooler.clients', '3', 'nobody else is listed');
}
$_->quit foreach @clients;
$pooler->poll_view('select clients from pooler.pools', '0', 'nobody is left');

# One whose statement outlives the worker, and whose session is bound to its
# backend, ends as soon as it has been answered, also before another worker is there.
my $bound = $pooler->client('bound');
$bound->run('create temp table mine ()');
my $backend = $bound->value('select pg_backend_pid()');
$bound->write(Query('select pg_sleep(600)'));
$pooler->poll_view("select wait_event from pg_stat_activity where pid = $backend", 'PgSleep', 'a statement of a pinned client runs');
kill 'TERM', $pooler->worker_pid;
$pooler->poll_view('select pid is null from pooler.worker', 't', 'the worker has gone');
$pooler->sql("select pg_cancel_backend($backend)");
is($bound->result->{errors}[0]{C}, '57014', 'the statement is answered');
my $last = $bound->result;
is(join(' ', $last->{eof}, map { $_->{C} } @{ $last->{errors} }), '1 57P01', 'and the client is told the end');
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $backend", '0', 'its backend ends, too');
$pooler->await_open;
is($pooler->client('after')->value('select 1'), '1', 'others are served');

done_testing;
