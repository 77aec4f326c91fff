# An ERROR that the worker meets while it holds a lock (there is no room for more
# shared memory) does not leave the lock behind: the worker goes on, and has
# memory again as soon as there is some.
use PoolerTest;

my $pooler = PoolerTest->new('lock', pools => 'main pool_size=1', conf => "dynamic_shared_memory_type = mmap\nlog_statement = none\n");
my $folder = $pooler->node->data_dir . '/pg_dynshmem';
my $refused = qr/ERROR:  could not open shared memory segment/;

# What goes wrong with one who comes now; nothing.
sub wrong
{
    my $row = eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 4;
        my $client = $pooler->client('comes');
        my $value = $client->value('select 7');
        $client->quit;
        $value;
    };
    alarm 0;
    return !defined $row ? $@ : $row eq '7' ? '' : "'$row' for 7";
}

# For longer than a second, in which the worker does all that it does by the clock.
sub goes_on
{
    my ($name, $worker) = @_;
    my $end = time + 1.2;
    my $wrong;
    do { $wrong = wrong() } until $wrong || time > $end;
    is($wrong, '', "$name: others are served");
    is($pooler->sql("select wait_event_type || ' ' || wait_event from pg_stat_activity where pid = $worker and wait_event_type = 'LWLock'"), '', "$name: the worker waits for no lock");
    is($pooler->worker_pid, $worker, "$name: and is the one it was");
    return !$wrong;
}

# Startup packets of clients that wait for the end of their login.
my $worker = $pooler->worker_pid;
is(wrong(), '', 'a login that the worker knows from now on');
my $holder = $pooler->client('holder');
$holder->run('begin');
$pooler->new_log;
chmod 0500, $folder or die $!;
my @many = map { $pooler->connect } 1 .. 100;
$_->write(PoolerClient::startup(user => 'app', database => 'main', 'my.value' => 'x' x 9500)) foreach @many;
$pooler->logged($refused, 'logins: there is no memory for all of them');
$_->vanish foreach @many;
$holder->run('commit');
my $alive = goes_on('logins', $worker);
chmod 0700, $folder or die $!;
$holder->vanish;
if (!$alive)
{
    $pooler->stop('immediate');
    $pooler->start;
    $worker = $pooler->worker_pid;
}

# The rings of more pools' histories.
$pooler->poll_view("select count(*) > 0 from pooler.history where pool = 'main'", 't', 'pools: one has a history');
$pooler->new_log;
chmod 0500, $folder or die $!;
$pooler->reconfigure("pooler.pools = 'main pool_size=1, " . join(', ', map { "p$_=main pool_size=0" } 1 .. 25) . "'\n");
$pooler->logged($refused, 'pools: there is no memory for all of them');
$pooler->poll_view('select count(*) from pooler.pools', '26', 'pools: they are there');
foreach (1 .. 4)
{
    $alive = goes_on('pools', $worker) or last;
}
my $refusals = () = $pooler->new_log =~ /$refused/g;
cmp_ok($refusals, '<=', 26, 'pools: one line for each in all these seconds is enough');
chmod 0700, $folder or die $!;
if ($alive)
{
    $pooler->poll_view('select count(distinct pool) from pooler.history', '26', 'memory again: each pool has a history at last');
    is($pooler->client('elsewhere', database => 'p25')->value('select 2'), '2', 'memory again: and serves');
}

done_testing;
