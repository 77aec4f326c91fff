# A pool whose database has a CONNECTION LIMIT gets no larger by its size alone: what pooler.health and
# pooler.advice propose raises the limit, too, and following it helps.
use PoolerTest;

my $pooler = PoolerTest->new('limit_advice', pools => 'main pool_size=2 max_overflow=0 timeout=0.3, alias=main pool_size=1 max_overflow=0, telehealth pool_size=1 max_overflow=0 timeout=0.3',
    conf => "max_connections = 40\n");
sub health { my ($pool, $columns) = @_; return "select $columns from pooler.health where pool = '$pool' and metric = 'exhaustion'" }
sub follow { my ($pool) = @_; $pooler->sql($_) foreach split /\n/, $pooler->sql(health($pool, 'unnest(statements)')); return }

# Full as the limit is that of both its pools.
$pooler->sql('alter database main connection limit 2');
my $late = $pooler->client('late');
my @holders = map { $pooler->client("h$_") } 1 .. 2;
is($_->sqlstate('begin'), '', 'as many as the limit allows') foreach @holders;
is($late->sqlstate('select 1'), '53300', 'no more are served');
$pooler->poll_view(health('main', 'verdict'), 'warning', 'exhaustion');
like($pooler->sql(health('main', 'remedy')), qr/Raise max_overflow from 0 to 1\. That needs CONNECTION LIMIT 4 of database main\.$/, 'its remedy names the limit');
follow('main');
is($pooler->sql("select datconnlimit from pg_database where datname = 'main'"), '4', 'its statements raise it');
$pooler->poll_view("select max_overflow from pooler.pools where pool = 'main'", '1', 'and the pool');
is($late->value('select 1'), '1', 'one more is served');
$_->run('commit') foreach @holders;

# One that is large enough is left alone.
$pooler->sql('alter database telehealth connection limit 2');
my ($holder, $waiter) = map { $pooler->client($_, database => 'telehealth') } qw(holder waiter);
$holder->run('begin');
is($waiter->sqlstate('select 1'), '53300', 'another pool is full');
$pooler->poll_view(health('telehealth', 'verdict'), 'warning', 'exhaustion');
like($pooler->sql(health('telehealth', 'remedy')), qr/Raise max_overflow from 0 to 1\.$/, 'there is room in its limit');
$holder->run('commit');
done_testing;
