# Who is answered in a backend's place, and has said only half of what he wants
# or leaves; who says what needs no answer, and then nothing.
use PoolerTest;

my $pooler = PoolerTest->new('half', pools => 'main pool_size=1 timeout=60, fire pool_size=2', conf => "pooler.wait_notice = 300ms\n");
my $holder = $pooler->client('holder');
$holder->run('select 1');
my $state = "select coalesce(string_agg(state, ','), 'gone') from pooler.clients where application_name = 'asks'";

# Waits with half a batch, and is cancelled: answered at once, the rest of its
# batch is of no interest any more.
sub cancelled
{
    my ($name) = @_;
    my $client = $pooler->client('asks');
    $holder->run('begin');
    $client->write(Parse('', 'select 1'), Bind('', ''));
    $pooler->poll_view($state, 'waiting', "$name: one waits");
    is($client->result('N')->{notices}[0]{M}, 'waiting for a backend of pool "main"', "$name: it hears so");
    $client->cancel;
    is($client->result('E')->{errors}[0]{C}, '57014', "$name: it is cancelled");
    is($pooler->sql($state), 'active', "$name: and is not waiting any more");
    return $client;
}
my $client = cancelled('goes on');
$client->write(Execute(), substr(Sync(), 0, 3));
$client->write(substr(Sync(), 3), Query('select 5'));
is($client->result->{types}, 'Z', 'goes on: the batch ends with its Sync');
$holder->run('commit');
is($client->result->{rows}[0][0], '5', 'goes on: what comes behind is run');
$client->quit;
foreach my $way (qw(vanish reset))
{
    cancelled($way)->$way;
    $pooler->poll_view($state, 'gone', "$way: its place is free");
    $holder->run('commit');
}
$client = cancelled('garbage');
$client->write("\0" x 20);
ok($client->result->{eof}, 'garbage ends it');
$holder->run('commit');
is($holder->value('select 2'), '2', 'others go on');

# One whose login waits gets no notice: it has no session yet.
my $login = $pooler->connect;
$holder->run('begin');
$login->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'asks', options => '-c work_mem=1234'));
$pooler->poll_view("select longest_wait > '600ms' from pooler.pools where pool = 'main'", 't', 'a login waits');
$holder->run('commit');
is($login->result->{types} =~ s/[RS]//gr, 'KZ', 'and is let in without a notice');
$login->quit;
$holder->quit;

# What needs no answer, and then nothing, while a backend waits for it alone.
foreach my $case ([ 'kept', 'select 1' ], [ 'pinned', 'create temp table mine ()' ], [ 'in a transaction', 'begin' ])
{
    my ($name, $sql) = @$case;
    my $quiet = $pooler->client('quiet', database => 'fire');
    $quiet->run($sql) foreach 1 .. ($name eq 'kept' ? 3 : 1);
    my $pid = $name eq 'kept' ? 0 : $quiet->value('select pg_backend_pid()');
    $quiet->write(Flush(), CopyDone(), Flush());
    sleep 0.01 while IO::Select->new($quiet->{socket})->can_read(0);
    is($pooler->client('other', database => 'fire')->value('select 1'), '1', "$name: another is served meanwhile");
    $quiet->write(Flush());
    is($quiet->value('select 3'), '3', "$name: it goes on");
    is($quiet->value('select pg_backend_pid()'), $pid, "$name: where it was") if $pid;
    $quiet->quit;
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'quiet'", '0', "$name: it leaves");
}

done_testing;
