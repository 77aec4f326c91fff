# What the console refuses, and how: settings, names, formats, functions, too
# much at once. Who does not read its answers is cut, who is idle too long is
# told so. SHOW USERS, and clients of a Unix socket.
use PoolerTest;

my $pooler = PoolerTest->new('refusals', pools => 'main, fire',
    conf => "pooler.client_read_timeout = 1s\n",
    sql => 'create role monitor login in role pg_monitor; create role bob login;');
sub console { my (%options) = @_; return $pooler->client('console', user => 'monitor', database => 'pgbouncer', %options) }
my $console = console();
my $consoles = q{select count(*) from pooler.clients where state = 'console'};

# SHOW USERS: a role's clients and backends of all pools.
my @clients = ((map { $pooler->client("app $_", database => $_) } qw(main main fire)), $pooler->client('bob', user => 'bob'));
$_->run('select 1') foreach @clients;
my $users = q{select string_agg(role || '|||NULL|0|' || b || '|0|' || c, ' ' order by role)
    from (select role, sum(backends) as b, sum(clients) as c from pooler.routes group by role) as r};
$pooler->poll_view(q{select count(*) from pooler.backends where state = 'idle' and role is not null}, '3', 'backends of two roles');
$console->write(Query('SHOW USERS'));
my (undef, $head) = $console->message;
is(join(' ', unpack('x2 (Z* x18)*', $head)), 'name pool_size reserve_pool_size pool_mode max_user_connections current_connections '
      . 'max_user_client_connections current_client_connections', 'the columns of SHOW USERS are those of PgBouncer 1.24');
