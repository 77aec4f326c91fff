# pooler.client_read_timeout does not need track_activities: half a message, a batch
# and a COPY that stall give their backend up, a transaction that rests keeps it.
use PoolerTest;

my $patience = $ENV{TEST_PATIENCE} // 60;
my $pooler = PoolerTest->new('no_track', pools => 'main pool_size=1',
    conf => "track_activities = off\npooler.client_read_timeout = 1s\npooler.pool_timeout = 60s\n");
my $next = $pooler->client('next');
$next->run('create table t (i int)');
is($next->value('show track_activities'), 'off', 'nothing is tracked');
my $half = substr(Query('select 1'), 0, 3);

sub stalls
{
    my ($name, $sql, @messages) = @_;
    my $client = $pooler->client('stalls');
    $client->run($sql) if $sql;
    $client->write(@messages);
    # what it is told before it stalls
    if (@messages > 1) { my $type = ''; $type = ($client->message)[0] until $type =~ /[GnZ]/ }
    $next->write(Query("select 'served'"));
    my ($told) = $client->readable($patience) ? reverse @{ $client->result->{errors} } : ();
    is($told && $told->{C}, '08P01', "$name: it is ended");
    ok($next->readable($patience), "$name: another one is served");
    $client->vanish;
    $next->result;
    return $pooler->poll_view("select count(*) from pooler.clients where application_name = 'stalls'", '0', "$name: it is gone");
}

sub rests
{
    my ($name, $sql, $half, $rest, $answer) = @_;
    my $client = $pooler->client('rests');
    $client->run('begin');
    $client->query($sql);
    $client->write($half);
    $next->write(Query("select 'served'"));
    $pooler->poll_view('select waiting from pooler.pools', '1', "$name: another one waits");
    ok(!$client->readable(2.5), "$name: it is left alone");
    $client->write($rest);
    is(($client->readable($patience) ? $client->result : {})->{tags}[0], $answer, "$name: it goes on");
    is($next->result->{rows}[0][0], 'served', "$name: and the other one is served");
    $client->quit;
    return;
}

stalls('half a message', undef, $half);
stalls('half a message, not its first one', 'select 1', $half);
stalls('behind an answer', undef, Query('select 2'), $half);
stalls('half a message after a transaction', 'begin; commit', $half);
stalls('a COPY', undef, Query('copy t from stdin'), CopyData("1\n"));
stalls('a batch', undef, Parse('', 'set work_mem = 100'), Describe('S', ''), Flush());
stalls('a batch in a transaction', 'begin', Parse('', 'set work_mem = 100'), Describe('S', ''), Flush());

my $commit = Query('commit');
rests('a transaction', 'select 4', '', $commit, 'COMMIT');
rests('one that failed', 'select 1/0', '', $commit, 'ROLLBACK');
rests('half a message in a transaction', 'select 4', substr($commit, 0, 3), substr($commit, 3), 'COMMIT');

# The next one of a backend whose client vanished inside a transaction.
my $vanishes = $pooler->client('vanishes');
$vanishes->run('begin');
$vanishes->vanish;
stalls('after one who vanished', undef, $half);

done_testing;
