# What a client is told of its settings when a backend takes it (they have
# changed in the file) reaches that client, and nobody else.
use PoolerTest;

my $pooler = PoolerTest->new('told', pools => 'main pool_size=1');
my $other = $pooler->client('other');
$other->run("set TimeZone = 'Asia/Tokyo'");
my @zones = map { "Europe/$_" } qw(Paris Rome Madrid Vienna Berlin Oslo Athens);
my $memory = 4096;

# A new TimeZone in the file. The only backend has read it, and the other
# client's settings are there.
sub new_zone
{
    my $zone = shift @zones;
    $memory++;
    $pooler->reconfigure("TimeZone = '$zone'\nwork_mem = ${memory}kB\n");
    my $end = time + 30;
    sleep 0.01 while $other->value('show work_mem') ne "${memory}kB" && time < $end;
    return $zone;
}
sub seen { my ($name, $count) = @_; return $pooler->poll_view("select coalesce(string_agg(checkouts || ' ' || state, ','), 'gone') from pooler.clients where application_name = 'told'", $count ? "$count idle" : 'gone', "$name: a backend has looked at it") }

# ---- who says nothing that is answered ----

my $stays = $pooler->client('told');
foreach ([ 'a Flush', Flush() ], [ 'a CopyDone that comes too late', CopyDone() ])
{
    my ($name, $bytes) = @$_;
    $stays->run('select 1');
    my $checkouts = $pooler->sql("select checkouts from pooler.clients where application_name = 'told'");
    my $zone = new_zone();
    $stays->write($bytes);
    seen($name, $checkouts + 1);
    is_deeply($other->run("select 'mine'")->{reported}, [], "$name: the next client of the backend does not hear of it");
    is_deeply($stays->run('select 1')->{reported}, ["TimeZone=$zone"], "$name: the one whom it concerns does");
}
$stays->quit;
seen('the first ones', 0);

foreach my $way (qw(quit vanish reset))
{
    my $leaver = $pooler->client('told');
    $leaver->run('select 1');
    new_zone();
    $leaver->$way;
    seen($way, 0);
    is_deeply($other->run("select 'mine'")->{reported}, [], "$way: the next client does not hear of it");
}
is($other->{parameters}{TimeZone}, 'Asia/Tokyo', 'the other client has heard of its own zone only');

# ---- whose unnamed statement is parsed anew ----

my $direct = $pooler->direct('direct');
foreach my $length (10, 70)
{
    my $client = $pooler->client('told');
    my $text = "select 'mine' as " . 'n' x $length;
    foreach ($client, $direct) { $_->write(Parse('', $text), Sync()); $_->result }
    $other->write(Parse('', "select 'other'"), Sync());
    $other->result;
    my $zone = new_zone();
    foreach ($client, $direct) { $_->write(Bind('', ''), Execute(), Sync()); $_->{last} = $_->result }
    # the news may come earlier here
    is_deeply([ sort @{ $client->{last}{log} } ], [ sort @{ $direct->{last}{log} } ], "a name of $length bytes: as by the server");
    is_deeply($client->{last}{reported}, ["TimeZone=$zone"], "a name of $length bytes: its client is told");
    $client->quit;
}
is_deeply($other->run("select 'mine'")->{reported}, [], 'the other client is told nothing');

done_testing;
