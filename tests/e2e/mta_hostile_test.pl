# Hostile peers of the policy sockets, beside a mail server that must have its answers at once: many
# connections, slow ones, floods, resets.
# usage: perl mta_hostile_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use File::Temp qw(tempdir);
use IO::Select;
use POSIX ();
use Socket qw(IPPROTO_IP SHUT_WR SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

my $program = shift or die "usage: mta_hostile_test.pl PATH-OF-QMAIL-GREYD\n";
# Its ten thousand connections take the ports of others, so it has a network of its own where it can.
if (!$ENV{GREY_OWN_NETWORK} && system('unshare --net true 2>/dev/null') == 0) {
    $ENV{GREY_OWN_NETWORK} = 1;
    exec 'unshare', '--net', 'sh', '-c', 'ip link set lo up && exec perl "$@"', 'sh', $0, $program or die;
}
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $unix = "$dir/policy.sock";
my $daemon = Daemon->new(program => $program, dir => $dir);
my @children;
$SIG{PIPE} = 'IGNORE';
END { local $?; kill KILL => @children; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# The test's own descriptors, beside those of the peers that it plays.
my $hard = `prlimit --pid $$ --nofile --noheadings --output=HARD`;
system('prlimit', '--pid', $$, '--nofile=' . ($hard =~ s/\s//gr)) == 0 or die 'prlimit';

sub fresh { my (@args) = @_; unlink glob "$dir/context*";
    $daemon->start('--policy', "127.0.0.1\@$port,$unix", @args, "127.0.0.1\@$port", 'context') }
# The same without a line for each decision.
sub quiet { unlink glob "$dir/context*";
    $daemon->{pid} = fork // die;
    if ($daemon->{pid} == 0) { $ENV{CONTROLDIR} = $dir; open STDERR, '>', "$dir/log"; exec $program, '-v', 0, '--policy', "127.0.0.1\@$port,$unix", "127.0.0.1\@$port", 'context' or die }
    wait_until(sub { eval { from('127.0.0.1') } }) or die 'no start' }
# (A port that is chosen at the bind, before the peer is known, takes long to find among thousands.)
use constant BIND_ADDRESS_NO_PORT => 24;
sub from { my ($host) = @_; return mta_tcp($port, LocalHost => $host, Sockopts => [[IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1]]) }
my $asked = 0;
# A mail server's question on a connection of its own, and its answer.
sub mail_server { my ($name) = @_; says(from('127.0.0.1'), request(sender => 's' . ++$asked), $defer, $name) }
sub open_descriptors { my @all = glob "/proc/$daemon->{pid}/fd/*"; return scalar @all }
# A process that does so until it is ended.
sub meanwhile { my ($what) = @_;
    my $pid = fork // die;
    if ($pid == 0) { $SIG{TERM} = 'DEFAULT'; eval { $what->() }; POSIX::_exit(0) }
    push @children, $pid;
    return $pid }
sub enough { my (@pids) = @_; kill KILL => @pids; waitpid $_, 0 for @pids; @children = () }

subtest 'one source with more connections than there is room: another keeps its own and opens new ones' => sub {
    fresh();
    # As many as it takes; the limit of descriptors as it would have been from the start.
    system('prlimit', '--pid', $daemon->{pid}, '--nofile=600') == 0 or die 'prlimit';
    my @keeps = map { from('127.0.0.1') } 1 .. 40;
    says($keeps[$_], request(sender => "k$_"), $defer, undef) for 0 .. 39;
    my $hostile = meanwhile(sub {
        my @open;
        while (1) {
            my $s = from('127.0.0.66');
            # Idle, half a request, and what is none.
            syswrite $s, ('', "request=smtpd_access_policy\n", 'check 192.0.2.1 ', 'x=' . 'x' x 5000)[@open % 4];
            push @open, $s;
            splice @open, 0, 2000 if @open > 4000; # some are reset, too
        } });
    ok wait_until(sub { open_descriptors() >= 590 }), 'it has taken all there is';
    mail_server("a new connection $_") for 1 .. 200;
    says($keeps[$_], request(sender => "l$_"), $defer, "the one that was there, $_") for 0 .. 39;
    like ask(asker($port), query('192.0.2.50', 'a', $_)), qr/^01$/, "UDP $_" for 1 .. 20;
    ok wait_until(sub { $daemon->log =~ /policy connections closed count=\d+ source=127\.0\.0\.66\@\d+: to make room, of who has most/ }), 'log';
    enough($hostile);
    is scalar(() = $daemon->log =~ /closed count=\d+ source=127\.0\.0\.1@/g), 0, 'none of the mail server had to go';
    $daemon->stop;
};

subtest '10,000 half-open ones of a source, twice' => sub {
    plan skip_all => 'too few descriptors' if $hard =~ /^\s*(\d+)/ && $1 < 12_000;
    fresh();
    my $keeps = from('127.0.0.1');
    for my $round (1, 2) {
        my @half = map { my $s = from('127.0.0.66'); syswrite $s, "request=\n"; $s } 1 .. 10_200;
        says($keeps, request(sender => "k$round"), $defer, "the one that was there, round $round");
        mail_server("a new one $_") for 1 .. 20;
        cmp_ok open_descriptors(), '<', 10_100, 'there is a bound';
        # From the same address, too, somebody new is heard.
        says(from('127.0.0.66'), request(sender => "m$round"), $defer, 'a new one of that source');
    }
    $daemon->stop;
};

subtest 'floods of requests from three sources: another has its answers in between' => sub {
    quiet();
    my $many = "check 192.0.2.1 a b\n" x 200;
    my @floods = map { my $host = "127.0.0.$_"; meanwhile(sub {
        my @open = map { my $s = from($host); fcntl $s, F_SETFL, fcntl($s, F_GETFL, 0) | O_NONBLOCK; $s } 1 .. 1000;
        while (1) { for my $s (@open) { syswrite $s, $many; sysread $s, my $answers, 65536 } } }) } 66 .. 68;
    my $keeps = from('127.0.0.1');
    says($keeps, request(sender => 'first'), $defer, 'first');
    sleep 0.5;
    # Each comes behind each flood's turn, which takes a millisecond, and not behind its thousand
    # connections: those took longer than this deadline, which nothing else reaches.
    my $end = time + 2 * $Daemon::deadline;
    my $answered = 0;
    for my $n (1 .. 200) {
        last if time > $end;
        says($keeps, request(sender => "q$n"), $defer, undef);
        ++$answered;
    }
    is $answered, 200, 'all its questions are answered';
    enough(@floods);
    $daemon->stop;
};

subtest '65,000 requests at once, and who does not read the answers' => sub {
    quiet();
    my $s = from('127.0.0.66');
    my $writer = meanwhile(sub { my $all = "check 192.0.2.1 a b\n" x 65_000; for (my $at = 0; $at < length $all; ) { $at += syswrite($s, $all, 65536, $at) // last } sleep 100 });
    mail_server('another, meanwhile');
    my ($count, $text) = (0, '');
    while ($count < 65_000) {
        IO::Select->new($s)->can_read($Daemon::deadline) or last;
        sysread($s, $text, 1 << 16, length $text) or last;
        $count += ($text =~ s/^[^\n]*\n(?=.)//mg) || 0;
        if ($text =~ /^[^\n]*\n\z/) { ++$count; $text = '' }
    }
    is $count, 65_000, 'all are answered';
    my @slow = map { my $s = from('127.0.0.66'); fcntl $s, F_SETFL, fcntl($s, F_GETFL, 0) | O_NONBLOCK; 1 while syswrite $s, "check 192.0.2.1 a b\n" x 100; $s } 1 .. 50;
    mail_server('another, with 50 that do not read');
    enough($writer);
    $daemon->stop;
};

subtest 'resets and half-closes at every moment' => sub {
    quiet();
    my $whole = request() . 'check 192.0.2.1 a b' . "\nnonsense\n" . 'x' x 5000;
    for my $n (0 .. 400) {
        my $s = from('127.0.0.66');
        syswrite $s, substr $whole, 0, $n * 13;
        if ($n % 3 == 0) { setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; close $s } # a reset
        elsif ($n % 3 == 1) { shutdown $s, SHUT_WR; receive($s, 10_000) }
        else { shutdown $s, 0; close $s }
    }
    mail_server('another');
    ok wait_until(sub { open_descriptors() < 30 }), 'all are given back';
    my $lines = () = $daemon->log =~ /\n/g;
    cmp_ok $lines, '<', 20, "$lines lines in the log";
    $daemon->stop;
};

done_testing;
