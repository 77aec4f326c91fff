# pooler.echo_pool: one line for each thing that happens to a backend.
use PoolerTest;

my $pooler = PoolerTest->new('echo', pools => 'main pool_size=1, quiet=fire echo=off pool_size=1',
    conf => "pooler.echo_pool = on\nlog_line_prefix = '%m [%p] <%a> '\n");

# Waits for a line that matches, and returns what it caught.
my $log = '';
sub await_line
{
    my ($pattern, $name) = @_;
    my $end = time + 30;
    $log .= $pooler->new_log;
    sleep 0.02, $log .= $pooler->new_log while $log !~ $pattern && time < $end;
    like($log, $pattern, $name);
    return $log =~ $pattern;
}

my ($pid) = await_line(qr/LOG: +pool "main": open: backend (\d+)$/m, 'opened');
is($pid, $pooler->sql("select pid from pooler.backends where pool = 'main'"), 'the pid is that of the view');

my $client = $pooler->client('followed');
my $id = $pooler->sql("select id from pooler.clients where application_name = 'followed'");
await_line(qr/LOG: +pool "main": birth: backend $pid, role "app"$/m, 'born');
$client->run('begin');
await_line(qr/<followed> LOG: +pool "main": checkout: client $id, backend $pid, role "app"$/m, 'checkout names client, backend and role');
my @ins = $log =~ /checkin: client $id,/g;
$client->run('select 1');
$client->run('commit');
my $other = $pooler->client('other');
my $other_id = $pooler->sql("select id from pooler.clients where application_name = 'other'");
$other->run('select 2');
await_line(qr/<followed> LOG: +pool "main": checkin: client $id, backend $pid, role "app"$/m, 'checkin');
await_line(qr/<other> LOG: +pool "main": checkout: client $other_id, backend $pid, role "app"$/m, 'the next client\'s checkout, under its own name');
$client->quit;
$other->quit;
$pooler->poll_view("select count(*) from pooler.clients where pool = 'main'", '0', 'both leave');

# Checkouts and checkins alternate on a backend.
$log .= $pooler->new_log;
my @steps = $log =~ /pool "main": (checkout|checkin)[^:]*: client \d+, backend $pid,/g;
my $wrong = grep { $steps[$_] eq $steps[ $_ - 1 ] } 1 .. $#steps;
is($wrong, 0, 'a checkin follows each checkout');
is($steps[0], 'checkout', 'and the first is a checkout');
is($steps[-1], 'checkin', 'and the last a checkin');
my @outs = grep { $_ eq 'checkout' } @steps;
is($pooler->sql("select checkouts from pooler.pools where pool = 'main'"), scalar @outs, 'as many as the view counts');
is($pooler->sql("select checkouts from pooler.backends where pid = $pid"), scalar @outs, 'also of the backend');

# A client that vanishes inside a transaction.
$client = $pooler->client('vanishes');
$id = $pooler->sql("select id from pooler.clients where application_name = 'vanishes'");
$client->run('begin');
$client->vanish;
await_line(qr/LOG: +pool "main": checkin[^:]*: client $id, backend $pid, role "app"$/m, 'a client that vanishes is checked in');

# Recycled: the old one closed, another opened.
$pooler->reconfigure("pooler.pool_recycle = 1s\n");
await_line(qr/LOG: +pool "main": recycle: backend $pid, role "app"$/m, 'recycled');
await_line(qr/LOG: +pool "main": close: backend $pid\b.*?open: backend/ms, 'closed, and another one opened');
$pooler->reconfigure("pooler.pool_recycle = -1\n");
$pooler->poll_view("select pool_recycle is null from pooler.pools where pool = 'main'", 't', 'no more of that');

# Invalidated.
$pooler->poll_view("select state from pooler.backends where pool = 'main'", 'unborn', 'a fresh backend');
$pid = $pooler->sql("select pid from pooler.backends where pool = 'main'");
kill 'STOP', $pid;
await_line(qr/LOG: +pool "main": invalidated backend $pid: /m, 'invalidated');
kill 'CONT', $pid;

# Each pool has its own switch; off, nothing is logged.
my $quiet = $pooler->client('quiet', database => 'quiet');
$quiet->run('select 1');
$quiet->quit;
$pooler->poll_view("select clients, echo_pool from pooler.pools where pool = 'quiet'", '0|f', 'a pool without echo');
$log .= $pooler->new_log;
unlike($log, qr/pool "quiet"/, 'says nothing');
$pooler->reconfigure("pooler.echo_pool = off\n");
$pooler->poll_view("select echo_pool from pooler.pools where pool = 'main'", 'f', 'switched off by a reload');
$pooler->new_log;
$pooler->client('silent')->run('select 1');
$pooler->poll_view("select count(*) from pooler.clients where pool = 'main'", '0', 'a client comes and goes');
unlike($pooler->new_log, qr/pool "main"/, 'nothing is logged');

done_testing;
