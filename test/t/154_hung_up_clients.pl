# A client that hangs up without a word after a silence has not waited for a backend
# all that time.
use PoolerTest;

my $pooler = PoolerTest->new('hung_up', pools => 'main pool_size=1, telehealth pool_size=1', conf => "log_statement = none\n");
my %clients = map { $_ => [ map { $pooler->client('silent', database => $_) } ($_) x 80 ] } qw(main telehealth);
foreach (map { @$_ } values %clients) { $_->run('select 1') }
$pooler->poll_view('select count(*) from pooler.clients where backend is not null', '0', 'all are silent');
$pooler->sql('select pooler.reset_stats()');
$pooler->poll_view("select count(*) from pooler.latencies where measure = 'wait' and count > 0", '0', 'counted anew');
sleep 2;
$_->reset foreach @{ $clients{main} };
$_->vanish foreach @{ $clients{telehealth} };
$pooler->poll_view('select sum(clients) from pooler.pools', '0', 'all have hung up');
foreach ([ 'main', 'reset' ], [ 'telehealth', 'close' ])
{
    my ($pool, $how) = @$_;
    is($pooler->sql("select coalesce(max < interval '1 s', true) from pooler.latencies where pool = '$pool' and measure = 'wait' and role is null"), 't', "by $how: their silence is no wait")
      or diag($pooler->sql("select count, mean, max from pooler.latencies where pool = '$pool' and measure = 'wait' and role is null"));
}

done_testing;
