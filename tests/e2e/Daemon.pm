# Runs the daemon for tests, asks it, and reads its log. Conditions are polled for, with a deadline
# that only a failure reaches.
package Daemon;
use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(slurp spit wait_until query ask asker faketime first_port log_like);
our $deadline = 90;

# The first of sixteen ports: tests begin at the same time, so that their processes have numbers side by side, and
# each of these has its own. Below those that the system gives to whoever asks for any.
sub first_port { return 10_000 + $$ * 16 % 20_000 }

sub slurp { my ($f) = @_; open my $h, '<', $f or return ''; local $/; my $c = <$h>; return $c // '' }
sub spit { my ($f, $text) = @_; open my $h, '>', $f or die "$f: $!"; print $h $text; close $h }
sub wait_until { my ($what) = @_; my $end = time + $deadline;
    until ($what->()) { return 0 if time > $end; sleep 0.005 } return 1 }

# The library that gives a program another clock. The daemon has threads, and the one of the two that
# is not made for them tells one of them the real time now and then.
sub faketime {
    my ($library) = grep {m{/libfaketimeMT\.so\.1$}} split /\n/, `dpkg -L libfaketime`;
    return $library // die "FAILED: needs the package libfaketime\n" }

# new(program => PATH, dir => DIRECTORY, port => PORT, env => {...}, before => sub {...}); before()
# is called in its process: it may set limits.
sub new { my ($class, %self) = @_; $self{log} = "$self{dir}/log"; return bless \%self, $class }

# Starts it with these arguments, the log in a file of its own; dies when it does not listen.
sub start {
    my ($self, @args) = @_;
    unlink $self->{log};
    $self->{pid} = fork // die;
    if ($self->{pid} == 0) {
        $ENV{CONTROLDIR} = $self->{dir};
        $ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} // {} };
        open STDERR, '>', $self->{log} or die;
        $self->{before}->() if $self->{before};
        exec $self->{program}, @args or die;
    }
    wait_until(sub { $self->log =~ /listening on/ }) or die 'no start: ' . $self->log;
}
sub log { my ($self) = @_; return slurp($self->{log}) }
# A line comes after the answer that it is about.
sub log_like { my ($self, $pattern, $name) = @_;
    wait_until(sub { $self->log =~ $pattern });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::like($self->log, $pattern, $name) }
sub signal { my ($self, $name) = @_; kill $name => $self->{pid} }
# Ends it; its exit code, or "signal N".
sub stop { my ($self, $signal) = @_;
    kill $signal // 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    return $? & 127 ? 'signal ' . ($? & 127) : $? >> 8 }

# From a port that none of this test has had before: where it asks the same again within a second, from the same port,
# that is the same question.
my %had;
sub asker { my ($port, $host) = @_;
    my @others;
    while (@others < 100) {
        my $socket = IO::Socket::IP->new(PeerHost => $host // '127.0.0.1', PeerPort => $port, Proto => 'udp') // die "$!";
        return $socket unless $had{$port, $socket->sockport}++;
        push @others, $socket }
    return $others[0] }
sub query { my ($ip, $from, @to) = @_; return "I$ip\0F$from\0" . join('', map {"T$_\0"} @to) . "\0" }
# The answer as two digits; 'none' when none came.
sub ask {
    my ($socket, $datagram) = @_;
    $socket->send($datagram);
    return 'none' unless IO::Select->new($socket)->can_read($deadline);
    $socket->recv(my $answer, 100) // return 'none';
    return join '', unpack 'C*', $answer;
}
1;
