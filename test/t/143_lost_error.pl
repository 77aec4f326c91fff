# Where the error that a waiting client is owed cannot be sent, or not wholly, its
# connection ends: it never hears of a batch's end alone, nor half an error and
# then something else. Runs on the library with injection (test/inject/inject.c).
use PoolerTest;

my $pooler = PoolerTest->new('lost_error', injected => 1, pools => 'main pool_size=1',
    conf => "pooler.pool_timeout = 0.3\npooler.wait_notice = -1\nrestart_after_crash = off\n");
my $holder = $pooler->client('holder');
my @batch = (Parse('', 'select 1'), Bind('', ''), Execute());

# All that comes up to the end or for a moment: whole messages' types, 'half' for
# what is no whole one, 'end' for the connection's.
sub heard
{
    my ($client) = @_;
    my $bytes = '';
    my $end;
    $end = !sysread($client->{socket}, $bytes, 65536, length $bytes)
      while !$end && IO::Select->new($client->{socket})->can_read($bytes =~ /^E.*Z\x00{3}\x05I\z/s ? 0.1 : 1);
    my $types = '';
    $types .= substr(substr($bytes, 0, 1 + unpack('x N', $bytes), ''), 0, 1)
      while length $bytes >= 5 && length $bytes > unpack('x N', $bytes);
    return join(' ', $types || (), length $bytes ? $bytes =~ /Z\x00{3}\x05I/ ? 'half Z' : 'half' : (), $end ? 'end' : ());
}

foreach my $kind (qw(EAGAIN short))
{
    foreach my $way ('a whole batch', 'half a batch')
    {
        my $name = "$way, $kind";
        my $client = $pooler->client('client');
        my $timeouts = $pooler->sql('select timeouts from pooler.pools');
        $holder->run('begin');
        $pooler->inject('worker-send', $kind);
        $client->write(@batch, $way eq 'half a batch' ? () : Sync());
        $pooler->poll_view("select timeouts > $timeouts from pooler.pools", 't', "$name: its time is up");
        ok($pooler->met('worker-send'), "$name: the error cannot be sent");
        $client->write(Sync()) if $way eq 'half a batch';
        like(heard($client), qr/^(EZ|E end|half end|end)$/, "$name: an error or the connection's end, and nothing else");
        $holder->run('commit');
        $client->vanish;
        $pooler->poll_view("select count(*) from pooler.clients where application_name = 'client'", '0', "$name: it leaves");
        is($holder->value('select 2'), '2', "$name: others go on");
    }
}
unlike(slurp_file($pooler->node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nobody crashed');

done_testing;
