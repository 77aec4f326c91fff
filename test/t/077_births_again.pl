# Births of a role that have failed several times are tried less and less often;
# once a backend that was born since has served, nobody waits for that any more.
# Runs on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('again', injected => 1, pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = 60s\n");
my ($one, $other) = map { $pooler->client($_) } qw(one other);
$pooler->poll_view("select count(*) from pooler.backends where state = 'idle'", '1', 'a backend has greeted them');

sub failed { my ($result, $name) = @_; return like($result->{errors}[0]{M} // 'nothing', qr/^injected/, $name) }

$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
$pooler->poll_view('select sum(backends) from pooler.routes', '0', 'it is ended');
foreach my $failure (1 .. 6)
{
    $pooler->inject('birth-named', 'error');
    $one->write(Query('select 1'));
    failed($one->result, "failure $failure is told");
}

$pooler->reconfigure("pooler.pools = 'main pool_size=3 max_overflow=0'\n");
$pooler->poll_view('select pool_size from pooler.pools', '3', 'the pool may grow');

# Two at once: one fails, and then the other does not.
$pooler->inject('birth-named', 'error');
$pooler->inject('birth-message', 'stop');
$_->write(Query('select 1')) foreach $one, $other;
my $late = $pooler->stopped('birth-message');
failed($_->result, 'both are told') foreach $one, $other;
kill 'CONT', $late;
is($one->run('begin')->{types}, 'CZ', 'the other one serves');
is($one->value('select pg_backend_pid()'), $late, 'it is the one that was late');
my $asked = time;
is($other->value('select 2'), '2', 'while it is taken');
cmp_ok(time - $asked, '<', 4, 'another one is born, long before the 6.4 seconds are over');

done_testing;
