# What greysmtpd adds to a session: the same client speaks to the same server under tcpserver, bare
# and behind greysmtpd, in turns. The daemon is the real one, and answers by its whitelist.
# usage: perl wrapper.pl GREYSMTPD QMAIL-GREYD [ROUNDS]
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my ($greysmtpd, $greyd, $rounds) = @ARGV;
die "usage: wrapper.pl GREYSMTPD QMAIL-GREYD [ROUNDS]\n" unless $greyd;
$rounds ||= 15;
my $dir = tempdir(CLEANUP => 1);
my @children;
END { kill TERM => @children; waitpid $_, 0 for @children }
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

sub start { my ($out, @command) = @_;
    my $pid = fork // die;
    if (!$pid) {
        open STDOUT, '>', "$dir/$out" or die;
        open STDERR, '>', "$dir/$out.err" or die;
        exec @command or die;
    }
    push @children, $pid;
    return $pid }
sub wait_for { my ($what, $test) = @_;
    for (1 .. 3000) { my $found = $test->(); return $found if $found; sleep 0.01 }
    die "$what does not start\n" }
sub slurp { my ($file) = @_; open my $h, '<', $file or return ''; local $/; return <$h> // '' }

my $free = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die;
my $address = '127.0.0.1@' . $free->sockport;
close $free;
open my $white, '>', "$dir/white" or die;
print $white "127.0.0.1\n";
close $white;
{
    local $ENV{CONTROLDIR} = $dir;
    start('greyd', $greyd, '-v', 2, '-w', 'white', $address, 'context');
}
wait_for('the daemon', sub { slurp("$dir/greyd.err") =~ /listening/ });
$ENV{GREYIP} = $address;

# What runs before the server, by name; the port of each.
my %before = (bare => [], wrapped => [$greysmtpd], exec => [$greysmtpd, '--stage=connect']);
my (%port, %tcpserver);
for my $kind (keys %before) {
    $tcpserver{$kind} = start($kind, 'tcpserver', '-1', '-R', '-H', '-l', '0', '127.0.0.1', '0', @{$before{$kind}}, 'smtpfront-echo', 'accept');
    $port{$kind} = wait_for('tcpserver', sub { slurp("$dir/$kind") =~ /^(\d+)\n/ && $1 });
}

# A session with one message, each command after the reply to the one before: its time in seconds.
sub session { my ($kind, $message) = @_;
    my $begin = time;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{$kind}) or die;
    my $expect = sub { my ($code) = @_;
        my $line;
        do { $line = <$s> // die "no reply" } while $line =~ /^...-/;
        $line =~ /^$code/ or die "$line instead of $code" };
    $expect->(220);
    for (['EHLO me', 250], ['MAIL FROM:<a@example.org>', 250], ['RCPT TO:<b@example.net>', 250], ['DATA', 354]) {
        syswrite $s, "$_->[0]\r\n";
        $expect->($_->[1]);
    }
    for (my $at = 0; $at < length $$message;) { $at += syswrite($s, $$message, 65536, $at) // die }
    $expect->(250);
    syswrite $s, "QUIT\r\n";
    $expect->(221);
    return time - $begin }

# The value that a part of the measurements are below: half of them, or, on a machine that others use,
# a tenth.
sub below { my ($part, @values) = @_; @values = sort { $a <=> $b } @values; return $values[$part * @values] }

# CPU time in seconds of all sessions that have ended; other programs that run do not change it much.
sub cpu { my ($kind) = @_;
    sleep 0.2;    # the last one's processes end
    my @stat = split ' ', slurp("/proc/$tcpserver{$kind}/stat") =~ s/.*\) //sr;
    return ($stat[13] + $stat[14]) / 100 }

# Each round measures every kind once, in another order each time.
sub compare { my ($message, $count) = @_;
    my @kinds = qw(bare wrapped exec);
    my %times;
    for my $round (1 .. $count) {
        push @{$times{$_}}, session($_, $message) for @kinds;
        push @kinds, shift @kinds;
    }
    return \%times }
sub report { my ($what, $kind, $times, $unit) = @_;
    my @added = map {
        my $bare = below($_, @{$times->{bare}});
        my $added = below($_, @{$times->{$kind}}) - $bare;
        $unit eq '%' ? 100 * $added / $bare : 1000 * $added;
    } 0.5, 0.1;
    printf "  %-46s %5.2f %s  (a tenth: %.2f %s; bare %.2f ms; %d each)\n", $what, $added[0], $unit, $added[1], $unit,
        1000 * below(0.5, @{$times->{bare}}), scalar @{$times->{bare}} }

my $large = ('m' x 75 . "\r\n") x 136_179 . ".\r\n";    # 10 MiB
my $small = "Subject: x\r\n\r\nx\r\n.\r\n";
session($_, \$small) for keys %port;
report('a message of 10 MB: greysmtpd adds', 'wrapped', compare(\$large, $rounds), '%');
my %before_cpu = map { $_ => cpu($_) } keys %port;
my $times = compare(\$small, 20 * $rounds);
report('a small message: greysmtpd adds', 'wrapped', $times, 'ms');
report('with --stage=connect it adds', 'exec', $times, 'ms');
my %cpu = map { $_ => 1000 * (cpu($_) - $before_cpu{$_}) / (20 * $rounds) } keys %port;
printf "  %-46s %5.2f ms  (with --stage=connect: %.2f ms; bare %.2f ms)\n", 'CPU time that it adds to each',
    $cpu{wrapped} - $cpu{bare}, $cpu{exec} - $cpu{bare}, $cpu{bare};
