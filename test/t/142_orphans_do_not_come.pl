# A backend of an earlier worker's life that is still in a transaction is not
# about to be free: whoever waits gets another one, within the pool's limit.
use PoolerTest;

my $pooler = PoolerTest->new('orphans', pools => 'main pool_size=1 max_overflow=1', conf => "pooler.pool_timeout = 3s\n");
my $holder = $pooler->client('holder');
$holder->run('begin');
my $orphan = $holder->value('select pg_backend_pid()');
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker listens');
is($pooler->sql("select count(*) from pg_stat_activity where pid = $orphan and state = 'idle in transaction'"), '1', 'the transaction goes on');

foreach my $name (qw(login again))
{
    my $before = time;
    my $login = $pooler->client($name, may_fail => 1);
    is(join(' ', map { $_->{M} } @{ $login->{login}{errors} }), '', "$name: one is let in");
    my $served = $login->{login}{status} eq 'I' ? $login->query('select pg_backend_pid()')->{rows}[0][0] // 'none' : 'none';
    like($served, qr/^(?!$orphan$)\d+$/, "$name: and served by another backend");
    cmp_ok(time - $before, '<', 2, "$name: at once");
    $login->quit;
}
is($pooler->sql("select count(*) from pg_stat_activity where pid = $orphan"), '1', 'the orphan is still there');
is($holder->query('commit')->{tags}[0], 'COMMIT', 'its transaction ends well');
ok($holder->result->{eof}, 'and then its connection');
$pooler->poll_view("select count(*) from pg_stat_activity where pid = $orphan", '0', 'so it ends');
$pooler->poll_view('select backends from pooler.pools', '1', 'the pool is as large as it shall be');

done_testing;
