# The clock is set forward by three hours: nobody's time is up for that. On a clock
# that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+0', 'FAKETIME_NO_CACHE', 'set_forward',
    pools => 'main timeout=30s, telehealth, fire pool_size=1 timeout=4s, hems, *',
    sql => 'create database other owner app; alter role current_user set idle_session_timeout = 0;',
    conf => "pooler.pool_recycle = 1800\npooler.wait_notice = 1h\nidle_session_timeout = 1h\nauthentication_timeout = 60s\npooler.client_read_timeout = 60s\n");
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;

sub backends { return $pooler->sql("select string_agg(pid::text, ' ' order by pid) from pooler.backends where pool = '$_[0]'") }

# What came, as a line.
sub said
{
    my ($client) = @_;
    my $result = $client->result;
    return $result->{rows}[0][0] // ($result->{errors}[0] ? "$result->{errors}[0]{C} $result->{errors}[0]{M}" : $result->{eof} ? 'cut off' : 'done');
}

sub ask { my ($client, $sql) = @_; $client->write(Query($sql)); return said($client) }

my @idle = map { $pooler->client("idle $_", database => 'telehealth') } 1 .. 3;
$_->run('select 1') foreach @idle;
my $star = $pooler->client('star', database => 'other');
$star->run('select 1');
my ($half, $inside) = map { $pooler->client($_, database => 'hems') } qw(half inside);
my $message = Query("select 'whole'");
$inside->run('begin');
$_->write(substr($message, 0, 10)) foreach $half, $inside;
my $login = $pooler->connect;
my $startup = PoolerClient::startup(user => 'app', database => 'telehealth');
$login->write(substr($startup, 0, 10));
my ($waits, $gives_up) = map { $pooler->client('waits', database => $_) } qw(main fire);
my @holders = map { $pooler->client('holds', database => $_) } qw(main main fire);
$_->run('begin') foreach @holders;
$waits->write(Query('select 7'));
$pooler->poll_view("select string_agg(state, ' ' order by state desc) from pooler.clients where application_name in ('half', 'inside') or state = 'login'", 'login active active', 'one logs in, two have sent half a message');
my %before = map { $_ => backends($_) } qw(telehealth main other);
$star->quit;
my $began = time;
$gives_up->write(Query('select 8'));
$pooler->poll_view('select sum(waiting) from pooler.pools', '2', 'two wait');

$clock->set('+3h');
my $set = time;
$pooler->poll_view("select now() - started_at > '2h' from pooler.worker", 't', 'the clock is set forward');
like(said($gives_up), qr/QueuePool/, 'a client that waits gives up');
cmp_ok(time - $began, '>', 3.8, 'after its own time');
sleep 0.1 while time - $set < 2;    # 20 looks of the worker

ok(!$waits->readable(0), 'one with more time still waits');
$holders[0]->run('commit');
is(said($waits), '7', 'and is served');
is(backends($_), $before{$_}, "$_: no backend is taken for old") foreach qw(telehealth main other);
is($pooler->sql('select sum(recycled), sum(invalidated) from pooler.pools'), '0|0', 'none is counted so');
is(ask($_, 'select 3'), '3', 'an idle client goes on') foreach @idle;
$login->write(substr($startup, 10));
is($login->result->{status}, 'I', 'a login that was begun comes to its end');
$_->write(substr($message, 10)) foreach $half, $inside;
is(said($half), 'whole', 'half a message is completed');
is(said($inside), 'whole', 'and one in a transaction');
is(ask($inside, 'commit'), 'done', 'which ends as it should');
is(ask($holders[1], 'commit'), 'done', 'a transaction goes on');
is($pooler->sql("select count(*) from pooler.$_ where wait_time > '2 min'"), '0', "pooler.$_: nobody has waited for hours") foreach qw(routes usage history);
is($pooler->sql("select count(*) from pooler.latencies where measure = 'wait' and max > '2 min'"), '0', 'no wait is measured so');
is($pooler->sql("select state from pooler.pools where pool = 'other'"), 'open', 'a pool of "*" that was used a moment ago stays');

done_testing;
