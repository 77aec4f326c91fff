# A server on a clock that the test sets (libfaketime).
package FakeClock;
use strict;
use warnings;
use Cwd;
use PoolerTest;

# The clock is set, while the machine's own, which nobody sets, goes on as it does.
# offset: "+70m", against the machine's clock. cache: FAKETIME_CACHE_DURATION (a
# second old at most) or FAKETIME_NO_CACHE. The rest is PoolerTest's.
sub new { my $class = shift; return $class->make(1, @_) }

# The same, but time does pass.
sub passing { my $class = shift; return $class->make(0, @_) }

sub make
{
    my ($class, $set, $offset, $cache, @pooler) = @_;
    my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
    my $self = bless { file => Cwd::abs_path(PostgreSQL::Test::Utils::tempdir()) . '/clock' }, $class;
    $self->set($offset);
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE), $cache} = ($library, $self->{file}, 1);
    local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = $set;
    $self->{pooler} = PoolerTest->new(@pooler);
    return $self;
}

sub pooler { return $_[0]{pooler} }

sub set
{
    my ($self, $offset) = @_;
    my $clock = $self->{file};
    open my $file, '>', "$clock.new" or die "$clock.new: $!";
    print $file "$offset\n";
    close $file or die "$clock.new: $!";
    rename "$clock.new", $clock or die "$clock: $!";
    return;
}

# For the beginning: up to 15 the postmaster starts its first workers from a signal handler that
# interrupts select(), where libfaketime is off; one that ended, from its loop.
sub another_worker
{
    my ($self) = @_;
    my $pooler = $self->pooler;
    my $worker = $pooler->worker_pid;
    kill 'TERM', $worker;
    return $pooler->poll_view("select listening and pid <> $worker from pooler.worker", 't', 'another worker');
}

1;
