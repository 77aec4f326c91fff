# Clients that vanish, or say half of something, harm nobody else.
use PoolerTest;

my $pooler = PoolerTest->new('vanish', pools => 'main pool_size=1 max_overflow=0',
    sql => 'create role bob login;', conf => "pooler.pool_timeout = -1\npooler.client_read_timeout = 1s\nclient_connection_check_interval = 100ms\n");
my $witness = $pooler->client('witness');
$witness->run('create table t (i int)');
my $count = 0;

sub gone
{
    my ($name, $how) = @_;
    $pooler->poll_view("select count(*) from pooler.clients where application_name = '$name'", '0', "$how: its slot is free");
    is($witness->value('select count(*) from t'), '0', "$how: nothing was done");
}

foreach my $way (qw(vanish reset quit))
{
    my $pid = $witness->value('select pg_backend_pid()');
    my $client = $pooler->client('leaver');
    $client->run('begin; insert into t values (1)');
    $client->$way;
    gone('leaver', "in a transaction ($way)");
    is($witness->value('select pg_backend_pid()'), $pid, "in a transaction ($way): costs a rollback, not a backend");

    $client = $pooler->client('leaver');
    $client->query('begin; select 1/0');
    $client->$way;
    gone('leaver', "in an aborted transaction ($way)");

    $client = $pooler->client('leaver');
    $client->write(substr(Query('insert into t values (1)'), 0, 3));
    $client->$way;
    gone('leaver', "in half a message ($way)");

    $client = $pooler->client('leaver');
    $client->write(Parse('', 'insert into t values (1)'), Bind('', ''), Execute());
    $client->$way;
    gone('leaver', "before Sync ($way)");

    $client = $pooler->client('leaver');
    $client->write(Query('copy t from stdin'));
    $client->result('G');
    $client->write(CopyData("1\n") x 1000);
    $client->$way;
    gone('leaver', "in COPY FROM ($way)");

    $client = $pooler->client('leaver');
    $client->write(Query('copy (select repeat($$x$$, 1000) from generate_series(1, 100000)) to stdout'));
    $client->result('H');
    $client->$way;
    gone('leaver', "in COPY TO ($way)");

    $client = $pooler->client('leaver');
    $client->write(Query('insert into t values (1); select pg_sleep(600)'));
    $pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '1', "a statement runs ($way)");
    $client->$way;
    gone('leaver', "in a long statement ($way)");

    $client = $pooler->client('leaver');
    $client->$way;
    gone('leaver', "idle ($way)");

    # While it waits in the queue.
    $client = $pooler->client('leaver');
    $witness->run('begin');
    $client->write(Query('insert into t values (1)'));
    $pooler->poll_view('select waiting from pooler.pools', '1', "a client waits ($way)");
    $client->$way;
    $pooler->poll_view('select waiting, clients from pooler.pools', '0|1', "it left the queue ($way)");
    $witness->run('commit');
    gone('leaver', "in the queue ($way)");

    # While it waits for a birth; while it waits to be let in.
    foreach my $options ([ user => 'bob' ], [ options => '-c work_mem=' . (100 + ++$count) ])
    {
        $client = $pooler->client('leaver', @$options);
        $witness->run('begin');
        my $login = $options->[0] eq 'options';
        if ($login) { $client->quit; $client = $pooler->connect; $client->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'leaver', options => "-c work_mem=999$count")) }
        else { $client->write(Query('create table never ()')) }
        $pooler->poll_view('select waiting from pooler.pools', '1', "@$options waits ($way)");
        $client->$way;
        $pooler->poll_view('select waiting, clients from pooler.pools', '0|1', "@$options left the queue ($way)");
        $witness->run('commit');
        gone('leaver', "@$options in the queue ($way)");
    }
}

# One that says that it will send no more, and reads on, gets its answer.
my $half_closed = $pooler->client('half closed');
$witness->run('begin');
$half_closed->write(Query('select 7'));
shutdown $half_closed->{socket}, 1;
$pooler->poll_view('select waiting from pooler.pools', '1', 'a client that will send no more waits');
my $probed = $half_closed->result('S');
is($probed->{types}, 'S', 'it is written to, to see whether it is there');
is("@{ $probed->{reported} }", 'server_version=' . $witness->{parameters}{server_version}, 'with what it knows');
ok(!$half_closed->readable(0.5), 'once');
is($pooler->sql('select waiting from pooler.pools'), '1', 'and goes on waiting');
$witness->run('commit');
is($half_closed->result->{rows}[0][0], '7', 'until it is served, as PostgreSQL would');
ok($half_closed->result->{eof}, 'before its connection ends');

# Before and in the startup packet.
my $startup = PoolerClient::startup(user => 'app', database => 'main');
foreach my $bytes ('', "\0", substr($startup, 0, 20), pack('N', 8), 'GET / HTTP/1.1' . "\r\n" x 2,
    pack('N N', 100_000_000, 196608), pack('N N', 8, 196608), pack('N N', 9, 131072) . "\0", pack('N N', 4, 0))
{
    my $connection = $pooler->connect;
    $connection->write($bytes);
    $connection->vanish;
    is($witness->value('select 1'), '1', 'startup: ' . (unpack('H*', substr($bytes, 0, 12)) || 'nothing'));
}
my $ssl = $pooler->connect;
$ssl->write(pack('N N', 8, 80877103));
$ssl->fill(1);
is($ssl->{buffer}, 'N', 'SSLRequest is answered N');
$ssl->{buffer} = '';
$ssl->write($startup);
is($ssl->result->{status}, 'I', 'and the login goes on');
my $slow = $pooler->connect;
$slow->write($_) foreach split //, $startup;
is($slow->result->{status}, 'I', 'a startup packet that comes byte by byte');

# Who stays with half a message is cut off, others are served.
my $half = $pooler->client('half');
$half->write(substr(Query('select 1'), 0, 7));
is($witness->value('select 5'), '5', 'half a message does not hold a backend for ever');
my $result = $half->result;
ok($result->{eof}, 'its client is cut off');

# Garbage in a session.
my $garbage = $pooler->client('garbage');
$garbage->write("\xff" x 100);
ok($garbage->result->{eof}, 'garbage ends a session');
is($witness->value('select 6'), '6', 'and no other');

# Many at once.
my @crowd = map { $pooler->client("crowd$_") } 1 .. 100;
$_->write(Query('begin; insert into t values (1)')) foreach @crowd;
$_->vanish foreach @crowd;
$pooler->poll_view("select count(*) from pooler.clients where application_name like 'crowd%'", '0', 'a hundred leave at once');
is($witness->value('select count(*) from t'), '0', 'and have done nothing');

done_testing;
