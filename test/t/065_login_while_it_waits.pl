# Logins and roles while backends are short, stopped or cannot be born.
use PoolerTest;

my $pooler = PoolerTest->new('logins', pools => 'main pool_size=1', sql => 'create role bob login;',
    conf => "pooler.pool_timeout = 1s\n");
my $holder = $pooler->client('holder');

# A role that may not log in any more: its clients go on with the backend they have.
my $pid = $holder->value('select pg_backend_pid()');
$pooler->sql('alter role app nologin');
my $refused = $pooler->client('x', may_fail => 1)->{login}{errors}[0];
is("$refused->{C} $refused->{M}", '28000 role "app" is not permitted to log in', 'NOLOGIN: a login is refused as by the server');
is($holder->value('select pg_backend_pid()'), $pid, 'NOLOGIN: a client goes on with its backend');
$pooler->sql("select pg_terminate_backend($pid)");
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $pid", '0', 'NOLOGIN: its last backend has ended');
my $result = $holder->query('select 1');
is("$result->{errors}[0]{C} $result->{errors}[0]{M}", '28000 role "app" is not permitted to log in', 'NOLOGIN: without a backend it hears why there is none');
$pooler->sql('alter role app login');
$result = $holder->query('select 1') for 1 .. 3;
$pooler->poll_view("select state from pooler.pools", 'open', 'LOGIN: the pool is open');
ok(!$result->{eof}, 'LOGIN: its session is still there');
$holder = $pooler->client('holder') if $result->{eof};
is($pooler->client('again')->value('select 1'), '1', 'LOGIN: a login succeeds again');

# A login with settings never seen before needs a backend.
$holder->run('begin');
my @login = (options => '-c work_mem=123MB', may_fail => 1);
$refused = $pooler->client('late', @login)->{login}{errors}[0];
is($refused->{C}, '53300', 'exhausted: a login waits for pool_timeout');
like($refused->{M}, qr/^QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 1\.00$/, 'exhausted: and hears so');
$pooler->reconfigure("pooler.pool_timeout = 30s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '30', 'it may wait for longer');
my $late = $pooler->connect;
$late->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'late', options => '-c work_mem=124MB'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'exhausted: a login waits');
is(($late->message)[0], 'R', 'exhausted: it is told that it is who it says');
ok(!$late->readable(0), 'exhausted: and no more');
$holder->run('commit');
is($late->result->{status}, 'I', 'it is let in as soon as a backend is free');
is($late->value('show work_mem'), '124MB', 'with its settings');
$late->quit;

# A kept client whose backend is stopped, and continued.
$pooler->reconfigure("pooler.pools = 'main pool_size=2'\n");
$pooler->poll_view('select count(*) from pooler.backends', '2', 'two backends');
$holder->run('create table counted (i int)');
# Who is kept is decided ten times a second.
my $kept_by = '';
for (1 .. 100)
{
    $pid = $holder->value('select pg_backend_pid()');
    $kept_by = $pooler->sql("select b.pid from pooler.clients c join pooler.backends b on b.pid = c.backend
        where c.application_name = 'holder' and b.state = 'idle'");
    last if $kept_by eq $pid;
    sleep 0.02;
}
is($kept_by, $pid, 'it is kept by its backend, which has saved its state');
kill 'STOP', $pid;
$holder->write(Query('insert into counted values (1)'));
is($holder->result->{tags}[0], 'INSERT 0 1', 'a client whose backend was stopped is served');
is($holder->query('insert into counted values (2)')->{tags}[0], 'INSERT 0 1', 'and once more, while it is stopped');
isnt($holder->value('select pg_backend_pid()'), $pid, 'by another one');
kill 'CONT', $pid;
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $pid", '0', 'continued it leaves');
ok(!$holder->readable(0.2), 'and says nothing to the client');
is($holder->value('select string_agg(i::text, $$ $$ order by i) from counted'), '1 2', 'each statement ran once');

done_testing;
