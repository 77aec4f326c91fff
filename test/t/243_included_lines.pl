# From 16 on pg_hba.conf may include other files: what pooler says of a line names the right one.
# Roles and databases may be regular expressions there.
use PoolerTest;

my $pooler = PoolerTest->new('included', pools => 'main', sql => 'create role other login; create role app_two login;');
if ($pooler->sql('show server_version_num') < 160000)
{
    plan(skip_all => 'no file is included');
}

my $data = $pooler->node->data_dir;
my $lines = "# two lines\n# of comment\nhost main other 127.0.0.1/32 ident\nhost main other name.invalid trust\nhost main /^app(_two)?\$ 127.0.0.1/32 trust\nhost /^main\$ +app 127.0.0.1/32 trust\n";
PostgreSQL::Test::Utils::append_to_file("$data/extra.conf", $lines);
my $own = slurp_file("$data/pg_hba.conf");
$own =~ s/^host\b.*$//mg;
unlink "$data/pg_hba.conf" or die $!;
PostgreSQL::Test::Utils::append_to_file("$data/pg_hba.conf", "$own\ninclude extra.conf\n");
$pooler->new_log;
$pooler->node->reload;
$pooler->logged(qr/LOG:  host names in "[^"]*extra\.conf" do not match clients of pooler\n.*DETAIL:  .* 1 line has a host name, line 4\./, 'the log names the file and the line of a host name');

my $error = $pooler->client('other', user => 'other', may_fail => 1)->{login}{errors}[0];
is("$error->{C} $error->{M}", '0A000 authentication method "ident" of extra.conf line 3 is not supported by pooler', 'so does a refusal');
is($pooler->client($_, user => $_)->value('select current_user'), $_, "$_ matches a regular expression") foreach qw(app app_two);
$error = $pooler->client('nobody', user => 'app_three', may_fail => 1)->{login}{errors}[0];
is($error->{C}, '28000', 'another one does not');
$pooler->sql('create role app_three login in role app');
is($pooler->client('member', user => 'app_three')->value('select current_user'), 'app_three', 'a member');

done_testing;
