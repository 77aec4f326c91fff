# What a backend cannot undo or get rid of is its own end, and neither another
# client's error nor another's wait.
use PoolerTest;

my $pooler = PoolerTest->new('fault', pools => 'main pool_size=1, fire pool_size=2', sql => 'create role bob login;');

# Settings that cannot be put back, and the next one is a login, which begins with
# nobody's settings, or a reload of the configuration.
my %left = ('local buffers' => "set temp_buffers = '1MB'; create temp table t as select 1; drop table t",
    'a thousand placeholders' => join('; ', map { "set p.v$_ = 1" } 1 .. 1100));
foreach my $name (sort keys %left)
{
    my $first = $pooler->client('first');
    $first->run($left{$name});
    my $second = $pooler->client('second', options => '-c work_mem=3MB');
    is($second->value('show work_mem'), '3MB', "$name: another one logs in");
    $_->quit foreach $first, $second;
    my $third = $pooler->client('third');
    $third->run($left{$name});
    my $new = $pooler->sql('show work_mem') eq '6MB' ? '7MB' : '6MB';
    $pooler->reconfigure("work_mem = '$new'\n");
    $pooler->poll_view('show work_mem', $new, "$name: a reload");
    is($pooler->client('fourth')->value('show work_mem'), $new, "$name: the next one has what it says");
    is($third->value('show work_mem'), $new, "$name: the client goes on");
    $third->quit;
}
unlike($pooler->new_log, qr/FATAL/, 'nothing of that is an error');

# A stranger's lock keeps one from leaving: its place is not waited for.
my $bob = $pooler->client('bob', user => 'bob', database => 'fire');
$bob->run('select 1');
my $leaver = $pooler->client('leaver', database => 'fire');
$leaver->run('create temp table mine ()');
my $schema = $leaver->value('select nspname from pg_namespace where oid = pg_my_temp_schema()');
my $stranger = $pooler->direct('stranger', user => scalar getpwuid($<), database => 'fire');
$stranger->run("begin; drop table $schema.mine");
$leaver->quit;
$pooler->poll_view("select string_agg(state, ' ' order by state) from pooler.backends where pool = 'fire'", 'idle leaving', 'one is idle, one cannot leave');
is($pooler->client('next', database => 'fire')->value('select 1'), '1', 'another role has the place of the idle one');
$stranger->run('rollback');
$pooler->poll_view("select count(*) from pooler.backends where pool = 'fire' and state = 'leaving'", '0', 'the lock is gone: it leaves');

done_testing;
