# What a startup packet may ask for: switches, names, libraries, another role;
# the server's own port is asked the same.
use PoolerTest;

my $long = 'n' x 63;
my $pooler = PoolerTest->new('startup', pools => 'main pool_size=2, *', conf => "listen_addresses = '127.0.0.1'\n",
    sql => qq{create role "$long" login; create role other; create role acts login in role other; create role acts_not login in role other; create database "d$long";});
my $node = $pooler->node;
my @ports = ($pooler->{port}, $node->port);
sub packet
{
    my ($port, @pairs) = @_;
    my $client = PoolerClient->connect(host => '127.0.0.1', port => $port);
    my $body = pack('N', 196608) . join('', map { "$_\0" } @pairs) . "\0";
    $client->write(pack('N', length($body) + 4) . $body);
    $client->{login} = $client->result;
    return $client;
}
sub both { my (@pairs) = @_; return map { packet($_, @pairs) } @ports }
sub said { my ($client) = @_; return join('; ', map { join(' / ', grep { defined } @$_{qw(S C M D)}) } @{ $client->{login}{errors} }) }
my @app = (user => 'app', database => 'main');

# ---- switches ----

foreach ([ '-c work_mem=5MB', '5MB' ], [ '-cwork_mem=6MB', '6MB' ], [ '--work_mem=7MB', '7MB' ],
    [ '--work-mem=8MB', '8MB' ], [ '  -c   work_mem=9MB  ', '9MB' ], [ '-c work_mem=1MB --work_mem=2MB', '2MB' ],
    [ '-c app.who=a\\ b -c work_mem=3MB', '3MB' ])
{
    my ($options, $value) = @$_;
    my ($pooled, $direct) = both(@app, options => $options);
    is($pooled->value('show work_mem'), $value, "\"$options\"");
    is($direct->value('show work_mem'), $value, 'as by the server');
    is($_->value('show app.who'), 'a b', 'an escaped space') foreach grep { $options =~ /who/ } $pooled, $direct;
    $_->quit foreach $pooled, $direct;
}
my ($client, $direct) = both(@app, work_mem => '4MB', options => '-c work_mem=2MB');
is($client->value('show work_mem'), $direct->value('show work_mem'), 'a parameter of the packet comes after them');
$_->quit foreach $client, $direct;

# Those that have a setting of the same meaning are not passed over.
foreach my $options ('-c', '-c work_mem', '--work_mem', '-cwork_mem', '-B 3', '-e', 'work_mem=3MB', '-c work_mem=3MB -e')
{
    my $refused = packet($ports[0], @app, options => $options);
    is(said($refused), "FATAL / 0A000 / unsupported switch in the connection's options", "\"$options\" is refused");
    is($refused->{login}{errors}[0]{H}, 'Pooler passes on -c name=value and --name=value.', 'with a hint');
}
foreach my $options ('-c work_mem=', '--no_such=1', '-c port=1', '-c =1')
{
    my ($pooled, $own) = both(@app, options => $options);
    is(said($pooled), said($own), "\"$options\": refused as by the server");
    isnt(said($pooled), '', 'with an error');
}

# ---- names ----

($client, $direct) = both(user => "${long}mmm", database => 'main');
is($_->value('select session_user'), $long, 'a longer name is cut off') foreach $client, $direct;
$_->quit foreach $client, $direct;
my $database = 'd' . substr($long, 1);
($client, $direct) = both(user => 'app', database => "d${long}mmm");
is($_->value('select current_database()'), $database, 'so is a database\'s') foreach $client, $direct;
is($pooler->sql("select database from pooler.pools where pool like 'd%'"), $database, 'and its pool has that name');
$_->quit foreach $client, $direct;
foreach ([ 'no user' => database => 'main' ], [ 'an empty user' => user => '', database => 'main' ],
    [ 'a database that does not exist' => user => 'app' ], [ 'an empty name of one' => user => 'app', database => '' ])
{
    my ($name, @pairs) = @$_;
    my ($pooled, $own) = both(@pairs);
    is(said($pooled), said($own), "$name: refused as by the server");
    like(said($pooled), qr/^FATAL/, 'with an error');
}

# A database that is called as the console comes first, where there is one.
like(said(packet($ports[0], user => 'app', database => 'pgbouncer')), qr/42501 .*console/, 'without a database of that name it is the console');
$pooler->sql('create database pgbouncer');
($client) = packet($ports[0], user => 'app', database => 'pgbouncer');
is($client->value('select current_database()'), 'pgbouncer', 'with one it is that one');
$client->quit;

# ---- libraries and roles to begin with ----

foreach my $options ('-c local_preload_libraries=no_such_library', '-c session_preload_libraries=no_such_library', '-c session_preload_libraries=')
{
    my ($pooled, $own) = both(@app, options => $options);
    is(said($pooled), said($own), "\"$options\": as by the server");
}
$pooler->sql("alter role acts set role = other; alter role acts_not set role = none");
sub backend_after
{
    my ($user, %options) = @_;
    my $first = $pooler->client("as $user", user => $user, %options);
    my @who = ($first->value('select current_user'), $first->value('select pg_backend_pid()'));
    my $pinned = $pooler->sql("select array_to_string(pinned_by, ',') from pooler.clients where application_name = 'as $user'");
    $first->quit;
    $pooler->poll_view("select count(*) from pooler.clients where application_name = 'as $user'", '0', "$user has left");
    return (@who, $pinned);
}
my ($who, $pid, $pinned) = backend_after('acts');
is($who, 'other', 'a role that starts as another');
is($pinned, 'session mode,startup options', 'has a backend of its own');
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'which is closed afterwards');
($who, $pid, $pinned) = backend_after('acts_not');
is("$who $pinned", 'acts_not ', 'one that starts as itself has not');
$pooler->poll_view("select state from pooler.backends where pid = $pid", 'idle', 'and the backend stays');
($who, $pid, $pinned) = backend_after('app', options => '-c local_preload_libraries=');
is($pinned, 'session mode,startup options', 'libraries of the packet, though none');
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'close the backend');

done_testing;
