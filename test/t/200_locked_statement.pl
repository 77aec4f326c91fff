# The unnamed statement is parsed anew where another client had the backend: an
# error of that is the client's, as if its Bind had met it, and nothing is lost.
use PoolerTest;

my $pooler = PoolerTest->new('locked_statement', pools => 'main pool_size=1');
my $locker = $pooler->direct('locker');
my $other = $pooler->client('other');
$locker->run('create table t as select 7 as i');
my @bind = (Bind('', ''), Execute(), Sync());

sub batch { my ($client, @messages) = @_; $client->write(@messages); return $client->result }

# A client, pooled or direct, with an unnamed statement on t; another has been
# on the backend since.
sub prepared
{
    my ($pooled, %startup) = @_;
    my $client = $pooled ? $pooler->client('own', %startup) : $pooler->direct('own', %startup);
    $client->run("set lock_timeout = '$startup{lock_timeout}'") if $startup{lock_timeout};
    is(batch($client, Parse('', 'select i from t'), Sync())->{types}, '1Z', 'parsed');
    $other->run('select 1');
    return $client;
}

sub lock_table { $locker->run('begin; lock table t'); return }

sub await_lock
{
    return $pooler->poll_view('select count(*) from pg_locks where not granted', '1', 'it waits for the lock');
}

# What the client of each kind hears of the same.
sub alike
{
    my ($name, $act) = @_;
    my ($direct, $pooled) = map { $act->($_) } 0, 1;
    is_deeply($pooled, $direct, "$name: as by the server");
    return $pooled;
}

sub codes { my ($result) = @_; return map { $_->{C} } @{ $result->{errors} } }

# ---- it wants the statement ----

alike('lock_timeout', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, lock_timeout => '200ms');
    lock_table();
    my $first = batch($client, @bind);
    my $again = batch($client, @bind);
    $locker->run('commit');
    my $then = batch($client, @bind);
    is_deeply([ codes($first), codes($again) ], [ '55P03', '55P03' ], 'told of the lock, each time');
    is_deeply($then->{rows}, [ ['7'] ], 'and served when it is free');
    $client->quit;
    return [ map { $_->{log} } $first, $again, $then ];
});

alike('statement_timeout', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, options => '-c statement_timeout=200ms');
    lock_table();
    my $first = batch($client, @bind);
    $locker->run('commit');
    my $then = batch($client, @bind);
    is_deeply([ codes($first) ], ['57014'], 'told of its time-out');
    $client->quit;
    return [ map { $_->{log} } $first, $then ];
});

alike('a cancel', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled);
    lock_table();
    $client->write(@bind);
    await_lock();
    $client->cancel;
    my $first = $client->result;
    $locker->run('commit');
    my $then = batch($client, @bind);
    is_deeply([ codes($first) ], ['57014'], 'the client has cancelled its Bind');
    $client->quit;
    return [ map { $_->{log} } $first, $then ];
});

# In the client's own encoding; and a table that comes back.
alike('a table that is gone', sub {
    my ($pooled) = @_;
    $locker->run("create table \"t\xc3\xa9\" as select 8 as i");
    my $client = $pooled ? $pooler->client('own', client_encoding => 'LATIN1') :
        $pooler->direct('own', client_encoding => 'LATIN1');
    batch($client, Parse('', "select i from \"t\xe9\""), Sync());
    $other->run('select 1');
    $locker->run("alter table \"t\xc3\xa9\" rename to away");
    my $first = batch($client, @bind);
    $locker->run("alter table away rename to \"t\xc3\xa9\"");
    my $then = batch($client, @bind);
    $locker->run("drop table \"t\xc3\xa9\"");
    is_deeply([ codes($first) ], ['42P01'], 'told that there is none');
    is_deeply($then->{rows}, [ ['8'] ], 'the statement is still there');
    $client->quit;
    return [ map { $_->{log} } $first, $then ];
});

# What comes behind the Bind in the same packet is passed over up to the Sync.
alike('a pipeline', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, lock_timeout => '200ms');
    lock_table();
    $client->write(@bind, Parse('', 'select 5'), @bind, Query('select 6'));
    my @all = map { $client->result } 1 .. 3;
    $locker->run('commit');
    is_deeply([ map { @$_ } map { @{ $_->{rows} } } @all ], [ 5, 6 ], 'the batches behind it are run');
    $client->quit;
    return [ map { $_->{log} } @all ];
});

# Longer than what the server reads at once.
alike('a long statement', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, lock_timeout => '200ms');
    is(batch($client, Parse('', 'select i' . ' ' x 20000 . 'from t'), Sync())->{types}, '1Z', 'another, longer');
    $other->run('select 1');
    lock_table();
    my @all = map { batch($client, @bind) } 1 .. 2;
    $locker->run('commit');
    push @all, batch($client, @bind);
    is_deeply([ map { codes($_) } @all ], [ '55P03', '55P03' ], 'told of the lock');
    is_deeply($all[2]{rows}, [ ['7'] ], 'and served when it is free');
    $client->quit;
    return [ map { $_->{log} } @all ];
});

# ---- it wants another one ----

alike('a Query that cannot be looked into', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, lock_timeout => '1h');
    lock_table();
    my $result = $client->query("select '\xc3\xa9'");
    my $gone = batch($client, @bind);
    my $parse = batch($client, Parse('', "select '\xc3\xa9' as e" . ' ' x 5000), @bind);
    $locker->run('commit');
    is_deeply($result->{rows}, [ ["\xc3\xa9"] ], 'answered, while the table is locked');
    is_deeply([ codes($gone) ], ['26000'], 'the statement is replaced');
    $client->quit;
    return [ map { $_->{log} } $result, $gone, $parse ];
});

alike('a cancel of such a Query', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled);
    lock_table();
    $client->write(Query("select '\xc3\xa9', pg_sleep(600)"));
    $pooler->poll_view("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", '1', 'it runs');
    $client->cancel;
    my $result = $client->result;
    $locker->run('commit');
    is_deeply([ codes($result) ], ['57014'], 'cancelled');
    $client->quit;
    return $result->{log};
});

# A message that the server cannot read replaces nothing.
alike('a Query that is no text', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled);
    my $bad = $client->query("select '\xff\xfe'");
    $other->run('select 1') if $pooled;
    my $then = batch($client, @bind);
    is_deeply([ codes($bad) ], ['22021'], 'refused');
    is_deeply($then->{rows}, [ ['7'] ], 'and the statement is still there');
    $client->quit;
    return [ map { $_->{log} } $bad, $then ];
});

# One that names its statements goes on without the unnamed one, but for a cancel.
alike('a named statement', sub {
    my ($pooled) = @_;
    my $client = prepared($pooled, lock_timeout => '200ms');
    lock_table();
    my $result = batch($client, Parse('named', 'select 9'), Bind('', 'named'), Execute(), Sync());
    $locker->run('commit');
    is_deeply($result->{rows}, [ ['9'] ], 'does not hear of the lock');
    $client->quit;
    return $result->{log};
});

my $client = prepared(1);
lock_table();
$client->write(Parse('named', 'select pg_sleep(600)'), Bind('', 'named'), Execute(), Sync());
await_lock();
$client->cancel;
is_deeply([ codes($client->result) ], ['57014'], 'a cancel that comes while it waits fails the batch');
$locker->run('commit');
is_deeply(batch($client, @bind)->{rows}, [ ['7'] ], 'and the statement is there');
is($client->value('select 3'), '3', 'the session goes on');

done_testing;
