# pooler.leak_warn: who holds a backend longer is logged once, and once more when
# it is returned; what is no leak is not logged.
use PoolerTest;

my $pooler = PoolerTest->new('leak_warn', sql => "create role whole login; alter role whole set pooler.mode = session;",
    pools => 'main pool_size=2, telehealth', conf => "track_activity_query_size = 100\n");

# Waits for a line that matches, and returns what it caught.
my $log = '';
sub await_line
{
    my ($pattern, $name) = @_;
    my $end = time + 60;
    $log .= $pooler->new_log;
    sleep 0.02, $log .= $pooler->new_log while $log !~ $pattern && time < $end;
    like($log, $pattern, $name);
    return $log =~ $pattern;
}
sub count_lines { my ($pattern) = @_; $log .= $pooler->new_log; my @all = $log =~ /$pattern/g; return scalar @all }
sub column { my ($of, $name) = @_; return $pooler->sql("select $of from pooler.clients where application_name = '$name'") }

# Off unless asked for: a transaction that lasts, and then the setting.
my $leak = $pooler->client('billing');
$leak->run('begin');
$leak->run("select 1 as \"payment\"");
my ($id, $pid) = (column('id', 'billing'), column('backend', 'billing'));
$pooler->poll_view("select since < clock_timestamp() - interval '500 ms' from pooler.holders where client = $id", 't', 'it holds for half a second');
is(count_lines(qr/apparent connection leak/), 0, 'nothing is logged by default');

# Reload: it is logged once, with who it is and what it ran.
my $held_from = $pooler->sql("select extract(epoch from since) from pooler.holders where client = $id");
$pooler->reconfigure("pooler.leak_warn = 400ms\n");
my ($seconds) = await_line(qr/LOG:  apparent connection leak: client $id of pool "main", role "app", application_name "billing", holds backend $pid for ([0-9.]+) s\n/,
    'logged with client, pool, role, application and backend');
cmp_ok($seconds, '>', 0.5, 'for how long, at least');
like($log, qr/DETAIL:  It is idle in transaction\. Its last statement: select 1 as "payment"\n/, 'what it does, and its statement');
like($log, qr/HINT: .*SELECT pooler\.terminate_client\($id\);/, 'how to end it');
my $end = time;
$leak->run('select 2');
my $other = $pooler->client('web');
$other->run('select 1');
$pooler->poll_view("select since < clock_timestamp() - interval '1500 ms' from pooler.holders where client = $id", 't', 'it goes on for a second');
is(count_lines(qr/holds backend $pid/), 1, 'but is logged once');

# Returned after all: how long it was, as its own clock says.
$leak->run('commit');
my ($returned) = await_line(qr/LOG:  apparent connection leak: client $id of pool "main", role "app", application_name "billing", returned backend $pid after ([0-9.]+) s\n/, 'logged when it is returned');
my $whole = time - $held_from;
cmp_ok(abs($returned - $whole), '<', 1, "after $returned s of $whole s");
cmp_ok($returned, '>', $seconds, 'longer than when it was logged');

# The next time is another one; a statement that runs, and one that waits.
$leak->run('begin');
await_line(qr/(?s:.*holds backend \d){2}/, 'the same client again');
$leak->run('create table t ()');
$leak->run('commit');
await_line(qr/(?s:.*returned backend \d){2}/, 'and it is returned');
my $slow = $pooler->client('slow', database => 'telehealth');
my $slow_id = column('id', 'slow');
$slow->write(PoolerTest::Query('select pg_sleep(1.5)'));
await_line(qr/client $slow_id of pool "telehealth", .*holds backend.*\n.*DETAIL:  It runs a statement\. Its last statement: select pg_sleep\(1\.5\)\n/, 'a slow statement');
$slow->result;
my ($slept) = await_line(qr/client $slow_id .*returned backend \d+ after ([0-9.]+) s/, 'is returned');
cmp_ok(abs($slept - 1.5), '<', 0.3, "after the 1.5 s that it took: $slept");
$leak->run('begin');
$leak->run('lock table t');
$other->write(PoolerTest::Query('lock table t; select 3'));
await_line(qr/application_name "web", holds.*\n.*DETAIL:  It waits for a lock\./, 'one that waits for a lock');
$leak->run('commit');
$other->result;
await_line(qr/application_name "web", returned/, 'is returned');

# A text that was cut inside a character is cut before it.
$log = '';
my $long = "select '" . ('é' x 60) . "'";
$leak->run('begin');
$leak->run($long);
my ($statement) = await_line(qr/Its last statement: (select '[^\n]*)\n/, 'a long statement');
is($statement, substr($long, 0, 8 + 2 * 45), 'is cut where a character ends');
$leak->run('commit');
await_line(qr/returned backend \d/, 'it is returned');

# State that pins a client holds its backend; silence does not end it.
$log = '';
$leak->run('prepare p as select 1');
await_line(qr/application_name "billing", holds backend.*\n.*DETAIL:  It is pinned by prepared statement\. Its last statement: prepare p as select 1\n/, 'a pinned client');
$leak->run('select 4');
$leak->run('deallocate p');
await_line(qr/returned backend \d/, 'is returned');
is(count_lines(qr/holds backend \d/), 1, 'one hold, however many statements');

# A kept client that is silent holds nothing, nor does one in session mode.
$log = '';
$leak->run('select 5');
my $whole_session = $pooler->client('session', user => 'whole');
$whole_session->run('begin');
$pooler->poll_view("select state, since < clock_timestamp() - interval '1 s' from pooler.clients where application_name = 'session'", 'pinned|t', 'a session with a transaction, for a second');
is($pooler->sql("select state from pooler.clients where application_name = 'billing'"), 'idle', 'a silent client is idle');
is(count_lines(qr/apparent connection leak/), 0, 'neither is a leak');
$whole_session->quit;

# One that is ended for it: its backend ends with it, or is free.
$leak->run('begin');
await_line(qr/application_name "billing", holds backend/, 'a leak');
$pooler->sql("select pooler.terminate_client($id)");
await_line(qr/application_name "billing", (?:returned|ended with) backend/, 'it is ended');

# A statement is in the log and nowhere else; with 0 nothing is logged.
$log = '';
$pooler->reconfigure("pooler.leak_warn = 0\n");
is(($pooler->poll_view('select setting from pg_settings where name = $$pooler.leak_warn$$', '0', 'off')), 1, 'off again');
my $last = $pooler->client('last');
$last->run('begin');
$pooler->poll_view("select since < clock_timestamp() - interval '1 s' from pooler.holders where application_name = 'last'", 't', 'a transaction for a second');
is(count_lines(qr/apparent connection leak/), 0, 'is not logged');

done_testing;
