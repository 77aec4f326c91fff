# A client of the v3 protocol that sends exactly what a test says and shows
# exactly what came back.
#
#	my $client = PoolerClient->new(host => ..., port => ..., user => 'app',
#		database => 'main', application_name => 'c1');	# logs in, or dies
#	$client->value('select 1');						# first value; dies at an error
#	my $result = $client->query('select 1');		# all that came, up to 'Z'
#	$client->write(Parse('', 'select $1'), Bind('', '', 7), Execute(), Sync());
#	$result = $client->result;
#
# A result has: types (the messages' types in order, 'TDCZ'), rows, tags,
# errors and notices (by field: {C => '42P01', M => ...}), reported
# (ParameterStatus: 'name=value'), eof, and log: each message as a line, to
# compare with what a direct connection gets.
package PoolerClient;
use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);

our @EXPORT = qw(Query Parse Bind Execute Describe Close Sync Flush
  CopyData CopyDone Terminate);

my $patience = $ENV{TEST_PATIENCE} // 60;     # seconds without a byte until a read fails the test

sub message_bytes { my ($type, $body) = @_; return pack('a1 N a*', $type, length($body) + 4, $body) }

sub Query { return message_bytes('Q', "$_[0]\0") }
sub Sync { return message_bytes('S', '') }
sub Flush { return message_bytes('H', '') }
sub Terminate { return message_bytes('X', '') }
sub CopyData { return message_bytes('d', $_[0]) }
sub CopyDone { return message_bytes('c', '') }
sub Execute { my ($portal, $rows) = @_; return message_bytes('E', pack('Z* N', $portal // '', $rows // 0)) }
sub Describe { my ($kind, $name) = @_; return message_bytes('D', pack('a1 Z*', $kind, $name)) }
sub Close { my ($kind, $name) = @_; return message_bytes('C', pack('a1 Z*', $kind, $name)) }

sub Parse
{
    my ($name, $sql, @types) = @_;
    return message_bytes('P', pack('Z* Z* n N*', $name, $sql, scalar @types, @types));
}

sub Bind
{
    my ($portal, $statement, @values) = @_;
    my $body = pack('Z* Z* n n', $portal, $statement, 0, scalar @values);
    $body .= defined $_ ? pack('N/a*', $_) : pack('N', 0xffffffff) foreach @values;
    return message_bytes('B', $body . pack('n', 0));
}

# Only the socket: for tests of what comes before a login.
sub connect
{
    my ($class, %options) = @_;
    my $socket =
      $options{host} =~ m!^/!
      ? IO::Socket::UNIX->new(Peer => "$options{host}/.s.PGSQL.$options{port}")
      : IO::Socket::INET->new(PeerAddr => $options{host}, PeerPort => $options{port});
    die "cannot connect to $options{host}, port $options{port}: $!" unless $socket;
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) unless $options{host} =~ m!^/!;
    return bless {
        socket => $socket, address => \%options, buffer => '',
        parameters => {}, notifications => [], pid => undef, key => undef
    }, $class;
}

# Logs in (by trust).  With may_fail a refused login is left in {login}.
sub new
{
    my ($class, %options) = @_;
    my $may_fail = delete $options{may_fail};
    my %address = map { $_ => delete $options{$_} } qw(host port);
    my $self = $class->connect(%address);
    $self->write(startup(%options));
    $self->{login} = $self->result;
    die 'login failed: ' . join(' / ', @{ $self->{login}{log} })
      if !$may_fail && $self->{login}{status} ne 'I';
    return $self;
}

sub startup
{
    my (%options) = @_;
    my $body = pack('N', 196608) . join('', map { "$_\0$options{$_}\0" } sort keys %options) . "\0";
    return pack('N', length($body) + 4) . $body;
}

sub write
{
    my ($self, @parts) = @_;
    my $bytes = join('', @parts);
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes)
    {
        my $count = syswrite($self->{socket}, $bytes, length($bytes) - $sent, $sent);
        return 0 unless defined $count;
        $sent += $count;
    }
    return 1;
}

# Whether a message, or the connection's end, is there within so many seconds.
sub readable { my ($self, $seconds) = @_; return length $self->{buffer} || IO::Select->new($self->{socket})->can_read($seconds) }

# Whether there is something to read, in time; signals interrupt a wait.
sub arrives
{
    my ($self) = @_;
    my $end = time + $patience;
    my $select = IO::Select->new($self->{socket});
    until ($select->can_read($end - time)) { return 0 if time >= $end }
    return 1;
}

sub fill
{
    my ($self, $length) = @_;
    while (length $self->{buffer} < $length)
    {
        $self->arrives or die "nothing came for $patience seconds; have: " . unpack('H*', $self->{buffer});
        sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer}) or return 0;
    }
    return 1;
}

