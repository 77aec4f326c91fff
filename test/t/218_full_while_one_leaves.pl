# A CONNECTION LIMIT that is full while a backend leaves: the birth is tried again soon, for the place
# may be that one's. If it does not come to its end the clients hear that the limit is full, and until
# then there are few attempts: each costs a process and a line in the server's log.
use PoolerTest;

my $pooler = PoolerTest->new('leaves', pools => 'main pool_size=6',
    conf => "pooler.pool_timeout = -1\nlog_statement = none\n", sql => 'create role low login connection limit 1;');
my $elsewhere = $pooler->direct('elsewhere', user => 'low');

# A backend that cannot end for a stranger's lock.
my $leaver = $pooler->client('leaver');
$leaver->run('create temp table mine ()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<));
$stranger->run("begin; drop table $schema.mine");
$leaver->quit;
my $leaving = "select count(*) from pooler.backends where state = 'leaving'";
$pooler->poll_view($leaving, '1', 'a backend leaves');
$pooler->new_log;
my $startup = PoolerClient::startup(user => 'low', database => 'main');
my @clients = map { my $client = $pooler->connect; $client->write($startup); $client } 1 .. 3;
foreach my $client (@clients)
{
    my $error = $client->result->{errors}[0];
    is("$error->{S} $error->{C} $error->{M}", 'FATAL 53300 too many connections for role "low"', 'a client hears that its role\'s limit is full');
}
is($pooler->sql($leaving), '1', 'while the backend still leaves');

# At first, when the other one may have gone, and in the end; three at a time.
my $failed = () = $pooler->new_log =~ /FATAL:  too many connections for role "low"/g;
cmp_ok($failed, '<=', 3 * 3, 'after few attempts');
is($pooler->client('other')->value('select 1'), '1', 'another role is served');

# The limit has room.
$elsewhere->quit;
$pooler->poll_view("select count(*) from pg_stat_activity where usename = 'low'", '0', 'who was there leaves');
is($pooler->client('next', user => 'low')->value('select 1'), '1', 'and the next client is served');
$stranger->run('rollback');
$pooler->poll_view($leaving, '0', 'without the lock the backend ends');
done_testing;
