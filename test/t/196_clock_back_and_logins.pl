# The clock is set back by an hour: logins that do not end are closed when
# authentication_timeout has passed, and where they have all the places they make room,
# as ever. On a clock that this test sets (libfaketime).
use PoolerTest;
use FakeClock;

my $clock = FakeClock->new('+130m', 'FAKETIME_NO_CACHE', 'clock_and_logins', pools => 'main pool_size=1',
    conf => "pooler.max_client_conn = 5\nauthentication_timeout = 5s\n");
my $pooler = $clock->pooler;
$clock->another_worker;
$pooler->await_open;
my @in = map { $pooler->client("in$_") } 1, 2;
$_->run('select 1') foreach @in;
sub logins { return $pooler->poll_view("select count(*) from pooler.clients where state = 'login'", @_) }
sub set_back
{
    my ($offset) = @_;
    my $before = $pooler->sql('select now()');
    $clock->set($offset);
    return $pooler->poll_view("select now() < '$before'", 't', 'the clock is set back');
}

# ---- authentication_timeout ----

my @silent = map { $pooler->connect } 1, 2;
my $asked = $pooler->connect;    # for TLS, and then no more
$asked->write(pack('N N', 8, 80877103));
ok($asked->readable(10), 'one has been answered');
logins('3', 'logins begin');
set_back('+65m');
my $began = time;
$_->arrives foreach @silent;
cmp_ok(time - $began, '<', 15, 'those who say nothing are closed after authentication_timeout');
$asked->message;
cmp_ok(time - $began, '<', 15, 'so is who has begun');
ok($_->result->{eof}, 'and that was all') foreach @silent;
logins('0', 'their places are free');
my $later = $pooler->connect;
$began = time;
$later->arrives;
my $took = time - $began;
ok($took > 3 && $took < 15, 'who comes afterwards has its time') or diag("$took s");
is($_->value('select 2'), '2', 'who is in stays in') foreach @in;

# ---- no place is left ----

$pooler->reconfigure("authentication_timeout = 600s\npooler.pool_timeout = 77s\n");
$pooler->poll_view('select pool_timeout from pooler.pools', '77', 'logins may last now');
@silent = map { $pooler->connect } 1 .. 3;
logins('3', 'all places are taken, three by logins that do not end');
is($pooler->client('early', may_fail => 1)->{login}{errors}[0]{C}, '53300', 'a sixth connection is refused');
set_back('+0');
$began = time;
my $late;
do { sleep 0.05 if $late; $late = $pooler->client('late', may_fail => 1) } until $late->{login}{status} eq 'I' || time > $began + 20;
is($late->{login}{status}, 'I', 'a newcomer has room');
cmp_ok(time - $began, '<', 15, 'in seconds');
SKIP:
{
    last SKIP if $late->{login}{status} ne 'I';
    is($late->value('select 7'), '7', 'and is served');
    my @told = grep { $_->readable(1) } @silent;
    is(scalar @told, 1, 'one login made room');
    is($told[0]->result->{errors}[0]{D}, 'The login was not completed, and others wait.', 'and is told so');
}

# Those who begin after that make room, too, but not at once.
$_->vanish foreach @silent;
logins('0', 'the others leave');
@silent = map { $pooler->connect } $late->{login}{status} eq 'I' ? (1, 2) : (1 .. 3);
logins(scalar @silent, 'others come');
$began = time;
my $next;
do { sleep 0.05 if $next; $next = $pooler->client('next', may_fail => 1) } until $next->{login}{status} eq 'I' || time > $began + 20;
is($next->{login}{status}, 'I', 'the next newcomer has room');
$took = time - $began;
ok($took > 3 && $took < 15, 'when the logins are some seconds old') or diag("$took s");
is($_->value('select 3'), '3', 'who is in stays in') foreach @in;

done_testing;
