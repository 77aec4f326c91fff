# A server that had many files open before it started any process, as 18 has with io_uring: what a
# backend opens does not get the numbers of its clients' sockets, nor they those of its files.
use PoolerTest;

my $pooler = PoolerTest->new('inherited', pools => 'main pool_size=1',
    conf => "max_files_per_process = 1000\npooler.pool_timeout = 60s\n");
my $tables = 1100;
$pooler->direct('creates')->run("set client_min_messages = error; do 'begin for i in 1 .. $tables loop execute format(''create table t%s (i int)'', i); end loop; end'");

$pooler->stop('fast');
{
    # the postmaster's, and so of all its children
    local $^F = 10_000;
    my @files = map { open(my $file, '<', '/dev/null') or die $!; $file } 1 .. 300;
    my $node = $pooler->node;
    PostgreSQL::Test::Utils::system_or_bail('sh', '-c', 'ulimit -S -n 4000 && exec pg_ctl -w -D "$0" -l "$1" -o "--cluster-name=$2" start', $node->data_dir, $node->logfile, $node->name);
    $node->_update_pid(1);
}
$pooler->await_open;
$pooler->new_log;

# More tables than it may have files, so that it opens as many as it may.
my $opens = "do 'begin for i in 1 .. $tables loop execute format(''select from t%s'', i); end loop; end'";
my $one = $pooler->client('one');
is($one->sqlstate($opens), '', 'all tables');
my $pid = $one->value('select pg_backend_pid()');
my $other = $pooler->client('other');
is($other->value('select pg_backend_pid()'), $pid, 'another client of that backend');
foreach my $round (1 .. 2)
{
    is($one->sqlstate($opens), '', "round $round: all tables again");
    $other->write(PoolerClient::Query('select pg_backend_pid()'));
    ok($other->readable(30), "round $round: the other one is heard");
    is($other->result->{rows}[0][0], $pid, "round $round: by the same backend");
}
unlike($pooler->new_log, qr/could not|FATAL|PANIC/, 'nothing of it is in the log');

done_testing;
