# What pooler.recommend() says for a small application is enough for what it says itself, and
# not less than the guide has for it: 100 connections.
use PoolerTest;

my $pooler = PoolerTest->new('recommend', pools => 'main');
my $short = "select coalesce(string_agg(concat_ws(' ', check_name, 'required', required, 'available', available), ', '), 'none') from pooler.capacity where check_name = 'server' and verdict = 'short'";

foreach my $case ([ 'main', 'all of one database', '5, 1, 1' ], [ 'main, telehealth, fire, hems', 'of four', '5, 1, 4' ])
{
    my ($pools, $name, $deployment) = @$case;
    $pooler->sql($_) foreach split /\n/, $pooler->sql("select statement from pooler.recommend($deployment) where statement is not null");
    $pooler->reconfigure("pooler.pools = '$pools'\n");
    $pooler->restart;
    is($pooler->sql('show pooler.pool_size') . ' ' . $pooler->sql('select count(*) from pooler.pools'), '5 ' . (() = $pools =~ /\w+/g), "$name: its pools");
    is($pooler->sql($short), 'none', "$name: the server has connections enough");
    cmp_ok($pooler->sql('show max_connections'), '>=', 100, "$name: as many as the guide recommends");
}

done_testing;
