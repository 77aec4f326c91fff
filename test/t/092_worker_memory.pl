# The worker's memory does not grow with the time, nor with the logins.
use PoolerTest;

my $pooler = PoolerTest->new('worker_memory', pools => 'main, telehealth, fire, hems');
my $worker = $pooler->worker_pid;

# Bytes that are used in the context that nothing is freed in.
sub used { return $pooler->memory($worker, qr/TopMemoryContext: .* (\d+) used/) }

sub logins { $pooler->client("client $_")->run('select 1') foreach 1 .. $_[0]; return }

logins(150);    # more than it remembers the greetings of
my $before = used();
sleep 6;
cmp_ok(used() - $before, '<', 8192, 'in six seconds');
$before = used();
logins(300);
cmp_ok(used() - $before, '<', 16384, 'in 300 logins');
is($pooler->worker_pid, $worker, 'by the same worker');

done_testing;
