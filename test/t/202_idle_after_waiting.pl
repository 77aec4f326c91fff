# idle_session_timeout counts from the answer that a client got, also where the
# worker gave it: a time-out or a cancel in the queue does not end the session.
use PoolerTest;

my $pooler = PoolerTest->new('idle_after_waiting', pools => 'main pool_size=1 timeout=2, fire pool_size=1 timeout=60',
    conf => "idle_session_timeout = 3s\n", sql => 'alter role current_user set idle_session_timeout = 0;');

# Silent and then waiting: together that is more than the time.
sub told
{
    my ($database, $sqlstate, $name) = @_;
    my ($holder, $waiter) = map { $pooler->client($_, database => $database) } qw(holder waiter);
    $waiter->run('select 1');
    $holder->run('begin');
    sleep 1.5;
    $waiter->write(Query('select 2'));
    if ($sqlstate eq '57014') { sleep 2.5; $waiter->cancel }
    my $result = $waiter->result;
    is($result->{types} . $result->{errors}[0]{C}, "EZ$sqlstate", "$name: it is told");
    ok(!$waiter->readable(1.5), "$name: which is not the end of its session");
    $holder->run('commit');
    is($waiter->sqlstate('select 3'), '', "$name: it is served");
    $holder->run('begin');
    return ($holder, $waiter);
}
told('fire', '57014', 'a cancel in the queue');
my ($holder, $waiter) = told('main', '53300', 'a time-out there');

# It begins to count there.
is($waiter->sqlstate('select 4'), '53300', 'another time-out');
ok($waiter->readable(60), 'silent after it for the whole time');
my $end = $waiter->result;
is($end->{errors}[0]{C} // 'none', '57P05', 'it is ended');
ok($end->{eof}, 'and closed');

done_testing;
