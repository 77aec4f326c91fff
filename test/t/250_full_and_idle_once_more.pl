# A CONNECTION LIMIT that is full of idle backends, once more: no more of them go than who waits has use
# for, one goes also if it never served or if it was waited for in vain before, but none whose role could
# not log in again.
use PoolerTest;

my $pooler = PoolerTest->new('once_more', pools => 'main pool_size=4, telehealth pool_size=4, fire pool_size=4, hems pool_size=4',
    conf => "pooler.pool_timeout = 10s\npooler.pool_recycle = -1\n",
    sql => 'create role two login connection limit 2; create role low login connection limit 1; create role unserved login connection limit 1;
        create role r1 login; create role r2 login;');
$pooler->sql('alter database fire connection limit 1');
sub refusal { my ($result) = @_; return join ' ', map { "$_->{C} $_->{M}" } @{ $result->{errors} } }
sub backends { my ($role, $pool) = @_; return "select count(*) from pooler.backends where role = '$role' and pool = '$pool' and state <> 'leaving'" }
sub rests { my ($role, $time) = @_; return $pooler->poll_view("select min(idle_time) > '$time' from pooler.backends where role = '$role'", 't', "the backends of $role are idle") }

# Two clients come at once: one backend serves both, and one is enough for that.
my @main = map { $pooler->client("main$_", user => 'two') } 1, 2;
$_->run('begin') foreach @main;
$_->run('commit') foreach @main;
is($pooler->sql(backends('two', 'main')), '2', 'a role has both of its backends in a database');
rests('two', '0.2s');
my @telehealth = map { $pooler->connect } 1, 2;
$_->write(PoolerClient::startup(user => 'two', database => 'telehealth')) foreach @telehealth;
is($_->result->{status}, 'I', 'a client is let in to another one') foreach @telehealth;
is($_->value('select current_database()'), 'telehealth', 'and served') foreach @telehealth;
is($pooler->sql(backends('two', 'main')), '1', 'one backend has gone for both');
$_->quit foreach @main, @telehealth;

# One that was born for a client which has not spoken since.
my $silent = $pooler->client('silent', user => 'unserved');
$pooler->sql(q{select pg_terminate_backend(pid) from pooler.backends where role = 'unserved'});
$pooler->poll_view(q{select string_agg(state || ' ' || checkouts, ',') from pooler.backends where role = 'unserved'}, 'idle 0', 'a backend that has served nobody yet');
rests('unserved', '1.5s');
my $other = $pooler->client('other', user => 'unserved', database => 'telehealth', may_fail => 1);
is(refusal($other->{login}), '', 'does not keep the role out of other databases');
is($silent->value('select current_database()'), 'main', 'its client is served, too, when it speaks');
$_->quit foreach $silent, $other;

# A place that was waited for in vain, and is not the next time.
my $leaver = $pooler->client('leaver', user => 'low');
$leaver->run('create temp table mine ()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<));
$stranger->run("begin; drop table $schema.mine");
$leaver->quit;
my $leaving = q{select count(*) from pooler.backends where state = 'leaving'};
$pooler->poll_view($leaving, '1', 'a backend leaves');
my $full = 'too many connections for role "low"';
like(refusal($pooler->client('low_telehealth', user => 'low', database => 'telehealth', may_fail => 1)->{login}), qr/^53300 $full/, 'and does not end: the limit is full');
$stranger->run('rollback');
$pooler->poll_view($leaving, '0', 'it ends');
my $low = $pooler->client('low_main', user => 'low');
$low->run('select 1');
rests('low', '0.2s');
my $login = $pooler->client('low_telehealth', user => 'low', database => 'telehealth', may_fail => 1)->{login};
is(refusal($login), '', 'an idle one goes for who comes next');

# Who is in stays in, as long as there is a backend for it.
my $r1 = $pooler->client('r1', user => 'r1', database => 'fire');
$r1->run('select 1');
$pooler->sql('alter role r1 nologin');
rests('r1', '1s');
my $r2 = $pooler->client('r2', user => 'r2', database => 'fire', may_fail => 1);
is(refusal($r2->{login}), '53300 too many connections for database "fire"', 'the backend of a role that may not log in any more stays');
is($r1->query('select current_user')->{rows}[0][0], 'r1', 'and serves its client');
$pooler->sql('alter role r1 login');
rests('r1', '1s');
is(refusal($pooler->client('r2', user => 'r2', database => 'fire', may_fail => 1)->{login}), '', 'when the role may, it goes');
done_testing;
