# greysmtpd between peers that fall silent, die, flood, or say half of something: the other side is
# let go, nothing stays behind, and memory is bounded. Real tcpserver; mailfront where its own
# behaviour matters, else servers of a few lines that behave badly on purpose.
# usage: perl greysmtpd_hostile_test.pl /path/to/greysmtpd
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(sleep time);

my $greysmtpd = $ARGV[0] or die "usage: greysmtpd_hostile_test.pl GREYSMTPD\n";
my $patience = 60;    # seconds before something that must happen counts as not happening
my $dir = tempdir(CLEANUP => 1);
my $failures = 0;
my @children;
END { local $?; kill KILL => @children; waitpid $_, 0 for @children }
$SIG{PIPE} = 'IGNORE';

sub ok { my ($good, $what) = @_;
    print $good ? "ok: $what\n" : "FAILED: $what\n";
    ++$failures unless $good;
    return $good }
sub until_true { my ($test) = @_;
    my $end = time + $patience;
    until ($test->()) { return 0 if time > $end; sleep 0.02 }
    return 1 }
sub slurp { my ($file) = @_; open my $h, '<', $file or return ''; local $/; return <$h> // '' }

# A daemon that accepts senders with "good" in them.
my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die;
$ENV{GREYIP} = '127.0.0.1@' . $udp->sockport;
push @children, my $daemon = fork // die;
if (!$daemon) {
    while (defined(my $peer = $udp->recv(my $query, 65535))) {
        $udp->send($query =~ /\0F[^\0]*good/ ? "\1\3" : "\0\1", 0, $peer);
    }
    exit;
}

# tcpserver with the server behind greysmtpd: its port and process.
my $count = 0;
sub serve { my ($environment, @server) = @_;
    my $name = "$dir/server" . ++$count;
    push @children, my $pid = fork // die;
    if (!$pid) {
        %ENV = (%ENV, %$environment);
        open STDOUT, '>', "$name.port" or die;
        open STDERR, '>', "$name.log" or die;
        exec 'tcpserver', '-1', '-v', '-R', '-H', '-l', '0', '127.0.0.1', '0', $greysmtpd, @server or die;
    }
    until_true(sub { slurp("$name.port") =~ /^\d+\n/ }) or die "tcpserver does not start\n";
    return {port => slurp("$name.port") + 0, pid => $pid} }
sub children_of { my ($pid) = @_;
    my $file = "/proc/$pid/task/$pid/children";
    die "$file: not there: nobody can tell who is left\n" if !-e $file && -e "/proc/$pid";
    return split ' ', slurp($file) }
sub is_idle { my ($server) = @_; return until_true(sub { !children_of($server->{pid}) }) }
sub resident { my ($server) = @_;    # KiB of greysmtpd, at its peak
    my ($pid) = children_of($server->{pid});
    return slurp("/proc/$pid/status") =~ /VmHWM:\s+(\d+)/ ? $1 : die "no greysmtpd\n" }
# A bound on growth: what AddressSanitizer itself takes must not count.
sub grew_less_than { my ($server, $before, $kib) = @_; return resident($server) - $before < $kib }

sub dial { my ($server) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port}) // die "cannot connect: $!\n" }
sub line { my ($s) = @_;    # undef at the end, or when nothing comes
    my $line = '';
    while ($line !~ /\n$/) {
        IO::Select->new($s)->can_read($patience) or return undef;
        sysread $s, my $byte, 1 or return $line eq '' ? undef : $line;
        $line .= $byte;
    }
    return $line }
sub hear { my ($s, @codes) = @_;
    for my $code (@codes) {
        my $line;
        do { $line = line($s) // 'nothing' } while $line =~ /^...-/;
        if ($line !~ /^$code/) { print "heard $line instead of $code\n"; return 0 }
    }
    return 1 }
sub ends { my ($s) = @_; return !defined line($s) }
# Writes until nothing more is taken, or all is: how many octets.
sub flood { my ($s, $bytes, $limit) = @_;
    $s->blocking(0);
    my ($sent, $quiet) = (0, 0);
    while ($sent < $limit && $quiet < 20) {
        my $got = syswrite $s, $bytes;
        if (defined $got) { $sent += $got; $quiet = 0 } else { ++$quiet; sleep 0.05 }
    }
    $s->blocking(1);
    return $sent }
sub reset_connection { my ($s) = @_; setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0); close $s }

my @echo = ('smtpfront-echo', 'accept');
my $envelope = "MAIL FROM:<good\@x.org>\r\nRCPT TO:<r\@x.org>\r\nDATA\r\n";

