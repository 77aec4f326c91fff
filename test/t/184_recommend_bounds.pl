# pooler.recommend() leaves room beside the application's connections and lowers no
# max_client_conn.
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

done_testing;
