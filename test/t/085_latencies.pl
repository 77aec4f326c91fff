# pooler.latencies and pooler.histogram(): each measure under a load whose times
# are known beforehand.
use PoolerTest;
use Time::HiRes qw(sleep);

my $pooler = PoolerTest->new('latencies', pools => 'main pool_size=2 max_overflow=0, telehealth pool_size=2 max_overflow=0');
my $hold = 0.3;
my $rounds = 4;

sub latency
{
    my ($pool, $measure, $columns, $role) = @_;
    my $whose = defined $role ? "role = '$role'" : 'role is null';
    return "select $columns from pooler.latencies where pool = '$pool' and measure = '$measure' and $whose";
}

sub seconds { my ($name) = @_; return "extract(epoch from $name)" }

sub between
{
    my ($got, $from, $to, $name) = @_;
    ok($got >= $from && $got <= $to, "$name: $from to $to") or diag("got $got");
    return;
}

is($pooler->sql(latency('main', 'held', "count, mean is null, p50 is null, max is null")), '0|t|t|t', 'nothing has happened: no figures');

# Six clients on two backends: in each round two find one at once, two wait for
# one statement and two for two.
my @clients = map { $pooler->client("c$_") } 1 .. 6;
$_->run('select 1') foreach @clients;
$pooler->poll_view('select clients from pooler.pools where pool = $$main$$', '6', 'six clients');
is($pooler->sql(latency('main', 'login', 'count')), 6, 'six logins');
# What a kept client held is counted when it speaks again or is given up.
my $kept_by_none = 'select count(*) from pooler.clients where backend is not null';
$pooler->poll_view($kept_by_none, 0, 'all are given up');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(latency('main', 'login', 'count'), 0, 'counted anew');
foreach (1 .. $rounds)
{
    $_->write(Query("select pg_sleep($hold)")) foreach @clients;
    $_->result foreach @clients;
}
my $served = 6 * $rounds;
$pooler->poll_view(latency('main', 'held', 'count'), $served, 'each client held a backend once a round');
between($pooler->sql(latency('main', 'held', seconds('p50'))), $hold * 0.8, $hold * 1.3, 'for as long as its statement ran');
between($pooler->sql(latency('main', 'held', seconds('mean'))), $hold, $hold * 1.2, 'the mean is exact');
my $waits = $pooler->sql(latency('main', 'wait', 'count'));
between($waits, $served * 2 / 3, $served, 'whoever waited is counted');
between($pooler->sql(latency('main', 'wait', seconds('mean * count'))), 6 * $hold * $rounds * 0.9, 6 * $hold * $rounds * 1.3, 'all waits together');
between($pooler->sql(latency('main', 'wait', seconds('max'))), 2 * $hold * 0.9, 2 * $hold * 1.6, 'the longest wait');
is($pooler->sql(latency('main', 'held', 'count', 'app')), $served, 'they are the role\'s, too');
between($pooler->sql("select extract(epoch from busy_time) from pooler.routes where pool = 'main'"), $served * $hold, $served * $hold * 1.2, 'busy_time is the same');
foreach my $measure (qw(wait held login birth open))
{
    is($pooler->sql("select coalesce(sum(count), 0) from pooler.histogram('main', '$measure')"),
        $pooler->sql(latency('main', $measure, 'count')), "$measure: the histogram has as many");
    is($pooler->sql("select coalesce(sum(count), 0) from pooler.histogram('main', '$measure', 'app')"),
        $pooler->sql(latency('main', $measure, 'count', 'app')) || 0, "$measure: and the role's");
}
is($pooler->sql("select sum(count) from pooler.histogram('main', 'held') where less_than <= interval '$hold s' or at_least > interval '1 s'"), '',
    'none where none can be');

# A kept client's silence is not held against it.
my $kept = $pooler->client('kept', database => 'telehealth');
$kept->run('select 1');
$pooler->poll_view($kept_by_none, 0, 'a client alone is given up, too');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view(latency('telehealth', 'held', 'count'), 0, 'counted anew');
foreach (1 .. 10) { $kept->run('select 1'); sleep 0.1 }
$pooler->poll_view(latency('telehealth', 'held', 'count'), 10, 'each of its transactions is counted');
between($pooler->sql(latency('telehealth', 'held', seconds('mean'))), 0, 0.05, 'not the silence between them');
cmp_ok($pooler->sql("select checkouts from pooler.pools where pool = 'telehealth'"), '<', 10, 'it was kept');

# A pinned client's is: nobody else can have its backend.
my $pinned = $pooler->client('pinned', database => 'telehealth');
$pinned->run('create temp table t ()');
sleep 0.3;
$pinned->run('drop table t');
$pooler->poll_view(latency('telehealth', 'held', seconds('max') . ' >= 0.3'), 't', 'a pinned client holds its backend in silence, too');

# Backends of the pool: opened, and born for a role.
is($pooler->sql(latency('main', 'open', 'count')), 0, 'no backend was opened since');
$pooler->sql("select pg_terminate_backend(pid) from pooler.backends where pool = 'main'");
$pooler->poll_view(latency('main', 'open', 'count'), 2, 'two are opened in place of two');
is($clients[0]->value('select 1'), '1', 'and serve');
$pooler->poll_view(latency('main', 'birth', 'count >= 1 and p99 < $$10 s$$'), 't', 'a birth is measured');
is($pooler->sql(latency('main', 'open', 'count', 'app')), '', 'backends are opened for no role');

# Bad questions.
my $dba = $pooler->direct('dba', user => scalar getpwuid($<), database => 'postgres');
sub error { my ($arguments) = @_; my $e = $dba->query("select pooler.histogram($arguments)")->{errors}[0]; return join ' ', $e->{M}, $e->{H} // '' }
like(error(q{'nowhere', 'wait'}), qr/pool "nowhere" does not exist/, 'no such pool');
like(error(q{'main', 'luck'}), qr/does not measure "luck".*wait, held, login, birth and open/, 'no such measure');
like(error(q{'main', 'wait', 'nobody'}), qr/role "nobody" has not used pool "main"/, 'no such role');
like(error(q{null, 'wait'}), qr/must not be null/, 'NULL is none');

done_testing();
