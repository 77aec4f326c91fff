# Who may connect to the server's Unix socket by its group and permissions, and nobody
# else, may connect to pooler's.
use PoolerTest;

my ($own, @groups) = split ' ', $);
my ($group) = grep { $_ != $own && getgrgid $_ } @groups;
plan(skip_all => 'the user who runs this is in no other group than its own') unless defined $group;

my $pooler = PoolerTest->new('socket', pools => 'main pool_size=1');
my $node = $pooler->node;
sub owner_and_mode
{
    my ($port) = @_;
    my @stat = stat $node->host . "/.s.PGSQL.$port" or return 'none';
    return sprintf 'user %d, group %d, %04o', @stat[ 4, 5 ], $stat[2] & 07777;
}
sub alike
{
    my ($name, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(owner_and_mode($node->port), $expected, "$name: the server's socket");
    is(owner_and_mode($pooler->{port}), $expected, "$name: pooler's");
    return is(PoolerClient->new(host => $node->host, port => $pooler->{port}, user => 'app', database => 'main')->value('select 1'), '1', "$name: it serves");
}

alike('nothing set', "user $<, group $own, 0777");
foreach my $case ([ scalar getgrgid($group), '0770' ], [ $group, '0660' ], [ '', '0700' ], [ scalar getgrgid($group), '0777' ])
{
    my ($name, $mode) = @$case;
    $node->append_conf('postgresql.conf', "unix_socket_group = '$name'\nunix_socket_permissions = $mode\n");
    $pooler->restart;
    my $expected = "user $<, group " . ($name eq '' ? $own : $group) . ", $mode";
    alike("\"$name\", $mode", $expected);
}

# The socket of another worker.
my $worker = $pooler->worker_pid;
kill 'TERM', $worker;
$pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker');
alike('afterwards', "user $<, group $group, 0777");

done_testing;
