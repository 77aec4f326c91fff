# What test/lib.sh and test/packages.sh do on somebody's machine: they take no notice of the
# environment's server, leave nothing behind, ask for a password where somebody can give it, and start
# no service of what they install.
use PoolerTest;
use Cwd qw(abs_path);

my $folder = abs_path(PostgreSQL::Test::Utils::tempdir());
mkdir "$folder/$_" foreach qw(bin tree);

# A program of that name, first in the PATH.
sub program
{
    my ($name, $text) = @_;
    open my $file, '>', "$folder/bin/$name" or die $!;
    print $file "#!/bin/sh\n$text\n";
    close $file or die $!;
    return chmod 0755, "$folder/bin/$name";
}

# What a script prints that sources the files; $wrapper is put before the shell.
sub script
{
    my ($text, @wrapper) = @_;
    open my $file, '>', "$folder/script" or die $!;
    print $file "folder='$folder'\ntop=\$folder/tree\nPATH=\$folder/bin:\$PATH\n. ./test/lib.sh\n. ./test/packages.sh\n$text\n";
    close $file or die $!;
    open my $output, '-|', @wrapper, "sh $folder/script 2>&1" or die $!;
    local $/ = undef;
    my $printed = <$output>;
    close $output;
    return $printed =~ s/\r//gr =~ s/\n\z//r;
}
my @plain = qw(setsid --wait sh -c);

# The environment.
{
    local @ENV{qw(PGHOST PGPORT PGUSER PGPASSWORD PGSERVICE PGSSLMODE PGOPTIONS PGCONNECT_TIMEOUT PGCTLTIMEOUT LANGUAGE)} =
      qw(/nowhere 1 nobody secret none verify-full -cx=1 1 77 de);
    is(script('env | grep "^PG[A-Z]\|^LANGUAGE=" | sort', @plain), 'PGCTLTIMEOUT=77', 'no server and no language of the environment');
}

# A preparation that fails.
my $failing = 'make() { :; }
as_root() { "$@"; }
mktemp() { command mktemp -d "$folder/work.XXXXXX"; }
prepare >/dev/null 2>&1 && echo prepared
echo failed';
is(script($failing, @plain), 'failed', 'a tree without anything cannot be prepared');
is(join(' ', glob "$folder/work.*"), '', 'and leaves no folder');

# sudo.
program('id', 'echo 1000');
program('sudo', 'echo "sudo $*"');
is(script('as_root x', @plain), 'sudo -n x', 'without a terminal sudo does not ask');
is(script('as_root x </dev/null', qw(script -qe /dev/null -c)), 'sudo x', 'with one it may');

# Packages: none is installed, but this is what would be seen.
my $quiet = '
as_root() {
    for a; do
        shift
        case $a in /usr/sbin/* | /etc/*) a=$folder$a ;; esac
        set -- "$@" "$a"
    done
    "$@"
}
need one two && echo installed || echo failed';
program('dpkg-query', 'exit 1');
program('apt-get', "case \"\$*\" in *update*) exit ;; esac
{
    echo \"\$*\"
    '$folder/usr/sbin/policy-rc.d' pgbouncer start; echo \"policy \$?\"
    cat '$folder'/etc/postgresql-common/createcluster.d/*.conf
} >'$folder/seen'
exit \$(cat '$folder/code' 2>/dev/null || echo 0)");
PostgreSQL::Test::Utils::system_or_bail('mkdir', '-p', "$folder/usr/sbin", "$folder/etc");
is(script($quiet, @plain), 'installed', 'packages are installed');
my $during = -e "$folder/seen" ? slurp_file("$folder/seen") : '';
like($during, qr/ install one two$/m, 'those that are missing');
like($during, qr/^policy 101$/m, 'none of their services starts');
like($during, qr/^create_main_cluster = false$/m, 'and no cluster is made');
my $left = sub { return join ' ', map { chomp; $_ } `cd '$folder' && find usr etc -type f` };
is($left->(), '', 'that holds no longer than the installation');
open my $code, '>', "$folder/code" or die $!;
print $code "100\n";
close $code or die $!;
is(script($quiet, @plain), 'failed', 'one that fails');
is($left->(), '', 'leaves nothing either');
unlink "$folder/code";

# Whoever has a policy keeps it.
program('../usr/sbin/policy-rc.d', 'exit 104');
is(script($quiet, @plain), 'installed', 'on a machine with a policy');
like(slurp_file("$folder/seen"), qr/^policy 104$/m, 'that one holds');
is($left->(), 'usr/sbin/policy-rc.d', 'and stays');

done_testing;
