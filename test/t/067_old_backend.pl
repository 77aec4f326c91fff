# A backend that outlives its worker has a client that the next worker does not
# know: it leaves the next one's clients alone, who may have that one's slot.
use PoolerTest;

my $pooler = PoolerTest->new('old_backend', pools => 'main pool_size=3', sql => 'create role bob login;');

# A client with this session, in a long statement; its worker ends; then somebody
# else has its slot.  Returns how to let the statement end.
sub outlive
{
    my ($session) = @_;
    my $worker = $pooler->worker_pid;
    my $old = $pooler->client('old');
    $old->run($_) foreach @$session;
    $old->write(Parse('', 'select $$the secret of old$$'), Sync());
    $old->result;
    $old->write(Parse('', "select pg_sleep(600)"), Bind('', ''), Execute(), Parse('', 'select $$the secret of old$$'), Sync());
    $pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '1', 'a statement runs');
    my $pid = $pooler->sql("select backend from pooler.clients where application_name = 'old'");
    kill 'TERM', $worker;
    $pooler->poll_view("select pid <> $worker and listening from pooler.worker", 't', 'and another worker');
    return ($old, sub {
        $pooler->sql("select pg_cancel_backend($pid)");
        $pooler->poll_view("select count(*) from pg_stat_activity where pid = $pid", '0', 'the statement ends, and its backend');
    });
}

my ($old, $end) = outlive([ "set app.who = 'old'", "set search_path = old" ]);
my $new = $pooler->client('new', user => 'bob');
my $state = "select current_setting('app.who', true), current_setting('search_path'), current_setting('application_name')";
$new->run("set app.who = 'new'");
is_deeply($new->run($state)->{rows}, [ [ 'new', '"$user", public', 'new' ] ], 'a new client has its settings');
$new->write(Parse('', 'select $$own$$'), Sync());
is($new->result->{types}, '1Z', 'and a statement');
$end->();
$new->write(Bind('', ''), Execute(), Sync());
is($new->result->{rows}[0][0], 'own', 'it runs its own, not that of the old one');
is_deeply($new->run($state)->{rows}, [ [ 'new', '"$user", public', 'new' ] ], 'and has its own settings');
$new->quit;

# What is counted of a pool is not counted down by who was not counted.
($old, $end) = outlive([ 'create temp table mine ()' ]);
$new = $pooler->client('new');
$new->run('select 1');
$end->();
is($new->sqlstate('create temp table mine ()'), '', 'a client may be pinned');
$pooler->poll_view('select pinned from pooler.pools', '1', 'and is');

done_testing;
