# A backend that says the end of a login while the configuration changes: those
# who log in later are told the new one. Runs on the library with injection.
use PoolerTest;

my $pooler = PoolerTest->new('greeting', injected => 1, pools => 'main pool_size=2 max_overflow=0',
    conf => "datestyle = 'ISO, MDY'\n");
my @options = (options => '-c work_mem=5MB');

$pooler->inject('greet-publish', 'stop');
my $first = $pooler->client('app', @options);
my $stopped = $pooler->stopped('greet-publish');
is($first->{parameters}{DateStyle}, 'ISO, MDY', 'a login under the settings before');
$pooler->reconfigure("datestyle = 'SQL, DMY'\npooler.pool_timeout = 77s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '77', 'the worker has read the new ones');
kill 'CONT', $stopped;
is($first->value('show work_mem'), '5MB', 'who logged in is served');
foreach my $turn (1 .. 4)
{
    my $client = $pooler->client('app', @options);
    is($client->{parameters}{DateStyle}, 'SQL, DMY', "login $turn after the reload is told the settings of now");
    is($client->value('show datestyle'), 'SQL, DMY', "login $turn: and has them");
    $client->quit;
}

done_testing;
