# However many clients of a role wait, and whatever is due to them meanwhile, they
# are served in the order of their asking; each of them can be cancelled at once.
use PoolerTest;

my $pooler = PoolerTest->new('first_come', pools => 'main pool_size=1',
    conf => "pooler.pool_timeout = -1\npooler.wait_notice = -1\nlog_statement = none\n");
my $holder = $pooler->client('holder');
$holder->run('create sequence s');
my @clients = map { $pooler->client('waiter') } 1 .. 300;

# All ask while the only backend is held. To the first one a notice may be due.
sub ask_in_turn
{
    my ($name, $first_notice) = @_;
    $holder->run("begin; select setval('s', 1, false)");
    foreach my $client (@clients)
    {
        $client->write(Query("select nextval('s')"));
        next if !$first_notice || $client != $clients[0];
        ok($client->readable(10), "$name: the first one has its notice");
        sleep 0.05;    # who asks before it is back in its place comes before it
    }
    return $pooler->poll_view('select waiting from pooler.pools', scalar @clients, "$name: all wait");
}

sub are_in_order
{
    my ($name) = @_;
    $holder->run('commit');
    my @got = map { $_->result->{rows}[0][0] // 'nothing' } @clients;
    my ($at) = grep { $got[ $_ - 1 ] ne $_ } 1 .. @got;
    is($at ? "the one who came as number $at was served as number $got[$at - 1]" : '', '', "$name: first come, first served");
    return;
}

ask_in_turn('a cancel');
$clients[-1]->cancel;
ok($clients[-1]->readable(5), 'a cancel: the last one hears of it at once');
$holder->sqlstate('commit') if !$clients[-1]->readable(0);
my $last = pop @clients;
is($last->result->{errors}[0]{C}, '57014', 'a cancel: that it is cancelled');
are_in_order('a cancel');
is($last->value('select 1'), '1', 'a cancel: it goes on');
push @clients, $last;

$pooler->reconfigure("pooler.wait_notice = 100ms\n");
ask_in_turn('notices', 1);
is(scalar(grep { !$_->readable(10) } @clients), 0, 'notices: each has one');
are_in_order('notices');

done_testing;
