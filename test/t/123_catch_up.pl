# While it waits for clients a backend does what any other does there: it catches
# up with changes of the catalog, so that nobody has to wait for it, and hands in
# its statistics. And it ends when the server is gone.
use PoolerTest;

my $pooler = PoolerTest->new('catchup', pools => 'main pool_size=4, fire pool_size=1',
    sql => 'alter role app set log_min_messages = debug4;', conf => "restart_after_crash = off\n");

# Each in another way: nobody; one client alone; a pinned one; one in a transaction.
my %client = map { $_ => $pooler->client($_) } qw(kept pinned transaction);
$pooler->client('nobody', database => 'fire')->quit;
$client{transaction}->run('create table t (i int)');
$client{pinned}->run('create temp table mine ()');
$client{transaction}->run('begin');
$client{kept}->run('select 1');
my %pid = map { $_ => $client{$_}->value('select pg_backend_pid()') } sort keys %client;
$pid{nobody} = $pooler->sql("select pid from pooler.backends where pool = 'fire'");
$pooler->poll_view("select state from pooler.backends where pid = $pid{nobody}", 'idle', 'one is idle');

# What is done within a second of the last report is handed in while it waits.
$client{pinned}->run('insert into t values (1)') foreach 1 .. 5;

# Half of what is kept of changes: who has not read them is told to.
$pooler->sql('do $$ begin for i in 1 .. 1000 loop create table x (); drop table x; end loop; end $$') foreach 1 .. 2;
my $end = time + 30;
my %caught = ();
while (keys %caught < keys %pid && time < $end)
{
    my $log = slurp_file($pooler->node->logfile);
    foreach my $name (keys %pid) { $caught{$name} = $1 if $log =~ /\[$pid{$name}\].* DEBUG:  ProcessCatchupEvent (inside|outside) transaction/ }
    sleep 0.05;
}
is($caught{$_}, $_ eq 'transaction' ? 'inside' : 'outside', "$_: it catches up") foreach sort keys %pid;
is($client{transaction}->value('select pg_backend_pid()'), $pid{transaction}, 'a transaction goes on');

$client{transaction}->run('commit');
$pooler->poll_view("select pid from pooler.backends where pinned_by <> '{}'", $pid{pinned}, 'pinned');
my $admin = $pooler->direct('admin of main', user => scalar getpwuid($<));
$end = time + 30;
sleep 0.1 while time < $end && $admin->value("select n_tup_ins from pg_stat_user_tables where relname = 't'") < 5;
is($admin->value("select n_tup_ins from pg_stat_user_tables where relname = 't'"), 5, 'a pinned backend hands in its statistics');
is($client{pinned}->value('select pg_backend_pid()'), $pid{pinned}, 'and goes on');

# Without a server nobody stays.
$client{transaction}->run('begin');
my @left = grep { kill 0, $_ } values %pid, $pooler->worker_pid;
is(scalar @left, 5, 'four backends and the worker');
delete $pooler->{admin};
$pooler->node->kill9;
$end = time + 30;
sleep 0.05 while (grep { -d "/proc/$_" && slurp_file("/proc/$_/stat") !~ /\) Z / } @left) && time < $end;
is(join(' ', grep { -d "/proc/$_" && slurp_file("/proc/$_/stat") !~ /\) Z / } @left), '', 'all have ended');
ok($client{$_}->result->{eof}, "$_: the connection has ended") foreach sort keys %client;

done_testing;
