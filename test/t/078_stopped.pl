# A backend that is stopped (SIGSTOP) before it has begun a client, or after it
# has done with it, holds nobody up: the worker misses it (pre_ping), gives its
# client to another one and opens a new one. Runs on the library with injection
# (test/inject/inject.c). In the midst of a statement it is the statement that
# hangs, as on a direct connection.
use PoolerTest;

my $pooler = PoolerTest->new('stopped', injected => 1, pools => 'main pool_size=2 max_overflow=0 pre_ping=on',
    conf => "restart_after_crash = off\npooler.pool_timeout = -1\n");
my @clients = map { $pooler->client($_) } qw(one two three);
my $count = 0;

# All ask at once, each for a text that is nobody else's.
sub round
{
    my @texts = map { 'text ' . ++$count } @clients;
    $clients[$_]->write(Query("select '$texts[$_]'")) foreach 0 .. $#clients;
    foreach my $i (0 .. $#clients)
    {
        my $row = $clients[$i]->result->{rows}[0][0] // 'nothing';
        return "'$row' for '$texts[$i]'" if $row ne $texts[$i];
    }
    return '';
}

my $whole = q{select sum(backends), sum(backends - unborn - idle), (select count(*) from pooler.backends) from pooler.pools};

foreach my $step (qw(take-win take-won take-taken take-copy take-copied take-serve
    give-up-returning give-up-detached give-up-arm give-up-passed take-idle birth-named))
{
    my $before = $pooler->sql('select invalidated from pooler.pools');
    $pooler->inject($step, 'stop');
    if ($step =~ /^take-cop/)    # by who has not got the file
    {
        $clients[0]->quit;
        $clients[0] = $pooler->client('another');
    }
    if ($step =~ /^(take-idle|birth)/)
    {
        $pooler->sql("select pg_terminate_backend(pid) from pooler.backends where state = 'idle' limit 1");
    }
    my $wrong = '';
    my $end = time + 60;
    $wrong = round() until $wrong || $pooler->stopped_at($step) || time > $end;
    my $pid = $pooler->stopped_at($step);
    ok($pid, "$step: a backend is stopped") or next;
    $wrong ||= round() foreach 1 .. 5;
    is($wrong, '', "$step: everybody is served");
    $pooler->poll_view("select invalidated > $before from pooler.pools", 't', "$step: it is missed");
    kill 'CONT', $pid;
    $pooler->poll_view("select count(*) from pg_stat_activity where pid = $pid", '0', "$step: it goes on only to end");
    is(round(), '', "$step: and nobody notices");
    $pooler->poll_view($whole, '2|0|2', "$step: the pool is whole");
}
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nobody crashed');

done_testing;
