# Rows of roles, databases and settings that are too long for a page: the worker
# has no pg_class, and reads them all the same, but for passwords.
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64;
use PoolerTest;

my $pooler = PoolerTest->new('toast', pools => 'main pool_size=2, fire pool_size=1',
    sql => 'create role plain login; create role late login; create role listed login; create role shouter login;');
my $worker = $pooler->worker_pid;
my $node = $pooler->node;
sub admin { return $node->safe_psql('postgres', $_[0]) }
sub as { my ($role, %options) = @_; return $pooler->client("as $role", user => $role, may_fail => 1, %options) }
sub refused { my ($client) = @_; my $error = $client->{login}{errors}[0]; return "$error->{C} $error->{M}" }

# A SCRAM secret with a salt of these bytes, as pg_authid has it.
sub secret
{
    my ($password, $salt) = @_;
    my $block = my $salted = hmac_sha256($salt . pack('N', 1), $password);
    foreach (2 .. 4096) { $block = hmac_sha256($block, $password); $salted ^= $block }
    return 'SCRAM-SHA-256$4096:' . join('$', encode_base64($salt, ''),
        join(':', map { encode_base64($_, '') } sha256(hmac_sha256('Client Key', $salted)), hmac_sha256('Server Key', $salted)));
}
sub random_bytes { my ($n) = @_; return join('', map { chr int rand 256 } 1 .. $n) }

# ---- passwords ----

my $compresses = $pooler->sql('show server_version_num') < 180000;    # from 18 on no password is so long
admin("create role squeezed login password '" . secret('right', "\0" x ($compresses ? 1400 : 200)) . "'");
is(admin("select pg_column_size(rolpassword) < length(rolpassword) from pg_authid where rolname = 'squeezed'"), $compresses ? 't' : 'f', 'a long password is compressed, up to 17');
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/hba.new', "local all all trust\nhost all late 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
rename $node->data_dir . '/hba.new', $node->data_dir . '/pg_hba.conf' or die $!;
$node->reload;
sub log_in { my ($user, $password) = @_; local $ENV{PGPASSWORD} = $password; return $pooler->psql("user=$user", 'select current_user') }
my $end = time + 30;
sleep 0.02 while (log_in('app', ''))[0] == 0 && time < $end;
is((log_in('squeezed', 'right'))[1], 'squeezed', 'and its role logs in with it');
like((log_in('squeezed', 'wrong'))[2], qr/password authentication failed for user "squeezed"/, 'and with no other');

# Before 18 a row may have a password out of line.
SKIP:
{
    if ($pooler->sql('show server_version_num') >= 180000)
    {
        note 'no password is as long';
        last SKIP;
    }
    my $long = secret('right', random_bytes(3000));
    my $late = as('late');
    is($late->value('select current_user'), 'late', 'a role that will have one');
    admin("create role huge login password '$long'; alter role late password '$long'");
    is(admin("select count(*) from pg_authid where rolname in ('huge', 'late') and pg_column_size(rolpassword) > 2000"), '2', 'passwords out of line');
    like((log_in('huge', 'right'))[2], qr/password authentication failed for user "huge"/, 'are as none');
    like($pooler->direct('as late', user => 'late', may_fail => 1)->{login}{errors}[0]{M}, qr/pg_class/, 'one that needs none does not get in directly');
    is(refused(as('late')), '0A000 the password of role "late" is too long for pooler', 'nor through pooler, and is told why');
    is($late->value('select current_user'), 'late', 'who is in stays in');
    admin("alter role late password null");
    is(as('late')->value('select current_user'), 'late', 'and may come again with another password');
}
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/hba.new', "local all all trust\nhost all all 127.0.0.1/32 trust\n");
rename $node->data_dir . '/hba.new', $node->data_dir . '/pg_hba.conf' or die $!;
$node->reload;
$end = time + 30;
sleep 0.02 while (log_in('plain', ''))[0] != 0 && time < $end;

# ---- a database with a thousand GRANTs ----

admin(q{do $$ begin for i in 1 .. 1000 loop execute 'create role g' || i; end loop; end $$});
admin('revoke connect on database main from public; grant connect on database main to '
      . join(', ', map { "g$_" } 1 .. 1000) . '; grant connect on database main to late');
