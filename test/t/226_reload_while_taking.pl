# A backend that slept while the configuration was read anew, and hears of it only when
# it has a client that logs in: no later login is told the settings of before. Runs on
# the library with injection.
use PoolerTest;

my $pooler = PoolerTest->new('taking', injected => 1, pools => 'main pool_size=1 max_overflow=0',
    conf => "datestyle = 'ISO, MDY'\n");
my @options = (options => '-c work_mem=5MB');
my $timeout = 70;

# The worker alone hears of it; the backend does at this step of the next login.
sub reload_at
{
    my ($step, $datestyle, $before) = @_;
    my $first = $pooler->client('first');
    $first->run('select 1');
    if ($before)
    {
        $first->write(Parse('', $before), Sync());
        $first->result;
    }
    $timeout++;
    $pooler->node->append_conf('postgresql.conf', "datestyle = '$datestyle'\npooler.pool_timeout = ${timeout}s\n");
    kill 'HUP', $pooler->worker_pid;
    $pooler->poll_view('select pool_timeout from pooler.pools', $timeout, "$step: the worker has read the new settings");
    $pooler->inject($step, 'reload');
    my $client = $pooler->client('app', @options);
    ok($pooler->met($step), "$step: the backend hears of it");
    return ($client, $first);
}

sub later_logins
{
    my ($step, $datestyle) = @_;
    foreach my $turn (1 .. 4)
    {
        my $client = $pooler->client('app', @options);
        is($client->{parameters}{DateStyle}, $datestyle, "$step: login $turn after the reload is told the settings of now");
        is($client->value('show datestyle'), $datestyle, "$step: login $turn: and has them");
        is($client->value('show work_mem'), '5MB', "$step: login $turn: and its own");
        $client->quit;
    }
    $pooler->node->reload;
    return;
}

my ($client, $first) = reload_at('take-taken', 'SQL, DMY');
is($client->{parameters}{DateStyle}, 'SQL, DMY', 'before the login begins: it is told the settings of now');
is($_->value('show datestyle'), 'SQL, DMY', 'as who was there has them') foreach $client, $first;
later_logins('take-taken', 'SQL, DMY');

my $style = 'German, DMY';
foreach my $step (qw(greet-startup greet-said))
{
    foreach my $statement ('', 'select 2')
    {
        my $name = $statement ? "$step, another's unnamed statement is there" : $step;
        ($client, $first) = reload_at($step, $style, $statement);
        is($client->value('show work_mem'), '5MB', "$name: who logs in is served");
        is($_->value('show datestyle'), $style, "$name: with the settings of now") foreach $client, $first;
        later_logins($name, $style);
        $style = $style =~ /German/ ? 'Postgres, MDY' : 'German, DMY';
    }
}

done_testing;
