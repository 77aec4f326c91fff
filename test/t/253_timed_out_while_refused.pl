# A role whose backends the server refuses is tried less and less often. Who waits for the next try for
# longer than pool_timeout hears why there is none, and not that a larger pool would help: it is not full.
use PoolerTest;

my $pooler = PoolerTest->new('refused', pools => 'main pool_size=4', conf => "pooler.pool_timeout = 2s\n",
    sql => 'create role low login connection limit 1;');
my $client = $pooler->client('client', user => 'low');
$client->run('select 1');
$pooler->sql('alter role low connection limit 0');
$pooler->poll_view(q{select count(*) from pooler.backends where role = 'low'}, '0', 'a role has no backend any more');

my $error;
foreach (1 .. 12)
{
    $error = $client->query('select 1')->{errors}[0];
    last if $error->{M} =~ /QueuePool/;
    is($error->{M}, 'too many connections for role "low"', 'the server refuses it one');
}
like($error->{M}, qr/^QueuePool limit of size 4 overflow 0 reached, connection timed out/, 'a client waits in vain for the next try');
is($error->{D}, 'Pool "main" has no backend for role "low": too many connections for role "low"', 'and hears why');
unlike($error->{H}, qr/pool_size|max_overflow/, 'a larger pool is not proposed');
done_testing;
