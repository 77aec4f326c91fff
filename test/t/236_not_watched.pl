# A socket that the worker cannot watch, for want of memory: at most its own client
# is lost. Who was to be served after it is served, a route whose last backend has
# ended opens another one, and the listening sockets are watched again. Runs on
# the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('not_watched', injected => 1, pools => 'main pool_size=1',
    conf => "pooler.pool_timeout = 3s\npooler.wait_notice = -1\npooler.listen_addresses = '127.0.0.1, 127.0.0.2'\n" .
      "pooler.unix_socket_directories = ''\n");
my $worker = $pooler->worker_pid;

sub waits { my ($name) = @_; return $pooler->poll_view("select count(*) from pooler.clients where application_name = '$name' and state = 'waiting'", '1', "$name waits") }
sub gone { my ($name, $what) = @_; return $pooler->poll_view("select count(*) from pooler.clients where application_name = '$name'", '0', $what) }

# All that a client hears of one answer, if that comes to an end.
sub heard
{
    my ($client) = @_;
    my $result = eval { $client->result } or return 'no end';
    return join(' ', (map { $_->{C} } @{ $result->{errors} }), (map { $_->[0] } @{ $result->{rows} }), $result->{eof} ? 'end' : ());
}

# ---- half a batch at pool_timeout; the other one is taken out of the epoll with it ----

foreach my $kind (qw(ENOMEM error))
{
    my ($holder, $half, $whole) = map { $pooler->client($_) } qw(holder half whole);
    $holder->run('begin');
    $pooler->inject('worker-epoll_ctl', $kind);
    $half->write(Parse('', 'select 1'));
    waits('half');
    $whole->write(Query("select 'served'"));
    is(heard($half), '53300 end', "$kind: the one whose other half cannot be awaited is let go");
    ok(!$pooler->missed('worker-epoll_ctl'), "$kind: for this");
    gone('half', "$kind: its place is free");
    $holder->quit;
    like(heard($whole), qr/^(served|53300)$/, "$kind: the other one is served, or told that its time is up");
    is($whole->value("select 'again'"), 'again', "$kind: and goes on");
    $whole->quit;
    gone($_, "$kind: $_ has left") foreach qw(holder whole);
}

# ---- the death of a route's last backend ----

$pooler->reconfigure("pooler.pool_timeout = 10min\n");
$pooler->poll_view('show pooler.pool_timeout', '10min', 'nobody waits in vain from now on');
foreach my $skip (0 .. 2)
{
    my ($holder, $client) = map { $pooler->client($_) } qw(holder client);
    $holder->run('begin');
    my $pid = $pooler->sql('select pid from pooler.backends');
    $client->write(Query("select 'served'"));
    waits('client');
    $pooler->inject('worker-epoll_ctl', 'ENOMEM', $skip);
    $pooler->sql("select pg_terminate_backend($pid)");
    is(heard($holder), '57P01 end', "hit $skip: the backend has gone");
    is(heard($client), 'served', "hit $skip: another one serves who waited");
    ok(!$pooler->missed('worker-epoll_ctl'), "hit $skip: it has failed");
    $client->quit;
    gone($_, "hit $skip: $_ has left") foreach qw(holder client);
    $pooler->poll_view("select string_agg(state, ' ') from pooler.backends", 'idle', "hit $skip: there is one backend");
}

# ---- the listening sockets, which are left alone while no file can be had ----

$pooler->reconfigure("pooler.pool_timeout = 1s\n");
$pooler->poll_view('show pooler.pool_timeout', '1s', 'who waits has a second');
my ($holder, $client) = map { $pooler->client($_) } qw(holder client);
$holder->run('begin');
$pooler->inject('worker-accept4', 'EMFILE');
$pooler->inject('worker-epoll_ctl', 'ENOMEM', 3);    # two are left alone, one is watched again, the other is not
foreach my $host ('127.0.0.1', '127.0.0.2')
{
    my $login = $pooler->client('next', host => $host, may_fail => 1)->{login};
    is($login->{errors}[0]{C}, '53300', "$host: who comes is let in, and told when his time is up");
}
ok(!$pooler->missed($_), "$_ has failed") foreach qw(worker-accept4 worker-epoll_ctl);
$holder->quit;
is($client->value('select 1'), '1', 'the others go on');

is($pooler->worker_pid, $worker, 'the worker is the one it was');
done_testing;
