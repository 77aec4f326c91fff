# Who tries names of roles and databases that do not exist, by the ten thousands, does not
# make the worker grow.
use Socket qw(SOL_SOCKET SO_LINGER);
use PoolerTest;

my $pooler = PoolerTest->new('unknown', pools => 'main pool_size=1, *', sql => 'create role known login;');
my $worker = $pooler->worker_pid;
my $client = $pooler->client('stays');
my $files = 0;

# The bytes of all the worker's memory contexts.
sub used { return $pooler->memory($worker, qr/Grand total: (\d+) bytes/) }

sub write_hba
{
    my ($lines) = @_;
    # known by its first line, which the file before rejects
    my ($nobody, $next) = map { "nobody$_" } ++$files, $files + 1;
    my $file = $pooler->node->data_dir . '/pg_hba.conf';
    PostgreSQL::Test::Utils::append_to_file("$file.new", "local all all trust\nhost all $nobody 127.0.0.1/32 ident\nhost all $next 127.0.0.1/32 reject\n$lines");
    rename "$file.new", $file or die $!;
    $pooler->node->reload;
    my $end = time + 60;
    sleep 0.02 while $pooler->client('asks', user => $nobody, may_fail => 1)->{login}{errors}[0]{C} ne '0A000' && time < $end;
    return;
}

sub name { return join '', map { ('a' .. 'z')[rand 26] } 1 .. 20 }

# So many logins as these: each hangs up at the first byte of the answer, by a
# reset, which leaves no port in use. How many answers were of this kind.
sub attempts
{
    my ($count, $kind, $startup) = @_;
    my $right = 0;
    for (my $done = 0; $done < $count; $done += 100)
    {
        my @sockets = map { my $c = $pooler->connect; $c->write($startup->()); $c->{socket} } 1 .. 100;
        foreach my $socket (@sockets)
        {
            my $type = '';
            sysread($socket, $type, 1);
            $right++ if $type eq $kind;
            setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
            close $socket;
        }
    }
    return $right;
}

foreach my $case (
    [ 'users that a line rejects', "host all all 127.0.0.1/32 reject\n", 'E', sub { return (user => name(), database => 'main') } ],
    [ 'users that are asked for a password', "host all all 127.0.0.1/32 scram-sha-256\n", 'R', sub { return (user => name(), database => 'main') } ],
    [ 'databases, under a samerole line', "host samerole all 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 reject\n", 'E', sub { return (user => 'known', database => name()) } ])
{
    my ($name, $lines, $kind, $names) = @$case;
    my $startup = sub { return PoolerClient::startup($names->()) };
    write_hba($lines);
    my $began = time;
    is(attempts(1500, $kind, $startup), 1500, "$name: they are answered");
    my $before = used();
    is(attempts(5000, $kind, $startup), 5000, 'so are more');
    cmp_ok(used() - $before, '<', 512 * 1024, 'and the worker has no more memory than before');
    note(sprintf '%s: %.1f s', $name, time - $began);
}
is($pooler->worker_pid, $worker, 'the worker is the one it was');
is($client->value('select 1'), '1', 'who is in goes on');

done_testing;
