# A value that the file has got while a startup option covered it on a backend
# holds for the next client of that backend, who is served at once.
use PoolerTest;

my $pooler = PoolerTest->new('reload_covered', pools => 'main pool_size=1 timeout=60');
my $covered = $pooler->client('covered', options => '-c work_mem=9MB');
my $plain = $pooler->client('plain');
$_->run('select 1') foreach $covered, $plain;
my $direct = $pooler->direct('direct', options => '-c work_mem=9MB');

# Both in the file; the second says that the backend has read it, inside the
# transaction of the client with the option.
sub reload
{
    my ($value, $marker) = @_;
    $covered->run('begin');
    $pooler->reconfigure("work_mem = $value\nmaintenance_work_mem = $marker\n");
    my $end = time + 30;
    sleep 0.01 while $covered->value('show maintenance_work_mem') ne $marker && time < $end;
    is($covered->value('show work_mem'), '9MB', "$value in the file: the startup option covers it");
    return;
}
sub waits { return $pooler->poll_view('select waiting from pooler.pools', '1', "$_[0] waits") }

reload('6MB', '70MB');
$plain->write(Query('show work_mem'));
waits('plain');
$covered->run('commit');
is($plain->result->{rows}[0][0], '6MB', 'the next client has the value of the file');
is($plain->value('show work_mem'), '6MB', 'and keeps it');
is($pooler->client('later')->value('show work_mem'), '6MB', 'so has one that comes later');

# The option is the value to go back to, as on a direct connection.
foreach my $client ($covered, $direct)
{
    my $way = $client == $direct ? 'direct' : 'pooled';
    is($client->value('show work_mem'), '9MB', "$way: the option is still there");
    $client->run("set work_mem = '5MB'");
    $plain->run('select 1');
    is($client->value('show work_mem'), '5MB', "$way: under a SET");
    $client->run('reset work_mem');
    $plain->run('select 1');
    is($client->value('show work_mem'), '9MB', "$way: and after its RESET");
}

# One that leaves, and a login that a backend must end, with an option of its own.
reload('7MB', '71MB');
$plain->write(Query('show work_mem'));
waits('plain');
$covered->quit;
is($plain->result->{rows}[0][0], '7MB', 'the client with the option leaves: the next one has the value of the file');
$covered = $pooler->client('covered', options => '-c work_mem=9MB');
$covered->run('select 1');
reload('8MB', '72MB');
my $login = $pooler->connect;
$login->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'login', options => '-c app.who=me'));
waits('login');
$covered->run('commit');
is($login->result->{status}, 'I', 'a login that waits is let in');
is($login->value('show work_mem'), '8MB', 'with the value of the file');
is($plain->value('show work_mem'), '8MB', 'and so go on those who were there');

done_testing;
