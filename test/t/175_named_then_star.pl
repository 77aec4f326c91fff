# A pool that is no longer named in pooler.pools, and that "*" makes again while it
# drains, is one of those that "*" made: later reloads end nobody of it, and it is
# closed when it is unused for pool_idle_timeout.
use PoolerTest;

my $pooler = PoolerTest->new('named_then_star', pools => 'main, hems, fire pool_size=1, * pool_size=2', conf => "pooler.pool_idle_timeout = 1s\n");

# fire tells when the worker has the new file.
sub reload
{
    my ($size) = @_;
    $pooler->reconfigure("pooler.pools = 'fire pool_size=$size, * pool_size=2'\n");
    return $pooler->poll_view("select pool_size from pooler.pools where pool = 'fire'", $size, 'a reload');
}

sub answered
{
    my ($client, $sql) = @_;
    my $result = $client->query($sql);
    return $result->{rows}[0][0] // ($result->{errors}[0] ? "$result->{errors}[0]{C}" : $result->{eof} ? 'cut off' : 'done');
}

sub state_of { return $pooler->sql("select state from pooler.pools where pool = '$_[0]'") }

my %holder = map { $_ => $pooler->client('holder', database => $_) } qw(main hems);
$_->run('begin') foreach values %holder;
reload(2);
is(state_of($_), 'draining', "$_ is not named any more and drains") foreach qw(main hems);
my %comes = map { $_ => $pooler->client('comes', database => $_) } qw(main hems);
is(answered($comes{$_}, 'select 1'), '1', "$_: who comes meanwhile is served") foreach qw(main hems);
$comes{main}->run('create temp table mine as select 5 as n');
$pooler->poll_view("select string_agg(state, ' ') from pooler.pools where pool in ('main', 'hems')", 'open open', 'both are open again');
is(answered($holder{$_}, 'commit'), 'done', "$_: its transaction ends") foreach qw(main hems);
is(answered($holder{main}, 'select 2'), '2', 'and its client goes on');

# ---- unused ----

$_->{hems}->quit foreach \%holder, \%comes;
$pooler->poll_view("select count(*) from pooler.pools where pool = 'hems'", '0', 'hems is closed when nobody uses it');
is(state_of('main'), 'open', 'main, which has clients, is not');

# ---- reloads ----

foreach my $size (3, 1)
{
    reload($size);
    sleep 0.5;    # some looks of the worker at who is to leave
    is(state_of('main'), 'open', 'main is still open');
    is(answered($comes{main}, 'select n from mine'), '5', 'its client has its session');
    is(answered($holder{main}, 'select 3'), '3', 'the holder goes on, too');
}
is($pooler->sql("select pool_size from pooler.pools where pool = 'main'"), '2', 'it has what "*" says');

done_testing;