sub silent_client {
    my $server = serve({TIMEOUT => 1}, @echo);
    my %said = ('nothing' => '', 'half a command' => 'MAIL FRO', 'half a message' => $envelope . "x\r\n.",
        'nothing but a line without its end' => 'X' x 100_000);
    for my $what (sort keys %said) {
        my $s = dial($server);
        hear($s, 220);
        print $s $said{$what};
        hear($s, 250, 250, 354) if $said{$what} =~ /DATA/;
        hear($s, 500) if length $said{$what} > 2048;
        ok(ends($s), "a client that says $what is let go when the server's time is up");
        close $s;
    }
    ok(is_idle($server), 'silent clients leave no process behind') }

sub silent_server {
    my $server = serve({}, 'perl', '-e', '$| = 1; print "220 hi\r\n"; 1 while sysread STDIN, $_, 9999');
    my $s = dial($server);
    hear($s, 220);
    print $s "EHLO me\r\n";
    close $s;
    ok(is_idle($server), 'a server that says nothing sees its client go');
    $s = dial($server);
    hear($s, 220);
    print $s "EHLO me\r\n";
    reset_connection($s);
    ok(is_idle($server), 'even when the connection is reset') }

sub resets {
    my $server = serve({}, @echo);
    for my $sent ('', 'MAIL FRO', $envelope, $envelope . 'x' x 1_000_000) {
        my $s = dial($server);
        ok(hear($s, 220), 'a client is served');
        print $s $sent;
        reset_connection($s);
    }
    ok(is_idle($server), 'clients that reset the connection take their servers with them') }

sub dying_server {
    my $server = serve({}, 'perl', '-e', '$| = 1; print "220 hi\r\n"; <STDIN>; print "250-half a re"; kill KILL => $$');
    my $s = dial($server);
    hear($s, 220);
    print $s "EHLO me\r\n", 'x' x 100_000;
    ok((line($s) // '') eq '250-half a re', 'the last words of a server that is killed reach the client');
    ok(ends($s), 'and the connection ends');
    ok(is_idle($server), 'with nothing left');
    my $big = serve({}, 'perl', '-e', '$| = 1; print "220 hi\r\n"; for my $code (250, 250, 354) { <STDIN>; print "$code ok\r\n" }
        sysread STDIN, $_, 100_000; kill KILL => $$');
    $s = dial($big);
    hear($s, 220);
    print $s $envelope;
    hear($s, 250, 250, 354);
    flood($s, 'm' x 60_000, 10_000_000);
    ok(ends($s), 'a server that is killed in the middle of a message ends the connection');
    close $s;
    ok(is_idle($big), 'with nothing left') }

sub long_lines {
    my $server = serve({}, 'perl', '-e', '$| = 1; print "220 hi\r\n"; <STDIN> =~ /^X\r/ or exit; print "250-", "x" x 1_000_000, "\r\n250 ok\r\n"; <STDIN>; print "221 bye\r\n"');
    my $s = dial($server);
    hear($s, 220);
    my $before = resident($server);
    print $s 'X' x 1_000_000, "\r\nX\r\n";
    ok(hear($s, 500), 'a command of 1 MB is refused');
    ok(length(line($s) // '') == 1_000_006, 'a reply of 1 MB passes');
    ok(hear($s, 250), 'to their end');
    ok(grew_less_than($server, $before, 2000), 'and are not kept');
    print $s "QUIT\r\n";
    ok(hear($s, 221), 'the session goes on') }

sub floods {
    my $deaf = serve({}, 'perl', '-e', '$| = 1; print "220 hi\r\n"; sleep 1000');
    my $s = dial($deaf);
    hear($s, 220);
    my $before = resident($deaf);
    my $sent = flood($s, ('x' x 62 . "\r\n") x 1024, 100_000_000);
    ok($sent < 100_000_000, 'a client that floods a deaf server is made to wait');
    ok(grew_less_than($deaf, $before, 2000), 'and is not kept in memory');
    my ($greysmtpd_pid) = children_of($deaf->{pid});
    kill TERM => children_of($greysmtpd_pid);
    ok(is_idle($deaf), 'when the server ends, the flooded session does');
    close $s;

    # Commands that greysmtpd answers by itself.
    my $server = serve({}, @echo);
    $s = dial($server);
    hear($s, 220);
    $before = resident($server);
    $sent = flood($s, "BDAT 0\r\n" x 8192, 100_000_000);
    ok($sent < 100_000_000, 'a client that does not read its answers is not read');
    ok(grew_less_than($server, $before, 2000), 'and they do not pile up');
    close $s;
    ok(is_idle($server), 'when it goes, its server does');

    my $waiting = serve({}, '--stage=connect', @echo);
    $s = dial($waiting);
    hear($s, 220);
    flood($s, "RCPT TO:<r>\r\n" x 5000, 10_000_000);
    ok(is_idle($waiting), 'a refused client that floods is let go') }

silent_client();
silent_server();
resets();
dying_server();
long_lines();
floods();
print "# $failures failed\n";
exit($failures > 0);
