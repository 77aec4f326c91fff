# Names that /metrics cannot tell, as they are in another encoding, and that differ only there:
# no two samples have the same labels, for which a scrape would be refused, and nothing is lost.
use PoolerTest;
use MetricsClient;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $web = MetricsClient->new($port);
my $pooler = PoolerTest->new('same_labels', pools => 'main pool_size=1, *', conf => "pooler.metrics_port = $port\npooler.metrics_addresses = '127.0.0.1'\n",
    sql => "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0;");

# In their database's encoding: mueller and moeller, of four databases.
my $latin = $pooler->direct('latin', user => scalar getpwuid($<), database => 'latin');
is($latin->value('show client_encoding'), 'LATIN1', 'a client of LATIN1');
$latin->run(qq(create role "m${_}ller" login)) foreach "\xfc", "\xf6";
$latin->run(qq(create database "b${_}se" template template0)) foreach "\xfc", "\xf6";
my @clients = map { $pooler->client('c', user => "m${_}ller", database => 'latin') } "\xfc", "\xf6";
$clients[0]->run('select 1') foreach 1 .. 3;
$clients[1]->run('select 1') foreach 1 .. 4;
my @others = map { $pooler->client('c', database => "b${_}se") } "\xfc", "\xf6";
$others[0]->run('select 1') foreach 1 .. 5;
$others[1]->run('select 1') foreach 1 .. 6;
$pooler->poll_view('select sum(transactions), count(*) from pooler.pools', '18|4', '18 transactions in four pools');

foreach my $accept ('text/plain', 'application/openmetrics-text')
{
    my %seen;
    $seen{$_}++ foreach map { /^(.*) \S+$/ } grep { !/^#/ } split /\n/, $web->get('/metrics', "Accept: $accept")->{body};
    is(join(', ', grep { $seen{$_} > 1 && /^pooler_route_(clients|transactions_total)\{/ } sort keys %seen), '', "$accept: no sample of a role twice");
    is(join(', ', grep { $seen{$_} > 1 && /^pooler_pool_(clients|transactions_total|info|held_seconds_count)\{/ } sort keys %seen), '', "$accept: nor of a pool");
    is(scalar(grep { $_ > 1 } values %seen), 0, "$accept: nor any other");
}

# By name and number, as MetricsClient would not keep both of a pair.
my ($by_role, $by_pool) = (0, 0);
foreach (split /\n/, $web->get('/metrics')->{body})
{
    $by_role += $1 if /^pooler_route_transactions_total\{pool="latin",.* (\d+)$/;
    $by_pool += $1 if /^pooler_pool_transactions_total\{.* (\d+)$/;
}
is($by_role, 7, 'both roles are in it');
is($by_pool, 18, 'and all pools');

done_testing;
