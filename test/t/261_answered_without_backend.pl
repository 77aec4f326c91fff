# Whom the worker answers, as its time in the queue was up, has no backend: pooler.holders does not have
# it, nobody waits for it, and pooler.diagnose() does not blame it, though it has not ended its batch.
use PoolerTest;

my $pooler = PoolerTest->new('answered', pools => 'main pool_size=1 max_overflow=0 timeout=0.3', conf => "pooler.health_wait = 100ms\n");
my ($half, $holder, $waiter) = map { $pooler->client($_) } 'half a batch', 'holder', 'waiter';
$holder->run('begin');
$half->write(Parse('', 'select 1'), Bind('', ''), Execute(), Flush());
is(($half->message)[0], 'E', 'a time-out, and no Sync behind it');
is($pooler->sql("select state, backend from pooler.clients where application_name = 'half a batch'"), 'active|', 'it is being answered');
is($pooler->sql('select application_name from pooler.holders'), 'holder', 'the one backend has one holder');

# Another one waits.
$pooler->reconfigure("pooler.pools = 'main pool_size=1 max_overflow=0 timeout=600'\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '600', 'nobody times out any more');
$waiter->write(Query('select 2'));
my $problem = "from pooler.diagnose() where problem ~ '^QueuePool limit'";
$pooler->poll_view("select count(*) > 0 $problem", 't', 'somebody waits for too long');
is($pooler->sql("select application_name, cause ~ '^idle in transaction' $problem"), 'holder|t', 'for who has the backend');
is($pooler->sql("select blocked_by = array(select backend from pooler.clients where application_name = 'holder') from pooler.activity where application_name = 'waiter'"),
    't', 'and for nobody else');
is($pooler->sql("select reason, blocked_by, query from pooler.activity where application_name = 'half a batch'"), '||', 'nothing is said of a backend that it has not');

$half->write(Sync());
is(($half->message)[0], 'Z', 'it ends its batch');
$holder->run('commit');
is($waiter->result->{rows}[0][0], '2', 'who waited is served');
is($half->value('select 3'), '3', 'and so is it');
done_testing;
