# LOAD binds its client even where another client has loaded the library before:
# the next backend may not have it.
use PoolerTest;

my $pooler = PoolerTest->new('load', pools => 'main pool_size=1',
    conf => "pooler.superuser_mode = transaction\n");
my @superuser = (user => scalar getpwuid($<));

sub pinned { return "select pinned_by from pooler.clients where application_name = 'loader'" }

my $other = $pooler->client('other', @superuser);
$other->run('do $$ begin end $$');
my $pid = $other->value('select pg_backend_pid()');
my $loader = $pooler->client('loader', @superuser);
is($loader->value('select pg_backend_pid()'), $pid, 'the backend that has PL/pgSQL');
is($loader->sqlstate('set plpgsql.no_such_variable = 1'), '42602', 'it is loaded');
$pooler->poll_view(pinned(), '{}', 'nothing binds the client');
$loader->run("load 'plpgsql'");
$pooler->poll_view(pinned(), '{library}', 'LOAD does');
$loader->quit;
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'the backend is closed afterwards');

$loader = $pooler->client('loader', @superuser);
$loader->run("load 'pooler'");
$loader->run('select 1');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'loader' and pinned_by = '{}'",
    '1', 'but not LOAD of what every backend has');

done_testing;
