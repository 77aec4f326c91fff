# Who sends or reads steadily, however slowly, is not silent: neither
# pooler.client_read_timeout nor pooler.client_write_timeout cuts it while others
# wait. Who stops in the midst of it is cut.
use PoolerTest;

my $pooler = PoolerTest->new('steady', pools => 'main pool_size=1', sql => 'grant create on schema public to app;',
    conf => "pooler.client_read_timeout = 1s\npooler.client_write_timeout = 1s\npooler.pool_timeout = 60s\nlog_statement = none\n");
my $next = $pooler->client('next');
$next->run('create table t (i int)');
sub waits { return $pooler->poll_view("select waiting from pooler.pools", '1', "$_[0]: another waits") }

# A COPY whose rows come one by one.
my $steady = $pooler->client('sender');
$steady->write(Query('copy t from stdin'));
$steady->result('G');
$next->write(Query('select count(*) from t'));
waits('COPY');
my ($end, $rows) = (time + 3, 0);
while (time < $end && !$steady->readable(0.02))
{
    $steady->write(CopyData("1\n"));
    $rows++;
}
$steady->write(CopyDone());
my $result = $steady->result;
is(join(' ', @{ $result->{tags} }, map { "$_->{C} $_->{M}" } @{ $result->{errors} }), "COPY $rows", 'COPY: it is not cut');
is($next->result->{rows}[0][0], @{ $result->{tags} } ? $rows : 0, 'COPY: then the other is served');
$steady->vanish;

# The same, and then silence.
$steady = $pooler->client('stops');
$steady->write(Query('copy t from stdin'));
$steady->result('G');
$steady->write(CopyData("1\n"));
$next->write(Query('select 3'));
is($next->result->{rows}[0][0], '3', 'silence: the other is served');
like($steady->result->{errors}[-1]{M}, qr/client_read_timeout/, 'silence: its connection is ended');

# Results that are read bit by bit.
my $text = 'x' x 1000;
$steady = bless { socket => PoolerTest::narrow_socket($pooler->{port}), buffer => '', parameters => {}, notifications => [] }, 'PoolerClient';
$steady->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'reader'));
is($steady->result->{status}, 'I', 'results: a narrow client');
$steady->write(Query("select '$text' from generate_series(1, 2000)"));
$steady->arrives or die 'no result';
$next->write(Query('select 4'));
waits('results');
$end = time + 3;
my $read = 0;
while (time < $end && $steady->arrives)
{
    $read += sysread($steady->{socket}, $steady->{buffer}, 2048, length $steady->{buffer}) || last;
    sleep 0.02;
}
note "$read bytes read slowly";
cmp_ok($read, '<', 1_500_000, 'results: it has not read all');
$result = $steady->result;
is(join(' ', scalar @{ $result->{rows} }, @{ $result->{tags} }), '2000 SELECT 2000', 'results: it is not cut');
is($next->result->{rows}[0][0], '4', 'results: then the other is served');

done_testing;
