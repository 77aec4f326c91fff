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

done_testing;
