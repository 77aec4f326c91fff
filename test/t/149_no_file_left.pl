# A worker that has no file left for another connection says so and waits: it
# does not use up a processor, and lets the connection in when there is one again.
use PoolerTest;
use MetricsClient;
use POSIX ();

my $metrics = PostgreSQL::Test::Cluster::get_free_port();
my $pooler = PoolerTest->new('files', pools => 'main pool_size=1', conf => "pooler.metrics_port = $metrics\npooler.metrics_addresses = '127.0.0.1'\n");
my $old = $pooler->client('old');
$old->run('select 1');
my $worker = $pooler->worker_pid;
my ($allowed) = slurp_file("/proc/$worker/limits") =~ /^Max open files\s+(\d+)/m;

sub limit { return system('prlimit', "--pid=$worker", "--nofile=$_[0]:") == 0 }

# Seconds of processor time.
sub used
{
    my @fields = split ' ', slurp_file("/proc/$worker/stat") =~ s/^.*\) //sr;
    return ($fields[11] + $fields[12]) / POSIX::sysconf(&POSIX::_SC_CLK_TCK);
}

# Its lowest number that no file has; those that come and go do not count.
sub lowest
{
    my $lowest = 1 << 20;
    for (1 .. 50)
    {
        my ($free, %used) = (0, map { m!/(\d+)$! ? ($1 => 1) : () } glob("/proc/$worker/fd/*"));
        $free++ while $used{$free};
        $lowest = $free if $free < $lowest;
        sleep 0.01;
    }
    return $lowest;
}

foreach my $case ([ 'a client', sub { my $c = $pooler->connect; $c->write(PoolerClient::startup(user => 'app', database => 'main', application_name => 'new')); return $c },
        sub { my $result = $_[0]->result; return $result->{status} || $result->{errors}[0]{M} }, qr/^(I|pooler could not open another connection)$/ ],
    [ 'a request for metrics', sub { my $s = MetricsClient->new($metrics)->connect; $s->syswrite("GET /live HTTP/1.0\r\n\r\n"); return $s },
        sub { my $answer = MetricsClient->new($metrics)->answer($_[0]); return $answer && $answer->{status} }, qr/^200$/ ])
{
    my ($name, $come, $answer, $expected) = @$case;
    $pooler->new_log;
    ok(limit(lowest()), "$name: no file is left for it");
    my $comes = $come->();
    my $before = used();
    sleep 1;
    cmp_ok(used() - $before, '<', 0.3, "$name: the worker waits");
    is($old->value('select 2'), '2', "$name: others are served");
    my $log = $pooler->new_log;
    my @said = $log =~ /LOG:  .*accept.*: Too many open files/g;
    ok(@said >= 1 && @said <= 20, "$name: the log says so, now and then") or note scalar(@said) . " lines:\n$log";
    is($pooler->worker_pid, $worker, "$name: the worker is the one it was");
    ok(limit($allowed), "$name: there are files again");
    # its own number may lie above the limit while a low one is there for accept()
    like($answer->($comes), $expected, "$name: it is let in, or refused in words");
}

done_testing;
