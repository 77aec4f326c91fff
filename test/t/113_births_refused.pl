# Nobody but the worker gets in by the reserved name, and no backend that came
# too late is taken for one that is awaited.
use PoolerTest;

my $pooler = PoolerTest->new('refused', pools => 'main pool_size=1', injected => 1, conf => "listen_addresses = '127.0.0.1'\n");
my $node = $pooler->node;
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/pg_hba.conf', "host all all 127.0.0.1/32 trust\n");
my ($name) = $pooler->sql('select line from pooler.hba_lines()') =~ /"([^"]+)"/;
my %address = (host => '127.0.0.1', port => $node->port);

# On the server's own port, from the network and by the Unix socket; with the
# nonce's form, its place, and nothing.
foreach my $said ('', 'pooler:0:1:0123456789abcdef0123456789abcdef', 'pooler:-1:0:x')
{
    foreach ([ 'from the network', %address ], [ 'by the Unix socket', host => $node->host, port => $node->port ])
    {
        my ($whence, %to) = @$_;
        my $stranger = PoolerClient->new(%to, user => $name, database => 'main', may_fail => 1, application_name => $said);
        my $error = $stranger->{login}{errors}[0];
        is("$error->{S} $error->{C} $error->{M}", "FATAL 28000 this user name is reserved for pooler's own backends", "refused $whence");
        ok($stranger->{login}{eof} && !defined $error->{D}, 'and not told why');
    }
}
like(slurp_file($node->logfile), qr/DETAIL:  It came over the network\./, 'the log says that it came from there');
like(slurp_file($node->logfile), qr/DETAIL:  The peer is not the pooler's worker\./, 'and who did not');
is($pooler->sql("select count(*) from pg_stat_activity where usename is null and state = 'active' and backend_type = 'client backend'"), '0', 'nobody of them is left');

# One that is so slow that the worker has forgotten it, for an error of its own
# after it had asked for it.
$pooler->reconfigure("pre_auth_delay = 1\n");
$pooler->poll_view('show pre_auth_delay', '1s', 'backends are slow');
my $late = qr/DETAIL:  No such backend is awaited\./;
foreach my $skip (0 .. 5)
{
    my $pid = $pooler->sql('select pid from pooler.backends');
    $pooler->inject('worker-epoll_ctl', 'ENOMEM', $skip);
    $pooler->sql("select pg_terminate_backend($pid)");
    $pooler->poll_view("select count(*) from pooler.backends where state = 'unborn' and pid <> $pid", '1', 'the pool opens another one');
    $pooler->missed('worker-epoll_ctl');
    last if slurp_file($node->logfile) =~ $late;
}
like(slurp_file($node->logfile), $late, 'one that is not awaited any more is refused');

# One that cannot tell the worker that it is there goes, and another one comes.
$pooler->reconfigure("pre_auth_delay = 0\n");
$pooler->poll_view('show pre_auth_delay', '0', 'backends are quick');
my $opened = $pooler->sql('select opened from pooler.pools');
$pooler->inject('backend-sendmsg', 'EPIPE');
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
$pooler->poll_view("select opened - $opened, unborn from pooler.pools", '1|1', 'one backend has been opened in the end');
ok(!$pooler->missed('backend-sendmsg'), 'by the second attempt');
my $client = $pooler->client('c');
is($client->value('select 1'), '1', 'and the pool serves');

# One that ends without a word at its birth has failed, too: each costs a process.
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
$pooler->inject($_, 'exit') foreach qw(birth-message birth-named);
my $began = time;
$client->write(Query('select 2'));
is($client->result->{rows}[0][0], '2', 'its client hears nothing of it');
cmp_ok(time - $began, '>=', 0.2, 'after the second one the next is not tried at once');
ok(!$pooler->missed($_), "there was one that ended at $_") foreach qw(birth-message birth-named);
like($pooler->sql('select last_error from pooler.pools'), qr/server closed the connection unexpectedly/, 'but the view does');
done_testing;
