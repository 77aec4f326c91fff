# What comes in one packet with a message, and is itself not answered, keeps no
# backend: the rest of a COPY that failed, a Flush.
use PoolerTest;

my $pooler = PoolerTest->new('behind_answer', pools => 'main pool_size=1', conf => "pooler.client_read_timeout = 1s\npooler.pool_timeout = 5s\n");
my ($client, $next) = map { $pooler->client($_) } qw(first next);
$client->run('create table t (a int)');
my @copy = (Query('copy t from stdin'), CopyData("1\n"), CopyData("wrong\n"), CopyData("3\n"), CopyDone());
my $direct = $pooler->direct('direct');
foreach ([ 'what is left of a COPY', 'IE', @copy ], [ 'a Flush behind a query', 'TDC', Query('select 1'), Flush() ],
    [ 'one behind a Sync', '12DC', Parse('', 'select 1'), Bind('', ''), Execute(), Sync(), Flush() ],
    [ 'several', 'TDC', Query('select 1'), Flush(), CopyDone(), Flush() ])
{
    my ($name, undef, @messages) = @$_;
    foreach ($client, $direct) { $_->write(@messages); $_->{last} = $_->result }
    is_deeply($client->{last}{log}, $direct->{last}{log}, "$name: as by the server");
    is($next->value('select 2'), '2', "$name: another one gets the backend");
    $client->write(@messages, Query('select 3'));
    $client->result;
    is($client->result->{rows}[0][0], '3', "$name: what comes behind it is answered");
    $client->write(@messages[0 .. $#messages - 1], substr($messages[-1], 0, 3));
    $client->result;
    $client->write(substr($messages[-1], 3), Query('select 4'));
    is($client->result->{rows}[0][0], '4', "$name: half of it, and then the rest");
    $client->write('', @messages);
    $client->result;
}
sleep 1.5;
is($client->value('select 5'), '5', 'silent after it, for longer than client_read_timeout, it is not cut');

# Inside a transaction the backend is its own.
$client->run('begin');
$client->write(Query('select 6'), Flush());
is($client->result->{status}, 'T', 'inside a transaction, too');
is($client->value('select 7'), '7', 'it goes on');
$client->run('commit');
is($next->value('select 8'), '8', 'and ends');

done_testing;
