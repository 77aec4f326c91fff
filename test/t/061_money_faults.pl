# A bank under faults: clients move money in every way that the protocol has,
# while backends, clients, the worker and the server are ended, stopped and
# cancelled. No transfer is lost, done twice or done in spite of its error.
#	POOLER_TEST_SEED: 1.  POOLER_TEST_SECONDS: faults for so long, else each twice.
use PoolerTest;
use Crowd;
use List::Util qw(shuffle);

my $seed = $ENV{POOLER_TEST_SEED} // 1;
my $seconds = $ENV{POOLER_TEST_SECONDS} // 0;
note "POOLER_TEST_SEED=$seed";
srand $seed;

my $accounts = 40;
my $between = 50;       # transfers between two faults, at least
my $pooler = PoolerTest->new('money_faults', pools => 'main pool_size=4 max_overflow=2, branch=main pool_size=2 mode=session, fire pool_size=1',
    conf => "log_statement = none\npooler.pool_timeout = 10s\ndeadlock_timeout = 100ms\nclient_connection_check_interval = 1s\n");
$pooler->direct('books')->run("create table accounts (id int primary key, balance bigint not null);
    create table ledger (id text not null, source int, target int, amount bigint);
    insert into accounts select i, 1000 from generate_series(1, $accounts) i;
    create function transfer(id text, source int, target int, amount bigint) returns text language sql as
        'update accounts a set balance = balance + case when a.id = target then amount else -amount end
            where a.id in (source, target);
        insert into ledger values (id, source, target, amount) returning id'");

# ---- clients ----

# A transfer is done in parts: [ bytes, what is answered, can it be done now? ].
# Whoever moves money takes the accounts in order: no deadlocks.
sub moves
{
    my ($id, $source, $target, $amount) = @_;
    my @moves = map { "update accounts set balance = balance + $_->[1] where id = $_->[0]" }
      sort { $a->[0] <=> $b->[0] } [ $source, -$amount ], [ $target, $amount ];
    return (@moves, "insert into ledger values ('$id', $source, $target, $amount) returning id");
}

my $moved = 'UPDATE 1, UPDATE 1, INSERT 0 1';

sub steps
{
    my ($end, @transfer) = @_;
    my @moves = moves(@transfer);
    return ([ Query('begin'), 'BEGIN' ], [ Query($moves[0]), 'UPDATE 1' ], [ Query($moves[1]), 'UPDATE 1' ],
        [ Query($moves[2]), 'INSERT 0 1' ], [ Query($end), uc $end, $end eq 'commit' ]);
}

sub executed { return map { (Parse('', $_), Bind('', ''), Execute()) } @_ }

my %ways = (
    'step by step' => sub { return steps('commit', @_) },
    'rolled back' => sub { return steps('rollback', @_) },
    'one message' => sub { return [ Query(join ';', 'begin', moves(@_), 'commit'), "BEGIN, $moved, COMMIT", 1 ] },
    'implicit' => sub { return [ Query(join ';', moves(@_)), $moved, 1 ] },
    'one statement' => sub { return [ Query(sprintf "select transfer('%s', %d, %d, %d)", @_), 'SELECT 1', 1 ] },
    'pipeline' => sub { return [ join('', executed(moves(@_)), Sync()), $moved, 1 ] },
    'extended' => sub {
        return map { [ join('', executed($_->[0]), Sync()), @$_[ 1, 2 ] ] }
          ([ 'begin', 'BEGIN' ], [ join(' ', 'with one as (', (moves(@_))[0], ') select 1'), 'SELECT 1' ],
            map({ [ $_, /^insert/ ? 'INSERT 0 1' : 'UPDATE 1' ] } (moves(@_))[ 1, 2 ]), [ 'commit', 'COMMIT', 1 ]);
    },
    'unnamed, later' => sub {
        return ([ Parse('', 'select transfer($1, $2, $3, $4)') . Sync(), '' ],
            [ Bind('', '', @_) . Execute() . Sync(), 'SELECT 1', 1 ]);
    },
    'named' => sub {
        # one that failed before has left it in its session
        return ([ Close('S', 'named') . Parse('named', 'select transfer($1, $2, $3, $4)') . Sync(), '' ],
            [ Bind('', 'named', @_) . Execute() . Close('S', 'named') . Sync(), 'SELECT 1', 1 ]);
    },
    'copy' => sub {
        my @moves = moves(@_);
        return ([ Query("begin; $moves[0]; $moves[1]"), 'BEGIN, UPDATE 1, UPDATE 1' ],
            [ Query('copy ledger from stdin') . CopyData(join("\t", @_) . "\n") . CopyDone(), 'COPY 1' ],
            [ Query('commit'), 'COMMIT', 1 ]);
    },
    'failed' => sub { return ((steps('commit', @_))[ 0 .. 3 ], [ Query('select 1/0'), 'an error' ]) },
    'failed in copy' => sub {
        return ((steps('commit', @_))[ 0 .. 3 ], [ Query('copy ledger from stdin') . CopyData("x\ty\n") . CopyDone(), 'an error' ]);
    },
    'failed, implicit' => sub { return [ Query(join ';', moves(@_), 'select 1/0'), 'an error' ] },
    'failed pipeline' => sub { return [ join('', executed(moves(@_), 'select 1/0', 'select 2'), Sync()), 'an error' ] },
    # which a cancel of its own may hit
    'cancelled' => sub { return [ Query(join ';', moves(@_), 'select pg_sleep(0.002)'), "$moved, SELECT 1", 1, 'cancel' ] },
    'copy, left' => sub {
        return ([ Query(join ';', 'begin', (moves(@_))[ 0, 1 ]), 'BEGIN, UPDATE 1, UPDATE 1' ],
            [ Query('copy ledger from stdin') . CopyData(join("\t", @_) . "\n"), '', 0, 'leave' ]);
    });
my @ways = sort keys %ways;

# What faults may be answered with: cancelled, terminated, a crash, a full pool,
# too many that are pinned; and what is asked for above.
my $expected = qr/^(57014|57P0[123]|53300|40P01|22012|22P02|25P02)$/;

sub leave
{
    my ($client) = @_;
    my $way = (qw(quit vanish reset))[ rand 3 ];
    $client->$way;
    $client->{gone} = 1;
    return;
}

# 'committed': so it was answered. 'aborted': it cannot have been done, an error
# was answered or COMMIT never sent. 'unknown': the connection ended in between.
sub transfer
{
    my ($me, $client, $id, $way) = @_;
    my ($source, $target) = (shuffle 1 .. $accounts)[ 0, 1 ];
    my $leave = rand() < 0.03;
    foreach my $part ($ways{$way}->($id, $source, $target, 1 + int rand 100))
    {
        my ($bytes, $answer, $may_commit, $act) = @$part;
        my $written = $client->write($bytes);
        if (($act // '') eq 'leave' || $leave && rand() < 0.5)
        {
            leave($client);
            return $may_commit ? 'unknown' : 'aborted';
        }
        eval { $client->cancel } if ($act // '') eq 'cancel';
        my $result = $client->result;
        my ($error) = @{ $result->{errors} };
        $me->say('unexpected', $id, $way, "$error->{C} $error->{M}") if $error && $error->{C} !~ $expected;
        $client->{gone} = 1 if $result->{eof};
        if ($error && $error->{V} eq 'ERROR')
        {
            $client->{gone} = 1 if !$client->{gone} && $result->{status} ne 'I' && $client->query('rollback')->{eof};
            return 'aborted';
        }
        return $may_commit ? 'unknown' : 'aborted' if $error || $result->{eof};
        my $tags = join ', ', @{ $result->{tags} };
        my @others = grep { $_ ne $id && $_ ne '' && $_ ne '1' } map { @$_ } @{ $result->{rows} };
        $me->say('unexpected', $id, $way, "'$tags' instead of '$answer'; @others") if $tags ne $answer || @others;
        return 'committed' if $may_commit;
    }
    return 'aborted';
}

# Somebody who comes while the worker starts again, or the server, tries again.
sub come
{
    my ($me) = @_;
    my $end = time + 60;
    my $pool = rand() < 0.2 ? 'branch' : 'main';
    while (time < $end)
    {
        my $client = eval { $pooler->client('teller ' . $me->number, database => $pool, may_fail => 1) };
        return $client if $client && $client->{login}{status} eq 'I';
        my ($error) = $client ? @{ $client->{login}{errors} } : ();
        $me->say('unexpected', '', "login to $pool", "$error->{C} $error->{M}") if $error && $error->{C} !~ $expected;
        sleep 0.02;
    }
    die "no login for 60 seconds\n";
}

# What binds it to its backend, and what its backend must bring along.
sub settle
{
    my ($client) = @_;
    my $state = ("create temp table mine ()", "set work_mem = '${\ int(64 + rand 4000)}kB'",
        'select pg_try_advisory_lock(1)', "set application_name = 'other'")[ rand 8 ];
    $client->{gone} = 1 if $state && $client->query($state)->{eof};
    return;
}

sub teller
{
    my ($me) = @_;
    my $serial = 0;
    while ($me->goes_on)
    {
        my $client = come($me);
        settle($client);
        for (1 .. 5 + rand 30)
        {
            last if $client->{gone} || !$me->goes_on;
            my $id = $me->number . '-' . ++$serial;
            my $way = $ways[ rand @ways ];
            $me->say(transfer($me, $client, $id, $way), $id, $way);
            sleep rand 0.01 if rand() < 0.2;
        }
        leave($client) unless $client->{gone};
    }
    return;
}

# ---- faults ----

sub one_of { my (@list) = @_; return $list[ rand @list ] }

# Waits until something is there; as the superuser, whose connection may have
# ended with the server.
sub find
{
    my ($sql) = @_;
    my $end = time + 60;
    while (time < $end)
    {
        my @found = eval { split /\n/, $pooler->sql($sql) };
        delete $pooler->{admin} if $@;
        return one_of(@found) if @found;
        sleep 0.005;
    }
    die "nothing was found for 60 seconds: $sql\n";
}

sub backend
{
    my ($states) = @_;
    return find("select pid from pooler.backends where state = any('{$states}') order by pid");
}

# Until one was hit that was still there.
sub hit
{
    my ($function, $list) = @_;
    my $end = time + 60;
    do { } until $pooler->sql("select $function(${\ find($list)})") eq 't' || time > $end;
    return;
}

sub hit_backend { my ($function, $state) = @_; return hit($function, "select pid from pooler.backends where state = '$state' order by pid") }
sub hit_client { my ($function) = @_; return hit($function, "select id from pooler.clients where state in ('active', 'pinned') order by id") }

sub garbage
{
    my $startup = PoolerClient::startup(user => 'app', database => 'main');
    foreach (1 .. 10)
    {
        my $noise = join '', map { chr int rand 256 } 1 .. 1 + rand 200;
        my $connection = $pooler->connect;
        $connection->write(one_of($noise, $startup . $noise, substr($startup, 0, rand length $startup) . $noise,
            pack('N N', 8, 80877103) . $noise, pack('N', rand 0xffffffff) . $noise, pack('N N N N', 16, 80877102, rand 0xffffffff, rand 0xffffffff)));
        leave($connection);
    }
    return;
}

# One that is stopped while it serves goes on; one that is not is invalidated.
sub stop_backend
{
    my $end = time + 60;
    my $invalidated = 'select sum(invalidated) from pooler.pools';
    my $before = $pooler->sql($invalidated);
    while ($pooler->sql($invalidated) == $before && time < $end)
    {
        my $pid = backend('idle, unborn');
        next unless kill 'STOP', $pid;
        sleep 0.01 while $pooler->sql($invalidated) == $before && time < $end
            && $pooler->sql("select count(*) from pooler.backends where pid = $pid and state in ('idle', 'unborn')") eq '1';
        kill 'CONT', $pid;
    }
    return;
}

my %made = (worker => 0, crash => 0, kill => 0);

sub end_worker
{
    my $worker = find('select pid from pooler.worker where listening');
    kill 'TERM', $worker;
    $made{worker}++;
    find("select pid from pooler.worker where listening and pid <> $worker");
    return;
}

sub outlive_worker
{
    my $pid = backend('idle, active, pinned');
    kill 'STOP', $pid;
    end_worker();
    kill 'CONT', $pid;
    return;
}

# Until one was hit that did not end by itself at that moment.
sub crash
{
    my $end = time + 60;
    my $worker = $pooler->sql('select started_at from pooler.worker');
    my $crashed = '';
    while (!$crashed && time < $end)
    {
        my $pid = backend('active');
        $made{kill} += kill 'KILL', $pid;
        find("select 1 where not exists (select from pg_stat_activity where pid = $pid)");
        $crashed = find("select case when started_at > '$worker' then 'yes' else '' end || ' ' from pooler.worker where listening") =~ /yes/;
    }
    $made{crash}++;
    return;
}

sub resize
{
    my ($size, $overflow) = (1 + int rand 6, int rand 4);
    $pooler->reconfigure("pooler.pools = 'main pool_size=$size max_overflow=$overflow, branch=main pool_size=${\ int(1 + rand 3)} mode=session, fire pool_size=1'\n");
    find("select pid from pooler.worker, pooler.pools where pool = 'main' and pool_size = $size and max_overflow = $overflow");
    return;
}

my %faults = (
    (map { my $state = $_; ("an $state backend terminated" => sub { hit_backend('pg_terminate_backend', $state) }) } qw(unborn idle active)),
    'a pinned backend terminated' => sub { hit_backend('pg_terminate_backend', 'pinned') },
    'a backend cancelled' => sub { hit_backend('pg_cancel_backend', 'active') },
    'an idle backend cancelled' => sub { hit_backend('pg_cancel_backend', 'idle') },
    'a client cancelled' => sub { my $id = find('select id from pooler.clients order by id'); $pooler->sql("select pooler.cancel_client($id)") },
    'a client terminated' => sub { hit_client('pooler.terminate_client') },
    'garbage on the port' => \&garbage,
    'a backend stopped' => \&stop_backend,
    'the worker ended' => \&end_worker,
    'the worker ended, and a backend is stopped meanwhile' => \&outlive_worker,
    'a backend killed' => \&crash,
    'other sizes' => \&resize);

# ---- the run ----

my $crowd = Crowd->start($pooler->node->basedir . '/tellers', 12, $seed, \&teller);

# On a direct connection, which ends with the server.
my $books;

sub transfers
{
    my $end = time + 60;
    while (time < $end)
    {
        my $count = eval { ($books //= $pooler->direct('books'))->value('select count(*) from ledger') };
        return $count if defined $count;
        undef $books;
        sleep 0.05;
    }
    die "the books cannot be read\n";
}

my $until = time + $seconds;
do
{
    foreach my $fault (shuffle map { ($_, $_) } sort keys %faults)
    {
        my $before = transfers();
        $faults{$fault}->();
        my $end = time + 60;
        my $now;
        sleep 0.02 while ($now = transfers()) < $before + $between && time < $end;
        cmp_ok($now, '>=', $before + $between, "$fault: transfers go on");
    }
} while time < $until;

$crowd->stop;
my (%outcome, %count, @unexpected);
foreach ($crowd->finish)
{
    my ($number, $what, $id, $way, $message) = @$_;
    if ($what eq 'unexpected') { push @unexpected, "$id, $way: $message" }
    else { $outcome{$id} = $what; $count{$what}++; $count{"$what $way"}++ }
}
is(join("\n", @unexpected), '', 'nobody was answered anything unexpected');
note join ', ', map { "$count{$_} $_" } sort keys %count;

# ---- the books ----

find('select pid from pooler.worker');
my $reader = $pooler->direct('reader');
my %times = map { $_->[0] => $_->[1] } @{ $reader->run('select id, count(*) from ledger group by id')->{rows} };
sub ids { my ($wrong) = @_; return join ' ', grep { $wrong->($_, $outcome{$_} // 'never begun', $times{$_} // 0) } sort keys %{ { %outcome, %times } } }

is(ids(sub { $_[1] eq 'committed' && $_[2] != 1 }), '', 'each transfer whose COMMIT was answered is in the ledger once');
is(ids(sub { $_[1] eq 'aborted' && $_[2] != 0 }), '', 'none that was rolled back or failed is');
is(ids(sub { $_[2] > 1 || $_[1] eq 'never begun' }), '', 'and none twice, or unknown to those who made them');
is($reader->value('select sum(balance) from accounts'), $accounts * 1000, 'the sum of all balances is what it was');
is($reader->value("select count(*) from accounts a where balance <> 1000
        + (select coalesce(sum(amount), 0) from ledger where target = a.id)
        - (select coalesce(sum(amount), 0) from ledger where source = a.id)"), '0', 'each balance is what the ledger says');
foreach my $way (@ways)
{
    my $must = $way =~ /^(failed|rolled|copy, left)/ ? 'aborted' : 'committed';
    cmp_ok($count{"$must $way"} // 0, '>', 0, "$way: $must at least once");
}

# ---- afterwards ----

$pooler->poll_view('select count(*) from pooler.clients', '0', 'nobody is left');
$pooler->reconfigure("pooler.pools = 'main pool_size=4 max_overflow=2, branch=main pool_size=2 mode=session, fire pool_size=1'\n");
my $rest = "select string_agg(concat_ws(' ', pool, state, clients, backends, idle + unborn), ', ' order by pool) from pooler.pools";
$pooler->poll_view($rest, 'branch open 0 2 2, fire open 0 1 1, main open 0 4 4', 'the pools are at rest');
$pooler->poll_view("select count(*) from pg_locks where locktype in ('advisory', 'transactionid')", '0', 'nothing is locked');
my @clients = map { $pooler->client("c$_") } 1 .. 10;
$_->run("begin; select transfer('after', 1, 2, 1)") foreach $clients[0];
$clients[0]->run('commit');
$_->write(Query("select pg_sleep(0.01), '$_'")) foreach @clients;
is($_->result->{rows}[0][1], "$_", 'a client is served') foreach @clients;
$_->quit foreach @clients;
$pooler->poll_view($rest, 'branch open 0 2 2, fire open 0 1 1, main open 0 4 4', 'and the pools are at rest again');

my $log = slurp_file($pooler->node->logfile);
my @killed = $log =~ /\) was terminated by signal (\d+)/g;
is(scalar(grep { $_ != 9 } @killed), 0, 'no process crashed but those that were killed');
ok(@killed >= $made{crash} && @killed <= $made{kill}, 'and not more than were')
  or diag("$made{kill} killed, $made{crash} noticed, " . @killed . ' logged');
my @ended = $log =~ /background worker "pooler[^"]*" \(PID \d+\) exited with exit code (\d+)/g;
is(scalar(grep { $_ == 1 } @ended), $made{worker}, 'the worker ended as often as it was made to');
unlike($log, qr/PANIC|TRAP:/, 'nothing worse was logged');
done_testing;
