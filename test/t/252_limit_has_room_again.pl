# A role whose CONNECTION LIMIT was found full again and again is tried less and less often; when a
# backend that the limit counts may go, or is gone, its client does not wait until the next try.
use PoolerTest;

my $pooler = PoolerTest->new('again', pools => 'main pool_size=2, telehealth pool_size=2',
    conf => "pooler.pool_timeout = -1\npooler.pool_recycle = -1\n", sql => 'create role low login connection limit 1;');
my $telehealth = $pooler->client('telehealth', user => 'low', database => 'telehealth');
$pooler->poll_view(q{select idle_time > '0.1s' from pooler.backends where role = 'low'}, 't', 'the only backend is idle');
my $main = $pooler->client('main', user => 'low');

# So often that the next try is six seconds later.
sub finds_it_full
{
    my ($times) = @_;
    $main->run('begin');
    my %codes;
    $codes{ $telehealth->sqlstate('select 1') }++ foreach 1 .. $times;
    is_deeply(\%codes, { 53300 => $times }, 'a client hears that the limit is full');
    return;
}

sub is_served_soon
{
    my ($name) = @_;
    my $began = time;
    is($telehealth->value('select current_database()'), 'telehealth', "$name: the client is served");
    cmp_ok(time - $began, '<', 4, 'before the next try would come');
    return;
}

finds_it_full(7);
$main->run('commit');
is_served_soon('one is idle');

$main->run('select 1');
finds_it_full(2);
$main->quit;
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'main'", '0', 'who had the backend leaves');
$pooler->sql(q{select pg_terminate_backend(pid) from pooler.backends where role = 'low'});
is_served_soon('none is there any more');
done_testing;
