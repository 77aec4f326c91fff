# The console has one row for each of its names, as programs that read it require: also for a role
# that was dropped and made again, while a pool drains whose name another has by now, and for names
# that differ only where they are no UTF-8, and so cannot be shown.
use PoolerTest;

my $pooler = PoolerTest->new('one_row_each', pools => 'main=main pool_size=2', sql => q{create role guest login;
    create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0;});
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');

# Rows of a SHOW by its key, the first columns; those that another had before are named in $twice.
my $twice;
sub show
{
    my ($what) = @_;
    my $key_columns = $what eq 'POOLS' ? 2 : 1;
    my %rows;
    $twice = '';
    foreach my $row (@{ $console->run("SHOW $what")->{rows} })
    {
        my $key = join '/', @$row[ 0 .. $key_columns - 1 ];
        $twice .= "$key " if $rows{$key};
        $rows{$key} = $row;
    }
    return \%rows;
}

sub is_unique
{
    my ($when) = @_;
    my %list = map { @$_ } @{ $console->run('SHOW LISTS')->{rows} };
    my %rows = map { my $rows = show($_); is($twice, '', "$when: no key twice in SHOW $_"); ($_ => $rows) }
      qw(POOLS DATABASES USERS STATS STATS_TOTALS STATS_AVERAGES);
    is($list{pools}, scalar(grep { !/nouser/ } keys %{ $rows{POOLS} }), "$when: SHOW LISTS counts pools as they are shown");
    is($list{databases}, keys %{ $rows{DATABASES} }, "$when: and databases");
    is($list{users}, keys %{ $rows{USERS} }, "$when: and users");
    return \%rows;
}

# ---- a role that is dropped and made again, and that becomes a superuser ----

my $old = $pooler->client('old', user => 'guest');
$old->run('select 1') foreach 1 .. 5;
$pooler->sql('drop role guest');
$pooler->sql('create role guest login');
my $new = $pooler->client('new', user => 'guest');
$new->run('select 1') foreach 1 .. 7;
$pooler->poll_view(q{select count(*), sum(transactions) from pooler.routes where role = 'guest'}, '2|12', 'a role that was made again');
my $held = q{select coalesce(sum(count), 0) from pooler.histogram('main', 'held', 'guest')};
my $all = q{select sum(count) from pooler.latencies where pool = 'main' and role = 'guest' and measure = 'held'};
my $before = $pooler->sql($held);
$pooler->poll_view("select ($held) = ($all)", 't', 'its histogram is of all that had its name');
foreach (1 .. 3) { my $more = $pooler->client('more', user => 'guest'); $more->run('select 1'); $more->quit }
$pooler->poll_view("select ($held) >= $before + 3 and ($held) = ($all)", 't', 'and grows');
is($pooler->sql(q{select count(*) from pooler.histogram('main', 'open', 'guest')}), '0', 'nobody opens backends for a role');
is($pooler->sql(q{select sum(count) from pooler.histogram('main', 'login', 'guest')}), '5', 'five have logged in');
like($pooler->direct('error', user => scalar getpwuid($<), database => 'postgres')->query(q{select pooler.histogram('main', 'held', 'app')})->{errors}[0]{M},
    qr/^role "app" has not used pool "main"$/, 'an error where nobody has it');
$pooler->poll_view(q{select count(*) from pooler.clients where role = 'guest'}, '2', 'two of them are here');
my $rows = is_unique('made again');
is($rows->{POOLS}{'main/guest'}[2], 2, 'two clients');
is($rows->{USERS}{guest}[7], 2, 'which are one user');
$_->quit foreach $old, $new;
$pooler->sql('alter role guest superuser');
my $super = $pooler->client('super', user => 'guest');
$super->run('select 1');
$pooler->poll_view(q{select count(*), sum(clients) from pooler.routes where role = 'guest'}, '3|1', 'and one more');
is(is_unique('superuser')->{USERS}{guest}[7], 1, 'one user, one client');
$super->quit;

# ---- a pool that drains ----

my $holder = $pooler->client('holder');
$holder->run('begin');
$pooler->sql("alter system set pooler.pools = 'main=telehealth pool_size=3 max_overflow=1'");
$pooler->reconfigure('');
$pooler->poll_view(q{select string_agg(concat_ws(' ', pool, database, state), ', ' order by database) from pooler.pools}, 'main main draining, main telehealth open', 'two of its name');
my @clients = map { $pooler->client("new $_") } 1 .. 2;
$clients[0]->run('select 1') foreach 1 .. 4;
$pooler->poll_view(q{select transactions from pooler.pools where database = 'telehealth'}, '4', 'the new one is used');
$pooler->poll_view(q{select string_agg(backends::text, ', ' order by database) from pooler.pools}, '1, 3', 'one backend of the old one, three of the new one');
$rows = is_unique('draining');
is($rows->{POOLS}{'main/app'}[2], 3, 'clients of both');
is(join('|', @{ $rows->{DATABASES}{main} }[ 3, 5, 11, 14, 16 ]), 'telehealth|3|4|3|0', 'settings of the new one, clients of both');
is($rows->{DATABASES}{main}[12], 4, 'backends of both');
is($rows->{STATS_TOTALS}{main}[2], 4, 'counters of the new one');

# They do not fall when the old one has gone.
$holder->run('commit');
$pooler->poll_view(q{select string_agg(database, ' ') from pooler.pools}, 'telehealth', 'the old one has drained');
$rows = is_unique('drained');
is($rows->{STATS_TOTALS}{main}[2], 4, 'counters have not fallen');

# ---- mueller and moeller, of two roles and two databases, in LATIN1 ----

my $latin = $pooler->direct('latin', user => scalar getpwuid($<), database => 'latin');
is($latin->value('show client_encoding'), 'LATIN1', 'a client of LATIN1');
$latin->run(qq(create role "m${_}ller" login)) foreach "\xfc", "\xf6";
$latin->run(qq(create database "b${_}se" template template0)) foreach "\xfc", "\xf6";
$pooler->sql("alter system set pooler.pools = 'main=telehealth pool_size=2, * pool_size=1'");
$pooler->reconfigure('');
$pooler->poll_view(q{select pool_size from pooler.pools where pool = 'main'}, '2', 'a pool for every database');
my @alike = map { $pooler->client('c', user => "m${_}ller", database => 'latin') } "\xfc", "\xf6";
push @alike, map { $pooler->client('c', database => "b${_}se") } "\xfc", "\xf6";
foreach my $i (0 .. $#alike) { $alike[$i]->run('select 1') foreach 0 .. $i }
$pooler->poll_view("select sum(transactions), count(*) from pooler.pools where pool <> 'main'", '10|3', 'what they did, in three pools');
$rows = is_unique('shown alike');
is($rows->{POOLS}{'latin/m?ller'}[2], 2, 'two clients of a pool');
is($rows->{USERS}{'m?ller'}[7], 2, 'which are shown as one user');
is($rows->{POOLS}{'b?se/app'}[2], 2, 'two clients of two pools');
is(join('|', @{ $rows->{DATABASES}{'b?se'} }[ 12, 14 ]), '2|2', 'with a backend each');
is($rows->{STATS_TOTALS}{'b?se'}[2], 7, 'and what both did');

done_testing;
