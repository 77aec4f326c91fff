# Client processes of a test, each with a file into which it writes what it saw.
#
#	my $crowd = Crowd->start($folder, 12, $seed, sub { my ($me) = @_;
#		while ($me->goes_on) { $me->say('committed', 7) } });
#	$crowd->stop;							# goes_on() is false from now on
#	my @lines = $crowd->finish;				# of all: [ number, 'committed', 7 ]
#
# A process draws its random numbers from the seed and its own number. One that
# dies fails the test with what it died of.
package Crowd;
use strict;
use warnings;
use POSIX ();
use Test::More;

sub start
{
    my ($class, $folder, $count, $seed, $work) = @_;
    mkdir $folder or die "$folder: $!";
    my $self = bless { folder => $folder, pids => {} }, $class;
    foreach my $number (1 .. $count)
    {
        my $pid = fork // die "fork: $!";
        $self->{pids}{$pid} = $number if $pid;
        $self->be($number, $seed, $work) if !$pid;
    }
    return $self;
}

# Clients of a pooler that are never idle: each sends a statement that takes so
# many seconds, one after the other.
sub of_clients
{
    my ($class, $pooler, $name, $count, $seconds, %options) = @_;
    return $class->start($pooler->node->basedir . "/$name-$options{database}", $count, 1,
        sub {
            my ($me) = @_;
            my $client = $pooler->client($name, %options);
            $me->say('answer', $client->value("select 1 from pg_sleep($seconds)")) while $me->goes_on;
        });
}

# What all of them have had for answers, each once; ends them.
sub answers
{
    my ($self) = @_;
    $self->stop;
    my %seen = map { $_->[2] => 1 } $self->finish;
    return join ' ', sort keys %seen;
}

# In the process itself. _exit(): what ends a test is not for its children.
sub be
{
    my ($self, $number, $seed, $work) = @_;
    srand($seed * 1000 + $number);
    open($self->{file}, '>', "$self->{folder}/$number") or POSIX::_exit(2);
    $self->{file}->autoflush;
    $self->{number} = $number;
    my $well = eval { $work->($self); 1 };
    $self->say('died', $@ =~ s/\s+/ /gr) if !$well;
    POSIX::_exit($well ? 0 : 1);
}

sub number { return $_[0]{number} }
sub say { my ($self, @what) = @_; print { $self->{file} } join("\t", @what), "\n"; return }
sub goes_on { my ($self) = @_; return !-e "$self->{folder}/stop" }
sub stop { my ($self) = @_; open(my $file, '>', "$self->{folder}/stop") or die $!; return }

# Those that have ended of themselves.
sub ended
{
    my ($self) = @_;
    my $ended = 0;
    foreach my $pid (keys %{ $self->{pids} })
    {
        $self->{status}{$pid} = $? if !exists $self->{status}{$pid} && waitpid($pid, POSIX::WNOHANG()) == $pid;
        $ended++ if exists $self->{status}{$pid};
    }
    return $ended;
}

sub all_ended { my ($self) = @_; return $self->ended == keys %{ $self->{pids} } }

sub finish
{
    my ($self) = @_;
    my $all = $self->{pids};
    foreach my $pid (keys %$all)
    {
        next if exists $self->{status}{$pid};
        waitpid($pid, 0);
        $self->{status}{$pid} = $?;
    }
    my @lines;
    foreach my $number (sort { $a <=> $b } values %$all)
    {
        open(my $file, '<', "$self->{folder}/$number") or die $!;
        while (my $line = <$file>) { chomp $line; push @lines, [ $number, split /\t/, $line, -1 ] }
    }
    my @died = map { "client process $_->[0]: $_->[2]" } grep { $_->[1] eq 'died' } @lines;
    is("@died", '', 'each client process ended well');
    is(scalar(grep { $_ } values %{ $self->{status} }), scalar @died, 'of itself');
    return @lines;
}

1;
