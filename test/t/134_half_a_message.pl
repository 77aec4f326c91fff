# Half a message harms nobody but its client: the next one of its backend is
# served, and the client has its time for it from its first byte on.
use PoolerTest;

my $pooler = PoolerTest->new('half_a_message', conf => "pooler.client_read_timeout = 1s\n",
    pools => 'main pool_size=1, telehealth pool_size=2, fire pool_size=1 mode=session');
sub on { my ($database) = @_; return (database => $database) }
sub gone { return $pooler->poll_view("select count(*) from pooler.clients where application_name = '$_[0]'", '0', $_[1]) }

# ---- a message that ends early, or has no length that a message can have ----

my $part = substr(CopyData('x' x 100), 0, 6);
foreach my $state ([ 'idle', 'select 1', 'main' ], [ 'in a transaction', 'begin', 'main' ],
    [ 'pinned', 'create temp table mine ()', 'main' ], [ 'kept', 'select 1', 'telehealth' ])
{
    my ($name, $sql, $database) = @$state;
    foreach ([ 'a length of 3', pack('a1 N', 'H', 3) ], [ 'a length of 0', pack('a1 N', 'c', 0) ],
        [ 'a length below none', pack('a1 N', 'd', 0xffffffff) ], [ 'a part of CopyData, and it leaves', $part, 1 ])
    {
        my ($what, $bytes, $leaves) = @$_;
        my $holder = $pooler->client('holder', on($database));    # of the other backend, if there is one
        $holder->run($name eq 'kept' ? 'begin' : 'select 1');
        my $next = $name eq 'kept' ? undef : $pooler->client('next', on($database));
        my $bad = $pooler->client('bad', on($database));
        $_->run('select 1') foreach grep { $_ } $next, $bad;
        $bad->run($sql) foreach 1 .. ($name eq 'kept' ? 3 : 1);
        $bad->write($bytes);
        if ($leaves) { $bad->vanish }
        else
        {
            my $direct = $pooler->direct('bad', on($database));
            $direct->run($sql);
            $direct->write($bytes);
            is_deeply($bad->result, $direct->result, "$name, $what: it is let go, as by the server");
        }
        gone('bad', "$name, $what: its place is free");
        $next //= $pooler->client('next', on($database), may_fail => 1);
        my $served = $next->query("select 'served'");
        is_deeply([ @{ $served->{log} }[ -3 .. -1 ] ], [ 'D served', 'C SELECT 1', 'Z I' ], "$name, $what: the next one of its backend is served")
          or note join('; ', @{ $served->{log} });
        $_->quit foreach $next, $holder;
        gone($_, "$name, $what: the $_ has left") foreach qw(next holder);
    }
}

# ---- the time for a message ----

# Half a query, and 0.3 s later the rest: three turns of the clock that watches
# client_read_timeout.
sub slowly
{
    my ($client) = @_;
    my $bytes = Query("select 'whole'");
    $client->write(substr($bytes, 0, 8));
    sleep 0.3;
    $client->write(substr($bytes, 8));
    my $result = $client->result;
    return $result->{rows}[0][0] // ($result->{errors}[0] ? "$result->{errors}[0]{C} $result->{errors}[0]{M}" : 'nothing');
}
foreach ([ 'pinned', 'telehealth', 'create temp table mine ()' ], [ 'in session mode', 'fire', 'select 1' ],
    [ 'kept', 'telehealth', 'select 1' ])
{
    my ($name, $database, $sql) = @$_;
    my $client = $pooler->client('slow', on($database));
    $client->run($sql);
    my $end = time + 1.4;    # it has its backend for longer than client_read_timeout
    while (time < $end) { sleep 0.1; $client->query('select 1') }
    is(slowly($client), 'whole', "$name: half a message, and soon the rest, is answered");
    $client->quit;
    gone('slow', "$name: it leaves");
}

# Who asks without a pause is not cut, however long he has had his backend.
foreach my $together (1, 300)
{
    my ($busy, $asked, $said) = ($pooler->client('busy', on('telehealth')), 0, '');
    my $end = time + 4;
    while (!$said && time < $end)
    {
        $busy->write((Query('select 1')) x $together);
        foreach (1 .. $together)
        {
            my $result = $busy->result;
            $asked++;
            next if $result->{status} eq 'I';
            $said = join('; ', @{ $result->{log} }) || 'nothing';
            last;
        }
    }
    is($said, '', "$together question(s) at a time without a pause: never cut");
    note "$asked questions";
    $busy->quit;
    gone('busy', 'it leaves');
}

# ---- what a client has armed fires in the middle of a message as well ----

my %client = (pooled => $pooler->client('armed', on('telehealth')), direct => $pooler->direct('armed', on('telehealth')));
foreach my $way (qw(direct pooled))
{
    my $client = $client{$way};
    $client->run('begin');
    $client->run("set idle_in_transaction_session_timeout = '100ms'");
    $client->write($part);
    is($client->readable(5) ? $client->result->{errors}[0]{C} : 'nothing', '25P03', "idle_in_transaction_session_timeout in the middle of a message, $way");
}

done_testing;