# The next message: (type, body); nothing at the connection's end.
sub message
{
    my ($self) = @_;
    $self->fill(5) or return;
    my ($type, $length) = unpack('a1 N', $self->{buffer});
    $self->fill($length + 1) or return;
    my $body = substr($self->{buffer}, 5, $length - 4);
    substr($self->{buffer}, 0, $length + 1) = '';
    return ($type, $body);
}

# Reads up to and with a ReadyForQuery, or a message of another type.
sub result
{
    my ($self, $last) = @_;
    $last //= 'Z';
    my %result = map { $_ => [] } qw(rows tags errors notices reported log copied);
    $result{types} = '';
    $result{status} = '';
    while (my ($type, $body) = $self->message)
    {
        $result{types} .= $type;
        push @{ $result{log} }, $self->note_message(\%result, $type, $body);
        return \%result if $type eq $last;
    }
    $result{eof} = 1;
    return \%result;
}

# Takes a message into the result; returns it as a line.
sub note_message
{
    my ($self, $result, $type, $body) = @_;
    if ($type eq 'D')
    {
        my ($count, $at, @row) = (unpack('n', $body), 2);
        for (1 .. $count)
        {
            my $length = unpack('l>', substr($body, $at, 4));
            push @row, $length < 0 ? undef : substr($body, $at + 4, $length);
            $at += 4 + ($length < 0 ? 0 : $length);
        }
        push @{ $result->{rows} }, \@row;
        return 'D ' . join('|', map { $_ // 'NULL' } @row);
    }
    if ($type eq 'C')
    {
        push @{ $result->{tags} }, unpack('Z*', $body);
        return 'C ' . unpack('Z*', $body);
    }
    if ($type eq 'E' || $type eq 'N')
    {
        my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
        push @{ $result->{ $type eq 'E' ? 'errors' : 'notices' } }, \%field;
        return "$type $field{C} $field{M}";
    }
    if ($type eq 'S')
    {
        my ($name, $value) = unpack('Z* Z*', $body);
        $self->{parameters}{$name} = $value;
        push @{ $result->{reported} }, "$name=$value";
        return "S $name=$value";
    }
    if ($type eq 'A')
    {
        my ($pid, $channel, $payload) = unpack('N Z* Z*', $body);
        push @{ $self->{notifications} }, { pid => $pid, channel => $channel, payload => $payload };
        return "A $channel $payload";
    }
    push @{ $result->{copied} }, $body if $type eq 'd';
    ($self->{pid}, $self->{key}) = unpack('N N', $body) if $type eq 'K';
    $result->{status} = $body if $type eq 'Z';
    return $type eq 'Z' || $type eq 'd' ? "$type $body" : $type;
}

sub query { my ($self, $sql) = @_; $self->write(Query($sql)); return $self->result }

# As query, but an error ends the test.
sub run
{
    my ($self, $sql) = @_;
    my $result = $self->query($sql);
    die "\"$sql\": " . join(' / ', @{ $result->{log} }) if @{ $result->{errors} } || $result->{eof};
    return $result;
}

sub value { my ($self, $sql) = @_; return $self->run($sql)->{rows}[0][0] }

# The SQLSTATE that a statement ends with, '' if it succeeds.
sub sqlstate { my ($self, $sql) = @_; my $result = $self->query($sql); return @{ $result->{errors} } ? $result->{errors}[0]{C} : '' }

# Sends a cancel request for this client, and waits until it is taken.
sub cancel
{
    my ($self, %other) = @_;
    my $request = PoolerClient->connect(%{ $self->{address} });
    $request->write(pack('N N N N', 16, 80877102, $other{pid} // $self->{pid}, $other{key} // $self->{key}));
    $request->fill(1);
    return;
}

# Leaves politely; vanishes; vanishes with a reset.
sub quit { my ($self) = @_; $self->write(Terminate()); close $self->{socket}; return }
sub vanish { my ($self) = @_; close $self->{socket}; return }
sub reset { my ($self) = @_; setsockopt($self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); close $self->{socket}; return }

1;
