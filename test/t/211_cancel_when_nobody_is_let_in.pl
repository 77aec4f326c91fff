# A cancel request comes by a connection of its own: it is served, as by the server,
# also when max_client_conn is reached and during a smart shutdown. Who wants anything
# else is refused, and who says nothing keeps no place.
use PoolerTest;

my $pooler = PoolerTest->new('cancel_full', pools => 'main pool_size=2', conf => "pooler.max_client_conn = 5\n");
my $sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
my @clients = map { $pooler->client("c$_") } 1 .. 5;
my ($one, $two) = @clients;
sub request { my ($client) = @_; return pack('N N N N', 16, 80877102, $client->{pid}, $client->{key}) }
sub asleep { $one->write(Query('select pg_sleep(600)')); return $pooler->poll_view($sleeping, '1', "$_[0]: a statement runs") }
sub cancelled
{
    my ($name) = @_;
    is($one->readable($ENV{TEST_PATIENCE} // 60) ? $one->result->{errors}[0]{C} : 'nothing', '57014', "$name: it is cancelled");
    return is($one->value('select 1'), '1', "$name: the session goes on");
}
sub refused
{
    my ($name, $database) = @_;
    my $error = $pooler->client('more', database => $database // 'main', may_fail => 1)->{login}{errors}[0];
    return is("$error->{C} $error->{M}", '53300 sorry, too many clients already', "$name: another client is refused");
}

refused('all places are taken');
asleep('a request');
$two->cancel;
$one->cancel(key => $one->{key} ^ 1);
$one->cancel(pid => $one->{pid} + 1000);
ok(!$one->readable(0), 'requests of others do not reach it');
$one->cancel;
cancelled('a request');
refused('after it');

# As drivers do that would have TLS, or GSS; in pieces.
my ($ssl, $gss) = map { pack('N N', 8, $_) } 80877103, 80877104;
foreach ([ 'after SSLRequest', $ssl ], [ 'after GSSENCRequest and SSLRequest', $gss, $ssl ])
{
    my ($name, @before) = @$_;
    asleep($name);
    my $request = $pooler->connect;
    foreach my $ask (@before)
    {
        $request->write($ask);
        $request->fill(1);
        is($request->{buffer}, 'N', "$name: it is answered");
        $request->{buffer} = '';
    }
    $request->write(request($one));
    ok(!$request->fill(1), "$name: it is closed");
    cancelled($name);
}
asleep('in pieces');
my $pieces = $pooler->connect;
foreach my $byte (split //, request($one)) { $pieces->write($byte); sleep 0.01 }
ok(!$pieces->fill(1), 'in pieces: it is closed');
cancelled('in pieces');

# Who asks twice, or sends more with the question.
foreach ([ 'twice', $ssl, $ssl ], [ 'at once', $ssl . request($one) ], [ 'nonsense', pack('N N', 3, 7) ])
{
    my ($name, @what) = @$_;
    my $other = $pooler->connect;
    $other->write($_) foreach @what;
    $other->fill(5);
    like($other->{buffer}, qr/^N?$/, "$name: it is closed");
}

# Those who say nothing, or not enough of it, do not keep a request out.
my $worker = $pooler->worker_pid;
sub files { my @files = glob "/proc/$worker/fd/*"; return scalar @files }
my $before = files();
my @silent = map { $pooler->connect } 1 .. 300;
$_->write("\0\0") foreach @silent[ 0 .. 99 ];
asleep('among silent ones');
$one->cancel;
cancelled('among silent ones');
cmp_ok(files(), '<=', $before + 100, 'they have few files');
is(scalar(grep { $_->result('E')->{errors}[0]{C} eq '53300' } @silent), 300, 'all of them hear, in time, that there is no room');
is($pooler->worker_pid, $worker, 'the worker is the one it was');
$clients[4]->quit;
$pooler->poll_view('select sum(clients) from pooler.pools', '4', 'one leaves');
is($pooler->client('next')->value('select 10'), '10', 'another is let in');

# ---- a smart shutdown ----

$pooler->restart;
($one, $two) = map { $pooler->client($_) } 1, 2;
$one->run('begin');
asleep('smart shutdown');
my $stop = IPC::Run::start([ 'pg_ctl', '-D', $pooler->node->data_dir, '-m', 'smart', '-t', '60', 'stop' ], '>', '/dev/null');
is($two->result->{errors}[0]{C}, '57P01', 'smart shutdown: an idle client is told');
foreach my $database (qw(main nowhere))
{
    my $new = eval { $pooler->client('new', database => $database, may_fail => 1) };
    my $error = $new ? $new->{login}{errors}[0] : { C => 'no connection', M => '' };
    is("$error->{C} $error->{M}", '57P03 the database system is shutting down', "smart shutdown: a new client of $database is refused as by the server");
}
eval { $one->cancel; 1 } or note $@;
is($one->readable(20) ? $one->result->{errors}[0]{C} : 'nothing', '57014', 'smart shutdown: a statement is cancelled');
is($one->query('rollback')->{tags}[0], 'ROLLBACK', 'smart shutdown: the transaction ends');
delete $pooler->{admin};
$one->vanish;
ok($stop->finish, 'smart shutdown: it ends');
$pooler->node->_update_pid(0);

done_testing;
