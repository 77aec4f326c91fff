# The server's tcp_* settings hold for pooler's clients.
use PoolerTest;

my $pooler = PoolerTest->new('keepalive', pools => 'main pool_size=1 timeout=60',
    conf => "tcp_keepalives_idle = 100\ntcp_keepalives_interval = 7\ntcp_keepalives_count = 3\ntcp_user_timeout = 1500\n");

# Seconds until the kernel asks whether this client is there: of the server's end.
sub keepalive_of
{
    my ($client) = @_;
    my $of = sprintf ':%04X \S+:%04X', $pooler->{port}, $client->{socket}->sockport;
    open my $table, '<', '/proc/net/tcp' or die $!;
    my ($timer) = map { /$of \S+ \S+ (\S+)/ ? $1 : () } <$table>;
    my ($kind, $when) = split /:/, $timer // '00:0';
    return $kind eq '02' ? hex($when) / 100 : undef;
}

my $idle = $pooler->client('idle');
$idle->run('select 1');
my $end = time + 10;
sleep 0.01 while !defined keepalive_of($idle) && time < $end;    # first its last answer is acknowledged
cmp_ok(keepalive_of($idle) // 0, '>', 80, 'tcp_keepalives_idle is the server\'s');
cmp_ok(keepalive_of($idle) // 7200, '<=', 100, 'and not the system\'s');

# tcp_user_timeout: who does not take his results is not waited for for ever.
my $deaf = $pooler->client('deaf');
$deaf->write(Query(q{select repeat('x', 1000000) from generate_series(1, 100)}));
$pooler->poll_view("select a.wait_event from pooler.clients as c join pg_stat_activity as a on a.pid = c.backend where c.application_name = 'deaf'", 'ClientWrite', 'one does not read');
$pooler->poll_view("select count(*) from pooler.clients where application_name = 'deaf'", '0', 'the kernel ends its connection');
is($idle->value('select 2'), '2', 'and the next one is served');

done_testing;
