# Ten roles on a pool of four: all make progress, a hot one starves nobody.
use PoolerTest;

my $seconds = 6;
my $pooler = PoolerTest->new('fairness', pools => 'main pool_size=4 max_overflow=0',
    conf => "log_statement = none\npooler.pool_timeout = -1\n",
    sql => join(' ', map { "create role r$_ login;" } 1 .. 10));
my $script = $pooler->node->basedir . '/script';
PostgreSQL::Test::Utils::append_to_file($script, "select current_user;\n");

# The first role has thirty clients, the others one each.
my @runs;
foreach my $i (1 .. 10)
{
    my $clients = $i == 1 ? 30 : 1;
    my $output = '';
    push @runs, IPC::Run::start([ 'pgbench', '-n', '-f', $script, '-c', $clients, '-T', $seconds,
            '-h', '127.0.0.1', '-p', $pooler->{port}, '-U', "r$i", 'main' ], '>&', \$output);
}
$pooler->poll_view('select count(*) from pooler.routes where clients > 0', '10', 'each role has a route');
my $most = 0;
while ($pooler->sql('select clients > 0 from pooler.pools') eq 't')
{
    my $now = $pooler->sql('select count(*) from pooler.backends');
    $most = $now if $now > $most;
    sleep 0.05;
}
ok($_->finish, 'a role ran without an error') foreach @runs;
cmp_ok($most, '<=', 4, 'on four backends');
my %done = map { split /\|/ } split /\n/,
  $pooler->sql("select role, transactions from pooler.routes where role like 'r%'");
note "$_: $done{$_} transactions" foreach sort keys %done;
is(scalar keys %done, 10, 'the view knows all roles');
cmp_ok($done{"r$_"}, '>=', 20, "r$_ made progress") foreach 1 .. 10;
my $wait = $pooler->sql("select max(extract(epoch from wait_time) / transactions) from pooler.routes where role in ('r2', 'r3', 'r4')");
cmp_ok($wait, '<', 1, 'a role with one client waits less than a second on average');

# A role that comes when others hold every backend gets one at their next boundary.
my @holders = map { $pooler->client("h$_", user => 'r1') } 1 .. 4;
my $late = $pooler->client('late', user => 'r2');
$_->run('begin') foreach @holders;
$late->write(Query('select current_user'));
$pooler->poll_view("select waiting from pooler.routes where role = 'r2'", '1', 'a role waits');
$holders[0]->run('commit');
$holders[0]->write(Query('select 1'));
is($late->result->{rows}[0][0], 'r2', 'and gets the first backend that is given back');
$holders[0]->result;
$_->run('rollback') foreach @holders[ 1 .. 3 ];

done_testing;
