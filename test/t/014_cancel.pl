# A cancel request ends its own client's statement, running or waiting, and no
# other's.
use PoolerTest;

my $pooler = PoolerTest->new('cancel', pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = -1\n");
my ($one, $two) = map { $pooler->client($_) } qw(c1 c2);
my $sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";

$one->write(Query('select pg_sleep(600)'));
$pooler->poll_view($sleeping, '1', 'a statement runs');
$one->cancel;
is($one->result->{errors}[0]{C}, '57014', 'and is cancelled');
is($one->value('select 1'), '1', 'the session goes on');

# With a wrong key, or another client's.
$one->write(Query('select pg_sleep(600)'));
$pooler->poll_view($sleeping, '1', 'a statement runs');
$one->cancel(key => $one->{key} ^ 1);
$one->cancel(pid => $one->{pid} + 1000);
$two->cancel;
ok(!$one->readable(0), 'requests of others do not reach it');
$one->cancel;
is($one->result->{errors}[0]{C}, '57014', 'its own does');

# A late one meets nobody.
foreach my $turn (1 .. 50)
{
    $one->run('select 1');
    $two->write(Query('select pg_sleep(0.01)'));
    $one->cancel;
    my $result = $two->result;
    fail("turn $turn: " . $result->{log}[0]) if $result->{status} ne 'I' || @{ $result->{errors} };
}
pass('a late request hits nobody else');

# While it waits for a backend.
$two->run('begin');
$one->write(Query('select 1'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'a client waits');
$one->cancel;
my $result = $one->result;
is($result->{types}, 'EZ', 'its statement is answered');
is($result->{errors}[0]{C}, '57014', 'as cancelled');
$one->write(Parse('', 'select 1'), Bind('', ''), Execute(), Sync());
$pooler->poll_view('select waiting from pooler.pools', '1', 'it waits again');
$one->cancel;
is($one->result->{types}, 'EZ', 'an extended batch as well');
$two->run('commit');
is($one->value('select 2'), '2', 'the session goes on');

# In a transaction, and pinned.
$one->run('begin');
$one->write(Query('select pg_sleep(600)'));
$pooler->poll_view($sleeping, '1', 'in a transaction');
$one->cancel;
is($one->result->{status}, 'E', 'the transaction is aborted');
$one->run('rollback');

# By number, by whoever may.
my $id = $pooler->sql("select id from pooler.clients where application_name = 'c1'");
$one->write(Query('select pg_sleep(600)'));
$pooler->poll_view($sleeping, '1', 'a statement runs');
is($pooler->sql("select pooler.cancel_client($id)"), 't', 'cancel_client() finds it');
is($one->result->{errors}[0]{C}, '57014', 'and cancels it');
is($pooler->sql('select pooler.cancel_client(987654321)'), 'f', 'an unknown one is not found');
is($pooler->direct('plain', database => 'postgres')->sqlstate("select pooler.cancel_client($id)"), '42501', 'a plain role may not');

is($pooler->sql("select pooler.terminate_client($id)"), 't', 'terminate_client() finds it');
$result = $one->result;
ok($result->{eof}, 'and ends its connection');
is($two->value('select 3'), '3', 'the others go on');

# By pid, as on a direct connection, by the role itself.
my $pid = $two->value('select pg_backend_pid()');
$two->write(Query('select pg_sleep(600)'));
$pooler->poll_view($sleeping, '1', 'a statement runs');
is($pooler->direct('same role')->value("select pg_cancel_backend($pid)"), 't', 'pg_cancel_backend() by its role');
is($two->result->{errors}[0]{C}, '57014', 'cancels');

# psql's Ctrl-C uses the same request; so does libpq's PQcancel: test/clients.
done_testing;
