# A client's unnamed statement is not run as another client's of the same text
# that was analysed anew under settings of its transaction.
use PoolerTest;

my $pooler = PoolerTest->new('unnamed_local', pools => 'main pool_size=1');
my ($ddl, $fill) = ($pooler->direct('ddl'), 50);
$ddl->run('create table t as select 1 as i; create table u ()');
my $day = "select '01/02/2026'::date from t";
sub prepare { my ($client) = @_; $client->write(Parse('', $day), Sync()); return $client->result }
sub bind_it { my ($client) = @_; $client->write(Bind('', ''), Execute(), Sync()); return $client->result }

# In one batch, everything bound before anything is executed: the statement is
# parsed under the client's own settings, and analysed anew under local ones,
# for what was done beside it or by this portal: a session hears of another's
# changes when it locks a table.
sub analysed_anew
{
    my ($client, $portal, $beside) = @_;
    my %text = (begin => 'begin', local => "set local DateStyle = 'ISO, DMY'", anew => $portal, end => 'commit');
    $client->write((map { (Parse('', $text{$_}), Bind($_, '')) } qw(begin local anew end)),
        Parse('', $day), Flush());
    $client->result('1') foreach 1 .. 5;
    $client->write(Execute('begin'), Execute('local'), Flush());
    $client->result('C') foreach 1 .. 2;
    $beside->();
    $client->write(Execute('anew'), Bind('', ''), Execute(), Execute('end'), Sync());
    return $client->result;
}

foreach ([ 'plans forgotten', 'discard plans', sub { } ],
    [ 'a table changed by another session', 'lock table u', sub { $ddl->run('alter table t set (fillfactor = ' . $fill++ . ')') } ])
{
    my ($name, $portal, $beside) = @$_;
    my ($own, $other) = map { $pooler->client('same') } 1 .. 2;
    $_->run('select 1') foreach $own, $other;
    is(prepare($own)->{types}, '1Z', "$name: prepared by one client");
    my ($direct, $pooled) = map { analysed_anew($_, $portal, $beside) } $pooler->direct('same'), $other;
    is_deeply($pooled->{rows}, [ ['2026-02-01'] ], "$name: another has it in its transaction's settings");
    is_deeply($pooled->{log}, $direct->{log}, "$name: as by the server");
    is_deeply(bind_it($own)->{rows}, [ ['2026-01-02'] ], "$name: the one client's is in its own");
    $_->quit foreach $own, $other;
}

done_testing;
