# unix_socket_directories means to pooler what it means to the server: quotes, blanks,
# a directory relative to the data directory, an abstract name, one without its socket.
# Backends are opened by the first socket that the server could make; clients come by
# pooler's own, in the same directories.
use PoolerTest;
use Cwd ();

my $pooler = PoolerTest->new('dirs', pools => 'main pool_size=1 timeout=1');
my $node = $pooler->node;
my ($own, $other) = ($node->host, PostgreSQL::Test::Utils::tempdir_short());
my $abstract = "\@pooler-test-$$-" . $node->port;
my $data = Cwd::abs_path($node->data_dir);
# In the first one a folder has the name of the server's socket.
my $taken = PostgreSQL::Test::Utils::tempdir_short();
mkdir $_ or die "$_: $!" foreach "$data/../near", "$taken/.s.PGSQL." . $node->port;

sub opens
{
    my ($name, $setting, @hosts) = @_;
    $node->append_conf('postgresql.conf', "unix_socket_directories = '$setting'\n");
    $pooler->stop('fast');
    $pooler->start_server;
    $pooler->poll_view("select state from pooler.pools", 'open', "$name: the pool opens");
    foreach my $host (@hosts)
    {
        my ($code, $out, $error) = $pooler->psql("host='$host'", 'select 1');
        is($code == 0 ? $out : $error, '1', "$name: a client by pooler's socket in $host");
    }
    return;
}

opens('quoted', "\"$own\"", $own);
opens('two with blanks around', " $own , $other ", $own, $other);
opens('relative', "., \"$own\"", $data, $own);
opens('relative, above', "../near, $own", "$data/../near", $own);
opens('none in the first', "$taken, $own", $taken, $own);
opens('abstract', "$abstract, $own", $abstract, $own);

# Without any socket of the server's nothing can be opened, and that is said.
$node->append_conf('postgresql.conf', "unix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n");
$pooler->stop('fast');
$pooler->start_server;
$node->{_host} = '127.0.0.1';
$pooler->poll_view("select state, last_error ~ 'unix_socket_directories' from pooler.pools", 'unavailable|t', 'no socket: why no pool opens');

done_testing;
