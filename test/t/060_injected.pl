# Each step of birth, take, switch and give-up fails once in each way, and so
# do the calls that they make: a client gets its own answer or one clear error,
# nobody hears another's, and afterwards the pool is whole. Runs on a library of
# its own (make inject; test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('injected', injected => 1,
    pools => 'main pool_size=2, fire pool_size=1', sql => 'create role bob login;',
    conf => "pooler.pool_timeout = 20s\nrestart_after_crash = off\npooler.role_quantum = 0\nauthentication_timeout = 2s\n");

# ---- the load ----

my %clients;
my $told;    # what clients met in the case at hand that is not their answer
my $count = 0;

sub connected
{
    my ($name) = @_;
    my $user = $name =~ /^bob/ ? 'bob' : 'app';
    while (!$clients{$name})
    {
        my $client = $pooler->client($name, user => $user, may_fail => 1, database => $name eq 'kept' ? 'fire' : 'main');
        my $login = $client->{login};
        if ($login->{status} eq 'I') { $clients{$name} = $client }
        else { lost($name, $login, 'login') }
    }
    return $clients{$name};
}

sub lost
{
    my ($name, $result, $what) = @_;
    my @said = map { "$_->{C} $_->{M}" } @{ $result->{errors} };
    push @said, 'end' if $result->{eof};
    push @$told, "$name, $what: " . (join(', ', @said) || "nothing, types $result->{types}");
    die "too much goes wrong:\n" . join("\n", @$told) . "\n" if @$told > 20;
    delete $clients{$name} if $result->{eof};
    return;
}

# One round: asks a text that is nobody else's, and hears it, or an error.
sub ask
{
    my ($name, @before) = @_;
    my $client = connected($name);
    my $text = sprintf '%s %d', $name, ++$count;
    $client->write(@before, Query("select '$text'"));
    return [ $name, $text ];
}

