# What pooler.diagnose() says of a pool's last error: a pool is unavailable since it
# became so, not since its last retry.
use PoolerTest;

my $pooler = PoolerTest->new('whose_error',
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

done_testing;
