# A cancel request ends the program of COPY as well; a temporary schema's default
# privileges and a query's number are no more the next client's than its tables.
use PoolerTest;

my $pooler = PoolerTest->new('programs', pools => 'main pool_size=1 max_overflow=0 timeout=60',
    conf => "compute_query_id = on\npooler.client_write_timeout = 5s\n",
    sql => 'create role program login; grant pg_execute_server_program to program;');
$pooler->node->safe_psql('main', 'create table lines (t text); grant all on lines to public');
my $superuser = getpwuid($<);
my %noted;    # programs: pid => process group
END { my $status = $?; kill_programs(); $? = $status }

# ---- programs ----

sub group { my ($pid) = @_; return -e "/proc/$pid/stat" && eval { slurp_file("/proc/$pid/stat") } =~ /\) \S+ \d+ (\d+)/ ? $1 : 0 }

# Those that still run, of the ones that were started here.
sub programs { return grep { group($_) == $noted{$_} } keys %noted }
sub kill_programs { kill 'KILL', $_ foreach programs() }

# Waits for the backend that copies, and for its program.
sub copies
{
    my ($client) = @_;
    $client->write(Query("copy lines from program 'exec sleep 600'"));
    my $end = time + 30;
    until (programs() || time > $end)
    {
        my $backend = $pooler->sql("select pid from pg_stat_activity where query like 'copy lines%' and state = 'active'") || next;
        foreach (map { m!^/proc/(\d+)! } glob('/proc/[0-9]*/stat'))
        {
            $noted{$_} = $backend if $_ != $backend && group($_) == $backend;
        }
        sleep 0.01;
    }
    return;
}

# Whether they end in time; killed if not.
sub gone
{
    my ($name) = @_;
    my $end = time + 10;
    sleep 0.01 while programs() && time < $end;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(!programs(), $name);
    kill_programs();
    return;
}

# Whether the backend has begun to read by then is a matter of chance: either it
# finds that it is cancelled, or that its program was.
my $cancelled = qr/^E (57014 canceling statement due to user request|38000 program .* failed) Z I$/;
sub answered
{
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like(join(' ', @{ $client->result->{log} }), $cancelled, $name);
}

sub id_of { my ($name) = @_; return $pooler->sql("select id from pooler.clients where application_name = '$name'") }
foreach my $user ('program', $superuser)
{
    my $who = $user eq 'program' ? 'a member of pg_execute_server_program' : 'a superuser';
    my $direct = $pooler->direct('direct', user => $user);
    copies($direct);
    $direct->cancel;
    gone("$who, directly: a cancel request ends the program of COPY");
    answered($direct, "$who, directly: and the statement");
    $direct->quit;

    foreach my $way ('a cancel request', 'pooler.cancel_client()')
    {
        my $client = $pooler->client('copies', user => $user);
        copies($client);
        if ($way =~ /request/) { $client->cancel }
        else { is($pooler->sql('select pooler.cancel_client(' . id_of('copies') . ')'), 't', "$who: there is something to cancel") }
        gone("$who: $way ends the program of COPY");
        answered($client, "$who, $way: and the statement");
        is($client->value('select 1'), '1', "$who, $way: the session goes on");
        $client->quit;
        $pooler->poll_view("select count(*) from pooler.clients where application_name = 'copies'", '0', "$who leaves");
    }

    my $client = $pooler->client('ends', user => $user);
    copies($client);
    is($pooler->sql('select pooler.terminate_client(' . id_of('ends') . ')'), 't', "$who: is there to be ended");
    gone("$who: pooler.terminate_client() ends the program of COPY");
    my $result = $client->result;
    ok($result->{eof} || $client->result->{eof}, "$who: and its connection");
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'ends'", '0', "$who: he is gone");
}

# ---- default privileges of a temporary schema ----

my @objects = (
    [ 'tables', "create temp table mine (); select coalesce(relacl::text, 'none') from pg_class where oid = 'mine'::regclass; drop table mine" ],
    [ 'functions', "create function pg_temp.mine() returns int language sql return 1; select coalesce(proacl::text, 'none') from pg_proc where oid = 'pg_temp.mine()'::regprocedure; drop function pg_temp.mine()" ],
    [ 'types', "create domain pg_temp.mine as int; select coalesce(typacl::text, 'none') from pg_type where oid = 'pg_temp.mine'::regtype; drop domain pg_temp.mine" ]);
foreach (@objects)
{
    my ($kind, $ask) = @$_;
    foreach my $end ('', ' that has left')
    {
        my ($grants, $next) = map { $pooler->client($_) } qw(grants next);
        $grants->run('create temp table x (); drop table x');
        my $schema = $grants->value('select pg_my_temp_schema()::regnamespace');
        $grants->run("alter default privileges in schema $schema grant all on $kind to program");
        $grants->quit if $end;
        $pooler->poll_view("select count(*) from pooler.clients where application_name = 'grants'", '0', 'he leaves') if $end;

        # While they bind their client the next one waits for him.
        $next->write(Query($ask));
        my $until = time + 10;
        sleep 0.01 until $end || $next->readable(0) || time > $until
          || $pooler->sql("select count(*) from pooler.clients where application_name = 'grants' and pinned_by <> '{}'") ne '0';
        $grants->quit if !$end;
        is($next->result->{rows}[0][0], $pooler->direct('direct')->run($ask)->{rows}[0][0], "the next client's $kind are not granted as for another$end");
        $next->quit;
        $pooler->poll_view("select count(*) from pooler.clients where application_name in ('grants', 'next')", '0', 'both leave');
    }
}

# ---- the number of a query ----

my $client = $pooler->client('number');
my $pid = $client->value('select pg_backend_pid()');
is($client->value("select query_id is not null from pg_stat_activity where pid = $pid"), 't', 'a running query has its number');
$pooler->poll_view("select query from pg_stat_activity where pid = $pid", '', 'an idle backend shows no query');
is($pooler->sql("select coalesce(query_id::text, 'none') from pg_stat_activity where pid = $pid"), 'none', 'nor its number');

done_testing;
