# Somebody locks pg_authid or the like, as VACUUM FULL does, and stands in line for it
# behind a transaction that has read it: only new logins wait for that, or are refused.
use List::Util;
use PoolerTest;

my $super = getpwuid($<);
my $pooler = PoolerTest->new('locked', pools => 'main pool_size=1, telehealth, fire, *', conf => "pooler.pool_timeout = 2s\nautovacuum = off\n",
    sql => 'create role monitor login in role pg_monitor; create role connects; '
      . join '', map { "create role new$_ login in role connects; create role later$_ login in role connects; create database base$_ owner connects; revoke connect on database base$_ from public;" } 0 .. 3);
my $worker = $pooler->worker_pid;
my ($holder, $waiter, $other) = ((map { $pooler->client($_) } qw(holder waiter)), $pooler->client('other', database => 'fire'));
my $console = $pooler->client('console', user => 'monitor', database => 'pgbouncer');
my ($reader, $locker) = map { $pooler->direct($_, user => $super, database => 'postgres') } qw(reader locker);
$_->run('select 1') foreach $holder, $waiter, $other;
my $sleeping = "select count(*) from pg_stat_get_activity(null) where wait_event = 'PgSleep'";
my @unanswered;

# The answer to what was asked: its first value, tag or error.
sub answer
{
    my ($client, $end) = @_;
    if (!$client->readable(List::Util::max($end - time, 0.01)))
    {
        push @unanswered, $client;
        return 'nothing';
    }
    my $result = $client->result;
    return @{ $result->{errors} } ? $result->{errors}[0]{C} : $result->{eof} ? 'its end' : $result->{rows}[0][0] // $result->{tags}[0];
}

sub soon
{
    my ($sql, $expected, $end) = @_;
    my $got;
    while (($got = $pooler->sql($sql)) ne $expected && time < $end) { sleep 0.02 }
    return $got;
}

# What goes on whatever logins have to wait for; all of it within ten seconds.
sub goes_on
{
    my ($name) = @_;
    my $end = time + 10;
    $other->write(Query('select 11'));
    is(answer($other, $end), '11', "$name: a client's transaction");
    $holder->write(Query('begin; select pg_backend_pid()'));
    my $pid = answer($holder, $end);
    like($pid, qr/^\d+$/, "$name: another one begins");
    $holder->write(Query('select pg_sleep(600)'));
    is(soon($sleeping, '1', $end), '1', "$name: it goes on");
    my $began = time;
    $waiter->write(Query('select 12'));
    $console->write(Query('SHOW STATE'));
    my $caller = $pooler->connect;
    my $shown = 'select count(*) from pooler.clients where port = ' . $caller->{socket}->sockport;
    is(soon($shown, '1', $end), '1', "$name: who connects is seen");
    isnt(answer($console, $end), 'nothing', "$name: the console answers");
    is(answer($waiter, $end), '53300', "$name: pool_timeout is told of");
    cmp_ok(time - $began, '<', 6, "$name: in its time");
    my $request = $pooler->connect;
    $request->write(pack('N N N N', 16, 80877102, $holder->{pid}, $holder->{key}));
    is(answer($holder, $end), '57014', "$name: a cancel request is done");
    $caller->vanish;
    is(soon($shown, '0', $end), '0', "$name: and who hangs up");
    if (grep { $_ == $holder } @unanswered)
    {
        kill 'INT', $pid;
        $holder->result;
        @unanswered = grep { $_ != $holder } @unanswered;
    }
    $holder->run('rollback');
    return;
}

# When the lock is gone: those who had no answer get it.
sub settle
{
    (shift @unanswered)->result while @unanswered;
    foreach my $client ($waiter, $holder, $other) { is($client->value('select 14'), '14', 'afterwards all go on') }
    return;
}

sub lock_is
{
    my ($catalog, $granted, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $pooler->poll_view("select count(*) from pg_locks where relation = '$catalog'::regclass and mode = 'AccessExclusiveLock' and granted = $granted", '1', "$catalog: $name");
}

# One who logs in, which may wait.
sub newcomer
{
    my ($role, $database) = @_;
    my $client = $pooler->connect;
    $client->write(PoolerClient::startup(user => $role, database => $database));
    $client->readable(1);
    return $client;
}

goes_on('without a lock');
settle();
my $turn = 0;
foreach my $catalog (split ' ', $ENV{CATS} // 'pg_authid pg_database pg_db_role_setting pg_auth_members')
{
    my ($new, $later, $base) = map { $_ . $turn } qw(new later base);
    $turn++;
    $reader->run("begin; select count(*) from $catalog");
    $locker->write(Query("begin; lock table $catalog in access exclusive mode"));
    lock_is($catalog, 'false', 'somebody stands in line for a lock');
    my $first = newcomer($new, $base);
    goes_on($catalog);

    $reader->run('commit');
    lock_is($catalog, 'true', 'the lock is held');
    my $second = newcomer($later, $base);
    goes_on("$catalog, held");
    $locker->result;
    $locker->run('commit');
    settle();
    foreach ([ $first, $new ], [ $second, $later ])
    {
        my ($client, $role) = @$_;
        my $login = $client->result;
        ok($login->{status} eq 'I' || @{ $login->{errors} }, "$catalog: who logged in meanwhile is let in, or told why not");
        $client->vanish;
        is($pooler->client('again', user => $role, database => $base)->value('select current_user'), $role, "$catalog: logins work again");
    }
}

# A role has been altered, at which the worker looks by itself.
$reader->run('begin; alter role connects connection limit 100');
$locker->write(Query('begin; lock table pg_authid in access exclusive mode'));
lock_is('pg_authid', 'false', 'somebody stands in line');
$reader->run('commit');
lock_is('pg_authid', 'true', 'after a role was altered');
goes_on('a role was altered');
$locker->result;
$locker->run('commit');
settle();

# A reload compares CONNECTION LIMITs, which are in catalogs.
foreach my $catalog (qw(pg_authid pg_database))
{
    my $size = 2 + ++$turn;
    $locker->run("begin; lock table $catalog in access exclusive mode");
    $pooler->reconfigure("pooler.pools = 'main pool_size=1, telehealth pool_size=$size, fire, *'\n");
    $pooler->poll_view("select pool_size from pooler.pools where pool = 'telehealth'", $size, "$catalog: a reload while it is locked");
    goes_on("$catalog, reload");
    $locker->run('commit');
    settle();
}

# VACUUM FULL itself.
$reader->run('begin; select count(*) from pg_authid');
$locker->write(Query('vacuum full pg_authid'));
lock_is('pg_authid', 'false', 'VACUUM FULL stands in line');
my $unknown = newcomer('no_such_role', 'main');
goes_on('VACUUM FULL');
$reader->run('commit');
is($locker->result->{tags}[0], 'VACUUM', 'it is done');
settle();
ok(@{ $unknown->result->{errors} }, 'an unknown role is told so, or that it could not be looked at');
is($pooler->client('again', user => 'new1')->value('select current_user'), 'new1', 'logins work again');
is($pooler->worker_pid, $worker, 'by the same worker');

done_testing;