is(admin("select pg_column_size(datacl) between 2100 and 9000 from pg_database where datname = 'main'"), 't', 'an ACL out of line, in several chunks');
is(as('late')->value('select current_user'), 'late', 'the last of a long ACL may connect');
is(refused(as('plain')), '42501 permission denied for database "main"', 'who is not in it may not');
is(as('app')->value('select current_user'), 'app', 'the owner may');
admin('grant connect on database main to plain');
is(as('plain')->value('select current_user'), 'plain', 'a GRANT more');
admin('revoke connect on database main from late, plain');
is(refused(as('late')), '42501 permission denied for database "main"', 'and its end');

# The right that members of pg_database_owner have.
admin('create role deputy login in role app; grant connect on database main to pg_database_owner; revoke all on database main from app');
is(as($_)->value('select current_user'), $_, "$_ by the database's ownership") foreach qw(app deputy);
is(refused(as('plain')), '42501 permission denied for database "main"', 'nobody else');
admin('grant connect on database main to public; grant all on database main to app');

# ---- settings ----

# The last of a list that no page can hold, not compressed and compressed.
my $noise = join('', map { ('a' .. 'z', 'A' .. 'Z', 0 .. 9)[rand 62] } 1 .. 5000);
admin("alter role shouter set app.noise = '$noise'; alter role shouter set pooler.mode = session");
admin("alter role listed set app.noise = '" . substr($noise, 0, 3000) . 'x' x 9000 . "'; alter role listed set work_mem = '3MB'; alter role listed set pooler.mode = session");
is(admin('select count(*) from pg_db_role_setting where pg_column_size(setconfig) > 2100'), '2', 'two lists out of line');
is(admin('select count(*) from pg_db_role_setting where pg_column_size(setconfig) < 11000'), '2', 'one of them compressed');
foreach my $role (qw(shouter listed))
{
    my $client = as($role);
    is($client->{pid}, $client->value('select pg_backend_pid()'), "$role is in session mode");
    like($client->value('show app.noise'), qr/^\Q${\ substr($noise, 0, 3000)}\E/, "and has the rest of its settings");
    $client->quit;
}
is(as('plain')->value("select coalesce(current_setting('app.noise', true), 'none')"), 'none', 'others do not');

# After rows have moved on their pages, and places are empty.
admin("alter role shouter set work_mem = '${_}MB'") foreach 1 .. 9;
admin("alter role plain set work_mem = '2MB'; alter role late set work_mem = '2MB'; alter role plain reset all");
admin('vacuum pg_db_role_setting');
admin("alter role shouter in database fire set pooler.mode = transaction");
my $there = as('shouter', database => 'fire');
isnt($there->{pid}, $there->value('select pg_backend_pid()'), 'the mode in a database is stronger');
admin('alter role shouter in database fire reset pooler.mode; alter role shouter reset pooler.mode');
my $client = as('shouter');
isnt($client->{pid}, $client->value('select pg_backend_pid()'), 'after RESET it is the pool\'s');
is($client->value('show work_mem'), '9MB', 'and the rest is there');

is($pooler->worker_pid, $worker, 'the worker is the one it was');

# ---- CONNECTION LIMITs of those whom a long ACL lets in ----

admin('revoke connect on database main from public; create role bounded login connection limit 1 in role g1000; '
      . 'create role elsewhere login connection limit 1');
$pooler->new_log;
$pooler->reconfigure("pooler.pools = 'main pool_size=3, fire pool_size=2'\n");
$pooler->poll_view("select string_agg(pool_size::text, ' ' order by pool) from pooler.pools", '2 3', 'a reload');
is(as('bounded')->value('select current_user'), 'bounded', 'after which clients are served');
is($pooler->worker_pid, $worker, 'by the same worker');
my $log = $pooler->new_log;
like($log, qr/may open 3 connections, but the limit of role "bounded" is 1/, 'a limit below what its pools may open');
like($log, qr/may open 2 connections, but the limit of role "elsewhere" is 1/, 'who may not connect there needs less');
is($pooler->sql("select string_agg(subject || ' ' || required, ', ' order by subject) from pooler.capacity where check_name = 'role'"), 'bounded 3, elsewhere 2', 'pooler.capacity has the same');
kill 'TERM', $worker;
$pooler->poll_view("select count(*) from pooler.worker where pid <> $worker and listening", '1', 'a new worker listens');
is(as('bounded')->value('select current_user'), 'bounded', 'and serves');
done_testing;
