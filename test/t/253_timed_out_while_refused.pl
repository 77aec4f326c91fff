# A role whose backends the server refuses is tried less and less often. Who waits for the next try for
# longer than pool_timeout hears why there is none, and not that a larger pool would help: it is not full.
use PoolerTest;

my $pooler = PoolerTest->new('refused', pools => 'main pool_size=4', conf => "pooler.pool_timeout = 2s\n",
    sql => join('', map { "create role $_ login connection limit 1;" } 'low', map { "secret$_" } 1 .. 12));
$pooler->sql("alter role secret$_ connection limit 0") foreach 1 .. 12;
my $client = $pooler->client('client', user => 'low');
$client->run('select 1');
$pooler->sql('alter role low connection limit 0');
$pooler->poll_view(q{select count(*) from pooler.backends where role = 'low'}, '0', 'a role has no backend any more');

my $error;
foreach my $try (1 .. 12)
{
    # what another role is refused for is not told
    my $secret = $pooler->client('secret', user => "secret$try", may_fail => 1);
    is($secret->{login}{errors}[0]{M}, qq{too many connections for role "secret$try"}, 'another role is refused, too');
    $error = $client->query('select 1')->{errors}[0];
    last if $error->{M} =~ /QueuePool/;
    is($error->{M}, 'too many connections for role "low"', 'the server refuses it one');
}
like($error->{M}, qr/^QueuePool limit of size 4 overflow 0 reached, connection timed out/, 'a client waits in vain for the next try');
is($error->{D}, 'Pool "main" has no backend for role "low": too many connections for role "low"', 'and hears why');
unlike($error->{H}, qr/pool_size|max_overflow/, 'a larger pool is not proposed');
done_testing;
