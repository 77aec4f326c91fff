# A client of pooler.metrics_port that sends what a test wants.
#
#	my $web = MetricsClient->new($port);
#	$web->get('/ready')->{status}; $web->metrics->{'pooler_clients'};
package MetricsClient;
use strict;
use warnings;
use IO::Socket::INET;

sub new { my ($class, $port) = @_; return bless { port => $port }, $class }

# A connection that says nothing yet.
sub connect
{
    my ($self, %options) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 30, %options);
}

# Reads to the end and takes the answer apart; undef: there was none.
sub answer
{
    my ($self, $socket) = @_;
    local $/ = undef;
    my $text = <$socket> // '';
    my ($top, $body) = split /\r\n\r\n/, $text, 2;
    my ($line, @headers) = split /\r\n/, $top // '';
    return unless ($line // '') =~ m{^HTTP/1\.[01] (\d{3}) };
    return { status => $1, body => $body, headers => { map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () } @headers } };
}

sub request
{
    my ($self, $bytes) = @_;
    my $socket = $self->connect or return;
    $socket->print($bytes);
    $socket->flush;
    return $self->answer($socket);
}

sub get
{
    my ($self, $path, @headers) = @_;
    return $self->request(join("\r\n", "GET $path HTTP/1.1", 'Host: localhost', @headers, '', ''));
}

# Samples by their names with labels.
sub metrics
{
    my ($self) = @_;
    return { map { /^([^#].*) (\S+)$/ ? ($1 => $2) : () } split /\n/, $self->get('/metrics')->{body} };
}

1;
