# What pooler.diagnose() says of a pool's last error: a hung backend is not given the reason of
# another failure, and a pool is unavailable since it became so, not since its last retry.
use PoolerTest;

my $pooler = PoolerTest->new('whose_error', sql => "create role limited login connection limit 0;",
    pools => 'main, fire pool_size=1, nowhere', unavailable => 1);
$pooler->poll_view("select count(*) from pooler.pools where state = 'open'", 2, 'two pools open');

# Unavailable: each reload tries again.
sub unavailable { my ($what) = @_; return "select $what from pooler.diagnose() where problem = 'pool unavailable' and pool = 'nowhere'" }
my $last = q{select last_error_at from pooler.pools where pool = 'nowhere'};
$pooler->poll_view(unavailable('cause'), 'database "nowhere" does not exist', 'a pool without database');
my $since = $pooler->sql(unavailable('since'));
like($since, qr/^20/, 'since when');
foreach my $try (1 .. 2)
{
    my $before = $pooler->sql($last);
    $pooler->node->reload;
    $pooler->poll_view("select last_error_at > '$before' from pooler.pools where pool = 'nowhere'", 't', "it is tried again: $try");
}
is($pooler->sql(unavailable('since')), $since, 'it is unavailable since it became so');
is($pooler->sql(q{select unavailable_since from pooler.pools where pool = 'nowhere'}), $since, 'pooler.pools has that, too');
is($pooler->sql(q{select count(unavailable_since) from pooler.pools where pool <> 'nowhere'}), '0', 'and nothing of the others');

# Mended, and broken again.
$pooler->sql('create database nowhere');
$pooler->node->reload;
$pooler->poll_view(q{select state, unavailable_since from pooler.pools where pool = 'nowhere'}, 'open|', 'it opens');
my $now = $pooler->sql('select clock_timestamp()');
$pooler->sql('drop database nowhere');
$pooler->node->reload;
$pooler->poll_view(unavailable("since > '$now'"), 't', 'the next time is another one');

# A hung backend.
my $stale = q{from pooler.diagnose() where problem = 'stale connections'};
my $hung = $pooler->sql(q{select pid from pooler.backends where pool = 'fire'});
kill 'STOP', $hung;
$pooler->poll_view("select cause ~ '^backends that did not respond and were ended: 1; the last: invalidated backend $hung: ' $stale", 't', 'a backend hangs');
is($pooler->sql("select since is not null $stale"), 't', 'since when');
kill 'CONT', $hung;
$pooler->poll_view("select count(*) from pooler.backends where pid = $hung", 0, 'it ends');
$pooler->poll_view(q{select unborn from pooler.pools where pool = 'fire'}, 1, 'another one is there');
my $limited = $pooler->client('limited', user => 'limited', database => 'fire', may_fail => 1);
my $answer = $limited->{login}{status} eq 'I' ? $limited->query('select 1') : $limited->{login};
like(join(' ', @{ $answer->{log} }), qr/too many connections for role "limited"/, 'a role gets no backend');
is($pooler->sql(q{select last_error from pooler.pools where pool = 'fire'}), 'too many connections for role "limited"', 'that is the last error');
is($pooler->sql("select cause, since $stale"), 'backends that did not respond and were ended: 1|', 'but not why a backend was ended');

done_testing;
