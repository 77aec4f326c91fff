# A client that has waited too long and goes on sending as fast as it can is heard
# in its turn only: the worker serves others meanwhile. Runs on the library with
# injection (test/inject/inject.c), where a call that shall fail much later makes
# the worker read more slowly than a client sends, whatever the machine.
use PoolerTest;
use POSIX ();

my $pooler = PoolerTest->new('flood', injected => 1, pools => 'main pool_size=1 timeout=0.3, fire pool_size=2',
    conf => "log_statement = none\nrestart_after_crash = off\n");
$pooler->client('first', database => 'fire')->run('select 1');
my ($holder, $flooder) = map { $pooler->client($_) } qw(holder flooder);
$holder->run('begin');
$pooler->inject('worker-recv', 'EINTR', 1 << 30);

# It sends one Parse after the other, and never a Sync.
my $bytes = Parse('', 'x' x (1 << 20));
my $pid = fork // die "fork: $!";
if (!$pid) { 1 while $flooder->write($bytes); POSIX::_exit(0) }
is($flooder->result('E')->{errors}[0]{C}, '53300', 'its time is up');

# A login's seconds; one that is not answered in time has taken as long.
sub login
{
    my ($seconds, @options) = @_;
    my $before = time;
    my $result = eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        Time::HiRes::alarm($seconds);
        $pooler->client('comes', may_fail => 1, @options)->{login};
    };
    Time::HiRes::alarm(0);
    return (time - $before, $result ? join(' ', $result->{status}, map { $_->{C} } @{ $result->{errors} }) : $@);
}

my ($longest, $count) = (0, 0);
my $end = time + 2;
while (time < $end)
{
    my ($took, $heard) = login(2, database => 'fire');
    $longest = $took if $took > $longest;
    $count++;
}
note sprintf('%d logins, the longest %.3f s', $count, $longest);
cmp_ok($longest, '<', 1, 'others log in meanwhile');
my ($took, $heard) = login(3, options => '-c work_mem=99');
is($heard, ' 53300', 'who waits too long is told so');
cmp_ok($took, '<', 1.5, 'in time');

kill 'KILL', $pid;
waitpid $pid, 0;
ok($pooler->missed('worker-recv'), 'nothing was made to fail');
$flooder->vanish;
$holder->run('commit');
is($holder->value('select 2'), '2', 'the pool goes on');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'flooder'", '0', 'the one who flooded has left');

done_testing;
