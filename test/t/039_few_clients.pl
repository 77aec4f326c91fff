# While a pool has no more clients than pool_size, each gets a backend of its
# own and does not have to wait for that.
use PoolerTest;

my $pooler = PoolerTest->new('few', pools => 'main pool_size=4',
    conf => "pooler.pool_timeout = -1\n",
    sql => 'create role r1 login; create role r2 login; create role r3 login;');
my $held = "select string_agg(role || backends, ' ' order by role) from pooler.routes where backends > 0";

sub leave
{
    $_->quit foreach @_;
    $pooler->poll_view("select clients from pooler.pools where pool = 'main'", '0', 'they leave');
    return;
}

# Waits until each has a backend of its own, also after a silence; asks one
# client after the other, so that nobody ever waits for a busy backend.  Returns
# their pids.
sub own_backends
{
    my ($clients, $name) = @_;
    my $end = time + 30;
    my (@pids, %clients_of, $before);
    do
    {
        $before = "@pids";
        $pooler->sql('select pg_sleep(0.05)');
        @pids = map { $_->value('select pg_backend_pid()') } @$clients;
        %clients_of = map { $_ => 1 } @pids;
    } until (keys %clients_of == @$clients && "@pids" eq $before || time > $end);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(scalar keys %clients_of, scalar @$clients, $name);
    return \@pids;
}

my @clients = map { $pooler->client("c$_") } 1 .. 4;
$pooler->poll_view($held, 'app4', 'four clients of one role get four backends');
my $pids = own_backends(\@clients, 'each has its own');
foreach my $round (1 .. 3)
{
    is_deeply([ map { $_->value('select pg_backend_pid()') } @clients ], $pids, 'and keeps it');
}
is($pooler->sql('select timeouts, waiting from pooler.pools'), '0|0', 'nobody waited');
is($pooler->sql('select backends, overflow from pooler.pools'), '4|0', 'within pool_size');

# One more than pool_size: they share, and nobody is refused.
my $fifth = $pooler->client('fifth', user => 'r1');
is($fifth->value('select current_user'), 'r1', 'a fifth one of another role is served');
is_deeply([ map { $_->value('select 1') } @clients ], [ (1) x 4 ], 'and the four as well');
is($pooler->sql('select backends <= 4 from pooler.pools'), 't', 'on four backends');
leave(@clients, $fifth);

# Another role's surplus is retired for those who lack one.
@clients = map { my $user = $_; map { $pooler->client("$user$_", user => $user) } 1, 2 } qw(r2 r3);
$pooler->poll_view($held, 'r22 r32', 'two roles with two clients each get two each');
is_deeply([ map { $_->value('select current_user') } @clients ], [qw(r2 r2 r3 r3)], 'each as itself');
own_backends(\@clients, 'each on its own backend');

# It stays so: no switching to and fro.
my $opened = $pooler->sql('select opened from pooler.pools');
$pooler->poll_view("select min(idle_time) > '2s' from pooler.backends", 't', 'idle for a while');
is($pooler->sql('select opened from pooler.pools'), $opened, 'nothing is opened for it');
is($pooler->sql($held), 'r22 r32', 'they stay as they are');

# One role's clients leave, the other's become more.
$_->quit foreach @clients[ 0, 1 ];
push @clients, map { $pooler->client("more$_", user => 'r3') } 1, 2;
$pooler->poll_view($held, 'r34', 'the surplus of one goes to the other\'s new clients');

# A surplus that is wanted in part.
leave(@clients[ 2 .. 5 ]);
@clients = ((map { $pooler->client("a$_", user => 'r3') } 1 .. 3), $pooler->client('b', user => 'r1'));
$pooler->poll_view($held, 'r11 r33', 'three and one');
is($clients[3]->value('select current_user'), 'r1', 'the one is served');
is_deeply([ map { $_->value('select current_user') } @clients[ 0 .. 2 ] ], [ ('r3') x 3 ], 'and the three');
own_backends(\@clients, 'each on its own');

done_testing;
