# Whoever has left makes room for those who come at the same moment: the worker
# hears of both at once, with max_client_conn reached.
use PoolerTest;

my $most = 20;
my $pooler = PoolerTest->new('leaving', pools => 'main pool_size=1', conf => "pooler.max_client_conn = $most\n");

my @clients = map { $pooler->client("old $_") } 1 .. $most;
$_->run('select 1') foreach @clients;
my $one_more = $pooler->connect;
$one_more->write(PoolerClient::startup(user => 'app', database => 'main'));
is($one_more->result->{errors}[0]{C}, '53300', 'no room');

my $before = $pooler->sql('select checkouts from pooler.backends');
my $worker = $pooler->worker_pid;
kill 'STOP', $worker;
$_->quit foreach @clients;
$pooler->poll_view("select checkouts - $before >= $most - 1 and state = 'idle' from pooler.backends", 't', 'the backend has seen them leave');
my @new = map { $pooler->connect } 1 .. $most;
$_->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'new')) foreach @new;
kill 'CONT', $worker;
my @refused = map { @{ $_->result->{errors} } } @new;
is_deeply([ map { $_->{M} } @refused ], [], 'as many who come are let in');
is($new[0]->value('select 2'), '2', 'and served');

done_testing;
