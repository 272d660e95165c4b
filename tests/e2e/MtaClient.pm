# What mail servers send to the daemon's policy sockets, for tests.
package MtaClient;
use strict;
use warnings;
use Daemon;
use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;

our @EXPORT = qw($defer $dunno free_port mta_tcp mta_unix request receive says ends);
our ($defer, $dunno) = ("action=DEFER_IF_PERMIT Greylisted: please try again in 5 minutes\n\n", "action=DUNNO\n\n");

# One that nobody has, below those that the system gives to who asks for any.
sub free_port {
    for my $try (1 .. 1000) {
        my $port = 10000 + ($$ + $try * 7) % 20000;
        my @free = map { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Type => $_, $_ == SOCK_STREAM ? (Listen => 1) : ()) } SOCK_STREAM, SOCK_DGRAM;
        return $port if @free == grep { defined } @free and @free == 2;
    }
    die 'no port' }

sub mta_tcp { my ($port, %with) = @_;
    return IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Type => SOCK_STREAM, %with) // die "connect: $!" }
sub mta_unix { my ($path) = @_; return IO::Socket::UNIX->new(Peer => $path, Type => SOCK_STREAM) // die "connect: $!" }
sub request { my (%with) = @_;
    my %attribute = (request => 'smtpd_access_policy', protocol_state => 'RCPT', client_address => '192.0.2.1',
        client_name => 'unknown', sender => 'a@x', recipient => 'b@y', %with);
    return join('', map {"$_=$attribute{$_}\n"} sort keys %attribute) . "\n" }
# All that comes until so many bytes are there, or the end.
sub receive { my ($socket, $size) = @_;
    my $text = '';
    while (length $text < $size) {
        IO::Select->new($socket)->can_read($Daemon::deadline) or return "$text(nothing more)";
        sysread($socket, $text, $size - length $text, length $text) or return "$text(end)";
    }
    return $text }
sub says { my ($socket, $bytes, $expected, $name) = @_;
    syswrite $socket, $bytes if length $bytes;
    is receive($socket, length $expected), $expected, $name }
sub ends { my ($socket, $name) = @_; is receive($socket, 1), '(end)', $name // 'closed' }
1;
