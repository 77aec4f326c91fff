# A pool that '*' made and whose database is being dropped: its place is nobody
# else's before that has ended, for a pause would be the next pool's, too.
use PoolerTest;

my $pooler = PoolerTest->new('paused_and_unused', pools => '*', unavailable => 1, conf => "pooler.pool_idle_timeout = 1s\npooler.pool_timeout = 3s\n");
$pooler->poll_view('select listening from pooler.worker', 't', 'no pool yet');
$pooler->node->safe_psql('postgres', 'create database goes owner app');
my $client = $pooler->client('first', database => 'goes');
is($client->value('select current_database()'), 'goes', 'a database that is used');

my $me = getpwuid($<);
my ($locker, $dropper) = map { $pooler->direct($_, user => $me) } qw(locker dropper);
$locker->run('begin; lock table pg_database in share row exclusive mode');
$dropper->write(Query('drop database goes'));
$pooler->poll_view('select count(*) from pg_locks where not granted', '1', 'and dropped, which waits');
$pooler->poll_view("select coalesce(max(backends), 0) from pooler.pools where pool = 'goes'", '0', 'its backends have gone');
my $error = $client->query('select 1')->{errors}[0];
is("$error->{C} $error->{D} $error->{H}", '53300 Pool "goes" may have no backend while its database is dropped, moved or copied. Try again when that has ended.', 'who asks for one is told');
$client->quit;
$pooler->poll_view('select clients from pooler.worker', '0', 'and leaves');
sleep 2;
my $next = $pooler->client('next', database => 'main');
is($next->value('select current_database()'), 'main', 'another database is served meanwhile');
is($pooler->sql("select string_agg(pool, ' ' order by pool) from pooler.pools"), 'goes main', 'the place is still that of the one');
$locker->run('commit');
is_deeply($dropper->result->{tags}, ['DROP DATABASE'], 'it is dropped');
$pooler->poll_view("select string_agg(pool, ' ') from pooler.pools", 'main', 'then its pool goes');

done_testing;
