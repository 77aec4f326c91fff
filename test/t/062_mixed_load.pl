# Mixed load: several roles, both modes, both protocols, all that a session may
# have. Each client verifies that its state is its own and never another's, and
# counts what it did; then pooler's counters agree, and nothing has leaked.
#	POOLER_TEST_SEED: 1.  POOLER_TEST_ROUNDS: 200 of each client process.
#	POOLER_TEST_SECONDS: for so long instead (make soak).
use PoolerTest;
use Crowd;

my $seed = $ENV{POOLER_TEST_SEED} // 1;
my $rounds = $ENV{POOLER_TEST_ROUNDS} // 200;
my $seconds = $ENV{POOLER_TEST_SECONDS} // 0;
note "POOLER_TEST_SEED=$seed";
srand $seed;

my $processes = 10;
my $pooler = PoolerTest->new('mixed', pools => 'main pool_size=6 max_overflow=2, session=main pool_size=4 max_overflow=2 mode=session,'
      . ' by_role=main pool_size=3, tight=main pool_size=1 timeout=50ms',
    conf => "log_statement = none\npooler.max_client_conn = 60\npooler.pool_timeout = 60s\npooler.pool_recycle = -1\npooler.max_pinned = 5\npooler.wait_notice = -1\n"
      . "dynamic_shared_memory_type = mmap\nclient_connection_check_interval = 100ms\n",
    sql => join(' ', map { "create role $_ login;" } qw(exact renamed low holder))
      . ' create role team; grant team to app, exact, renamed, low, holder; alter role holder set pooler.mode = session;');
$pooler->direct('owner')->run('create table notes (who text, n int); create index on notes (who); grant all on notes to public');

# ---- a session and what it must be ----

my %values = (
    work_mem => [ '2MB', '3MB', '777kB' ],
    search_path => [ 'pg_catalog', 'public', 'nowhere, public' ],
    application_name => [ map { "name $_" } 1 .. 50 ],
    DateStyle => [ 'ISO, MDY', 'German, DMY', 'SQL, DMY' ],
    TimeZone => [ 'UTC', 'Asia/Tokyo', 'Europe/Berlin' ],
    statement_timeout => [ '50s', '70s' ],
    default_transaction_isolation => [ 'read committed', 'repeatable read' ],
    'app.who' => [ map { "who $_" } 1 .. 1000 ]);
my @settings = sort keys %values;
my %date = ('ISO, MDY' => '2026-02-01', 'German, DMY' => '01.02.2026', 'SQL, DMY' => '01/02/2026');
my $state = join(', ', (map { "coalesce(current_setting('$_', true), '')" } @settings),
    "date '2026-02-01'::text", 'current_user = session_user', "current_setting('role')",
    '(select application_name from pg_stat_activity where pid = pg_backend_pid())',
    "coalesce((select string_agg(name || ': ' || statement, ', ') from pg_prepared_statements), '')",
    "coalesce((select string_agg(objid::text, ', ') from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), '')",
    "to_regclass('pg_temp.mine') is not null",
    "coalesce((select string_agg(statement, ', ') from pg_cursors where is_holdable), '')",
    "coalesce((select string_agg(c, ', ') from pg_listening_channels() c), '')");
