# A limit that is lowered holds although clients leave no backend idle: each backend that is over
# it goes at the end of a transaction, and nobody sees an error of that or loses a session.
use Crowd;
use PoolerTest;

my $pooler = PoolerTest->new('lowered', pools => 'main pool_size=6, fire pool_size=3', conf => "pooler.pool_recycle = -1\npooler.pool_timeout = -1\npooler.max_pinned = 3\n");

sub backends_are
{
    my ($database, $backends, $name) = @_;
    return $pooler->poll_view("select backends from pooler.pools where pool = '$database'", $backends, $name);
}

# They have to be served some more, after this moment.
sub goes_on
{
    my ($database, $name) = @_;
    my $count = "from pooler.clients where database = '$database' and application_name = 'crowd'";
    my $before = $pooler->sql("select string_agg(format('(%s,%s)', id, transactions), ',') $count");
    return $pooler->poll_view("select count(*) $count and exists (select from (values $before) b (id, n) where b.id = clients.id and transactions > n + 2)",
        $pooler->sql("select count(*) $count"), $name);
}

my $pinned = $pooler->client('pinned', database => 'fire');
$pinned->run('create temp table mine as select 7 as n');
my %crowd = (main => Crowd->of_clients($pooler, 'crowd', 10, 0.01, database => 'main'), fire => Crowd->of_clients($pooler, 'crowd', 3, 0.01, database => 'fire'));
$pooler->poll_view("select count(*) from pooler.backends where pool = 'main' and checkouts > 0", '6', 'all backends serve');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'crowd'", '13', 'all clients are there');

$pooler->reconfigure("pooler.pools = 'main pool_size=2, fire pool_size=2'\n");
backends_are('main', '2', 'those over the limit go while all clients go on');
goes_on('main', 'all are served by the rest');
backends_are('fire', '2', 'where one client is pinned another backend goes');
goes_on('fire', 'its clients, too');
is($pinned->value('select n from mine'), '7', 'the pinned one has its session');

# Two more sessions than there may be backends: they end when their clients leave.
$crowd{fire}->stop;
my %seen = map { $_->[2] => 1 } grep { $_->[1] eq 'answer' } $crowd{fire}->finish;
$pooler->reconfigure("pooler.pools = 'main pool_size=2, fire pool_size=3'\n");
backends_are('fire', '3', 'a limit that is raised');
my @sessions = map { my $client = $pooler->client("session$_", database => 'fire'); $client->run("create temp table mine as select $_ as n"); $client } 1, 2;
$pooler->reconfigure("pooler.pools = 'main pool_size=2, fire pool_size=1'\n");
$pooler->poll_view("select pool_size from pooler.pools where pool = 'fire'", '1', 'a limit below the number of sessions');
goes_on('main', 'main goes on');
is($sessions[ $_ - 1 ]->value('select n from mine'), $_, "session $_ goes on") foreach 1, 2;
is($pinned->value('select n from mine'), '7', 'and the first one');
$_->quit foreach @sessions, $pinned;
backends_are('fire', '1', 'with their clients their backends go');
is($pooler->client('after', database => 'fire')->value('select 1'), '1', 'the rest serves');

# The limit of all pools.
$pooler->reconfigure("pooler.pools = 'main pool_size=4, fire pool_size=1'\n");
backends_are('main', '4', 'more again, all of which serve');
$pooler->reconfigure("pooler.max_backends = 3\n");
backends_are('main', '2', 'max_backends holds for the largest pool, too');
goes_on('main', 'which goes on');

$crowd{main}->stop;
%seen = (%seen, map { $_->[2] => 1 } grep { $_->[1] eq 'answer' } $crowd{main}->finish);
is(join(' ', sort keys %seen), '1', 'nothing but answers');

done_testing;
