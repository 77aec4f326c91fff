# Roles whose clients have a backend of their own each (libraries, another role to
# start as) are in session mode: they wait for one as such clients do.
use PoolerTest;

my $pooler = PoolerTest->new('own_backends', pools => 'main pool_size=2 max_overflow=0',
    conf => "pooler.pool_timeout = 1s\npooler.max_pinned = 1\n",
    sql => q{create role loads login; create role acts login in role app;
        alter role loads set session_preload_libraries = 'fuzzystrmatch'; alter role acts set role = app;});

foreach my $user (qw(loads acts))
{
    my @clients = map { $pooler->client("$user $_", user => $user) } 1 .. 2;
    is($_->value('select session_user'), $user, "$user: served") foreach @clients;
    is($pooler->sql("select string_agg(distinct mode, ' ') from pooler.clients where role = '$user'"), 'session', "$user: in session mode");
    my $third = $pooler->client('third', user => $user, may_fail => 1);
    like($third->{login}{errors}[0]{M}, qr/^QueuePool limit of size 2 overflow 0 reached/, "$user: the third one waits, and is told why");
    my $waits = $pooler->connect;
    $waits->write(PoolerClient::startup(user => $user, database => 'main', application_name => 'waits'));
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'waits'", '1', "$user: another waits");
    $clients[0]->quit;
    is($waits->result->{status}, 'I', "$user: and gets the place of one that leaves");
    $_->quit foreach $clients[1], $waits;
    $pooler->poll_view("select clients from pooler.worker", '0', "$user: all have left");
}

done_testing;
