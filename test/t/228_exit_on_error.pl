# exit_on_error is each client's own, as any setting is: what makes an error
# between two clients a backend's end is not that setting's business.
use PoolerTest;

my $pooler = PoolerTest->new('exit_on_error', pools => "main pool_size=1 max_overflow=0, telehealth pool_size=1 max_overflow=0 mode=session",
    sql => 'create role strict login; alter role strict set exit_on_error = on;');

# What it hears of an error, and of a statement behind it.
sub after_error
{
    my ($client) = @_;
    my $error = $client->query('select 1/0');
    return join ' ', (map { "$_->{S} $_->{C}" } @{ $error->{errors} }),
        $error->{eof} ? 'end' : $client->value("select 'goes on'");
}

foreach my $database (qw(main telehealth))
{
    my $own = $pooler->client('own', database => $database);
    $own->run('set exit_on_error = on');
    $own->quit;
    my $other = $pooler->client('other', database => $database);
    is($other->value('show exit_on_error'), 'off', "$database: another client has not got it");
    is(after_error($other), 'ERROR 22012 goes on', "$database: nor does an error end its session");
    $other->quit;

    my $vanishes = $pooler->client('vanishes', database => $database);
    $vanishes->run('begin; set local exit_on_error = on');
    $vanishes->vanish;
    $other = $pooler->client('after', database => $database);
    is(after_error($other), 'ERROR 22012 goes on', "$database: nor where a transaction's was left");
    $other->quit;
}

# ---- its owner has it on each backend ----

# Asks for one client's error when another has had the backend.
sub own_error
{
    my ($client, $name) = @_;
    my $other = $pooler->client('between');
    is(after_error($other), 'ERROR 22012 goes on', "$name: not the other's");
    is($client->value('show exit_on_error'), 'on', "$name: still its own");
    $other->run('select 1');
    is(after_error($client), 'FATAL 22012 end', "$name: with its effect");
    $other->quit;
    return;
}
my $set = $pooler->client('set');
$set->run('set exit_on_error = on');
own_error($set, 'SET');
own_error($pooler->client('option', options => '-c exit_on_error=on'), 'a startup option');
own_error($pooler->client('role', user => 'strict'), "a role's");

my $reset = $pooler->client('reset', options => '-c exit_on_error=on');
$reset->run('set exit_on_error = off');
$pooler->client('between')->run('select 1');
is(after_error($reset), 'ERROR 22012 goes on', 'set to off over an option');
$pooler->client('between')->run('select 1');
is($reset->value('show exit_on_error'), 'off', 'and it stays so');
$reset->run('reset exit_on_error');
own_error($reset, 'RESET');

# A reload that an idle backend reads.
my $reads = $pooler->client('reads');
my $pid = $reads->value('select pg_backend_pid()');
$pooler->reconfigure("exit_on_error = on\n");
$pooler->poll_view('show exit_on_error', 'on', 'the file says on');
is($reads->value('show exit_on_error'), 'on', 'a client of the pool hears of it');
is($reads->value('select pg_backend_pid()'), $pid, 'on the same backend');
is(after_error($reads), 'FATAL 22012 end', 'with its effect');

done_testing;
