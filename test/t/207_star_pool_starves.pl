# Pools that "*" made have all backends that may be had: a client of another database gets one all
# the same, which the largest pool gives up.
use Crowd;
use PoolerTest;

my $pooler = PoolerTest->new('star_starves', pools => '*', unavailable => 1, conf => "max_connections = 12\nsuperuser_reserved_connections = 2\n"
      . "pooler.reserve = 2\npooler.pool_size = 8\npooler.pool_timeout = 20s\npooler.pool_recycle = -1\n");
$pooler->poll_view('select listening from pooler.worker', 't', 'no pool yet');
sub asked { my ($client, $sql) = @_; my $result = $client->query($sql); return $result->{rows}[0][0] // $result->{errors}[0]{M} // $result->{errors}[0]{C} }

# What a client that may not be let in is told: its first answer.
sub comes
{
    my ($database) = @_;
    my $client = $pooler->client('comes', database => $database, may_fail => 1);
    my $error = $client->{login}{errors}[0];
    return ($client, $error ? "$error->{C} $error->{D}" : $client->value('select current_database()'));
}

my $idle = $pooler->client('idle', database => 'telehealth');
is($idle->value('select 1'), '1', 'a client of one database');
$pooler->poll_view('select sum(backends) from pooler.pools', '7', 'its pool takes all that may be had');
my ($main, $got) = comes('main');
is($got, 'main', 'a client of another one is served');
is(asked($idle, 'select 2'), '2', 'and the first one, too');
is(asked($main, 'select 3'), '3', 'both go on');

# The largest pool has nothing idle.
my $crowd = Crowd->of_clients($pooler, 'crowd', 10, 0.01, database => 'telehealth');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'crowd' and transactions > 2", '10', 'a pool without an idle backend');
(my $fire, $got) = comes('fire');
is($got, 'fire', 'gives one up at the end of a transaction');
is($crowd->answers, '1', 'its clients have nothing but answers');

# Nothing comes free: the error says what there is.
$pooler->reconfigure("pooler.pool_timeout = 2s\n");
$pooler->poll_view("select string_agg(distinct pool_timeout::text, ' ') from pooler.pools", '2', 'a short timeout');
$pooler->poll_view('select sum(backends) from pooler.pools', '7', 'all that may be had are there');
my %backends = map { split /\|/ } split /\n/, $pooler->sql('select pool, backends from pooler.pools where backends > 0');
$_->quit foreach $idle, $main, $fire;
my @busy = map { my $database = $_; map { $pooler->client('busy', database => $database) } 1 .. $backends{$_} } sort keys %backends;
$_->run('begin') foreach @busy;
my ($hems, $told) = comes('hems');
is($told, '53300 Pool "hems" has no backend, and no other pool could give one up in time.', 'a pool without a backend is not said to have all of them in use');
is(asked($_, 'select 4'), '4', 'who is in a transaction goes on') foreach @busy;
$_->run('commit') foreach @busy;
($hems, $told) = comes('hems');
is($told, 'hems', 'served when those have ended');
$_->quit foreach @busy, $hems;

# More pools with clients at work than there may be backends: they take turns, and none is left out.
$pooler->reconfigure("pooler.pool_timeout = 60s\npooler.max_backends = 1\n");
my @databases = qw(main telehealth fire hems);
$crowd = Crowd->start($pooler->node->basedir . '/turns', 4, 1, sub {
        my ($me) = @_;
        my $client = $pooler->client('turns', database => $databases[ $me->number - 1 ]);
        $me->say('answer', $client->value('select 1')) while $me->goes_on;
    });
$pooler->poll_view("select count(distinct database) from pooler.clients where application_name = 'turns' and transactions > 5", '4', 'four pools and one backend: all are served');
my $before = $pooler->sql("select string_agg(format('(%L,%s)', database, transactions), ',') from pooler.clients where application_name = 'turns'");
$pooler->poll_view("select count(*) from pooler.clients join (values $before) b (database, n) using (database) where application_name = 'turns' and transactions > n + 5", '4', 'and again and again');
is($crowd->answers, '1', 'with nothing but answers');

# The largest pool works for long, in a role that may not log in any more, and gives none up; there
# is an idle one elsewhere.
my $few = PoolerTest->new('few', pools => '* pool_size=0', unavailable => 1, sql => 'create role barred login;',
    conf => "pooler.max_backends = 3\npooler.pool_timeout = 20s\n");
@busy = map { $few->client("busy $_", user => 'barred', database => 'telehealth') } 1, 2;
$_->run('begin') foreach @busy;
my $silent = $few->client('silent', database => 'fire');
$silent->run('select 5');
is($few->sql('select string_agg(concat_ws($$ $$, pool, backends), $$, $$ order by pool) from pooler.pools'), 'fire 1, telehealth 2', 'all that may be had');
$few->node->safe_psql('postgres', 'alter role barred nologin');
my $other = $few->client('other', database => 'main');
is($other->value('select current_database()'), 'main', 'the idle one is given up');
is($_->run('select 6')->{rows}[0][0], '6', 'others go on') foreach @busy;
$_->quit foreach @busy, $other;

# A pool that keeps none ready, whose client asks for nothing, keeps no other from opening.
$few->reconfigure("pooler.pools = 'fire pool_size=0, main pool_size=3'\npooler.max_backends = -1\n");
$few->poll_view('select string_agg(concat_ws($$ $$, pool, backends), $$, $$ order by pool) from pooler.pools', 'fire 0, main 3', 'two pools, one of which keeps backends ready');
my $pids = $few->sql('select string_agg(pid::text, $$,$$) from pooler.backends');
$few->sql("select pg_terminate_backend(pid) from unnest('{$pids}'::int[]) as pid");
$few->poll_view("select count(*) from pg_stat_activity where pid in ($pids)", '0', 'they are lost');
$few->poll_view("select backends from pooler.pools where pool = 'main'", '3', 'and come again');
is($silent->value('select 7'), '7', 'the other one is opened when it is needed');

done_testing;
