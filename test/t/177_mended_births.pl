# What kept a role out of its backends is mended: its clients are served at once,
# however often it has been tried in vain. And a pool that needs no backend takes
# none from others.
use PoolerTest;

my $pooler = PoolerTest->new('mended', pools => 'main, telehealth, fire, hems', conf => "pooler.pool_size = 1\npooler.pool_timeout = 5s\n",
    sql => join(' ', map { "create role r$_ login;" } 1 .. 4));

# Each role in a pool of its own. A NOLOGIN is told from its second failure on.
my @cases = (
    { name => 'NOLOGIN', role => 'r1', pool => 'main', breaks => 'alter role r1 nologin', mends => 'alter role r1 login', code => '28000', failed => 1 },
    { name => 'no CONNECT', role => 'r2', pool => 'telehealth', breaks => 'revoke connect on database telehealth from public', mends => 'grant connect on database telehealth to r2', code => '42501' },
    { name => 'CONNECTION LIMIT', role => 'r3', pool => 'fire', breaks => 'alter role r3 connection limit 1', mends => 'alter role r3 connection limit -1', code => '53300', direct => 1 },
    { name => 'its direct sessions', role => 'r4', pool => 'hems', breaks => 'alter role r4 connection limit 1', code => '53300', direct => 1 });
foreach my $case (@cases)
{
    my %as = (user => $case->{role}, database => $case->{pool});
    $case->{direct} = $pooler->direct('direct', %as) if $case->{direct};
    $case->{$_} = $pooler->client($_, %as) foreach qw(asks waits);
    $case->{$_}->run('select 1') foreach qw(asks waits);
    $pooler->sql($case->{breaks});
    $pooler->sql("select pg_terminate_backend(pid) from pooler.backends where role = '$case->{role}'");
}
$pooler->poll_view('select count(*) from pooler.backends where role is not null', '0', 'no role has a backend');

# Eight births of each, while its client keeps asking.
my $end = time + 60;
$_->{failed} //= 0 foreach @cases;
$_->{asks}->write(Query('select 1')) foreach @cases;
while (time < $end && grep { $_->{failed} < 8 } @cases)
{
    foreach my $case (grep { $_->{failed} < 8 && $_->{asks}->readable(0) } @cases)
    {
        my $error = $case->{asks}->result->{errors}[0];
        $case->{failed}++ if $error && $error->{C} eq $case->{code} && $error->{M} !~ /QueuePool/;
        $case->{asks}->write(Query('select 1')) if $case->{failed} < 8;
    }
    sleep 0.01;
}
is($_->{failed}, 8, "$_->{name}: eight births failed") foreach @cases;

# Who waits already, and who asks now.
sub mended
{
    my ($mend, @mended) = @_;
    $_->{waits}->write(Query('select 2')) foreach @mended;
    $mend->();
    $_->{asks}->write(Query('select 2')) foreach @mended;
    my $end = time + 2;
    foreach my $case (@mended)
    {
        foreach (qw(asks waits))
        {
            my $left = $end - time;
            my $result = $case->{$_}->readable($left > 0 ? $left : 0) ? $case->{$_}->result : undef;
            is($result ? $result->{rows}[0][0] // $result->{errors}[0]{M} : 'nothing within 2 s', '2', "$case->{name}, mended: who $_ is answered at once");
        }
    }
    return;
}

mended(sub { $pooler->sql($_->{mends}) foreach @cases[ 0 .. 2 ] }, @cases[ 0 .. 2 ]);
$cases[3]{direct}->quit;
$pooler->poll_view("select count(*) from pg_stat_activity where usename = 'r4'", '0', 'a direct session ends');
mended(sub { $pooler->node->reload }, $cases[3]);

# ---- a pool that needs none ----

$pooler->stop('immediate');
$pooler = PoolerTest->new('needs_none', pools => 'main pool_size=0, telehealth pool_size=3', conf => "max_connections = 12\n");
sub backends { return $pooler->sql("select string_agg(pid::text, ' ' order by pid) from pooler.backends where pool = 'telehealth' and state <> 'leaving'") }
my $before = backends();

# Ordinary ones get all but what is reserved for superusers.
my @direct;
while (@direct < 12)
{
    my $client = $pooler->direct('direct', may_fail => 1);
    last if $client->{login}{status} ne 'I';
    push @direct, $client;
}
is(scalar @direct, 5, 'direct clients fill the server');
my $since = $pooler->sql('select now()');
$pooler->poll_view("select count(*) >= 2 from pooler.history where pool = 'telehealth' and at > '$since'", 't', 'two seconds go by');
is(backends(), $before, 'the other pool keeps its backends for one that nobody uses');
is($pooler->client('first')->value('select 1'), '1', 'who needs one gets it');

done_testing;
