# A backend that stops at a bad moment is taken for dead, and its client goes to
# another one; when it goes on it touches nobody, and ends. Runs on the library
# with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('dead', injected => 1, pools => 'main pool_size=2', conf => "pooler.pool_timeout = 60s\nrestart_after_crash = off\n");
my @clients = map { $pooler->client("c$_") } 1 .. 3;
$_->run('select 1') foreach @clients;
my $whole = q{select (select count(*) from pooler.clients), backends, idle + unborn from pooler.pools};

foreach my $step (qw(take-won take-taken take-serve give-up-returning give-up-detached give-up-arm))
{
    $pooler->poll_view($whole, '3|2|2', "$step: all is quiet");
    my $invalidated = $pooler->sql('select invalidated from pooler.pools');
    $pooler->inject($step, 'stop');
    $clients[0]->write(Query("select 'of $step', pg_backend_pid()"));
    my $stopped = $pooler->stopped($step);
    $clients[1]->write(Query('select 1'));
    my ($text, $served_by) = @{ $clients[0]->result->{rows}[0] };
    is($text, "of $step", "$step: its client has its answer");
    isnt($served_by, $stopped, "$step: from another one") if $step =~ /^take/;
    is($clients[1]->result->{rows}[0][0], '1', "$step: others have theirs");
    $pooler->poll_view("select invalidated - $invalidated from pooler.pools", '1', "$step: it is taken for dead");
    is($clients[0]->value("select 'more'"), 'more', "$step: the client goes on");
    kill 'CONT', $stopped;
    $pooler->poll_view("select count(*) from pg_stat_activity where pid = $stopped", '0', "$step: it goes on, and ends");
    is($clients[$_]->value("select $_"), $_, "$step: client $_ is served") foreach 0 .. 2;
}
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nobody crashed');

done_testing;
