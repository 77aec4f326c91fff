# A cluster with the pooler, for tests.
#
#	my $pooler = PoolerTest->new('name', pools => 'main pool_size=1',
#		conf => "pooler.pool_timeout = 1s\n");
#
# has the databases main, telehealth, fire and hems, owned by the role app; the
# views are in the database postgres.  Two backends a pool unless said.  With
# injected => 1 on the library whose steps can be made to fail.
package PoolerTest;
use strict;
use warnings;
require Exporter;
use PoolerClient;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Socket ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = (@PoolerClient::EXPORT, qw(ok is isnt like unlike is_deeply cmp_ok
      pass fail note diag done_testing plan slurp_file sleep time));

our @databases = qw(main telehealth fire hems);
my @nodes;
my $patience = $ENV{TEST_PATIENCE} // 60;    # seconds until a state that does not come fails the test

sub import { strict->import; warnings->import; goto &Exporter::import }

sub new
{
    my ($class, $name, %options) = @_;
    my $library = $options{injected} && $ENV{POOLER_INJECTED};
    my $node = PostgreSQL::Test::Cluster->new($name);
    my $self = bless {
        node => $node, port => PostgreSQL::Test::Cluster::get_free_port()
    }, $class;
    push @nodes, $node;
    $node->init;
    $node->append_conf('postgresql.conf', "restart_after_crash = on\n");
    $node->start;
    $node->safe_psql('postgres', join("\n", 'create role app login;', $options{sql} // '',
            map { "create database $_ owner app;" } @databases));
    my $pools = $options{pools} // 'main, telehealth, fire, hems';
    $node->append_conf('postgresql.conf', <<END . ($options{conf} // ''));
shared_preload_libraries = 'pooler'
pooler.listen_addresses = '127.0.0.1'
pooler.port = $self->{port}
pooler.pools = '$pools'
pooler.pool_size = 2
pooler.max_overflow = 0
END
    $node->append_conf('pg_hba.conf', $options{hba}) if $options{hba};
    if ($options{primary})
    {
        $node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n");
        $node->append_conf('pg_hba.conf', "local replication all trust\n");
    }
    $node->append_conf('postgresql.conf', "dynamic_library_path = '$library:\$libdir'\n") if $library;
    mkdir $node->data_dir . '/inject' or die $! if $library;
    $node->stop;
    $self->start_server;
    $node->safe_psql('postgres', $library ? extension_text($node) : 'create extension pooler');
    $self->await_open unless $options{unavailable};
    return $self;
}

# A streaming standby of one that was made as `primary`: the same product there.
sub standby
{
    my ($self, $conf) = @_;
    my $node = PostgreSQL::Test::Cluster->new('standby');
    my $standby = bless {
        node => $node, port => PostgreSQL::Test::Cluster::get_free_port()
    }, ref $self;
    push @nodes, $node;
    $self->node->backup('copy');
    $node->init_from_backup($self->node, 'copy', has_streaming => 1);
    $node->append_conf('postgresql.conf', "pooler.port = $standby->{port}\n$conf");
    $standby->start_server;
    $standby->await_open;
    return $standby;
}

# The extension's script, for another build of the library than $libdir's.
sub extension_text
{
    my ($node) = @_;
    my ($script) = glob($node->config_data('--sharedir') . '/extension/pooler--*.sql');
    my $text = slurp_file($script);
    $text =~ s/^\\echo.*$//m;
    $text =~ s/MODULE_PATHNAME/pooler/g;
    $text =~ s/\@extschema\@/pooler/g;
    return "create schema pooler; $text";
}

sub node { return $_[0]{node} }

# A logged-in client of the pooler; of the server itself.
sub client
{
    my ($self, $name, %options) = @_;
    return PoolerClient->new(host => '127.0.0.1', port => $self->{port},
        user => 'app', database => 'main', application_name => $name, %options);
}

sub direct
{
    my ($self, $name, %options) = @_;
    return PoolerClient->new(host => $self->node->host, port => $self->node->port,
        user => 'app', database => 'main', application_name => $name, %options);
}

# A connection that says nothing yet.
sub connect { my ($self) = @_; return PoolerClient->connect(host => '127.0.0.1', port => $self->{port}) }

# A connection of which the kernel takes little at once.
sub narrow_socket
{
    my ($port) = @_;
    socket(my $socket, Socket::PF_INET, Socket::SOCK_STREAM, 0) or die $!;
    setsockopt($socket, Socket::SOL_SOCKET, Socket::SO_RCVBUF, 2048) or die $!;
    setsockopt($socket, Socket::IPPROTO_TCP, Socket::TCP_MAXSEG, 536) or die $!;
    CORE::connect($socket, Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1'))) or die $!;
    return $socket;
}

# psql -c through the pooler: (exit code, output, errors).
sub psql
{
    my ($self, $options, $sql) = @_;
    return $self->node->psql('', '', extra_params => [ '-w', '-c', $sql ],
        connstr => "host=127.0.0.1 port=$self->{port} user=app dbname=main $options");
}

# As the superuser, on the server itself: what psql -At prints.
sub sql
{
    my ($self, $sql) = @_;
    $self->{admin} //= $self->direct('admin', user => scalar getpwuid($<), database => 'postgres');
    my $rows = $self->{admin}->run($sql)->{rows};
    return join("\n", map { join('|', map { $_ // '' } @$_) } @$rows);
}

# What a process logs of its memory contexts: the number that the pattern takes.
sub memory
{
    my ($self, $pid, $pattern) = @_;
    $self->new_log;
    $self->sql("select pg_log_backend_memory_contexts($pid)");
    my $end = time + 60;
    my $log = '';
    while (time < $end)
    {
        $log .= $self->new_log;
        return $1 if $log =~ /\[$pid\].*$pattern/;
        sleep 0.05;
    }
    die "$pid does not tell: $log";
}

# Waits until the query's answer is as expected; a test.
sub poll_view
{
    my ($self, $sql, $expected, $name) = @_;
    my $end = time + $patience;
    my $got;
    while (1)
    {
        $got = $self->sql($sql);
        last if $got eq $expected || time > $end;
        sleep 0.01;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($got, $expected, $name);
}

# Waits for the pools, silently.
sub await_open
{
    my ($self) = @_;
    my $end = time + $patience;
    sleep 0.01
      while time < $end && $self->sql("select count(*) from pooler.pools where (select listening from pooler.worker)
          and (state = 'open' and backends >= pool_size or coalesce(pool_size, 0) = 0)") ne $self->sql('select greatest(count(*), 1) from pooler.pools');
    return;
}

# Appends to postgresql.conf and reloads; the worker has it when the view says.
sub reconfigure
{
    my ($self, $conf) = @_;
    $self->node->append_conf('postgresql.conf', $conf);
    $self->node->reload;
    return;
}

# How a test file ends: by SIGQUIT, unless a lane asks for more.
END
{
    my $status = $?;
    foreach my $node ($ENV{TEST_STOP} ? @nodes : ())
    {
        $node->stop($ENV{TEST_STOP}, fail_ok => 1);
    }
    $? = $status;
}

# The admin's connection ends with the server.
sub stop { my ($self, $mode) = @_; delete $self->{admin}; return $self->node->stop($mode) }
sub start { my ($self) = @_; $self->start_server; return $self->await_open }
sub restart { my ($self) = @_; $self->stop('fast'); return $self->start }

sub worker_pid
{
    my ($self) = @_;
    return $self->sql('select pid from pooler.worker');
}

# One that does not start ends this test file, not all of them.
sub start_server { my ($self) = @_; $self->node->start(fail_ok => 1) or die 'the server does not start'; return }

# Waits until what was logged since the last call of either is like this; a test.
sub logged
{
    my ($self, $pattern, $name) = @_;
    my $end = time + $patience;
    my $log = $self->new_log;
    while ($log !~ $pattern && time < $end)
    {
        sleep 0.02;
        $log .= $self->new_log;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like($log, $pattern, $name);
}

# The next one who comes to this step or call, $skip of them passed over, fails
# so (test/inject/inject.c). By rename: whoever looks finds all of it.
sub inject
{
    my ($self, $name, $kind, $skip) = @_;
    my $data = $self->node->data_dir;
    append_to_file("$data/inject.new", "$kind " . ($skip // 0) . "\n");
    rename "$data/inject.new", "$data/inject/$name" or die $!;
    return;
}

# Whether somebody comes there in time; else it is taken back.
sub met
{
    my ($self, $name) = @_;
    my $file = $self->node->data_dir . "/inject/$name";
    my $end = time + $patience;
    sleep 0.01 while -e $file && time < $end;
    return !$self->missed($name);
}

# Takes it back: true if nobody has come there.
sub missed { my ($self, $name) = @_; return unlink $self->node->data_dir . "/inject/$name" }

# The process that was stopped there; 0: nobody has come yet.
sub stopped_at
{
    my ($self, $name) = @_;
    my $log = $self->node->data_dir . '/inject.log';
    return -e $log && slurp_file($log) =~ /^\Q$name\E stop (\d+)/m ? $1 : 0;
}

# The same, which is waited for.
sub stopped
{
    my ($self, $name) = @_;
    my $end = time + $patience;
    my $pid;
    sleep 0.01 until ($pid = $self->stopped_at($name)) || time > $end;
    return $pid || die "nobody came to $name";
}

# What was logged since the last call.
sub new_log
{
    my ($self) = @_;
    my $log = slurp_file($self->node->logfile, $self->{log_read} // 0);
    $self->{log_read} += length $log;
    return $log;
}

1;
