# What needs no answer (the rest of a COPY that failed, a Flush) does not wait for
# a backend: no notice, no time-out and no cancel comes of it, and the statement
# behind it is run.
use PoolerTest;

my $pooler = PoolerTest->new('late_copy', pools => 'main pool_size=1', conf => "pooler.pool_timeout = 300ms\npooler.wait_notice = 100ms\n");
my ($client, $holder) = map { $pooler->client($_) } qw(client holder);
$client->run('create table t (a int)');
my $large = CopyData('1' x 100_000 . "\n");
my $timeouts = 'select timeouts from pooler.pools';

# Its error has come, and its backend serves another one.
sub fail_to_copy
{
    $client->write(Query('copy t from stdin'));
    $client->result('G');
    $client->write(CopyData("wrong\n"));
    my $result = $client->result;
    die join(' / ', @{ $result->{log} }) if $result->{types} ne 'EZ';
    return;
}

sub nothing_comes
{
    my ($name, $seconds) = @_;
    my $came = '';
    while ($client->readable($seconds))
    {
        my ($type) = $client->message or last;
        $came .= $type;
    }
    is($came, '', "$name: nothing comes of it");
    return;
}

sub is_served
{
    my ($name) = @_;
    $holder->run('commit');
    my $result = $client->query('select 4');
    is($result->{rows}[0][0] // join(' / ', @{ $result->{log} }), '4', "$name: and what it asks then is run");
    is($holder->value('select 5'), '5', "$name: as what others ask");
    return;
}

foreach ([ 'the rest of a COPY', CopyData("2\n"), CopyDone() ], [ 'a lone Flush', Flush() ], [ 'much of it', ($large) x 20, CopyDone() ],
    [ 'several', CopyDone(), Flush(), CopyData(''), CopyDone() ])
{
    my ($name, @messages) = @$_;
    fail_to_copy();
    $holder->run('begin');
    my $before = $pooler->sql($timeouts);
    $client->write(@messages);
    nothing_comes($name, 1);
    is($pooler->sql($timeouts), $before, "$name: nor is it counted");
    $client->write(Flush());
    $client->cancel;
    nothing_comes("$name, cancelled", 0.5);
    is_served($name);
}

# In pieces: of the head, and of the message.
foreach my $at (3, 50_000)
{
    my $name = "half of it, $at bytes";
    fail_to_copy();
    $holder->run('begin');
    $client->write(Flush(), substr($large, 0, $at));
    nothing_comes($name, 1);
    $client->cancel;
    nothing_comes("$name, cancelled", 0.3);
    $client->write(substr($large, $at));
    nothing_comes("$name, and the rest", 0.5);
    is_served($name);
    fail_to_copy();
    $holder->run('begin');
    $client->write(substr($large, 0, $at));
    nothing_comes($name, 1);
    $client->write(substr($large, $at), Query('select 3'));
    my $result = $client->result('E');
    is($result->{errors}[0]{C}, '53300', "$name, with a query behind it: that one waits, and is told");
    is($client->result->{types}, 'Z', "$name, with a query behind it: once");
    is_served("$name, with a query behind it");
}

# What it asks waits as ever, whatever comes before it.
$holder->run('begin');
$client->write(CopyDone(), Query('select 6'));
is($client->result->{errors}[0]{C}, '53300', 'a query behind it is told that its time is up');
is_served('after that');
$holder->run('begin');
$client->write(CopyDone(), Terminate());
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'client'", '0', 'a good-bye behind it is heard');
$holder->run('commit');

# Its role has no backend, and cannot have one: those who wait for that are told. No time is up.
$pooler->reconfigure("pooler.pool_timeout = -1\npooler.wait_notice = -1\n");
$client = $pooler->client('client again');
foreach ([ 'the rest of a COPY', CopyData("2\n"), CopyDone() ], [ 'a lone Flush', Flush() ], [ 'half a message', substr($large, 0, 3) ])
{
    my ($name, @messages) = @$_;
    $name .= ', and no backend can be had';
    fail_to_copy();
    $pooler->sql('alter role app connection limit 0');
    $pooler->sql("select pg_terminate_backend(pid) from pooler.backends where role = 'app'");
    $pooler->poll_view("select count(*) from pooler.backends where role = 'app'", '0', "$name: none is left");
    $pooler->new_log;
    $client->write(@messages);
    $pooler->logged(qr/too many connections for role "app"/, "$name: one is asked for");
    nothing_comes($name, 1);
    $holder->write(Query('select 3'));
    is($holder->result('E')->{errors}[0]{C}, '53300', "$name: who asks something is told");
    is($holder->result->{types}, 'Z', "$name: once");
    $pooler->sql('alter role app connection limit -1');
    $client->write(substr($large, 3)) if $messages[0] eq substr($large, 0, 3);
    is_served($name);
}

done_testing;