my @names = ('who', @settings, qw(date itself role shown prepared locks temp cursors listens));
my $base_of = $pooler->direct('base', user => 'exact')->run("select $state")->{rows}[0];
my %base;
@base{@settings} = @$base_of[ 0 .. $#settings ];

my ($me, $serial, %count);

sub one_of { my (@list) = @_; return $list[ rand @list ] }
sub wrong { my ($s, @what) = @_; $me->say('wrong', "$s->{who}, $s->{role} in $s->{pool}, after $s->{last}: @what"); return }

sub expected
{
    my ($s) = @_;
    my %now = (%{ $s->{reset} }, %{ $s->{set} });
    return { %now, who => $s->{who}, date => $date{ $now{DateStyle} }, itself => $s->{set_role} ? 'f' : 't', role => $s->{set_role} // 'none',
        shown => $now{application_name}, prepared => $s->{prepared} ? "p: $s->{prepared}" : '', locks => $s->{lock} // '',
        temp => $s->{temp} ? 't' : 'f', cursors => $s->{cursor} // '', listens => $s->{listens} // '' };
}

# ---- what is said is counted ----

# At its CONNECTION LIMIT a role without a backend may not get one.
sub refused { my ($role, $error) = @_; return $role eq 'low' && $error->{M} eq 'too many connections for role "low"' }

# An answer without a file's name is the worker's.
sub hear
{
    my ($s, $requests) = @_;
    my (@results, $full);
    foreach (1 .. $requests // 1)
    {
        my $result = $s->{client}->result;
        die "the connection ended: @{ $result->{log} }\n" if $result->{eof};
        my ($error) = @{ $result->{errors} };
        $result->{by_worker} = $error && !defined $error->{F};
        $count{"answered $s->{pool} $s->{role}"}++ if $result->{status} eq 'I' && !$result->{by_worker};
        push @results, $result;
        next unless $result->{by_worker} && $error->{C} eq '53300';
        $count{ refused($s->{role}, $error) ? 'refused low' : "$s->{pool} timeouts" }++;
        $full = 1;
    }
    die "the pool is full\n" if $full;
    return $requests ? @results : $results[0];
}

sub say_query { my ($s, $sql) = @_; $s->{unnamed} = undef; $s->{client}->write(Query($sql)); return }
sub query { my ($s, $sql) = @_; say_query($s, $sql); return hear($s) }

# No error but these.
sub well
{
    my ($s, $result, @may_fail) = @_;
    my ($error) = @{ $result->{errors} };
    return 1 if !$error;
    wrong($s, "$error->{C} $error->{M}") unless grep { $error->{C} eq $_ } @may_fail;
    return 0;
}

sub run { my ($s, $sql, @may_fail) = @_; return well($s, query($s, $sql), @may_fail) }

sub fails
{
    my ($s, $result, $code) = @_;
    my $got = @{ $result->{errors} } ? $result->{errors}[0]{C} : "no error (@{ $result->{log} })";
    wrong($s, "$got instead of $code") if $got ne $code;
    return;
}

sub rows { my ($s, $result, $rows, $name) = @_; my $got = join '; ', map { join '|', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
    wrong($s, "$name: '$got' instead of '$rows'") if $got ne $rows; return }

# ---- come and check ----

# Session mode: one for each process, so that nobody waits for himself. For the
# same reason nobody binds the only backend of a pool, or of a role.
sub come
{
    my ($sessions) = @_;
    my @where = ((map { [ 'main', $_ ] } qw(app app exact exact renamed low)), [ 'tight', 'app' ]);
    push @where, [ 'session', 'app' ], [ 'session', 'exact' ], [ 'by_role', 'holder' ] unless grep { $_->{holds} } @$sessions;
    my ($pool, $role) = @{ one_of(@where) };
    my $who = 'client ' . $me->number . '-' . ++$serial;
    my %reset = (%base, application_name => $who);
    my %startup = (application_name => $who);
    $startup{DateStyle} = $reset{DateStyle} = one_of(@{ $values{DateStyle} }) if rand() < 0.3;
    if (rand() < 0.3)
    {
        @reset{ 'work_mem', 'app.who' } = ('5MB', "startup $serial");
        $startup{options} = "-c work_mem=5MB -c app.who=startup\\ $serial";
    }
    my @role_names = $role eq 'renamed' ? sort { rand() <=> 0.5 } qw(renamed another) : $role;
    foreach my $name (@role_names, @role_names)
    {
        $count{connections}++;
        my $client = $pooler->client($who, database => $pool, user => $name, may_fail => 1, %startup);
        if ($client->{login}{status} eq 'I')
        {
            my $s = { client => $client, pool => $pool, role => $role, who => $who, number => $me->number * 100000 + $serial, reset => \%reset, set => {}, notes => 0,
                last => 'login', holds => scalar($pool =~ /session|by_role/), may_hold => $pool ne 'tight' && $role ne 'low' };
            $count{"$pool logins"}++;
            is_itself($s);
            return $s;
        }
        my ($error) = @{ $client->{login}{errors} };
        next if $role eq 'renamed' && $error && $error->{C} eq '28000';
        $count{'tight timeouts'}++, return if $pool eq 'tight' && $error && $error->{C} eq '53300';
        $count{'refused low'}++, return if $error && refused($role, $error);
        $me->say('wrong', "$who, $name in $pool: login: @{ $client->{login}{log} }");
        return;
    }
    return;
}

sub compare
{
    my ($s, $result) = @_;
    well($s, $result) or return;
    my %now;
    @now{@names} = @{ $result->{rows}[0] };
    my $expected = expected($s);
    my @differ = grep { $now{$_} ne $expected->{$_} } @names;
    wrong($s, map { "$_ is '$now{$_}', not '$expected->{$_}';" } @differ) if @differ;
    my $told = $s->{client}{parameters};
    wrong($s, "told of $_ = $told->{$_}, not $expected->{$_}") foreach grep { $told->{$_} ne $expected->{$_} } qw(DateStyle TimeZone application_name);
    wrong($s, 'notifications of others') if @{ $s->{client}{notifications} } && !$s->{has_listened};
    return;
}

# Ways of asking for it: also by what an earlier transaction has parsed.
sub is_itself
{
    my ($s) = @_;
    my $start = time;
    my $state_of_its_own = "select '$s->{who}', $state";
    if (rand() < 0.5) { compare($s, query($s, $state_of_its_own)) }
    else
    {
        $s->{client}->write(Parse('', $state_of_its_own), Bind('', ''), Execute(), Sync());
        compare($s, hear($s));
        $s->{unnamed} = 'state';
    }
    $me->say('took', sprintf('%.2f %.2f %s %s', $start, 1000 * (time - $start), $s->{pool}, $s->{role}));
    return;
}

sub has_its_statement
{
    my ($s) = @_;
    return if ($s->{unnamed} // '') eq 'unsure';
    $s->{client}->write(Bind('', ''), Execute(), Sync());
    my $result = hear($s);
    if (!defined $s->{unnamed}) { fails($s, $result, '26000') }
    elsif ($s->{unnamed} eq 'state') { compare($s, $result) }
    else { rows($s, $result, $s->{unnamed}, 'the unnamed statement') }
    return;
}

# ---- what a session does ----

# SETs: alone, in a transaction that ends one way or the other, for it only.
sub set_something
{
    my ($s) = @_;
    my $name = one_of(@settings);
    my $value = one_of(@{ $values{$name} });
    my $set = "set $name = " . ($name eq 'search_path' ? $value : "'$value'");
    my $how = int rand 6;
    return if $how == 5 && $name eq 'default_transaction_isolation';
    $s->{last} = "$set ($how)";
    run($s, $set) if $how == 0;
    run($s, "begin; $set; commit") if $how == 1;
    run($s, "select set_config('$name', '$value', false)") if $how == 2;
    run($s, "begin; $set; rollback") if $how == 3;
    fails($s, query($s, "$set; select 1/0"), '22012') if $how == 4;
    run($s, "begin; set local " . substr($set, 4) . '; commit') if $how == 5;
    $s->{set}{$name} = $value if $how < 3;
    return;
}

sub reset_something
{
    my ($s) = @_;
    my $name = one_of(@settings);
    run($s, "reset $name") and delete $s->{set}{$name};
    run($s, 'reset all') and $s->{set} = {} if rand() < 0.1;
    return;
}

# What binds a session, unless too many are bound.
sub be_bound
{
    my ($s) = @_;
    return unless $s->{may_hold};
    my $number = $s->{number};
    my $kind = int rand 6;
    my $statement = "select '$s->{who}'";
    if ($kind == 0 && !$s->{temp}) { $s->{temp} = !$s->{set_role} && run($s, "create temp table mine as select '$s->{who}' as who", '53300') }
    if ($kind == 1 && !$s->{prepared}) { $s->{prepared} = $s->{prepared_sql} = "prepare p as $statement" if run($s, "prepare p as $statement", '53300') }
    if ($kind == 2 && !$s->{prepared})
    {
        $s->{client}->write(Parse('p', $statement), Sync());
        $s->{prepared} = $statement if well($s, hear($s), '53300');
    }
    if ($kind == 3 && !defined $s->{lock}) { $s->{lock} = $number if run($s, "select pg_advisory_lock($number)", '53300') }
    if ($kind == 4 && !$s->{cursor})
    {
        my $declare = "declare c scroll cursor with hold for $statement";
        $s->{cursor} = $declare if run($s, $declare, '53300');
    }
    if ($kind == 5) { $s->{listens} = $s->{has_listened} = 'news' if run($s, 'listen news', '53300') }
    $count{"bound $_"}++ foreach grep { $s->{$_} } qw(temp prepared lock cursor listens);
    return;
}

sub use_what_binds
{
    my ($s) = @_;
    rows($s, query($s, 'select who from pg_temp.mine'), $s->{who}, 'a temporary table') if $s->{temp} && !$s->{set_role};
    if ($s->{prepared})
    {
        rows($s, query($s, 'execute p'), $s->{who}, 'a prepared statement');
        $s->{client}->write(Bind('', 'p'), Execute(), Sync());
        rows($s, hear($s), $s->{who}, 'the same, bound');
    }
    if ($s->{cursor}) { rows($s, query($s, 'fetch absolute 1 from c'), $s->{who}, 'a cursor') }
    return;
}

sub be_free
{
    my ($s) = @_;
    if ($s->{temp} && rand() < 0.5) { run($s, 'reset role; drop table pg_temp.mine'); @$s{qw(temp set_role)} = (0) }
    if ($s->{prepared} && rand() < 0.5) { run($s, 'deallocate p'); $s->{prepared} = undef }
    if (defined $s->{lock} && rand() < 0.5) { rows($s, query($s, "select pg_advisory_unlock($s->{lock})"), 't', 'its own lock'); $s->{lock} = undef }
    if ($s->{cursor} && rand() < 0.5) { run($s, 'close c'); $s->{cursor} = undef }
    if ($s->{listens} && rand() < 0.5) { run($s, 'unlisten *'); $s->{listens} = undef }
    if (rand() < 0.2)
    {
        run($s, 'discard all');
        $s->{set} = {};
        @$s{qw(temp prepared lock cursor listens set_role)} = ();
    }
    return;
}

sub change_role
{
    my ($s) = @_;
    if ($s->{set_role}) { run($s, 'reset role'); $s->{set_role} = undef }
    elsif ($s->{may_hold}) { $s->{set_role} = 'team' if run($s, 'set role team', '53300') }
    return;
}

sub write_notes
{
    my ($s) = @_;
    my $insert = "insert into public.notes values ('$s->{who}', 1)";
    my $how = int rand 5;
    if ($how == 0) { run($s, $insert) and $s->{notes}++ }
    if ($how == 1) { run($s, 'begin'); run($s, $insert); run($s, "savepoint a; $insert; rollback to a"); run($s, 'commit'); $s->{notes}++ }
    if ($how == 2) { run($s, 'begin'); run($s, $insert); fails($s, query($s, 'select 1/0'), '22012'); run($s, 'rollback') }
    if ($how == 3)
    {
        $s->{client}->write(Parse('', $insert), Bind('', ''), Execute(), Sync(), Parse('', 'select 1/0'), Bind('', ''), Execute(), Sync());
        my ($first, $second) = hear($s, 2);
        well($s, $first) and $s->{notes}++;
        fails($s, $second, '22012');
        $s->{unnamed} = 'unsure';
    }
    if ($how == 4)
    {
        $s->{unnamed} = undef;
        $s->{client}->write(Query('copy public.notes from stdin'), CopyData("$s->{who}\t1\n"), CopyDone());
        well($s, hear($s)) and $s->{notes}++;
    }
    rows($s, query($s, "select count(*) from public.notes where who = '$s->{who}'"), $s->{notes}, 'its notes');
    return;
}

sub parse_for_later
{
    my ($s) = @_;
    $s->{client}->write(Parse('', "select '$s->{who}', $serial" . (rand() < 0.2 ? ' -- ' . 'x' x rand 20000 : '')), Sync());
    well($s, hear($s)) and $s->{unnamed} = "$s->{who}|$serial";
    return;
}

sub make_errors
{
    my ($s) = @_;
    fails($s, query($s, one_of('select 1/0', 'begin; select 1/0')), '22012');
    query($s, 'rollback');
    fails($s, query($s, 'select no_such_thing'), '42703');
    $s->{client}->write(Parse('', 'select 1/0'), Bind('', ''), Execute(), Parse('', 'select 2'), Sync());
    fails($s, hear($s), '22012');
    $s->{unnamed} = 'unsure';
    return;
}

sub be_cancelled
{
    my ($s) = @_;
    return if $s->{has_listened};    # what comes may be a notification
    my $in_transaction = rand() < 0.3;
    run($s, 'begin') if $in_transaction;
    say_query($s, 'select pg_sleep(600)');
    do { $s->{client}->cancel; $count{connections}++ } until $s->{client}->readable(1);
    my $result = hear($s);
    fails($s, $result, '57014');
    # it may have waited still, and no backend have seen it
    $s->{unnamed} = 'unsure' if $result->{by_worker};
    run($s, 'rollback') if $in_transaction;
    return;
}

sub read_much
{
    my ($s) = @_;
    my $result = query($s, one_of("select repeat('$s->{who} ', 100) from generate_series(1, 1000)",
            "copy (select repeat('$s->{who} ', 100) from generate_series(1, 1000)) to stdout"));
    my @lines = (@{ $result->{copied} }, map { $_->[0] } @{ $result->{rows} });
    wrong($s, 'not all of it, or not its own') if @lines != 1000 || grep { s/\n//r ne "$s->{who} " x 100 } @lines;
    return;
}

sub keep_busy { my ($s) = @_; run($s, 'begin; select pg_sleep(0.06); commit') if $s->{pool} eq 'tight'; return }
sub notify { my ($s) = @_; run($s, 'notify news'); return }

my %deeds = (set => \&set_something, reset => \&reset_something, bind => \&be_bound, use => \&use_what_binds, free => \&be_free,
    role => \&change_role, write => \&write_notes, parse => \&parse_for_later, errors => \&make_errors, cancel => \&be_cancelled,
    read => \&read_much, busy => \&keep_busy, notify => \&notify);
my @deeds = (qw(set set set set reset bind bind use free free role write write write parse parse parse errors read busy notify), 'cancel');

# With so many answers that may or may not be counted any more.
sub leave
{
    my ($s) = @_;
    my @unanswered = (
        [ Query('select pg_sleep(0.02)'), 1 ], [ Query('select 1') x 3, 3 ], [ Query('copy public.notes from stdin') . CopyData("x\t1\n"), 1 ],
        [ Query("select repeat('x', 1000) from generate_series(1, 20000)"), 1 ], [ Parse('', 'select 1') . Bind('', '') . Execute() . Sync(), 1 ]);
    my @nothing = ([ '', 0 ], [ '', 0 ], [ substr(Query('select 1'), 0, 4), 0 ], [ Parse('', 'select 1') . Bind('', '') . Execute(), 0 ]);
    my $how = int rand 3;
    my ($bytes, $requests) = @{ $s->{role} eq 'exact' || $how == 0 ? one_of(@nothing) : one_of(@unanswered) };
    eval { run($s, "begin; insert into public.notes values ('$s->{who}', 1)") } if rand() < 0.3;
    $s->{client}->write($bytes);
    $count{"unanswered $s->{pool} $s->{role}"} += $requests;
    my $way = one_of(qw(quit vanish reset));
    $s->{client}->$way;
    return;
}

sub visit
{
    my ($s) = @_;
    has_its_statement($s) if rand() < 0.7;
    foreach (0 .. rand 2)
    {
        $s->{last} = one_of(@deeds);
        $deeds{ $s->{last} }->($s);
    }
    is_itself($s) if rand() < 0.8;
    return;
}

# What the views say where a client waits in vain.
sub views
{
    my $admin = $pooler->direct('witness', user => scalar getpwuid($<), database => 'postgres');
    return join '; ', map { join ' ', map { $_ // '-' } @$_ } map { @{ $admin->run($_)->{rows} } }
      ("select pool, role, state, backend, pinned_by, application_name from pooler.clients", 'select pool, role, backends, clients, waiting from pooler.routes where clients > 0',
        'select pid, pool, role, state, client from pooler.backends');
}

# A statement that was refused may have been to replace the unnamed one.
sub full
{
    my ($s, $error) = @_;
    die "$s->{who}, $s->{role} in $s->{pool}, after $s->{last}: $error" 
      if $error ne "the pool is full\n" || $s->{pool} ne 'tight' && $s->{role} ne 'low';
    $s->{unnamed} = 'unsure';
    return;
}

sub client_process
{
    ($me) = @_;
    %count = ();
    my @sessions;
    for (my $round = 0; $seconds ? $me->goes_on : $round < $rounds; $round++)
    {
        if (@sessions < 1 + rand 3)
        {
            my $new = eval { come(\@sessions) };
            die $@ if $@ && $@ ne "the pool is full\n";
            push @sessions, $new if $new;
        }
        next unless @sessions;
        my $i = int rand @sessions;
        eval { visit($sessions[$i]); 1 } or full($sessions[$i], $@);
        leave(splice @sessions, $i, 1) if rand() < ($sessions[$i]{holds} ? 0.4 : 0.1);
    }
    leave($_) foreach @sessions;
    $me->say('count', $_, $count{$_}) foreach keys %count;
    return;
}

# At least what was answered, at most what was asked for besides.
sub between
{
    my ($name, $got, $answered, $unanswered) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($got >= $answered && $got <= $answered + $unanswered, "$name: $got, answered $answered, unanswered $unanswered");
}

# ---- what may not grow ----

sub worker { return $pooler->worker_pid }
sub files_of { my ($pid) = @_; return map { readlink($_) // '' } glob "/proc/$pid/fd/*" }
sub private_kb { my ($pid) = @_; my ($kb) = slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/; return $kb }
sub dsm_kb { my $sum = 0; $sum += -s foreach glob $pooler->node->data_dir . '/pg_dynshmem/*'; return $sum / 1024 }

# Besides a backend's socket, a second one if it is born, a route's epoll, and
# tables of the catalog.
sub worker_files { return grep({ !m!^/! } files_of(worker())) - $pooler->sql('select (select sum(1 + (role is not null)::int) from pooler.backends) + (select count(*) from pooler.routes)') }

my $rest = "select string_agg(concat_ws(' ', pool, state, clients, waiting, pinned, backends, idle + unborn), ', ' order by pool) from pooler.pools";
my $at_rest = 'by_role open 0 0 0 3 3, main open 0 0 0 6 6, session open 0 0 0 4 4, tight open 0 0 0 1 1';

# Each has a session of its own, with settings of its own, at the same time.
sub all_places
{
    my ($name) = @_;
    my @all = map { $count{connections}++; $pooler->client("all $_") } 1 .. 60;
    foreach my $i (0 .. $#all) { $all[$i]->run("set app.who = 'all $i'"); $all[$i]->run("set work_mem = '${\ (100 + $i)}kB'") }
    my @wrong = grep { $all[$_]->value("select current_setting('app.who')") ne "all $_" } 0 .. $#all;
    is("@wrong", '', "$name: sixty clients have their settings");
    is($pooler->sql("select count(*) from pooler.clients where pinned_by <> '{}'"), '0', "$name: and need no backend for them");
    $count{'answered main app'} += 3 * @all;
    $count{'main logins'} += @all;
    $_->quit foreach @all;
    $pooler->poll_view($rest, $at_rest, "$name: all leave");
    return;
}

# ---- the run ----

is($pooler->sql('select coalesce(max(id), 0) from pooler.clients'), '0', 'nobody is there');
$pooler->poll_view('select count(distinct pool) from pooler.history', '4', 'each pool has its history, which stays');
all_places('before');
my ($worker, $files, $private, $dsm) = (worker(), worker_files(), private_kb(worker()), dsm_kb());

my $start = time;
my $crowd = Crowd->start($pooler->node->basedir . '/clients', $processes, $seed, \&client_process);
my ($passing, $name) = (0, 'renamed');
while (!$crowd->all_ended)
{
    my $kind = int rand 4;
    if ($kind == 0) { $pooler->sql("alter role exact set maintenance_work_mem = '${\ int(10 + rand 90)}MB'") }
    if ($kind == 1) { my $next = $name eq 'renamed' ? 'another' : 'renamed'; $pooler->sql("alter role $name rename to $next"); $name = $next }
    if ($kind == 2) { $pooler->sql('alter role low connection limit ' . one_of(-1, 1, 2)) }
    # a route stays for its counters' sake until its place is needed: leave them theirs
    if ($kind == 3 && $passing < 100)
    {
        $passing++;
        $pooler->sql("create role passing login");
        $count{connections}++;
        my $client = $pooler->client('passing', user => 'passing');
        is($client->value('select current_user'), 'passing', 'a role that is dropped at once') if $passing == 1;
        $client->quit;
        $pooler->poll_view("select count(*) from pooler.clients where role = 'passing'", '0', 'it leaves') if $passing == 1;
        $pooler->sql('drop role passing');
        $count{'main logins'}++;
        $count{'answered main passing'}++ if $passing == 1;
    }
    $crowd->stop if $seconds && time > $start + $seconds;
    sleep 0.1;
}
my (@wrong, @took);
foreach ($crowd->finish)
{
    my ($number, $what, $key, $value) = @$_;
    push @wrong, $key if $what eq 'wrong';
    push @took, [ split / /, $key ] if $what eq 'took';
    $count{$key} += $value if $what eq 'count';
}
is(join("\n", @wrong[ 0 .. ($#wrong < 20 ? $#wrong : 20) ]), '', 'each session was its own and never another\'s');
note sprintf '%d rows of a session compared, in %.0f s; %d roles passed', scalar @took, time - $start, $passing;
note join ', ', map { "$_: $count{$_}" } sort keys %count;
cmp_ok($count{$_} // 0, '>', 0, "the load has had $_") foreach 'session logins', 'by_role logins', map { "bound $_" } qw(temp prepared lock cursor listens);

# ---- the counters ----

$pooler->poll_view('select count(*) from pooler.clients', '0', 'nobody is left');
$pooler->poll_view($rest, $at_rest, 'the pools are at rest');
is($pooler->sql("select coalesce(string_agg(role, ' '), '') from pooler.routes where clients <> 0 or waiting <> 0"), '', 'and all routes');
is($pooler->sql("select coalesce(string_agg(pool, ' '), '') from pooler.pools p where transactions <> (select sum(transactions) from pooler.routes r where r.pool = p.pool)"),
    '', 'a pool did what its routes did');

sub of { my ($what, $pool, @roles) = @_; my $sum = 0; $sum += $count{"$what $pool $_"} // 0 foreach @roles; return $sum }
my @roles = qw(app exact renamed low holder passing);
foreach my $pool (qw(main session by_role tight))
{
    my ($transactions, $checkouts, $timeouts, $balance) = split /\|/,
      $pooler->sql("select transactions, checkouts, timeouts, opened - closed - backends from pooler.pools where pool = '$pool'");
    my ($answered, $unanswered) = map { of($_, $pool, @roles) } qw(answered unanswered);
    between("$pool: transactions", $transactions, $answered, $unanswered);
    foreach my $role (grep { $count{"answered $pool $_"} } @roles)
    {
        my $name = $role eq 'renamed' ? "in ('renamed', 'another')" : "= '$role'";
        between("$pool: transactions of $role", $pooler->sql("select sum(transactions) from pooler.routes where pool = '$pool' and role $name"),
            map { of($_, $pool, $role) } qw(answered unanswered));
    }
    between("$pool: time-outs", $timeouts, $count{"$pool timeouts"} // 0, $pool eq 'tight' ? $unanswered : 0);
    is($balance, '0', "$pool: backends opened, but not closed, are there");
    my $logins = $count{"$pool logins"} // 0;
    if ($pool =~ /session|by_role/) { is($checkouts, $logins, "$pool: one checkout for each login") }
    else { cmp_ok($checkouts, '<=', $transactions + $unanswered + 2 * $logins, "$pool: no checkout without a reason") }
}
my $last = $pooler->client('last');
is($pooler->sql("select id - 1 from pooler.clients where application_name = 'last'"), $count{connections}, 'so many connections were made');
$last->quit;

# ---- leaks ----

is(worker(), $worker, 'the worker is the one it was');
$pooler->poll_view($rest, $at_rest, 'the pools are at rest');
all_places('after');
is(worker_files(), $files, 'the worker has as many files open as before');
cmp_ok(private_kb($worker), '<=', $private + 4096, "its memory ($private kB before) has not grown by 4 MB");
# Segments come in sizes that double; beside the histories the next has 2 MB.
cmp_ok(dsm_kb(), '<=', $dsm + 2048, "nor has dynamic shared memory ($dsm kB before) by more than a segment");
note sprintf 'worker %d kB, dynamic shared memory %d kB', private_kb($worker), dsm_kb();

# A backend keeps 256 clients' sockets, and an epoll for each (src/waitset.c).
foreach my $pid (split /\n/, $pooler->sql('select pid from pooler.backends'))
{
    my @files = files_of($pid);
    my $sockets = grep { /^socket:/ } @files;
    my $epolls = grep { /eventpoll/ } @files;
    cmp_ok($sockets, '<=', 256 + 8, "backend $pid: sockets");
    cmp_ok($epolls, '<=', 256 + 4, "backend $pid: epolls");
    cmp_ok(@files - $sockets - $epolls, '<=', 100, "backend $pid: other files");
    cmp_ok(private_kb($pid), '<=', 65536, "backend $pid: memory");
}

# ---- latency ----

sub p99
{
    my ($from, $to) = @_;
    my @ms = sort { $a <=> $b } map { $_->[1] } grep { $_->[0] >= $from && $_->[0] < $to } @took;
    return $ms[ $#ms * 0.99 ];
}
my ($begin, $end) = (sort { $a <=> $b } map { $_->[0] } @took)[ 0, -1 ];
my $third = ($end - $begin) / 3;
my ($first, $later) = (p99($begin, $begin + $third), p99($end - $third, $end));
note join ' ', @$_ foreach (sort { $b->[1] <=> $a->[1] } @took)[ 0 .. 4 ];
note "p99 of the first third $first ms, of the last $later ms";
cmp_ok($later, '<=', 3 * $first + 20, 'no slower at the end') if $seconds >= 60;
done_testing;
