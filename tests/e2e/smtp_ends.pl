# Which octets end a message for an SMTP server. All strings of CR, LF, dot, NUL and a letter are sent
# as the beginning of a message's content, each in a transaction of its own; whether what follows was
# content or commands is seen from the replies. Printed are the shortest ends: those strings that end
# a message while no beginning of theirs does, one on a line, with R for CR, N for LF and 0 for NUL.
# usage: smtp_ends.pl list SERVER...          prints them, of up to six octets
#        smtp_ends.pl check FILE EVERY SERVER...  FILE is such a list: tries its strings and each
#            EVERY'th of all, prints what is not as the list says, and ends with 1 if anything is
# SERVER is a port of 127.0.0.1, or a program with arguments that speaks SMTP on its standard input
# and output. It must take s@example.org as a sender and r@example.net as a recipient, and any number
# of bad commands. The lists are in tests/data/smtp_ends/; the servers' own tests check them.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY AF_UNIX SOCK_STREAM PF_UNSPEC);

my $checks = @ARGV && $ARGV[0] eq 'check';
my ($file, $every) = $checks ? @ARGV[1, 2] : ();
my @server = @ARGV[($checks ? 3 : 1) .. $#ARGV];
@server or die "usage: smtp_ends.pl list SERVER... | check FILE EVERY SERVER...\n";
my $longest = 6;
my @letters = ("\r", "\n", '.', "\0", 'a');
my ($server, $hello);
my $hello_command = "HELO client.example.org\r\n";

sub reply {    # its last line; undef at the end of the connection
    my $line;
    do { $line = <$server> // return undef } while $line =~ /^...-/;
    return $line }
sub want { my ($code) = @_;
    my $line = reply() // 'nothing';
    $line =~ /^$code/ or die "$line instead of $code\n";
    return $line }

sub run_server {
    socketpair $server, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<&', $theirs or die;
        open STDOUT, '>&', $theirs or die;
        close $server;
        $SIG{CHLD} = $SIG{PIPE} = 'DEFAULT';
        exec @server or die "$server[0]: $!\n";
    } }

sub connect_to_server {
    if ($server[0] =~ /^\d+$/) {
        $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server[0]) or die "no server: $!\n";
        setsockopt $server, IPPROTO_TCP, TCP_NODELAY, 1;
    } else {
        run_server();
    }
    $server->autoflush(1);
    want(220);
    print $server $hello_command;
    $hello = want(250) }

# After the string the content goes on, and ends; where the message has ended before, the same lines
# are commands, of which the first is none.
sub ends { my ($string) = @_;
    connect_to_server() if !$server;
    print $server "MAIL FROM:<s\@example.org>\r\nRCPT TO:<r\@example.net>\r\nDATA\r\n";
    want($_) for 250, 250, 354;
    print $server $string, "aa\r\n$hello_command.\r\n$hello_command";
    my $of_message = reply();
    my $next = defined $of_message ? reply() : undef;
    my $ended = defined $of_message && (!defined $next || $next ne $hello);
    if ($ended) {
        for my $hellos (1, 2) {
            do { $next = reply() } while defined $next && $next ne $hello;
        }
    }
    return $ended if defined $next;
    undef $server;    # it has hung up, as qmail-smtpd does at a bare LF, after a reply
    return $ended && $of_message =~ /^2/ }

sub written { my ($string) = @_; return $string =~ tr/\r\n\0/RN0/r }

sub list { my ($begin) = @_;
    for my $letter (@letters) {
        my $string = $begin . $letter;
        if (ends($string)) {
            print written($string), "\n";
        } elsif (length $string < $longest) {
            list($string);
        }
    } }

my ($tried, $wrong) = (0, 0);
sub check { my ($string, $is_end) = @_;
    ++$tried;
    return if !!ends($string) == !!$is_end;
    ++$wrong;
    print written($string), $is_end ? " does not end a message\n" : " ends a message\n" }
sub check_all {
    open my $list, '<', $file or die "$file: $!\n";
    chomp(my @ends = <$list>);
    tr/RN0/\r\n\0/ for @ends;
    check($_, 1) for @ends;
    my $some_end = join '|', map quotemeta, @ends;
    my @strings = ('');
    for (my $at = 0; $at < @strings; ++$at) {
        push @strings, map $strings[$at] . $_, @letters if length $strings[$at] < $longest;
        check($strings[$at], $strings[$at] =~ /^(?:$some_end)/) if $at % $every == 0;
    }
    print "$tried strings tried\n" }

$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
$checks ? check_all() : list('');
exit($wrong > 0);
