# A dead or hung backend never reaches a client.
use PoolerTest;

my $pooler = PoolerTest->new('preping', pools => 'main pool_size=2 max_overflow=2');
my ($client, $other) = map { $pooler->client($_) } qw(c1 c2);
$_->run('select 1') foreach $client, $other;

# Dead: all idle backends are ended behind its back, a moment ago or long ago.
foreach my $turn (1 .. 5)
{
    my $ended = $pooler->sql("select coalesce(string_agg(pid::text, ','), '0') from pooler.backends
        where state in ('idle', 'unborn') and pg_terminate_backend(pid)");
    $pooler->poll_view("select count(*) from pg_stat_activity where pid in ($ended)", '0', 'backends are gone') if $turn > 3;
    is($client->query('select 1')->{log}[1], 'D 1', "a client meets no backend that was ended, turn $turn");
}

# Hung: each backend is stopped.
$pooler->poll_view("select backends, active from pooler.pools", '2|0', 'two backends');
$client->run('select 1');
$pooler->poll_view("select count(*) from pooler.backends where state in ('idle', 'unborn')", '2', 'none of which serves');
my @pids = split /\n/, $pooler->sql("select pid from pooler.backends");
my $invalidated = $pooler->sql('select invalidated from pooler.pools') + @pids;
kill 'STOP', @pids;
my $start = time;
is($client->value('select 2'), '2', 'a client meets no backend that hangs');
is($other->value('select 3'), '3', 'nor does the next');
cmp_ok(time - $start, '<', 20, 'and neither waits for long');
$pooler->poll_view("select invalidated >= $invalidated from pooler.pools", 't', 'the pool counts each of them');
like($pooler->sql('select last_error from pooler.pools'), qr/./, 'and says what was wrong');
kill 'CONT', @pids;
my $list = join(',', @pids);
$pooler->poll_view("select count(*) from pg_stat_activity where pid in ($list)", '0', 'a backend that hung ends');
$pooler->poll_view("select backends from pooler.pools", '2', 'and is replaced');

# In a transaction a dead backend is the client's to see, as on a direct one.
$client->run('begin');
$pooler->sql('select pg_terminate_backend(' . $client->value('select pg_backend_pid()') . ')');
my $result = $client->result;
is($result->{errors}[0]{C}, '57P01', 'a client in a transaction is told that its backend ended');
ok($result->{eof}, 'and its connection ends');
is($other->value('select 4'), '4', 'the others go on');

done_testing;
