# pooler.diagnose(): each problem of the guide's troubleshooting, by a load that
# has it, with the client that causes it; gone when its remedy was followed.
use PoolerTest;

my $pooler = PoolerTest->new('diagnose', sql => 'create role plain login;',
    pools => 'main pool_size=1 timeout=30, telehealth, fire pool_size=1, hems timeout=0.3, nowhere',
    conf => "pooler.health_wait = 200ms\n", unavailable => 1);
$pooler->poll_view("select count(*) from pooler.pools where state = 'open'", 4, 'four pools open');

sub diagnosis
{
    my ($columns, $where) = @_;
    return 'select ' . ($columns // 'problem') . ' from pooler.diagnose()' . ($where ? " where $where" : '');
}

# What is there, in one line; nothing else is.
sub is_problem
{
    my ($expected, $name, $columns) = @_;
    return $pooler->poll_view(diagnosis($columns // q{concat_ws(', ', problem, pool, application_name)}), $expected, $name);
}

sub is_gone { my ($what) = @_; return is_problem('', "$what: gone") }

# Runs the statement that a remedy begins with.
sub follow
{
    my ($where) = @_;
    my ($statement) = $pooler->sql(diagnosis('remedy', $where)) =~ /^(SELECT .*?;)/ or die 'no statement to follow';
    return $pooler->sql($statement);
}

# A database that is missing.
is_problem('pool unavailable, nowhere', 'a pool without its database');
like($pooler->sql(diagnosis('cause')), qr/database "nowhere" does not exist/, 'why');
is($pooler->sql(diagnosis('since > now() - interval $$1 min$$')), 't', 'since when');
$pooler->sql('create database nowhere');
$pooler->node->reload;
is_gone('a missing database');

# Healthy work is no problem.
my %main = map { $_ => $pooler->client($_) } qw(billing web third);
$main{$_}->run('select 1') foreach keys %main;
$main{billing}->run('begin');
$main{billing}->run('select 1 as payment');
is_gone('a transaction');

# It does not end, and another client waits.
$main{web}->write(PoolerTest::Query('select 2'));
is_problem('QueuePool limit of size 1 overflow 0 reached, main, billing', 'exhausted by a leak');
like($pooler->sql(diagnosis('cause')), qr/^idle in transaction since 20/, 'it is idle in transaction');
is($pooler->sql(diagnosis('statement')), 'select 1 as payment', 'after this statement');
is($pooler->sql(diagnosis('role')), 'app', 'of this role');
is($pooler->sql('select (d.client, d.backend, d.since < now()) = (c.id, b.pid, true) from pooler.diagnose() as d,
    pooler.clients as c, pooler.backends as b where c.application_name = $$billing$$ and b.pool = $$main$$'), 't', 'this client, this backend');
like($pooler->sql(diagnosis('remedy')), qr/If that is its normal work: Raise pool_size from 1 to 2\./, 'else the guide\'s remedy');

# Who may not read others' statements does not see them.
$pooler->sql('grant usage on schema pooler to plain; grant select on pooler.holders to plain;
    grant execute on function pooler.diagnose(), pooler.clients(), pooler.pools(), pooler.health(), pooler.memory() to plain');
my $plain = $pooler->direct('plain', user => 'plain', database => 'postgres');
is($plain->value(diagnosis('statement')), '<insufficient privilege>', 'not for a plain role');
like($plain->value(diagnosis('cause')), qr/^has a backend since/, 'nor what it does');
is($plain->sqlstate('select pooler.terminate_client(1)'), '42501', 'nor may it act');
$pooler->sql('grant pg_read_all_stats to plain');
is($plain->value(diagnosis('statement')), 'select 1 as payment', 'but with pg_read_all_stats');
$plain->quit;
follow();
is($main{web}->result->{rows}[0][0], '2', 'the other one is served');
is_gone('a leak that exhausts');

# A slow statement.
$main{third}->write(PoolerTest::Query('select pg_sleep(600)'));
$pooler->poll_view("select application_name from pooler.holders where pool = 'main'", 'third', 'a slow statement');
$main{web}->write(PoolerTest::Query('select 3'));
is_problem('QueuePool limit of size 1 overflow 0 reached, main, third', 'exhausted by a slow statement');
like($pooler->sql(diagnosis('cause')), qr/^runs a statement since 20/, 'it runs one');
is($pooler->sql(diagnosis('statement')), 'select pg_sleep(600)', 'this one');
follow();
is($main{third}->result->{errors}[0]{C}, '57014', 'it is cancelled');
is($main{web}->result->{rows}[0][0], '3', 'the other one is served');
is_gone('a slow statement that exhausts');

# A lock: who waits for it, and whom for.
my %tele = map { $_ => $pooler->client($_, database => 'telehealth') } qw(first second web);
$tele{first}->run('create table t ()');
$tele{$_}->run('select 1') foreach qw(second web);
$tele{first}->run('begin');
$tele{first}->run('lock table t');
$tele{second}->write(PoolerTest::Query('lock table t; select 4'));
$pooler->poll_view("select reason from pooler.holders where application_name = 'second'", 'lock', 'it waits for a lock');
$tele{web}->write(PoolerTest::Query('select 5'));
is_problem("QueuePool limit of size 2 overflow 0 reached, telehealth, first\nQueuePool limit of size 2 overflow 0 reached, telehealth, second",
    'exhausted by a lock');
like($pooler->sql(diagnosis('cause', "application_name = 'second'")), qr/^waits for a lock of client \d+ \(first\) since/, 'whose it is');
follow("application_name = 'first'");
is($tele{second}->result->{rows}[0][0], '4', 'it has the lock');
is($tele{web}->result->{rows}[0][0], '5', 'the other one is served');
is_gone('a lock that exhausts');

# State of a session.
my %fire = map { $_ => $pooler->client($_, database => 'fire') } qw(driver web);
$fire{web}->run('select 1');
$fire{driver}->run('prepare p as select 1');
$fire{web}->write(PoolerTest::Query('select 6'));
is_problem('QueuePool limit of size 1 overflow 0 reached, fire, driver', 'exhausted by a pinned client');
like($pooler->sql(diagnosis('cause')), qr/^pinned by prepared statement since 20/, 'what pins it');
$fire{driver}->run('deallocate p');
is($fire{web}->result->{rows}[0][0], '6', 'the other one is served');
is_gone('a pinned client');

# Nobody waits yet: leaks and slow statements longer than pool_timeout.
my %hems = map { $_ => $pooler->client($_, database => 'hems') } qw(leak slow web);
$hems{$_}->run('select 1') foreach qw(leak slow web);
$hems{leak}->run('create table taken ()');
$hems{leak}->run('begin');
is_problem('connection leak, hems, leak', 'a leak');
$hems{leak}->run('commit');
is_gone('a leak');
$hems{slow}->write(PoolerTest::Query('select pg_sleep(600)'));
is_problem('slow query, hems, slow', 'a slow query');
follow();
$hems{slow}->result;
is_gone('a slow query');

$hems{leak}->run('begin');
$hems{leak}->run('lock table taken');
$hems{slow}->write(PoolerTest::Query('lock table taken; select 7'));
is_problem("connection leak, hems, leak\nblocked statement, hems, slow", 'a blocked statement');
like($pooler->sql(diagnosis('cause', "application_name = 'slow'")), qr/^waits for a lock of client \d+ \(leak\) since/, 'by whom');
follow("application_name = 'leak'");
is($hems{slow}->result->{rows}[0][0], '7', 'it goes on');
is_gone('a blocked statement');
$hems{leak} = $pooler->client('leak', database => 'hems');
$hems{leak}->run('select 1');

# Time-outs stay until they are counted anew.
$hems{$_}->run('begin') foreach qw(leak slow);
is($hems{web}->sqlstate('select 1'), '53300', 'a time-out');
my $timeouts = q{problem = 'TimeoutError: QueuePool limit exceeded'};
$pooler->poll_view(diagnosis('pool', $timeouts), 'hems', 'a TimeoutError');
like($pooler->sql(diagnosis('cause', $timeouts)), qr/^pool_timeout: 0\.3 s; checkouts: \d+, ended in "QueuePool limit reached": 1; /, 'how many');
$hems{$_}->run('commit') foreach qw(leak slow);
my ($reset) = $pooler->sql(diagnosis('remedy')) =~ /(SELECT pooler\.reset_stats\(\));$/;
$pooler->sql($reset);
is_gone('a TimeoutError');

# Memory: sorts that stay open.
my $share = $pooler->sql('select (sum(private) + 16e6) / min(machine) from pooler.memory');
$pooler->reconfigure("pooler.health_memory = $share\n");
is_gone('memory as it is');
$hems{slow}->run($_) foreach q{set work_mem = '256MB'}, 'begin',
    q{declare c cursor for select md5(n::text) from generate_series(1, 300000) as n order by 1}, 'fetch 1 from c';
$pooler->poll_view(diagnosis(q{concat_ws(', ', problem, pool, application_name)}, "problem = 'high memory usage'"), 'high memory usage, hems, slow', 'much memory');
like($pooler->sql(diagnosis('cause', "problem = 'high memory usage'")), qr/ backends of pools have \d+ [kM]B for themselves, [0-9.]+ % of the machine; this one has most, \d+ MB$/, 'how much');
$hems{slow}->run('rollback');
is_gone('memory');

# A backend that hangs.
$pooler->sql('select pooler.reset_stats()');
my $hung = $pooler->sql("select pid from pooler.backends where pool = 'fire'");
kill 'STOP', $hung;
is_problem('stale connections, fire', 'a backend that does not respond');
like($pooler->sql(diagnosis('cause')), qr/^backends that did not respond and were ended: 1; the last: .*$hung/, 'which');
kill 'CONT', $hung;
$pooler->poll_view("select count(*) from pooler.backends where pid = $hung", 0, 'it has ended');
$pooler->sql(($pooler->sql(diagnosis('remedy')) =~ /(SELECT pooler\.reset_stats\(\));$/)[0]);
is_gone('a hung backend');

done_testing;
