# A CONNECTION LIMIT that is full of idle backends: of the role in other databases, or of other roles in
# the database. Directly none of them would be there, so one goes for who waits and has none.
use PoolerTest;

my $pooler = PoolerTest->new('full', pools => 'main pool_size=4, telehealth pool_size=4, fire pool_size=4, hems pool_size=4',
    conf => "pooler.pool_timeout = 10s\n",
    sql => "create role low login connection limit 1; create role two login connection limit 2;
        create role r1 login; create role r2 login;");
$pooler->sql('alter database fire connection limit 1');
sub pid_of { my ($client) = @_; return $client->value('select pg_backend_pid()') }
sub refusal { my ($result) = @_; return join ' ', map { "$_->{C} $_->{M}" } @{ $result->{errors} } }

# A role in two databases.
my $main = $pooler->client('low_main', user => 'low', database => 'main');
my $first = pid_of($main);
my $telehealth = $pooler->client('low_telehealth', user => 'low', database => 'telehealth', may_fail => 1);
is(eval { $telehealth->value('select current_database()') } // $@, 'telehealth', 'a role whose only backend is idle in another database is served');
is($main->value('select current_database()'), 'main', 'and again in the first');
isnt(pid_of($main), $first, 'by another backend');
foreach (1 .. 5)
{
    is($_->value('select 1'), '1', 'to and fro') foreach $telehealth, $main;
}
is($pooler->sql("select count(*) from pg_stat_activity where usename = 'low'"), '1', 'within its limit');

# One at work does not go: the client hears what it would directly.
$main->run('begin');
is(refusal($telehealth->query('select 1')), '53300 too many connections for role "low"', 'while the other one is busy the limit is full');
$main->run('commit');
is($telehealth->value('select 2'), '2', 'afterwards it is not');

# The longest idle one goes, and no more than one.
my %two;
foreach my $database (qw(main hems))
{
    $two{$database} = $pooler->client("two_$database", user => 'two', database => $database);
    $two{$database}->run('select 1');
}
my $kept = pid_of($two{hems});
is($pooler->client('two_telehealth', user => 'two', database => 'telehealth')->value('select 3'), '3', 'a third database is served');
is(pid_of($two{hems}), $kept, 'the one that was idle for less time is there');

# A database that two roles share.
my %fire = map { $_ => $pooler->client("fire_$_", user => $_, database => 'fire', may_fail => 1) } qw(r1 r2);
is($fire{$_}->value('select current_user'), $_, 'roles take turns in a database for one') foreach qw(r1 r2 r1 r2);
is($pooler->sql("select count(*) from pg_stat_activity where datname = 'fire' and usename in ('r1', 'r2')"), '1', 'within its limit');

# Who does not wait does not cost others theirs.
$pooler->new_log;
my @more = map { $pooler->client("more$_", user => 'two', database => 'hems') } 1 .. 3;
$_->run('select 1') foreach @more;
my $pids = q{select string_agg(pid::text, ' ' order by pid) from pooler.backends where role = 'two'};
my $before = $pooler->sql($pids);
$pooler->poll_view("select min(idle_time) > '1s' from pooler.backends where role = 'two'", 't', 'clients rest');
is($pooler->sql($pids), $before, 'backends that nobody waits for stay as they are');

# One of the role that is about to go, in another database, is waited for.
my $leaver = $pooler->client('leaver', user => 'low', database => 'main');
$leaver->run('create temp table mine ()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<), database => 'main');
$stranger->run("begin; drop table $schema.mine");
$_->quit foreach $leaver, $main;
$pooler->poll_view(q{select count(*) from pooler.backends where state = 'leaving'}, '1', 'a backend leaves');
$telehealth->write(Query('select 4'));
$pooler->logged(qr/too many connections for role "low"/, 'the limit is full');
$stranger->run('rollback');
is($telehealth->result->{rows}[0][0], '4', 'its place is waited for');
done_testing;
