# Two clients alternate on one backend; cancels of the one are sent around the
# end of its statements, into the moment in which the backend changes hands.
# They never hit the other. POOLER_TEST_ROUNDS: 3000.
use PoolerTest;
use Time::HiRes qw(usleep);

my $rounds = $ENV{POOLER_TEST_ROUNDS} // 3000;
my $seed = $ENV{POOLER_TEST_SEED} // 1;
srand $seed;
my $pooler = PoolerTest->new('cancel_window', pools => 'main pool_size=1 max_overflow=0',
    conf => "pooler.pool_timeout = -1\n");
my ($one, $two) = map { $pooler->client($_) } qw(c1 c2);
my %outcome = (answered => 0, cancelled => 0);
my ($hit, $wrong, $later) = (0, 0, 0);
foreach my $round (1 .. $rounds)
{
    # the request is sent at some time before, at or after the end of the answer
    my $request = PoolerClient->connect(host => '127.0.0.1', port => $pooler->{port});
    my $bytes = pack('N N N N', 16, 80877102, $one->{pid}, $one->{key});
    $one->write(Query("select 'one $round', count(*) from generate_series(1, ${\ int rand 3000 })"));
    $two->write(Query("select 'two $round'"));
    usleep(rand 1500) if rand() < 0.8;
    $request->write($bytes);
    my $first = $one->result;
    my $second = $two->result;
    if (@{ $first->{errors} })
    {
        $outcome{ $first->{errors}[0]{C} eq '57014' ? 'cancelled' : 'wrong' }++;
        $wrong++ if $first->{errors}[0]{C} ne '57014';
    }
    else { $outcome{answered}++; $wrong++ if $first->{rows}[0][0] ne "one $round" }
    if (@{ $second->{errors} }) { $hit++ }
    elsif ($second->{rows}[0][0] ne "two $round") { $wrong++ }
    # what was asked after the request has been taken is not cancelled either
    $request->fill(1);
    foreach my $client ($one, $two) { $later++ if @{ $client->query('select 1')->{errors} } }
}
note "seed $seed: ", join(', ', map { "$outcome{$_} $_" } sort keys %outcome);
cmp_ok($outcome{cancelled}, '>', 0, 'some requests came in time');
cmp_ok($outcome{answered}, '>', 0, 'some came too late');
is($hit, 0, 'none hit the other client');
is($later, 0, 'none hit a later statement');
is($wrong, 0, 'each client heard its own answer');
done_testing;
