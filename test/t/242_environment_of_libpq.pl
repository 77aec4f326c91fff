# A server that was started with somebody's settings for libpq opens its backends all the same: also
# with those that came with a later libpq than the server's.
use PoolerTest;

my $pooler = PoolerTest->new('environment', pools => 'main');
{
    # none of these goes together with what the worker asks for, or with a server before 18
    local @ENV{qw(PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION PGSSLNEGOTIATION PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION)} =
      qw(TLSv1.3 TLSv1.2 direct 3.2 latest);
    local @ENV{qw(PGHOST PGHOSTADDR PGPORT PGUSER PGOPTIONS PGSERVICE PGREQUIREAUTH PGTARGETSESSIONATTRS)} =
      qw(/nowhere 192.0.2.1 1 nobody -cx.y=1 none scram-sha-256 standby);
    $pooler->restart;
}
is($pooler->sql('select state, backends, last_error from pooler.pools'), 'open|2|', 'the pool is open');
is($pooler->client('app')->value("select current_setting('x.y', true)"), undef, 'and nothing of it reaches a client');

done_testing;
