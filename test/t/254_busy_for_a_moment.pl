# A CONNECTION LIMIT that is full of a backend which is at work just now, as it is a hundred times a second
# under load: who has none is not refused for that moment.
use PoolerTest;

my $pooler = PoolerTest->new('moment', pools => 'main pool_size=2, telehealth pool_size=2',
    conf => "pooler.pool_timeout = 10s\npooler.pool_recycle = -1\n", sql => 'create role low login connection limit 1;');
my $main = $pooler->client('main', user => 'low');
$main->run('select 1');
$pooler->poll_view(q{select idle_time > '0.1s' from pooler.backends where role = 'low'}, 't', 'the only backend is idle');

$main->write(Query('select pg_sleep(0.2)'));
$pooler->poll_view(q{select state from pooler.backends where role = 'low'}, 'active', 'and at work');
my $login = $pooler->client('telehealth', user => 'low', database => 'telehealth', may_fail => 1)->{login};
is(join(' ', map { $_->{M} } @{ $login->{errors} }), '', 'a client in another database is let in');
is($login->{status}, 'I', 'to the end of its login');
is_deeply($main->result->{errors}, [], 'who was at work has come to his end');
is($main->value('select current_database()'), 'main', 'and goes on');

# One that works for long is not waited for.
my $other = $pooler->client('other', user => 'low', database => 'telehealth');
$other->run('begin');
is($main->sqlstate('select 1'), '53300', 'a long transaction is no moment');
done_testing;
