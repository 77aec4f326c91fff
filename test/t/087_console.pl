# The console: what it shows adds up with the views and a known load; who may see
# it; it answers while every pool is exhausted; hostile input ends one connection.
use PoolerTest;

my $super = getpwuid($<);
my $pooler = PoolerTest->new('console', pools => 'main pool_size=1 timeout=60',
    conf => "pooler.client_read_timeout = 1s\n",
    sql => 'create role monitor login in role pg_monitor; create role plain login;');

sub console { my (%options) = @_; return $pooler->client('console', user => 'monitor', database => 'pgbouncer', %options) }

# Rows of a SHOW by its first column, each by the names of its columns.
sub names { my ($t) = @_; my @names; my $at = 2; for (1 .. unpack('n', $t)) { my $name = unpack("x$at Z*", $t); push @names, $name; $at += length($name) + 19 } return @names }
sub show
{
    my ($client, $what) = @_;
    $client->write(PoolerTest::Query("SHOW $what"));
    my (@names, %rows);
    while (my ($type, $body) = $client->message)
    {
        @names = names($body) if $type eq 'T';
        my $row = {};
        if ($type eq 'D')
        {
            my $result = { rows => [] };
            $client->note_message($result, $type, $body);
            @$row{@names} = @{ $result->{rows}[0] };
            my $key = $what eq 'POOLS' ? "$row->{database}/$row->{user}" : $result->{rows}[0][0];
            $rows{$key} = $row;
        }
        last if $type eq 'Z';
    }
    return \%rows;
}

# Who may.
is(PoolerClient->new(host => '127.0.0.1', port => $pooler->{port}, user => 'plain', database => 'pgbouncer', may_fail => 1)->{login}{errors}[0]{C}, '42501', 'not a plain role');
is(PoolerClient->new(host => '127.0.0.1', port => $pooler->{port}, user => 'nobody', database => 'pgbouncer', may_fail => 1)->{login}{errors}[0]{C}, '28000', 'nor one that is not there');
my $root = console(user => $super);
like($root->value('SHOW VERSION'), qr/^PgBouncer 1\.24\.1 compatible: pooler /, 'a superuser');
my $console = console();

# A known load.
my $client = $pooler->client('load');
$client->run('select 1') foreach 1 .. 200;
$client->write(map { (PoolerTest::Parse('', 'select 1'), PoolerTest::Bind('', ''), PoolerTest::Execute(), PoolerTest::Sync()) } 1 .. 10);
$client->result foreach 1 .. 10;
$pooler->poll_view('select transactions, queries from pooler.pools', '210|210', 'a load of 210');
my $stats = show($console, 'STATS')->{main};
my $view = $pooler->sql('select checkouts, transactions, queries, bytes_received, bytes_sent, (extract(epoch from transaction_time) * 1e6)::int8, (extract(epoch from query_time) * 1e6)::int8 from pooler.pools');
is(join('|', @$stats{map { "total_$_" } qw(server_assignment_count xact_count query_count received sent xact_time query_time)}), $view, 'the console and the view agree');
is(join('|', @$stats{qw(total_client_parse_count total_server_parse_count total_bind_count)}), '10|10|10', 'Parse and Bind');
is($stats->{avg_query_time}, int($stats->{total_query_time} / 210), 'what a query took on average');
my $uptime = $pooler->sql('select extract(epoch from now() - stats_reset_at) from pooler.worker');
cmp_ok(abs($stats->{avg_xact_count} - 210 / $uptime), '<=', 1 + 210 / $uptime * 0.3, 'transactions a second');
my $total = show($console, 'STATS_TOTALS')->{main};
is($total->{xact_count}, 210, 'STATS_TOTALS');
is(show($console, 'STATS_AVERAGES')->{main}{query_time}, $stats->{avg_query_time}, 'STATS_AVERAGES');
is(show($console, 'TOTALS')->{total_xact_count}{value}, 210 + show($console, 'STATS_TOTALS')->{pgbouncer}{xact_count} - 1, 'TOTALS, with the console itself');

# While the pool is exhausted.
my $waiter = $pooler->client('waiter');
$client->run('begin');
$waiter->write(PoolerTest::Query('select 2'));
$pooler->poll_view('select waiting from pooler.pools', '1', 'a client waits');
my $row = show($console, 'POOLS')->{'main/app'};
is(join('|', @$row{qw(cl_active cl_waiting sv_active sv_idle)}), '1|1|1|0', 'SHOW POOLS while it is exhausted');
like(join('|', sort map { $_->{state} } values %{ show($console, 'SERVERS') }), qr/^active$/, 'SHOW SERVERS');
is(show($console, 'DATABASES')->{main}{current_connections}, 1, 'SHOW DATABASES');
$client->run('commit');
is($waiter->result->{rows}[0][0], '2', 'it is served');
is(show($console, 'LISTS')->{used_clients}{items}, $pooler->sql('select clients from pooler.worker'), 'SHOW LISTS');
is($pooler->sql("select pool, role from pooler.clients where state = 'console' and role = 'monitor'"), 'pgbouncer|monitor', 'the views show it');

# What drivers say, and what is refused.
is($console->sqlstate($_), '', $_) foreach ('set client_encoding to utf8; set datestyle = iso', 'show client_encoding', 'begin', 'commit', '', ';');
is($console->query('begin')->{status}, 'T', 'in a transaction');
is($console->query('rollback')->{status}, 'I', 'and out');
is($console->sqlstate('PAUSE'), '0A000', 'read-only');
is($console->sqlstate('SHOW NONSENSE'), '08P01', 'an unknown SHOW');
is($console->query('SHOW HELP')->{notices}[0]{M}, 'Console usage', 'help');

