# Backends are born as their clients' roles, through a line in pg_hba.conf.
use PoolerTest;

my $pooler = PoolerTest->new('birth', pools => 'main', sql => <<'END');
create role plain login; create role boss superuser login;
create role limited login; alter role limited set work_mem = '3MB';
END

# Without trust on local lines the two lines are needed.
my $data = $pooler->node->data_dir;
sub write_file { my ($name, $text) = @_; open my $f, '>', "$data/$name.new" or die; print $f $text; close $f; rename "$data/$name.new", "$data/$name" or die $!; return }
my $admin = scalar getpwuid($<);
my $others = "local postgres $admin trust\nlocal main $admin trust\nhost all all 127.0.0.1/32 trust\n";
write_file('pg_hba.conf', $others);
$pooler->node->reload;
$pooler->sql('select pg_terminate_backend(pid) from pooler.backends');
$pooler->poll_view("select state from pooler.pools", 'unavailable', 'without a line for the reserved name a pool is unavailable');
my @lines = split /\n/, $pooler->sql('select file, line from pooler.hba_lines()');
is(scalar @lines, 2, 'two lines are offered');
like($pooler->sql('select last_error from pooler.pools'), qr/pg_hba\.conf/, 'the view says why');
like($pooler->new_log, qr/local\s+all\s+.*peer/, 'the log has the line to paste');
my $waiting = $pooler->client('c', may_fail => 1)->{login};
ok(@{ $waiting->{errors} } == 1, 'a client is told');

my %line = map { m!([^/]+)\|(.*)! } @lines;
write_file('pg_hba.conf', "$line{'pg_hba.conf'}\n$others");
write_file('pg_ident.conf', "$line{'pg_ident.conf'}\n");
$pooler->node->reload;
$pooler->poll_view("select state from pooler.pools", 'open', 'with the lines it recovers at reload');
is($pooler->client('c')->value('select current_user'), 'app', 'and serves');

# The reserved name opens nothing to anybody else.
my ($name) = $line{'pg_hba.conf'} =~ /"([^"]+)"/;
is(length $name, 63, 'the reserved name has 63 bytes');
my $stranger = $pooler->direct('x', user => $name, may_fail => 1)->{login};
ok(@{ $stranger->{errors} } && $stranger->{errors}[0]{S} eq 'FATAL', 'the server\'s own user cannot log in by it');
my $outside = $pooler->client('x', user => $name, may_fail => 1)->{login};
ok(@{ $outside->{errors} } && $outside->{errors}[0]{S} eq 'FATAL', 'nor can a client of the pooler');

# Each role is itself, in every respect.
foreach my $role (qw(app plain limited))
{
    my $client = $pooler->client($role, user => $role);
    is_deeply($client->run("select session_user, current_user, current_setting('is_superuser'),
            (select usename from pg_stat_activity where pid = pg_backend_pid())")->{rows},
        [ [ $role, $role, 'off', $role ] ], "$role is itself");
    is($client->sqlstate('set session authorization boss'), '42501', "$role cannot become another");
    is($client->sqlstate('select pg_read_file($$postgresql.conf$$)'), '42501', "$role has no rights of a superuser");
    is($client->sqlstate('copy (select 1) to program $$true$$'), '42501', "$role runs no program");
    is($client->value('select rolsuper from pg_roles where rolname = session_user'), 'f', "$role is no superuser");
}
is($pooler->client('l', user => 'limited')->value('show work_mem'), '3MB', 'settings of a role apply');

# A superuser has a backend of its own, closed afterwards.
my $boss = $pooler->client('boss', user => 'boss');
is($boss->value("show is_superuser"), 'on', 'a superuser is one');
my $pid = $boss->value('select pg_backend_pid()');
is($boss->{pid}, $pid, 'in session mode');
$boss->quit;
$pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0', 'and its backend is closed');

# An unborn backend holds nothing.
is($pooler->sql("select count(*) from pg_stat_activity where backend_xmin is not null and pid in (select pid from pooler.backends where state = 'unborn')"), '0', 'an unborn backend holds no snapshot');
is($pooler->sql("select count(*) from pg_locks where pid in (select pid from pooler.backends where state in ('unborn', 'idle'))"), '0', 'nor locks');

done_testing;
