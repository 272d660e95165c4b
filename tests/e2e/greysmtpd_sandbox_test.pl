# greysmtpd before it reads from a client: it has given up what it can, and the server that it started
# has lost nothing. usage: perl greysmtpd_sandbox_test.pl PATH-OF-GREYSMTPD
use strict;
use warnings;
use Socket;
use Test::More;

my ($greysmtpd) = @ARGV;
die "usage: greysmtpd_sandbox_test.pl PATH-OF-GREYSMTPD\n" unless @ARGV == 1;
my $sanitized = -s $greysmtpd && `ldd $greysmtpd 2>&1` =~ /libasan/;
sub privileges { my ($status) = @_;
    my %is = $status =~ /^(\w+):[ \t]*(.*?)[ \t]*$/mg;
    return join ' ', map {"$_=" . ($is{$_} // '')} qw(NoNewPrivs Seccomp CapInh CapPrm CapEff CapBnd CapAmb Uid Groups) }
sub slurp { my ($file) = @_; open my $h, '<', $file or return ''; local $/; return scalar <$h> }

# It says its greeting, and what it has.
my $server = q{$| = 1; print "220 here\r\n"; open my $h, '<', '/proc/self/status' or die; local $/; my $status = <$h>;
    $/ = "\n"; while (<STDIN>) {
        if (/^NOOP/) { $status =~ s/\n/|/g; print "250 $status\r\n" } elsif (/^QUIT/) { print "221 bye\r\n"; exit } else { print "250 ok\r\n" } } };
for my $stage ('data', 'rcpt') {
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0 or die;
    my $pid = fork // die;
    if ($pid == 0) {
        open STDIN, '<&', $theirs or die;
        open STDOUT, '>&', $theirs or die;
        close $ours;
        @ENV{qw(GREYIP TCPREMOTEIP GREYTIMEOUT)} = ('127.0.0.1@1', '192.0.2.1', 1);
        exec $greysmtpd, "--stage=$stage", $^X, '-e', $server or die;
    }
    close $theirs;
    $ours->autoflush(1);
    like scalar(<$ours>), qr/^220/, "$stage: the server greets";
    my $own = privileges(slurp("/proc/$pid/status"));
    like $own, qr/NoNewPrivs=1 Seccomp=@{[$sanitized ? 0 : 2]} CapInh=0+ CapPrm=0+ CapEff=0+ CapBnd=\w+ CapAmb=0+ /,
        'nothing was read from the client yet, and it has given up what it can';
    print $ours "NOOP\r\n";
    my $answer = <$ours> =~ s/^250 //r =~ s/\|/\n/gr;
    is privileges($answer), privileges(slurp('/proc/self/status')), 'the server has what we have';
    print $ours "MAIL FROM:<a\@example.org>\r\n";
    like scalar(<$ours>), qr/^250/;
    print $ours "RCPT TO:<b\@example.org>\r\n";
    like scalar(<$ours>), qr/^250/, 'a question can be asked';
    print $ours "QUIT\r\n";
    like scalar(<$ours>), qr/^221/;
    waitpid $pid, 0;
    is $?, 0, 'exit 0';
}
done_testing;
