# What a long import says of how far it is: a line on a terminal that is written over and gone at the end,
# and nothing elsewhere, or when it does not last. The daemon is a stand-in, whose first answer takes longer
# than the second from which on there is something to say.
# usage: perl progress_test.pl PATH-OF-GREYCTL
use strict;
use warnings;
use Fcntl;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my ($greyctl) = @ARGV;
die "usage: progress_test.pl PATH-OF-GREYCTL\n" unless @ARGV == 1;
my $dir = tempdir(CLEANUP => 1);
my $server;
END { local $?; if ($server) { kill KILL => $server; waitpid $server, 0 } }

my $status = `'$greyctl' --context '$dir/context' status --json`;
# Answers as a daemon with no state does, the first time after so many seconds.
sub stand_in { my ($seconds) = @_;
    if ($server) { kill KILL => $server; waitpid $server, 0; unlink "$dir/control" }
    my $socket = IO::Socket::UNIX->new(Local => "$dir/control", Listen => 1) or die;
    $server = fork // die;
    return if $server;
    while (my $peer = $socket->accept) {
        $peer->autoflush;
        while (my $request = <$peer>) {
            if ($request =~ /"list"/) {
                my $record = qq({"state":"waiting","client":"192.0.2.1","sender":"a","recipient":"b","first_seen":1}\n);
                print $peer $record;
                sleep $seconds;
                print $peer $record x 2, qq({"done":true,"count":3,"more":false}\n);
                next;
            }
            sleep $seconds if $request =~ /"status"/;
            my $count = () = $request =~ /[":n][WPBC] \d+ /g;    # the lines of a batch
            print $peer $request =~ /"status"/ ? $status : qq({"done":true,"taken":$count,"had":0,"over":0}\n);
        }
    }
    POSIX::_exit(0) }

# A terminal of our own: the side that a person looks at, and that of programs.
sub terminal {
    sysopen my $ours, '/dev/ptmx', O_RDWR | O_NOCTTY or return;
    my ($unlocked, $number) = (pack('i', 0), pack('i', 0));
    ioctl $ours, 0x40045431, $unlocked or return;    # TIOCSPTLCK
    ioctl $ours, 0x80045430, $number or return;      # TIOCGPTN
    sysopen my $theirs, '/dev/pts/' . unpack('i', $number), O_RDWR | O_NOCTTY or return;
    return ($ours, $theirs) }

# Its standard output, what came on the terminal or on the pipe that its standard error is, the exit code.
sub import_on { my ($on_terminal, @arguments) = @_; return command_on($on_terminal, 'import', @arguments) }
sub command_on { my ($on_terminal, @arguments) = @_;
    my ($ours, $theirs) = $on_terminal ? terminal() : ();
    plan skip_all => 'no terminal can be made here' if $on_terminal && !$theirs;
    pipe $ours, $theirs or die unless $on_terminal;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', $theirs; exec $greyctl, '--control', "$dir/control", @arguments or die }
    close $theirs;
    my $seen = '';
    # A terminal ends with an error once nobody has its other side.
    1 while IO::Select->new($ours)->can_read($Daemon::deadline) && sysread $ours, $seen, 65536, length $seen;
    my $said = do { local $/; <$out> } // '';
    close $out;
    return ($said, $seen, $? >> 8) }

my $now = int time;
sub line { return sprintf qq({"state":"known","client":"10.1.%d.%d","last_seen":$now,"passes":1}\n), $_[0] >> 8, $_[0] & 255 }
my $line = line(0);
my $file = "$dir/some\e[31mname";
spit $file, join '', map { line($_) } 1 .. 30_000;

subtest 'on a terminal' => sub {
    stand_in(1.2);
    my ($said, $seen, $code) = import_on(1, $file);
    is $code, 0, 'it is taken';
    like $said, qr/^taken: 30000 records, 0 entries\n/, 'and said on the standard output';
    like $seen, qr{\r(?:reading|taking) [^\r]*some\?\[31mname: \d+%?\e\[K}, 'how far it is, without what a terminal would obey';
    like $seen, qr/\r\e\[K\z/, 'gone at the end';
    unlike $seen, qr/\n/, 'in one line that is written over';
    is $seen =~ s/\r(?:[ -~]{0,79})?\e\[K//gr, '', 'and nothing else, none wider than 79';
};

subtest 'a long name' => sub {
    my $long = "$dir/" . 'x' x 200;
    spit $long, $line x 30_000;
    my ($said, $seen) = import_on(1, $long);
    like $seen, qr/\r\.\.\.x+: \d+%?\e\[K/, 'is cut at its beginning';
    is $seen =~ s/\r(?:[ -~]{0,79})?\e\[K//gr, '', 'so that the line stays one';
};

subtest 'an error' => sub {
    spit "$dir/bad", $line x 30_000 . "{\n";
    my ($said, $seen, $code) = import_on(1, "$dir/bad");
    is $code, 111;
    like $seen, qr/\r\e\[Kgreyctl: \S+bad:30001: [^\r\n]+\r?\n\z/, 'stands in a line of its own';
};

subtest 'an export' => sub {
    for (['on standard output'], ['into a file', '--output', "$dir/out"]) {
        my ($where, @output) = @$_;
        my ($said, $seen, $code) = command_on(1, 'export', '--format', 'json', @output);
        is $code, 0, $where;
        like $seen, qr/^\rexporting: 1 records\e\[K(?:\rexporting: \d+ records\e\[K)*\r\e\[K\z/, 'says how far it is';
        is +(() = (@output ? slurp("$dir/out") : $said) =~ /\n/g), 3, 'and is all there';
    }
    my ($said, $seen) = command_on(0, 'export', '--format', 'json');
    is $seen, '', 'not on a terminal: nothing';
    # Where the records themselves go to the terminal.
    my ($ours, $theirs) = terminal();
    my $pid = fork // die;
    if ($pid == 0) { open STDERR, '>&', $theirs; open STDOUT, '>&', $theirs; exec $greyctl, '--control', "$dir/control", 'export', '--format', 'json' or die }
    close $theirs;
    $seen = '';
    1 while IO::Select->new($ours)->can_read($Daemon::deadline) && sysread $ours, $seen, 65536, length $seen;
    waitpid $pid, 0;
    unlike $seen, qr/exporting/, 'not among the records';
    is +(() = $seen =~ /\n/g), 3, 'which are there';
};

subtest 'not on a terminal' => sub {
    my ($said, $seen, $code) = import_on(0, $file);
    is $code, 0;
    is $seen, '', 'nothing';
};

subtest 'what does not last' => sub {
    stand_in(0);
    spit "$dir/small", $line;
    my $begun = time;
    my ($said, $seen, $code) = import_on(1, "$dir/small");
    is $code, 0;
    my $lasted = time - $begun > 0.9;    # a machine that is that slow has something to say
    ok $lasted || $seen eq '', 'nothing';
};
done_testing;
