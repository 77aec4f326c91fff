# Who was told that its time is up, or that it was cancelled, and has not ended its batch yet, waits for no
# backend: nothing shows it as one who does, and nobody is ended because others wait.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('open_batch', pools => 'main pool_size=1 max_overflow=0 timeout=0.3',
    conf => "pooler.client_read_timeout = 1s\npooler.health_wait = 100ms\npooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n");
my @batch = (Parse('', 'select 1'), Bind('', ''), Execute(), Flush());

my %half = map { $_ => $pooler->client($_) } ('timed out', 'cancelled');
my $holder = $pooler->client('holder');
$holder->run('begin');
$half{'timed out'}->write(@batch);
is(($half{'timed out'}->message)[0], 'E', 'a time-out, and no Sync behind it');
$pooler->reconfigure("pooler.pools = 'main pool_size=1 max_overflow=0 timeout=600'\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '600', 'nobody times out any more');
$half{cancelled}->write(@batch);
$pooler->poll_view(q{select pooler.cancel_client(id) from pooler.clients where application_name = 'cancelled' and state = 'waiting'}, 't', 'another one is cancelled');
is(($half{cancelled}->message)[0], 'E', 'it hears so');

$pooler->poll_view('select waiting, longest_wait from pooler.pools', '0|', 'nobody waits');
is($pooler->sql('select waiting, longest_wait from pooler.routes'), '0|', 'nor of this role');
is($pooler->sql(q{select pooler.cancel_client(id) from pooler.clients where application_name = 'timed out'}), 'f', 'there is nothing to cancel');
is($pooler->sql("select count(*) from pooler.diagnose() where problem ~ '^QueuePool limit'"), 0, 'the pool is not exhausted');
is(MetricsClient->new($port)->metrics->{'pooler_pool_waiting_clients{pool="main"}'}, 0, 'nor by its metrics');

# So others may leave their batches open, too.
$holder->run('commit');
$holder->write(@batch);
$holder->message for 1 .. 4;
ok(!$holder->readable(2.5), 'nobody waits: an open batch may stay open');
$_->write(Sync()) foreach $holder, values %half;
is(($_->message)[0], 'Z', 'it ends') foreach $holder, values %half;
is($half{$_}->value('select 2'), '2', "who was $_ goes on") foreach sort keys %half;
done_testing;
