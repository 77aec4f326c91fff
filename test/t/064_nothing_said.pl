# A backend that wakes for a client whose bytes it does not see gives it back:
# kept there, the client's next message would be read without a look, and run
# whatever unnamed statement that backend has. Runs on the library with
# injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('nothing', injected => 1, pools => 'main pool_size=2');
my ($one, $other) = map { $pooler->client($_) } qw(one other);
sub backend { my ($name) = @_; return $pooler->sql("select backend from pooler.clients where application_name = '$name'") }

# As many backends as clients: each is kept, for a while, where it was served.
my $end = time + 60;
do { $_->run('select 1') foreach $one, $other } until (backend('one') && backend('other')) || time > $end;
isnt(backend('one'), backend('other'), 'clients are kept');

my ($met, $moved) = (0, 0);
for (my $turn = 1; $met < 2 && time < $end; $turn++)
{
    # each has a statement; neither is kept any more when the first one binds
    $other->write(Parse('', "select 'stranger'"), Sync());
    is($other->result->{types}, '1Z', "turn $turn: another client's statement");
    $one->write(Parse('', "select 'own', pg_backend_pid()"), Sync());
    is($one->result->{types}, '1Z', "turn $turn: its own");
    my $parsed_by = backend('one');
    $pooler->poll_view("select count(*) from pooler.clients where backend is null and application_name in ('one', 'other')", '2', 'both are given up');
    $other->run('select 1') if $turn % 2;
    $pooler->inject('backend-recv', 'EINTR');
    $one->write(Bind('', ''), Execute(), Sync());
    my $result = $one->result;
    my $missed = $pooler->missed('backend-recv');
    is($result->{types}, '2DCZ', "turn $turn: it is found") or diag($result->{log}[0]);
    is($result->{rows}[0][0], 'own', "turn $turn: it runs its own");
    $moved++ if ($result->{rows}[0][1] // 0) ne $parsed_by;
    $met++ if !$missed && ($result->{rows}[0][1] // 0) ne $parsed_by;
}
cmp_ok($met, '>=', 2, "on another backend, whose first look failed ($moved times on another one)");

done_testing;
