# A role that once used a pool is not short of connections for ever: pooler.capacity counts the pools
# that it uses now, those where it has clients or backends and that do not drain.
use PoolerTest;

my $pooler = PoolerTest->new('roles_that_left', pools => 'main pool_size=2, telehealth pool_size=2, fire pool_size=2 recycle=1',
    sql => 'create role report login connection limit 3;');
my $check = q{select concat_ws(' ', subject, required, available, verdict) from pooler.capacity where check_name = 'role'};
my $short = 'report 4 3 short';

my $main = $pooler->client('main', user => 'report');
$main->run('select 1');
is($pooler->sql($check), '', 'one pool is within its limit');

# Clients and backends.
my $fire = $pooler->client('fire', user => 'report', database => 'fire');
is($pooler->sql($check), $short, 'two are not');
$fire->run('select 1');
$fire->quit;
$pooler->poll_view(q{select clients, backends from pooler.routes where pool = 'fire' and role = 'report'}, '0|0', 'it left, its backend is replaced by nobody\'s');
is($pooler->sql($check), '', 'it is within its limit again');
$fire = $pooler->client('fire', user => 'report', database => 'fire');
is($pooler->sql($check), $short, 'until it comes back');
$fire->run('select 1');
$fire->quit;

# The log.
$pooler->poll_view(q{select clients, backends from pooler.routes where pool = 'fire' and role = 'report'}, '0|0', 'it left once more');
$pooler->new_log;
$pooler->reconfigure("pooler.reserve = 92\n");
my $log = '';
my $end = time + 60;
while ($log !~ /WARNING:  capacity check "server"/ && time < $end)
{
    sleep 0.02;
    $log .= $pooler->new_log;
}
$pooler->sql('alter role report connection limit 1');
$pooler->reconfigure("pooler.reserve = 93\n");
while ($log !~ /limit of role "report" is 1/ && time < $end)
{
    sleep 0.02;
    $log .= $pooler->new_log;
}
like($log, qr/limit of role "report" is 1/, 'settings are looked at');
unlike($log, qr/limit of role "report" is 3/, 'without a word about the role while it was within its limit');
$pooler->sql('alter role report connection limit 3');

# One that drains has its backend no longer in the pool that has its name now.
my $held = $pooler->client('held', user => 'report', database => 'telehealth');
$held->run('begin');
is($pooler->sql($check), $short, 'two pools');
$pooler->reconfigure("pooler.pools = 'main pool_size=2, telehealth=hems pool_size=2, fire pool_size=2 recycle=1'\n");
$pooler->poll_view(q{select string_agg(concat_ws(' ', database, state), ', ' order by database) from pooler.pools where pool = 'telehealth'}, 'hems open, telehealth draining', 'one of them drains');
is($pooler->sql($check), '', 'what it will get back does not count');
$held->run('commit');

done_testing;
