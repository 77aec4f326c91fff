# pooler.recommend() leaves room beside the application's connections, lowers no max_client_conn, and
# prints no statement that the server refuses; figures too large for pooler.plan() are an error.
use PoolerTest;

my $pooler = PoolerTest->new('recommend_bounds', pools => 'main', conf => "pooler.max_client_conn = 300\n");
my $admin = $pooler->direct('bounds', user => scalar getpwuid($<), database => 'postgres');

# Value and note of a parameter, for this deployment.
sub advice
{
    my ($parameter, $deployment, $column) = @_;
    return $admin->value("select $column from pooler.recommend($deployment) where parameter = '$parameter'");
}
sub clients { my ($deployment) = @_; return advice('max_client_conn', $deployment, 'value') }

is(clients('500, 4, 4, 0'), '960', 'all connections of the application');
is(clients('500, 4, 4, 0.25'), '1200', 'and as many more as the buffer says');
is(clients('5, 1, 4'), '300', 'a limit that suffices is not lowered');
like(advice('max_client_conn', '5, 1, 4', 'note'), qr/^72 would do/, 'which the note says');
is(advice('max_client_conn', '500, 4, 4', 'note'), undef, 'there is none where it is raised');

# The server takes each statement of a huge deployment.
my $huge = '5000, 262143, 3000, 0.2';
my $refused = sub { my ($deployment) = @_; return join '; ', map { my $e = $admin->query($_->[0])->{errors}; @$e ? $e->[0]{M} : () }
      @{ $admin->run("select statement from pooler.recommend($deployment) where statement is not null")->{rows} } };
foreach my $deployment ('5000, 262144, 1, 0', '5000, 20, 3000, 0', '5000, 1000, 10', '1, 1, 2147483, 0')
{
    is($refused->($deployment), '', "recommend($deployment): the server takes all of it");
    $admin->run('alter system reset all');
}
is(advice('max_client_conn', '5000, 1000, 10', 'value'), '262143', 'no more than there can be');
like(advice('max_client_conn', '5000, 1000, 10', 'note'), qr/^The deployment asks for 1200000, the server takes at most 262143/, 'which the note says');
my $most = advice('max_connections', '5000, 1, 3000', 'value');
ok($most > 260_000 && $most < 262_143, "nor than max_connections can be, other processes aside: $most");
is(advice('max_connections', '5000, 1, 3000', 'note'), "The deployment asks for 360000, the server takes at most $most.", 'and its note');
is($admin->sqlstate("select * from pooler.recommend($huge)"), '22003', 'what exceeds an integer is an error');

# Memory of a plan.
sub plan { my ($arguments) = @_; return "select string_agg(concat_ws(' ', way, memory_idle, memory_busy), ', ') from pooler.plan($arguments)" }
is($admin->value(plan(q{1, 1, 1, 0, 100, 0, '0', '1TB'})), 'direct 1099511627776 1099511627776, pooler 1099511627776 1099511627776', 'a terabyte');
is($admin->sqlstate(plan(q{1, 2147483647, 1, 0, 100, 0, '0', '1TB'})), '22003', 'too many of them at rest');
is($admin->sqlstate(plan(q{1, 8388608, 1, 0, 100, 0, '0', '1TB'})), '22003', 'one too many');
is($admin->sqlstate(plan(q{1, 8388607, 1, 0, 100, 0, '0', '1TB'})), '', 'one less');
is($admin->sqlstate(plan(q{1, 8388607, 1, 0, 100, 0, '1TB', '1TB'})), '22003', 'nor with a statement each');
is($admin->sqlstate(plan(q{8388608, 1, 1, 0, 100, 0, '0', '1TB'})), '22003', 'nor of all servers');

done_testing;