sub hear
{
    my ($asked, $results) = @_;
    my ($name, $text) = @$asked;
    my $client = $clients{$name} or return;
    my $result;
    foreach (1 .. $results // 1) { $result = $client->result; last if $result->{eof} || @{ $result->{errors} } }
    my @texts = map { $_->[0] } grep { $_->[0] !~ /^\d+MB$/ } @{ $result->{rows} };
    if (@texts) { fail("$name hears '@texts', not '$text'") if "@texts" ne $text }
    else { lost($name, $result, 'query') }
    return;
}

# All that the steps are met by: switches between clients with other settings,
# unnamed statements that are carried, transactions left open, pins, logins that
# a backend greets, births of two roles, a backend that is ended.
sub exercise
{
    my @names = qw(a b c);
    hear($_) foreach map { ask($_) } @names;
    hear(ask($_, Query("set work_mem = '${\ (ord($_) - 90) }MB'")), 2) foreach @names;
    foreach my $name (@names)
    {
        my $client = connected($name);
        $client->write(Parse('', "select 'unnamed of $name'"), Sync());
        my $result = $client->result;
        lost($name, $result, 'parse') if $result->{types} ne '1Z';
    }
    foreach my $name (@names)
    {
        my $client = $clients{$name} or next;
        $client->write(Bind('', ''), Execute(), Sync());
        my $result = $client->result;
        my $row = $result->{rows}[0][0];
        if (defined $row) { fail("$name runs '$row'") if $row ne "unnamed of $name" }
        else { lost($name, $result, 'execute') }
    }
    hear(ask($names[1], Query('begin')), 2);
    hear(ask($names[1], Query('commit')), 2) if $clients{b};
    my $leaver = ask('leaver', Query('begin'));
    hear($leaver, 2);
    (delete $clients{leaver})->vanish if $clients{leaver};
    hear(ask('pinned', Query('create temp table mine ()')), 2);
    hear(ask('pinned'));
    hear(ask('pinned', Query('drop table if exists mine')), 2);
    my $new = 'new' . ++$count;
    hear(ask($new));
    (delete $clients{$new})->quit if $clients{$new};
    $pooler->sql("select pg_terminate_backend(pid) from pooler.backends where state in ('idle', 'unborn') limit 1");
    hear(ask('bob'));
    hear($_) foreach map { ask($_) } @names, 'bob';
    hear(ask('kept')) foreach 1 .. 10;    # quick: it is kept
    return;
}

# ---- what is left afterwards ----

my $worker;

sub files_of { my ($pid) = @_; opendir my $d, "/proc/$pid/fd" or return -1; my $n = grep { !/^\./ } readdir $d; return $n }

sub whole
{
    my $ours = keys %clients;
    my $all = "select (select count(*) from pooler.clients where state <> 'login') || ' clients, ' ||
        (select sum(clients) from pooler.pools) || ' in pools, ' || (select sum(clients) from pooler.routes) || ' in routes, ' ||
        (select sum(backends) || ' backends, ' || sum(backends - unborn - idle) || ' of them busy' from pooler.pools)";
    my $expected = "$ours clients, $ours in pools, $ours in routes, 3 backends, 0 of them busy";
    my $end = time + 20;
    my $got = '';
    while ($got ne $expected && time < $end) { sleep 0.005 if $got; $got = $pooler->sql($all) }
    return $got eq $expected ? '' : $got;
}

# ---- the cases ----

# Returns whether the step was met. $may: which words of who was told are right.
sub try
{
    my ($name, $kind, $skip, $may, $most) = @_;
    my $case = "$name, $kind" . ($skip ? ", hit $skip" : '');
    $told = [];
    $pooler->inject($name, $kind, $skip);
    exercise();
    my $met = !$pooler->missed($name);
    my $left = whole();
    is($left, '', "$case: the pool is whole") if $left;
    my @wrong = grep { !defined $may || $_ !~ $may } @$told;
    is("@wrong", '', "$case: nobody meets anything else") if @wrong;
    cmp_ok(scalar @$told, '<=', $most, "$case: no more clients are concerned") if @$told > $most;
    note "$case: ", $met ? join('; ', @$told) || 'unseen' : 'not met';
    return $met;
}

sub steps
{
    my ($name, $kinds, $may, $most, @steps) = @_;
    foreach my $kind (split ' ', $kinds)
    {
        my @missed = grep { !try($_, $kind, 0, $may, $most) } @steps;
        is("@missed", '', "$name, $kind: each step was met");
    }
    return;
}

# Each of the first hits of a call fails once.
sub calls
{
    my ($call, $kinds, $may, $most, $hits) = @_;
    foreach my $kind (split ' ', $kinds)
    {
        my $met = 0;
        # some are made only where somebody waits for a tenth of a second
        foreach (1 .. 3)
        {
            last if $met;
            foreach my $skip (0 .. ($hits // 6) - 1) { last if !try($call, $kind, $skip, $may, $most); $met++ }
        }
        cmp_ok($met, '>', 0, "$call, $kind: met, $met times");
    }
    return;
}

exercise();
is(whole(), '', 'whole before');
$worker = $pooler->worker_pid;
my $files = files_of($worker);

my @born = qw(birth-login birth-started take-idle);
my @taken = qw(take-taken take-copy take-copied waitset-number waitset-aimed);
my @left = qw(left-detached left-forget left-tell);
my @serving = qw(take-serving switch-load switch-loaded switch-feed greet-startup greet-said greet-publish
  give-up-boundary give-up-look give-up-pinned switch-save switch-saved
  in-transaction pinned-wait pinned-spoke);
my @births = qw(birth-unborn birth-message birth-named);
my $injected = qr/: XX000 injected \w*\s?error at "[\w-]+"(, end)?$/;
my $ended = qr/: 57P01 terminating connection due to administrator command, end$/;

# A backend that has not read of its client is not missed by anybody; another
# one takes the client.
steps('unseen', 'error fatal exit terminate cancel', undef, 0, 'birth-introduced', @born, @taken, @left);
steps('harvested', 'terminate cancel', undef, 0, qw(take-win take-won));
steps('about to serve', 'error fatal exit cancel', undef, 0, 'take-serve');
steps('about to serve', 'terminate', $ended, 1, 'take-serve');
# What a birth ends with is told to those who wait for it; a signal is not.
steps('birth', 'error fatal', $injected, 4, @births);
steps('birth', 'exit terminate cancel', undef, 0, @births);
# A client that is served loses its session with its backend, and hears why;
# what interrupts no statement of its own interrupts nobody.
steps('served', 'error fatal', $injected, 1, @serving);
steps('served', 'exit', qr/: end$/, 1, @serving);
steps('served', 'terminate', $ended, 1, @serving);
steps('served', 'cancel', undef, 0, @serving);
# Whether a client is kept depends on how quick it is.
foreach my $case (map { my $kind = $_; map { [ $_, $kind ] } qw(keep-wait keep-spoke) } qw(terminate cancel))
{
    my $met = 0;
    foreach (1 .. 20) { last if $met; $met = try(@$case, 0, undef, 0) }
    ok($met, "kept, @$case: met");
}
steps('given up', 'error fatal exit terminate cancel', undef, 0,
    qw(give-up-returning give-up-detached give-up-arm give-up-passed));
# The worker's steps: an ERROR is one client's.
steps('worker', 'error', qr/: (XX000 .*|end)$/, 1, qw(open-start open-started open-unborn give-birth admit-slot admit-route admit-entered admit-greeted login-startup login-authorize));

calls('backend-dup3', 'EBADF EMFILE', undef, 0);
calls('backend-pooler_net_copy_file', 'EPERM ENOSYS EBADF EMFILE ESRCH', undef, 0, 1);
calls('backend-epoll_ctl', 'ENOMEM', qr/: (XX000 .*)?end$/, 1);
calls('backend-epoll_pwait', 'EINTR', undef, 0);
calls('backend-recv', 'EINTR ECONNRESET short', qr/: end$/, 1);
calls('backend-send', 'EAGAIN short', qr/: XX000 could not restore the unnamed statement: .*, end$/, 1);
calls('backend-sendmsg', 'EAGAIN EINTR', undef, 0);
calls('worker-dup3', 'EBADF EMFILE', qr/login: 53300 .*, end$/, 1);
calls('worker-poll', 'EINTR ENOMEM', undef, 0, 2);
calls('worker-socketpair', 'EMFILE', undef, 0, 1);
calls('worker-sendmsg', 'EAGAIN ENOBUFS ETOOMANYREFS EPIPE', undef, 0, 2);

is($pooler->worker_pid, $worker, 'the worker is the one it was');
cmp_ok(files_of($worker), '<=', $files + 2, 'and has no more files open');

# Where the kernel has no files that stand for processes the worker is asked for
# each client's.
$pooler->inject('worker-pooler_net_this_process', 'ENOSYS');
kill 'TERM', $worker;
ok($pooler->met('worker-pooler_net_this_process'), 'the next worker has no such file');
$pooler->await_open;
%clients = ();
exercise();
is(whole(), '', 'whole with it');
steps('asked for', 'error fatal exit terminate cancel', undef, 0, qw(take-fetch take-fetched));
calls('backend-recvmsg', 'EINTR EAGAIN ECONNRESET', undef, 0);
calls('backend-sendmsg', 'EAGAIN EINTR', undef, 0);
calls('worker-sendmsg', 'EAGAIN ENOBUFS ETOOMANYREFS EPIPE', undef, 0, 2);
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'and the cluster never restarted');
done_testing;
