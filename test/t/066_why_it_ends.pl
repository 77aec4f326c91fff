# Who loses his connection because of the pool hears why, whatever he was doing.
use PoolerTest;

my $pooler = PoolerTest->new('why', pools => 'main, later pool_size=3', unavailable => 1, conf => "pooler.pool_timeout = 20s\n");
my $admin = $pooler->direct('admin', user => scalar getpwuid($<), database => 'postgres');
my $open = "select state from pooler.pools where pool = 'later'";
my $administrator = qr/^E 57P01 terminating connection due to administrator command$/;

# What clients are doing when it happens, and how many answers they then await.
my %asks = (
    idle => [ '', 0 ],
    one => [ Query('select 1'), 1 ],
    many => [ Query('select 1') x 20, 20 ],
    prepares => [ Parse('', 'select 1') . Sync() . Bind('', '') . Execute() . Sync(), 2 ],
);

# What the client has heard is said to $heard; it asks again when everything has
# been answered. True: that was the end.
sub hear
{
    my ($client, $heard) = @_;
    my $result = $client->result;
    push @$heard, @{ $result->{log} };
    splice @$heard, 0, @$heard - 6 if @$heard > 6;
    return 1 if $result->{eof};
    $client->write(Query('select 2')) if --$client->{awaits} <= 0;
    return 0;
}

# Clients of the pool `later` ask, and go on asking, until all of them have
# lost their connection, with the right last word.
sub end_crowd
{
    my ($name, $each, $statement, $after) = @_;
    my (%of, %heard);
    foreach my $doing (map { ($_) x $each } sort keys %asks)
    {
        my $client = $pooler->client($doing, database => 'later');
        $client->{awaits} = $asks{$doing}[1];
        $of{ $client->{socket} } = [ $doing, $client ];
    }
    my @crowd = values %of;
    my $select = IO::Select->new($admin->{socket}, map { $_->[1]{socket} } @crowd);
    $_->[1]->write($asks{ $_->[0] }[0]) foreach @crowd;
    $admin->write(Query($statement));
    my $end = time + 60;
    while ($select->count && time < $end)
    {
        foreach my $socket ($select->can_read(1))
        {
            if ($socket eq $admin->{socket})
            {
                is_deeply($admin->result->{errors}, [], "$name: done");
                $select->remove($socket);
                $after->() if $after;
                next;
            }
            my ($doing, $client) = @{ $of{$socket} };
            hear($client, $heard{$socket} //= []) or next;
            $select->remove($socket);
            delete $of{$socket};
            like($heard{$socket}[-1] // 'nothing', $administrator, "$name: one that asks: $doing")
              or diag(join("\n", @{ $heard{$socket} }));
        }
    }
    is(join(' ', sort map { $_->[0] } values %of), '', "$name: nobody is left");
    return;
}

$admin->run('create database later owner app');
$pooler->poll_view($open, 'open', 'the pool is open');
foreach my $each (1, 4)
{
    my $name = "$each of each";
    end_crowd("$name, dropped", $each, 'drop database later with (force)');
    $admin->run('create database later owner app');
    $pooler->poll_view($open, 'open', "$name, dropped: made again its pool opens");
    # one that asks before the pool knows of the new one
    end_crowd("$name, dropped and made again", $each, 'drop database later with (force)',
        sub { $admin->run('create database later owner app') });
    end_crowd("$name, removed", $each, 'select 1', sub { $pooler->reconfigure("pooler.pools = 'main'\n") });
    $pooler->poll_view("select count(*) from pooler.pools where pool = 'later'", '0', "$name, removed: it has gone");
    $pooler->reconfigure("pooler.pools = 'main, later pool_size=3'\n");
    $pooler->poll_view($open, 'open', "$name, removed: it is back");
    end_crowd("$name, ended", $each, "select pooler.terminate_client(id) from pooler.clients where pool = 'later'");
}

# WITH (FORCE) does not wait for who is in a transaction, it ends him.
my $busy = $pooler->client('busy', database => 'later');
$busy->run('begin');
is($admin->sqlstate(q{set statement_timeout = '3s'}), '', 'less than a DROP DATABASE waits for others');
is($admin->sqlstate('drop database later with (force)'), '', 'it is dropped at once');
is(($busy->result->{errors}[0] // {})->{M}, 'terminating connection due to administrator command', 'one in a transaction hears why');
done_testing;
