# idle_session_timeout of the file or of a role ends each client that is silent
# for so long, whether it has asked anything or not, as on a direct
# connection. What the client itself has set wins, and a reload holds for who asks
# after it.
use PoolerTest;

my $pooler = PoolerTest->new('idle_session', pools => 'main pool_size=2, fire pool_size=1 mode=session',
    conf => "idle_session_timeout = 500ms\n",
    sql => 'create role bob login; alter role current_user set idle_session_timeout = 0;');
my $reloads = 0;

# All that log in so are equal: only the first one is greeted by a backend.
sub pair
{
    my ($name, $way, %options) = @_;
    my @pair = map { [ "$name, $way, $_", $pooler->$way('equal', %options) ] } 'asks', 'never asks';
    $pair[0][1]->query('select 1');
    return @pair;
}

sub are_ended
{
    my $end = time + 4;
    foreach (@_)
    {
        my ($name, $client) = @$_;
        my ($said, $result) = ('goes on', {});
        while (!$result->{eof} && $client->readable($end > time ? $end - time : 0))
        {
            $result = $client->result;
            $said = join(' ', map { $_->{C} } @{ $result->{errors} });
        }
        is($said, '57P05', "$name: is ended");
    }
    return;
}

sub go_on { foreach (@_) { my ($name, $client) = @$_; is($client->sqlstate('select 1') || 'answered', 'answered', "$name: goes on") } return }

# The worker has it; and a client, when it has asked.
sub reload
{
    my ($value) = @_;
    my $timeout = 100 + ++$reloads;
    $pooler->reconfigure("idle_session_timeout = $value\npooler.pool_timeout = $timeout\n");
    $pooler->poll_view("select bool_and(pool_timeout = $timeout) from pooler.pools", 't', "$value by a reload");
    return;
}

sub await_value
{
    my ($value, @clients) = @_;
    my $end = time + 5;
    foreach my $client (@clients)
    {
        my $result;
        do { $result = $client->query("select current_setting('idle_session_timeout')") }
          until ($result->{rows}[0][0] // $value) eq $value || time > $end;
    }
    return;
}

# ---- of the file ----

my $start = time;
my @own = map { my $way = $_; (
        [ "a longer one by SET, $way", $pooler->$way('own'), "set idle_session_timeout = '1h'" ],
        [ "0 by SET, $way", $pooler->$way('own'), 'set idle_session_timeout = 0' ],
        [ "0 by a startup option, $way", $pooler->$way('own', options => '-c idle_session_timeout=0'), '' ]) } qw(direct client);
foreach (@own) { $_->[1]->query($_->[2]) if $_->[2] }
my @file = map { pair('the file', $_) } qw(direct client client);
my $reset = $pooler->client('own');
$reset->query('set idle_session_timeout = 0');
$reset->query('reset idle_session_timeout');
# The only backend of this pool is the first one's from its login on.
my ($silent, $next) = ($pooler->client('equal', database => 'fire'), $pooler->connect);
$next->write(PoolerClient::startup(user => 'app', database => 'fire', application_name => 'equal'));
$next->result('R');    # the worker lets it in
are_ended([ 'session mode, never asks', $silent ]);
cmp_ok(time - $start, '>', 0.5, 'in no less than the time');
SKIP:
{
    Test::More::skip('it is not served', 3) if !ok($next->readable(4), 'session mode: the next one gets its backend');
    is($next->result->{status}, 'I', 'session mode: it is logged in');
    is($next->query("select 'slept' from pg_sleep(1)")->{rows}[0][0] // 'ended', 'slept', 'session mode: a statement right after the login is no silence');
    are_ended([ 'session mode, has asked', $next ]);
}
$pooler->poll_view("select backends - unborn - idle from pooler.pools where pool = 'fire'", '0', 'session mode: the backend is free');
are_ended(@file, [ 'its own one by SET, and RESET', $reset ]);
sleep 0.05 while time < $start + 1.5;
go_on(@own);

# ---- turned off; as on a direct connection for who has asked since ----

reload('2s');
my @stay = map { my $way = $_; map { [ "turned off, $way, $_", $pooler->$way('equal') ] } 1 .. 4 } qw(direct client);
await_value('2s', map { $_->[1] } @stay);
reload('0');
await_value('0', reverse map { $_->[1] } @stay);
sleep 2.4;
go_on(@stay);

# ---- of a role; and turned on ----

$pooler->sql("alter role bob set idle_session_timeout = '500ms'");
my @role = map { pair('a role', $_, user => 'bob') } qw(direct client client);
reload('500ms');
await_value('500ms', map { $_->[1] } @stay);
$_->[0] =~ s/off/on/ foreach @stay;
are_ended(@role, @stay);

done_testing;
