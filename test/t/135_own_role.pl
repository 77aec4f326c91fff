# SET ROLE to the own role is a session's state like SET ROLE to another one,
# though it changes nobody's rights: current_setting('role') shows it.
use PoolerTest;

my $pooler = PoolerTest->new('own_role', pools => 'main pool_size=1 timeout=60, telehealth pool_size=2 timeout=60');

sub on { my ($name, $database) = @_; return $pooler->client($name, database => $database) }
sub pins { return "select pinned_by::text from pooler.clients where application_name = '$_[0]'" }

# Until all of these are answered or, the client being bound to its backend, all
# but one: that one waits for this backend.
sub answered_or_bound
{
    my (@others) = @_;
    my $end = time + 30;
    my $missing;
    do { $missing = grep { !$_->readable(0.01) } @others }
      until !$missing || ($missing == 1 && $pooler->sql(pins('own')) eq '{role}') || time > $end;
    return;
}

# ---- one backend for two clients ----

my ($own, $other, $direct) = (on('own', 'main'), on('other', 'main'), $pooler->direct('direct'));
foreach my $set ('set role app', "set role 'app'", "select set_config('role', 'app', false)", 'begin; set role app; commit')
{
    foreach my $client ($direct, $own)
    {
        my $way = $client == $direct ? 'direct' : 'pooled';
        $client->run($set);
        is($client->value('show role'), 'app', "$set, $way: it is the role");
    }
    $other->write(Query('show role'));
    answered_or_bound($other);
    my $served = $other->readable(0) ? $other->result : undef;
    is($own->value('show role'), 'app', "$set: it is still the role");
    is($own->value('select current_user'), 'app', "$set: and the user");
    foreach my $client ($direct, $own)
    {
        my $way = $client == $direct ? 'direct' : 'pooled';
        $client->run('reset role');
        is($client->value('show role'), 'none', "$set, $way: none after RESET ROLE");
    }
    $served //= $other->result;
    is($served->{rows}[0][0], 'none', "$set: the other client has none");
    is($other->value('show role'), 'none', "$set: and has none afterwards");
    $pooler->poll_view(pins('own'), '{}', "$set: after RESET ROLE it is bound to no backend");
}

# Who leaves takes it along; SET LOCAL ends with its transaction.
$own->run('set role app');
$own->quit;
is($other->value('show role'), 'none', 'it leaves: the next client has none');
$own = on('own', 'main');
$own->run('begin; set local role app; commit');
is($own->value('show role'), 'none', 'SET LOCAL ends with its transaction');
is($other->value('show role'), 'none', 'for the next client, too');
$own->quit;

# ---- two backends, and others hold what it does not have ----

$own = on('own', 'telehealth');
my @holders = map { on($_, 'telehealth') } qw(holder1 holder2);
$own->run('set role app');
my $pid = $own->value('select pg_backend_pid()');
is($own->value('show role'), 'app', 'with two backends: it is the role');
$_->write(Query('begin; select pg_backend_pid()')) foreach @holders;
answered_or_bound(@holders);
$own->write(Query('show role'));
my %held;
foreach my $holder (grep { $_->readable(0) } @holders)
{
    $held{$holder} = $holder->result->{rows}[0][0];
    $holder->run('commit') if $held{$holder} ne $pid;    # which leaves it to the client, if that is not bound to its own
}
is($own->result->{rows}[0][0], 'app', 'on any backend that it may have then');
foreach my $holder (@holders)
{
    my $held = $held{$holder} // $holder->result->{rows}[0][0];
    $holder->run('commit') if !defined $held{$holder} || $held eq $pid;
}
is($_->value('show role'), 'none', 'those others have none') foreach @holders;

done_testing;