is(join(' ', sort map { join '|', map { $_ // 'NULL' } @$_ } @{ $console->result->{rows} }), $pooler->sql($users), 'its rows add up with the views');
like($pooler->sql($users), qr/^app\S+\|2\|0\|3 bob\S+\|1\|0\|1$/, 'of two pools');

# A client that has come by a Unix socket.
my $local = PoolerClient->new(host => $pooler->node->host, port => $pooler->{port}, user => 'app', database => 'main', application_name => 'local');
my ($row) = grep { $_->[18] eq 'local' } @{ $console->run('SHOW CLIENTS')->{rows} };
is("@$row[5 .. 8]", "unix $pooler->{port} unix $pooler->{port}", 'SHOW CLIENTS: a Unix socket');
$_->quit foreach @clients, $local;

# Settings, commands, nonsense.
sub refusal { my ($sql) = @_; my $result = $console->query($sql); return ($result->{types}, @{ $result->{errors} } ? $result->{errors}[0] : {}) }
my ($types, $error) = refusal('set work_mem = 1');
is("$types $error->{C} $error->{M}", 'EZ 0A000 the console cannot change settings', 'SET of a setting of the server');
like($error->{H}, qr/^Use ALTER SYSTEM SET pooler\.\.\. and SELECT pg_reload_conf\(\)/, 'and what to do instead');
my %instead = (shutdown => qr/^pooler ends with the server\.$/, reload => qr/^Use SELECT pg_reload_conf\(\)/,
    'kill_client 1' => qr/^Use SELECT pooler\.terminate_client\(id\)/, 'pause main' => qr/^Use ALTER SYSTEM SET pooler\.pools/);
foreach my $command (sort keys %instead)
{
    ($types, $error) = refusal($command);
    is($error->{C}, '0A000', "$command is refused");
    like($error->{H}, $instead{$command}, 'with what to do instead');
}
($types, $error) = refusal("sh\xf6w \x01 pools");
is("$types $error->{C} $error->{M}", "EZ 08P01 invalid command 'sh?w ? pools', use SHOW HELP;", 'what may be no text is not said again');
is((refusal('SHOW STATE; set work_mem = 1; SHOW STATE'))[0], 'TDDDCEZ', 'nothing is answered behind what is refused');
$console->write(Parse('', 'set work_mem = 1'), Bind('', ''), Execute(), Sync());
is($console->result->{types}, 'EZ', 'nor in the extended protocol');
$console->write(PoolerClient::message_bytes('F', pack('N n n n', 1, 0, 0, 0)));
my $result = $console->result;
is("$result->{types} $result->{errors}[0]{C} $result->{errors}[0]{M}", 'EZ 0A000 the console has no functions', 'a function call');

# One query may not make the worker hold all the memory that its client wants.
my $too_much = 'SHOW CONFIG;' x 1300;
$result = $console->query($too_much);
is("$result->{errors}[0]{C} $result->{errors}[0]{M}", '54000 too many statements in one query', 'too many statements');
my $answered = @{ $result->{tags} };
cmp_ok($answered, '>', 1, 'some of them are answered');
cmp_ok($answered, '<', 1300, 'not all');
is($console->query($too_much)->{types}, $result->{types}, 'the console goes on, as before');

# Names of statements and portals.
sub is_error
{
    my ($code, $name, @messages) = @_;
    $console->write(@messages, Sync());
    my $got = $console->result;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($got->{types} =~ s/[^E]//gr . ($got->{errors}[0] // { C => '' })->{C}, $code ? "E$code" : '', $name);
}
sub bind_with { my ($portal, $statement, @formats) = @_; return PoolerClient::message_bytes('B', pack('Z* Z* n n n n*', $portal, $statement, 0, 0, scalar @formats, @formats)) }
is_error('', 'a statement', Parse('s', 'SHOW STATE'));
is_error('42P05', 'its name is in use', Parse('s', 'SHOW STATE'));
is_error('', 'the unnamed one may be replaced', Parse('', 'SHOW STATE'), Parse('', 'SHOW VERSION'));
is_error('42P03', "a portal's name is in use", Bind('p', 's'), Bind('p', 's'));
is_error('26000', 'Bind of a statement that is not there', Bind('', 'other'));
is_error('08P01', 'Bind with a parameter', Bind('', 's', 1));
is_error('34000', 'Execute of a portal that is not there', Execute('other'));
is_error('34000', 'Describe of one', Describe('P', 's'));
is_error('26000', 'Describe of a statement that is not there', Describe('S', 'other'));
is_error('', 'Close of one is no error', Close('S', 'other'), Close('P', 'other'));
is_error('53400', 'a name that is too long', Parse('x' x 64, 'SHOW STATE'));
my $room = 0;
$room++ while $room < 1000 && do { $console->write(Parse("more $room", 'SHOW STATE'), Sync()); $console->result->{types} eq '1Z' };
cmp_ok($room, '<', 1000, 'a session has a limit of statements');
is_error('53400', 'beyond it there is no other', Parse('another', 'SHOW STATE'));
is_error('', 'but in the place of one that is closed', Close('S', 'more 0'), Parse('another', 'SHOW STATE'));

# Formats of results: none, one for all, or one for each column.
is_error('', "formats: @$_", bind_with('', 's', @$_)) foreach [], [1], [ 0, 1 ];
is_error('08P01', "formats: @$_", bind_with('', 's', @$_)) foreach [2], [ 0, 0, 0 ], [ 0, 7 ];
is_error('08P01', 'formats: fewer than none', PoolerClient::message_bytes('B', pack('Z* Z* n n n', '', 's', 0, 0, 0xffff)));
is_error('08P01', 'formats: one for some of the columns', Close('S', 'more 1'), Parse('pools', 'SHOW POOLS'), bind_with('', 'pools', 0, 1));
is_error('34000', 'there is no portal then', Execute());

# What is no message ends the connection.
sub is_cut { my ($name, @bytes) = @_; my $c = console(); $c->write(@bytes); my $r = $c->result; is(join(' ', $r->{eof}, map { $_->{C} } @{ $r->{errors} }), '1 08P01', $name); return }
is_cut('Describe of neither a statement nor a portal', Describe('X', ''));
is_cut('Close of neither', Close('X', ''));
is_cut('Describe that ends early', PoolerClient::message_bytes('D', ''));
is_cut('Parse that ends early', PoolerClient::message_bytes('P', "s\0SHOW"));
is_cut('Bind without its formats', Parse('', 'SHOW STATE'), PoolerClient::message_bytes('B', pack('Z* Z* n n', '', '', 0, 0)));

# An answer that the kernel does not take at once is sent as it is read.
sub narrow
{
    my $client = bless { socket => PoolerTest::narrow_socket($pooler->{port}), buffer => '', parameters => {}, notifications => [] }, 'PoolerClient';
    $client->write(PoolerClient::startup(user => 'monitor', database => 'pgbouncer', application_name => 'narrow'));
    $client->result;
    return $client;
}
my $slow = narrow();
$slow->write(Query($too_much));
is($slow->result->{types}, $result->{types}, 'who reads slowly gets all of it');
$slow->quit;
$pooler->poll_view($consoles, '1', 'and leaves');

# Who does not read is cut, without a last word in the middle of an answer.
my $deaf = narrow();
$deaf->write(Query($too_much) x 6);    # more than any kernel takes for it
$pooler->poll_view($consoles, '2', 'one does not read');
is($console->value('SHOW STATE'), 'active', 'the console answers others');
$pooler->poll_view($consoles, '1', 'it is cut after client_read_timeout');
my $heard;
do { $heard = $deaf->result } until $heard->{eof} || $heard->{status} ne 'I';
ok($heard->{eof}, 'its connection ends');
ok($heard->{types} eq 'E' || !(grep { $_->{S} eq 'FATAL' } @{ $heard->{errors} }), 'a last word comes behind an answer, if at all') or note $heard->{types};
my $resets = narrow();
$resets->write(Query($too_much) x 6);
$resets->reset;
$pooler->poll_view($consoles, '1', 'and one that resets is gone');

# idle_session_timeout.
$pooler->reconfigure("idle_session_timeout = 500ms\n");
$result = $console->result;
is(join(' ', $result->{types}, $result->{eof}, $result->{errors}[0]{C}, $result->{errors}[0]{M}),
    'E 1 57P05 terminating connection due to idle-session timeout', 'idle_session_timeout is the console\'s, too');

done_testing;