# The extended protocol.
$console->write(PoolerTest::Parse('s', 'SHOW STATE'), PoolerTest::Describe('S', 's'), PoolerTest::Bind('', 's'), PoolerTest::Execute(), PoolerTest::Close('S', 's'), PoolerTest::Sync());
is($console->result->{types}, '1tT2DDDC3Z', 'prepared');
$console->write(PoolerTest::Bind('', 's'), PoolerTest::Execute(), PoolerTest::Query('SHOW STATE'), PoolerTest::Sync());
is($console->result->{types}, 'EZ', 'after an error everything up to Sync is passed over');
$console->write(PoolerTest::Parse('', 'SHOW STATE; SHOW POOLS'), PoolerTest::Sync());
is($console->result->{errors}[0]{C}, '42601', 'one statement');

# In pieces: the rows are those of the first Execute, whoever has come or left.
sub types { $console->write(PoolerTest::Execute(@_), PoolerTest::Sync()); return $console->result->{types} }
my $items = keys %{ show($console, 'LISTS') };
cmp_ok($items, '>', 5, 'SHOW LISTS has some rows');
$console->run('begin');
$console->write(PoolerTest::Parse('', 'SHOW LISTS'), PoolerTest::Bind('p', ''), PoolerTest::Sync());
is($console->result->{types}, '12Z', 'a portal in a transaction');
is(types('p', 2), 'DDsZ', 'two rows');
is(types('p', 3), 'DDDsZ', 'and three');
is(types('p', 0), 'D' x ($items - 5) . 'CZ', 'and the others');
is(types('p', 2), 'CZ', 'and no more');
$console->write(map { (PoolerTest::Bind($_, ''), PoolerTest::Execute($_, 1)) } 'q', 'r');
$console->write(PoolerTest::Sync());
is($console->result->{types}, '2Ds2EZ', 'one portal at a time');
is(types('q', $items - 1), 'D' x ($items - 1) . 'CZ', 'all that are left, as it happens');
is(types('r', 1), 'DsZ', 'and the next one');
$console->write(PoolerTest::Close('P', 'r'), PoolerTest::Bind('r', ''), PoolerTest::Execute('r', 1), PoolerTest::Sync());
is($console->result->{types}, '32DsZ', 'closed and bound again, it begins again');
$console->run('commit');
is(types('r', 1), 'EZ', 'it goes with the transaction');
$console->write(PoolerTest::Parse('', 'SHOW LISTS'), PoolerTest::Bind('', ''), PoolerTest::Execute('', 1), PoolerTest::Bind('', ''), PoolerTest::Execute('', -1), PoolerTest::Sync());
is($console->result->{types}, '12Ds2' . 'D' x $items . 'CZ', 'the unnamed one is replaced; a negative limit is none');

# Who has asked much and ended sending gets all its answers.
my $leaving = console();
$leaving->write((PoolerTest::Query('SHOW STATE')) x 100);
$leaving->{socket}->shutdown(1);
is($leaving->result->{types}, 'TDDDCZ', 'of one that has ended sending') foreach 1 .. 100;
ok($leaving->result->{eof}, 'and then it is let go');

$console->write((PoolerTest::Query('SHOW STATE')) x 500);
is($console->result->{types}, 'TDDDCZ', 'a long pipeline') foreach 1 .. 500;

# Hostile: each ends its own connection only.
sub is_cut { my ($name, @bytes) = @_; my $c = console(); $c->write(@bytes); my $r = $c->result; return ok($r->{eof}, $name) }
is_cut('garbage', "\0" x 100);
is_cut('a huge message', pack('a1 N', 'Q', 0x3fffffff));
is_cut('a message that is too long', PoolerTest::Query('x' x 20000));
is_cut('a query without its end', PoolerClient::message_bytes('Q', 'SHOW'));
is_cut('a Bind that ends early', PoolerTest::Parse('', 'SHOW STATE'), PoolerClient::message_bytes('B', "\0\0\0"));
is_cut('an Execute without its limit', PoolerTest::Parse('', 'SHOW STATE'), PoolerTest::Bind('', ''), PoolerClient::message_bytes('E', "\0\0\0"));
is_cut('half a message, after client_read_timeout', pack('a1 N', 'Q', 100));
my $deaf = console();
$deaf->write((PoolerTest::Query('SHOW CONFIG')) x 20000);
$pooler->poll_view(q{select count(*) from pooler.clients where state = 'console'}, '2', 'one that does not read is cut');
my $again = console();
is($again->value('SHOW STATE'), 'active', 'the console still answers');
$again->quit;
$pooler->poll_view(q{select count(*) from pooler.clients where state = 'console'}, '2', 'and is left');
my @many = map { console(may_fail => 1) } 1 .. 40;
is((grep { $_->{login}{eof} } @many), 40 - 30, 'no more than 32 consoles');
$_->quit foreach @many;
$pooler->poll_view(q{select count(*) from pooler.clients where state = 'console'}, '2', 'they have left');
$pooler->sql('select pooler.terminate_client(id) from pooler.clients where state = $$console$$ and role = $$monitor$$');
is($console->result->{errors}[0]{C}, '57P01', 'terminate_client');

# A real pool or database of that name comes first.
$pooler->sql('create database pgbouncer');
$pooler->reconfigure("pooler.pools = 'main, pgbouncer'\n");
$pooler->poll_view(q{select state from pooler.pools where pool = 'pgbouncer'}, 'open', 'a pool of that name');
is($pooler->client('sql', database => 'pgbouncer')->value('select current_database()'), 'pgbouncer', 'wins');

done_testing;
