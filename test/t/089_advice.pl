# pooler.advice: grow, shift, shrink and keep, each after a minute of a load that asks
# for it, and unknown before; following it removes the trouble. Where no backend can be
# opened it says that instead.
use PoolerTest;
use Time::HiRes qw(time);

my $pooler = PoolerTest->new('advice', pools => 'main pool_size=2 max_overflow=0, telehealth pool_size=10 max_overflow=2, fire pool_size=1 max_overflow=1, '
      . 'hems pool_size=1 max_overflow=3, wide=hems pool_size=0', conf => "pooler.max_backends = 17\npooler.pool_timeout = 120s\n");
sub advice { my ($pool, $columns) = @_; return "select $columns from pooler.advice where pool = '$pool'" }

is($pooler->sql(advice('main', 'verdict, change is null, statements is null')), 'unknown|t|t', 'too little is known');
like($pooler->sql(advice('main', 'evidence')), qr/That is too little: at least 60 s and 100 times/, 'which is said');

# Clients that always run something, more than the machine has processors for, on
# two backends; one on ten; one on one; two on one and its overflow; four on what
# max_backends has left, without a limit of their own.
my $cores = () = slurp_file('/proc/cpuinfo') =~ /^processor/mg;
my @load = (
    (map { { client => $pooler->client("main $_"), pool => 'main' } } 1 .. 4),
    { client => $pooler->client('telehealth', database => 'telehealth') },
    { client => $pooler->client('fire', database => 'fire') },
    (map { { client => $pooler->client("hems $_", database => 'hems') } } 1, 2),
    (map { { client => $pooler->client("main $_"), pool => 'main' } } 5 .. 4 + 2 * $cores));
sub ask { my ($one) = @_; $one->{client}->write(Query('select pg_sleep(0.1)')); return }
my $end = time + 70;
ask($_) foreach @load;
$pooler->poll_view("select backends from pooler.pools where pool = 'hems'", '2', 'overflow is in use');
push @load, map { { client => $pooler->client("wide $_", database => 'wide') } } 1 .. 4;
ask($_) foreach @load[-4 .. -1];
my %of = map { $_->{client}{socket} => $_ } @load;
my $select = IO::Select->new(map { $_->{client}{socket} } @load);
while (time < $end)
{
    foreach my $socket ($select->can_read(1)) { $of{$socket}{client}->result; ask($of{$socket}) }
}
$_->{client}->result foreach @load;

is($pooler->sql(advice('main', 'verdict, advised_pool_size, advised_max_overflow')), 'grow|3|0', 'clients wait all the time: half as much again at most');
like($pooler->sql(advice('main', 'evidence')), qr/: (1\.[5-9]|2\.0) backends busy on average, .* holds ended a second, of 0\.1\d* s each/, 'the load');
like($pooler->sql(advice('main', 'change')), qr/^pool_size from 2 to 3, max_overflow from 0 to 0\. This machine runs about \d+ at once \(2 x cores \+ 1\).* That needs pooler\.max_backends = 18\.$/,
    'in words, with what it takes');
is($pooler->sql(advice('main', 'statements[1]')), 'ALTER SYSTEM SET pooler.max_backends = 18;', 'and how to do it');
is($pooler->sql(advice('hems', 'verdict, advised_pool_size, advised_max_overflow')), 'shift|2|2', 'overflow that is always in use becomes pool_size');
is($pooler->sql(advice('wide', 'verdict, change, statements is null')), 'keep|The pool has no limit of its own: see pooler.max_backends, max_connections and pooler.diagnose().|t',
    'clients wait for what is nobody\'s size');
is($pooler->sql(advice('telehealth', 'verdict, advised_pool_size, advised_max_overflow')), 'shrink|5|7', 'ten are too many for one: half of them, with the same limit');
is($pooler->sql(advice('fire', 'verdict, change is null, statements is null')), 'keep|t|t', 'one for one: nothing to change');

# No other size helps a pool whose database is gone.
$pooler->sql('drop database hems with (force)');
$pooler->poll_view("select state from pooler.pools where pool = 'hems'", 'unavailable', 'a database is dropped');
is($pooler->sql(advice('hems', 'verdict, advised_pool_size, advised_max_overflow, change, statements is null')),
    'keep|1|3|No backend can be opened, mend that first: database "hems" does not exist|t', 'what to do first is said, and no number');

# What it says can be run, and helps.
$pooler->sql($_) foreach split /\n/, $pooler->sql(advice('main', 'unnest(statements)'));
$pooler->poll_view("select pool_size, max_overflow from pooler.pools where pool = 'main'", '3|0', 'the pool has grown');
$pooler->sql($_) foreach split /\n/, $pooler->sql(advice('telehealth', 'unnest(statements)'));
$pooler->poll_view("select pool_size, max_overflow from pooler.pools where pool = 'telehealth'", '5|7', 'the other has shrunk');
like($pooler->sql(advice('main', 'verdict, advised_pool_size')), qr/grow\|[45]/, 'the minute before still asks for more');
$pooler->sql($_) foreach split /\n/, $pooler->sql(advice('main', 'unnest(statements)'));
$pooler->poll_view("select pool_size >= 4 from pooler.pools where pool = 'main'", 't', 'one more step');
my $all = q{select sum(held) from pooler.history where pool = 'main'};
my $served = $pooler->sql("select count from pooler.latencies where pool = 'main' and measure = 'held' and role is null");
$pooler->poll_view($all, $served, 'all of the first load is in the history');
my $since = $pooler->sql('select now()');
ask($_) foreach @load[0 .. 3];
foreach (1 .. 39) { foreach my $one (@load[0 .. 3]) { $one->{client}->result; ask($one) } }
$_->{client}->result foreach @load[0 .. 3];
$pooler->poll_view($all, $served + 4 * 40, 'the same load again');
is($pooler->sql("select coalesce(max(longest_wait), '0') < '0.1 s' from pooler.history where pool = 'main' and at > timestamptz '$since' + interval '1 s'"), 't', 'and nobody waits');

done_testing();
