# pooler.holders and pooler.diagnose() tell of now, also in a transaction that has looked before:
# pg_stat_activity stands still until its end, and would give a client another's statement.
use PoolerTest;

my $pooler = PoolerTest->new('holders_now', pools => 'main pool_size=1 timeout=1, telehealth, fire, hems');
my ($leaker, $innocent) = map { $pooler->client($_) } qw(leaker innocent);
my $problems = q{select string_agg(concat_ws(', ', problem, application_name, statement), '; ') from pooler.diagnose()};
my $holder = 'select application_name, reason, statement from pooler.holders';

$leaker->run('begin');
$leaker->run('select 1 as leak');
$pooler->poll_view($problems, 'connection leak, leaker, select 1 as leak', 'a leak');
$pooler->sql('begin');
is($pooler->sql('select count(*) > 0 from pg_stat_activity'), 't', 'somebody looks, in a transaction');
is($pooler->sql($problems), 'connection leak, leaker, select 1 as leak', 'and finds it there, too');
my $then = $pooler->sql('select reason_since from pooler.holders');
$leaker->run('commit');
$innocent->run('begin');
$innocent->run('select 2 as work');
is($pooler->sql($holder), 'innocent|idle in transaction|select 2 as work', 'the next client of that backend has its own statement');
is($pooler->sql("select reason_since > '$then' from pooler.holders"), 't', 'since it ran it');
is($pooler->sql(q{select count(*) from pooler.diagnose() where statement like '%leak'}), '0', 'nobody is blamed for what another did');
is($pooler->sql('select query from pooler.activity where application_name = $$innocent$$'), 'select 2 as work', 'nor shown with it');
$innocent->write(Query('select pg_sleep(600)'));
$pooler->poll_view($holder, 'innocent|statement|select pg_sleep(600)', 'what it runs then is seen in the same transaction');
$innocent->cancel;
$innocent->result;
$innocent->run('rollback');
is($pooler->sql($holder), '', 'nobody has a backend any more');
$pooler->sql('commit');

# Who is pinned has had its backend since it got it, whatever it has said since.
$innocent->run('create temp table mine ()');
$pooler->poll_view('select application_name, reason from pooler.holders', 'innocent|pinned', 'a pinned client');
my $since = $pooler->sql('select since from pooler.holders');
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');
my $asked = sub { return (map { $_->[10] } grep { $_->[4] eq 'active' && $_->[2] eq 'main' } @{ $console->run('show clients')->{rows} })[0] };
my $before = $asked->();
sleep 2;
$innocent->run('select 4');
$pooler->poll_view('select reason from pooler.holders', 'pinned', 'it has spoken again');
is($pooler->sql('select since from pooler.holders'), $since, 'and has its backend since then');
is($pooler->sql('select since from pooler.clients where application_name = $$innocent$$'), $since, 'pooler.clients says so, too');
cmp_ok($asked->(), 'gt', $before, 'the console has the time of its last request');
$console->quit;
$innocent->run('drop table mine');

# Unix sockets have no port to know a client by.
my $local = PoolerClient->new(host => $pooler->node->host, port => $pooler->{port}, user => 'app', database => 'main', application_name => 'local');
$local->run('begin');
$local->run('select 3 as here');
is($pooler->sql($holder), 'local|idle in transaction|select 3 as here', 'a client by a Unix socket');

done_testing;
