# Connections that do not complete their login do not keep others out.
use PoolerTest;

my $pooler = PoolerTest->new('half_open', pools => 'main pool_size=2', conf => "pooler.max_client_conn = 5\nauthentication_timeout = 600s\n");
my @in = map { $pooler->client("in$_") } 1, 2;
$_->run('select 1') foreach @in;
$in[0]->run('begin');
my $began = time;
my @silent = map { $pooler->connect } 1 .. 3;
$pooler->poll_view("select string_agg(state, ',' order by state collate \"C\") from pooler.clients", 'active,idle,login,login,login', 'three of five places are taken by logins that do not end');

# At once nobody makes room: a login may take a moment.
my $early = $pooler->client('early', may_fail => 1);
is($early->{login}{errors}[0]{C}, '53300', 'a sixth connection is refused');

# After 5 s one of them does, and it is told why.
my $tries = 0;
my $late;
do { sleep 0.05 if $tries++; $late = $pooler->client('late', may_fail => 1) } until $late->{login}{status} eq 'I' || time > $began + 60;
is($late->{login}{status}, 'I', "another one has room after $tries tries");
cmp_ok(time - $began, '>', 4.5, 'when the logins are five seconds old');
is($late->value('select 7'), 7, 'and is served');
my $told = $silent[0]->result;
is($told->{errors}[0]{C}, '53300', 'the oldest one made room');
is($told->{errors}[0]{D}, 'The login was not completed, and others wait.', 'and is told so');
ok($told->{eof}, 'it is closed');
ok(!$silent[1]->readable(0), 'the others are not, since nobody needs their places');
like($pooler->new_log, qr/LOG:  pooler: client 127\.0\.0\.1 did not complete its login and makes room for another/, 'the log says so');

# One that completes its login late is served like any other.
$silent[1]->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'slow'));
is($silent[1]->result->{status}, 'I', 'a slow one');
my $third = $pooler->client('third');
is($third->value('select 8'), 8, 'the last one made room, too');
ok($silent[2]->result->{eof}, 'and is closed');

# Who is logged in never makes room.
is($pooler->sql("select count(*) from pooler.clients where state <> 'login'"), 5, 'five are logged in');
is($pooler->client('sixth', may_fail => 1)->{login}{errors}[0]{C}, '53300', 'a sixth is refused');
$in[0]->run('commit');
is($_->value('select 1'), 1, 'all go on') foreach @in, $late, $silent[1], $third;

done_testing;
