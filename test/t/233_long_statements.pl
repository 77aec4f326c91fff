# Where all backends are in long statements, a pool without any gets the place of the first that ends,
# and the others stay.
use PoolerTest;

my $pooler = PoolerTest->new('long', pools => '* pool_size=0', unavailable => 1,
    conf => "pooler.max_backends = 6\npooler.spare_backends = 0\npooler.pool_timeout = 60s\npooler.pool_recycle = -1\n");
my @busy = map { $pooler->client("busy $_", database => 'telehealth') } 1 .. 6;
$_->run('begin') foreach @busy;
my @pids = split / /, $pooler->sql(q{select string_agg(pid::text, ' ') from pooler.backends where pool = 'telehealth'});
is(scalar(@pids), 6, 'a pool has all that may be had');
$_->run('commit') foreach @busy;

sub of_them { my ($what) = @_; return "select count(*) from pg_stat_activity where pid in (" . join(',', @pids) . ") $what" }
$_->write(Query('select 1 from pg_sleep(6)')) foreach @busy;
$pooler->poll_view(of_them(q{and wait_event = 'PgSleep' and query_start < clock_timestamp() - interval '2 s'}), '6', 'all work for long');
my $fire = $pooler->client('fire', database => 'fire');
is($fire->value('select current_database()'), 'fire', 'a client of another pool is served');
is($_->result->{rows}[0][0], '1', 'each statement comes to its end') foreach @busy;
is($_->value('select 2'), '2', 'and each client goes on') foreach @busy;
is($pooler->sql(of_them('')), '5', 'one of its backends has gone');
is($pooler->sql(q{select backends from pooler.pools where pool = 'fire'}), '1', 'for the other pool');

# One that ends long before the others.
$fire->quit;
$pooler->sql(q{select pg_terminate_backend(pid) from pooler.backends where pool = 'fire'});
$pooler->poll_view(q{select sum(backends) from pooler.pools where pool = 'fire'}, '0', 'the other pool has no backend');
$_->run('begin') foreach @busy;
@pids = split / /, $pooler->sql(q{select string_agg(pid::text, ' ') from pooler.backends where pool = 'telehealth'});
is(scalar(@pids), 6, 'all that may be had, once more');
$_->write(Query('select 3')) foreach @busy;
is($_->result->{rows}[0][0], '3', 'in transactions') foreach @busy;
my $waits = $pooler->connect;
$waits->write(PoolerClient::startup(user => 'app', database => 'fire'));
$pooler->poll_view(q{select count(*) from pooler.clients where database = 'fire' and since < clock_timestamp() - interval '3 s'}, '1', 'a client waits for a while');
$busy[3]->run('commit');
is($waits->result->{status}, 'I', 'the one that ends first is given up');
is($_->value('select 4'), '4', 'the others go on') foreach @busy[ 0, 1, 2, 4, 5 ];
$_->run('commit') foreach @busy[ 0, 1, 2, 4, 5 ];
is($busy[3]->value('select 5'), '5', 'and so does that one\'s client');
is($pooler->sql(of_them('')), '5', 'no other backend has gone');

done_testing;
