# Queries, their time, transactions' time and bytes: counted exactly, for a load
# that is known beforehand.
use PoolerTest;

my $pooler = PoolerTest->new('traffic', pools => 'main pool_size=2, fire pool_size=1', conf => "pooler.mode = transaction\n");

sub counters { my ($columns, $pool) = @_; return "select $columns from pooler.pools where pool = '" . ($pool // 'main') . q{'} }

# Simple, extended and pipelined queries, an error, transactions of several.
my $client = $pooler->client('counted');
$client->run('select 1') foreach 1 .. 100;
$pooler->poll_view(counters('transactions, queries, checkouts > 0'), '100|100|t', 'a hundred queries');
foreach (1 .. 10)
{
    $client->run('begin');
    $client->run('select 1');
    $client->run('commit');
}
$pooler->poll_view(counters('transactions, queries'), '110|130', 'ten transactions of three');
is($client->sqlstate('select 1/0'), '22012', 'an error');
$pooler->poll_view(counters('transactions, queries'), '111|131', 'counts as one');
$client->write(map { (PoolerTest::Parse('', 'select 1'), PoolerTest::Bind('', ''), PoolerTest::Execute(), PoolerTest::Sync()) } 1 .. 50);
is($client->result->{types}, '12DCZ', "answer $_ of a pipeline") foreach 1 .. 50;
$pooler->poll_view(counters('transactions, queries'), '161|181', 'a pipeline of fifty');

# Time: of statements, and with what lies between them in a transaction.
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(counters('transactions, queries, query_time, transaction_time'), '0|0|00:00:00|00:00:00', 'from zero');
$client->run('select pg_sleep(0.2)') foreach 1 .. 5;
$pooler->poll_view(counters('transactions'), '5', 'five transactions');
my ($query, $transaction) = split /\|/, $pooler->sql(counters(q{extract(epoch from query_time), extract(epoch from transaction_time)}));
cmp_ok($query, '>=', 1, 'five times 0.2 s');
cmp_ok($query, '<', 1.2, 'and no more than statements take');
cmp_ok(abs($transaction - $query), '<', 0.01, 'as long as the transactions');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(counters('queries'), '0', 'from zero again');
$client->run('begin');
my $began = time;
$pooler->poll_view('select extract(epoch from clock_timestamp() - state_change) > 0.5 from pg_stat_activity where application_name = $$counted$$',
    't', 'half a second idle in a transaction');
my $idle = time - $began;
$client->run('commit');
$pooler->poll_view(counters('transactions'), '1', 'one transaction');
($query, $transaction) = split /\|/, $pooler->sql(counters(q{extract(epoch from query_time), extract(epoch from transaction_time)}));
cmp_ok($query, '<', 0.2, 'idle in transaction is no statement');
cmp_ok($transaction, '>=', $idle, 'but time of the transaction');
cmp_ok($transaction, '<', $idle + 0.2, 'to the point');

# Waiting for a backend is neither.
my %fire = map { $_ => $pooler->client($_, database => 'fire') } qw(holder waiter);
$_->run('select 1') foreach values %fire;
$fire{holder}->run('begin');
$fire{waiter}->write(PoolerTest::Query('select 2'));
$pooler->poll_view('select longest_wait > $$0.5 s$$ from pooler.pools where pool = $$fire$$', 't', 'somebody waits half a second');
my $before = $pooler->sql(counters('extract(epoch from query_time)', 'fire'));
$fire{holder}->run('commit');
is($fire{waiter}->result->{rows}[0][0], '2', 'and is served');
cmp_ok($pooler->sql(counters('extract(epoch from query_time)', 'fire')) - $before, '<', 0.3, 'the wait is no statement');
$_->quit foreach values %fire;

# Bytes: exactly what a client sent and got, its login included.
$client->quit;
$pooler->poll_view(q{select count(*) from pooler.clients}, '0', 'nobody there');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(counters('bytes_received, bytes_sent'), '0|0', 'no byte');
my $plain = PoolerClient->connect(host => '127.0.0.1', port => $pooler->{port});
my ($sent, $got) = (0, 0);
foreach my $message (PoolerClient::startup(user => 'app', database => 'main'), PoolerTest::Query('select repeat($$x$$, 100000)'), PoolerTest::Query('select 1'))
{
    $plain->write($message);
    $sent += length $message;
    while (my ($type, $body) = $plain->message)
    {
        $got += 5 + length $body;
        last if $type eq 'Z';
    }
}
$pooler->poll_view(counters('bytes_received, bytes_sent'), "$sent|$got", 'as many as went over the wire, while it is connected');
$plain->quit;
$sent += 5;
$pooler->poll_view(counters('bytes_received, bytes_sent'), "$sent|$got", 'and at its end');

# Over a Unix socket they are not counted.
my $socket = PoolerClient->new(host => $pooler->node->host, port => $pooler->{port}, user => 'app', database => 'main');
$socket->run('select 1');
$socket->quit;
$pooler->poll_view(q{select count(*) from pooler.clients}, '0', 'nobody there again');
is($pooler->sql(counters('bytes_received, bytes_sent')), "$sent|$got", 'no byte of a Unix socket');

done_testing;
