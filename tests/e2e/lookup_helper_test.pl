# The look-up helper by itself, with the test in the daemon's place: what it has given up, tried in the
# real process by a preloaded library (forbidden.c); and a hundred thousand domains.
# usage: perl lookup_helper_test.pl PATH-OF-QMAIL-GREYD-LOOKUP PATH-OF-LIBFORBIDDEN
use strict;
use warnings;
use File::Basename;
use File::Copy;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use NameServer;
use POSIX qw(dup2 mkfifo);
use Socket;
use Test::More;
use Time::HiRes qw(time);

my ($program, $library) = @ARGV;
own_network(@ARGV);
system 'ip', 'link', 'set', 'lo', 'up';
my ($nobody, $nogroup) = (getpwnam 'nobody')[2, 3];
my $landlock = do { my $number = syscall(444, 0, 0, 1); $number > 0 ? $number : 0 };
my $sanitized = `ldd $program` =~ /libasan/;
my $top = tempdir(CLEANUP => 1);
chmod 0755, $top;
# The tree can be below a directory that is closed to other users, whose process this one becomes.
for my $file ($program, $library) {
    my $reachable = "$top/" . basename $file;
    copy($file, $reachable) && chmod(0755, $reachable) or die "$reachable: $!";
    $file = $reachable;
}
my @pids;
END { local $?; kill KILL => @pids if @pids }
mkdir "$top/dns";
push @pids, unbound("$top/dns", 5301, ['example'], 'there.example TXT v=spf1 ip4:192.0.2.0/24 -all');
my $bystander = IO::Socket::IP->new(Listen => 9, LocalHost => '127.0.0.1', Type => SOCK_STREAM) // die;

# Starts it as the spawner does; its process, and the other end of its socket.
sub helper { my ($resolver, %environment) = @_;
    socketpair my $ours, my $its, AF_UNIX, SOCK_SEQPACKET, 0 or die;
    my $pid = fork // die;
    if ($pid == 0) {
        close $ours;
        dup2(fileno $its, 3) // die if fileno $its != 3;
        fcntl STDIN, 2, 1;
        %ENV = %environment;
        open STDERR, '>', "$top/err";
        if ($> == 0) { $) = "$nogroup $nogroup"; $( = $nogroup; $> = $< = $nobody; }
        # Close-on-exec is what it has of perl, above descriptor 2.
        $^F = 1000;
        open my $kept, '>&=', 3 or die;
        fcntl $kept, 2, 0;
        exec $program, $resolver, 'on' or die;
    }
    close $its;
    push @pids, $pid;
    return ($pid, $ours) }
sub hear { my ($socket) = @_;
    return 'nothing' unless IO::Select->new($socket)->can_read($Daemon::deadline);
    recv $socket, my $text, 20000, 0;
    return $text }
sub say_to { my ($socket, $text) = @_; send $socket, $text, 0 }

subtest 'it answers what it is asked, passes over what is no question, and ends with its asker' => sub {
    my ($pid, $socket) = helper('127.0.0.1@5301');
    is hear($socket), 'U', 'it has begun';
    say_to($socket, $_) for 'Q', 'Q 1 nodot', "Q 1 a.b\n", 'x' x 20000, 'A 1 a.b whole 600', 'Q 7 there.example';
    is hear($socket), 'A 7 there.example whole 3600 192.0.2.0/24';
    close $socket;
    ok wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'ended';
    is $?, 0;
};

subtest 'it has given up all that it does not need' => sub {
    mkdir "$top/$_" for 'there', 'own';
    spit("$top/there/theirs", "theirs\n");
    chmod 0777, "$top/there", "$top/there/theirs", "$top/own";
    # It writes no file: its tries go through a pipe.
    mkfifo("$top/tries", 0666) or die;
    chmod 0666, "$top/tries";
    open my $tries, '+<', "$top/tries" or die;
    my ($pid, $socket) = helper('127.0.0.1@5301', LD_PRELOAD => $library, FORBIDDEN_LOG => "$top/tries", FORBIDDEN_AT => "$top/there",
        FORBIDDEN_OWN => "$top/own", FORBIDDEN_PORT => $bystander->sockport, ASAN_OPTIONS => 'verify_asan_link_order=0');
    is hear($socket), 'U';
    say_to($socket, 'Q 7 there.example');
    is hear($socket), 'A 7 there.example whole 3600 192.0.2.0/24', 'and it looks up';
    kill WINCH => $pid;
    my ($text, %tried) = '';
    while ($text !~ /^signal end /m) {
        last unless IO::Select->new($tries)->can_read($Daemon::deadline);
        sysread $tries, $text, 4096, length $text;
    }
    for (split /\n/, $text) { my ($when, $what, $result) = split / /; $tried{$when}{$what} = $result }
    my @calls = qw(make-directory make-link make-pipe truncate chmod chown own-link socket-unix socket-unix-datagram
        socket-netlink socket-packet socket-raw socket-alg socket-vsock fork vfork exec ptrace kill setuid setgid setgroups
        capset keep-capabilities unshare mount chroot bpf io-uring userfaultfd perf-event keyctl map-code make-code);
    my %of_sanitizers = map { $_ => 1 } qw(fork vfork ptrace kill keep-capabilities map-code make-code);
    my @files = qw(read-theirs read-passwd list-directory write-theirs make-file remove rename);
    for my $when ('thread', 'signal') {
        my $seen = $tried{$when} // {};
        is join(' ', map {"$_=" . ($seen->{$_} // 'nothing')} grep { !($sanitized && $of_sanitizers{$_}) && ($seen->{$_} // '') ne 'EPERM' } @calls), '',
            "$when: each forbidden call fails by EPERM";
        isnt $seen->{connect} // '', 'done', "$when: a bystander's port is not reached" if $landlock >= 4;
        next if !$landlock || $sanitized;
        is join(' ', map {"$_=" . ($seen->{$_} // 'nothing')} grep { ($seen->{$_} // '') ne 'EACCES' } @files), '', "$when: no file is in reach";
        is $seen->{'own-make'}, 'EACCES', "$when: none can be made";
    }
    my %is = slurp("/proc/$pid/status") =~ /^(\w+):[ \t]*(.*?)[ \t]*$/mg;
    is "$is{NoNewPrivs} $is{Seccomp}", '1 2', 'no_new_privs, and seccomp';
    close $socket;
    waitpid $pid, 0;
};

# No server that is kept answers so; some at the edge of the network do.
subtest 'that there is nothing holds an hour at most, where nothing says how long it does' => sub {
    my $without_soa = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 5302, Proto => 'udp') // die;
    my $server = fork // die;
    if ($server == 0) {
        while (my $asker = recv $without_soa, my $query, 4096, 0) {
            my ($question) = substr($query, 12) =~ /^((?:[^\0].*?)?\0.{4})/s or next;
            send $without_soa, substr($query, 0, 2) . pack('n5', 0x8583, 1, 0, 0, 0) . $question, 0, $asker;
        }
        POSIX::_exit(0);
    }
    push @pids, $server;
    my ($pid, $socket) = helper('127.0.0.1@5302');
    is hear($socket), 'U';
    say_to($socket, 'Q 7 away.example');
    my ($holds) = hear($socket) =~ /^A 7 away\.example no-record (\d+)$/;
    cmp_ok $holds // 99999, '<=', 3600;
    close $socket;
    waitpid $pid, 0;
};

subtest 'a hundred thousand domains leave it as small as it was' => sub {
    my ($pid, $socket) = helper('127.0.0.1@5301');
    is hear($socket), 'U';
    my ($asked, $answered, $bad) = (0, 0, 0);
    my $many = $sanitized ? 20_000 : 100_000;
    while ($answered < $many) {
        say_to($socket, 'Q ' . ++$asked . " d$asked.example") while $asked < $many && $asked - $answered < 60;
        my $answer = hear($socket);
        $answer =~ /^A \d+ d\d+\.example no-record 3\d\d\d$/ or $bad++ or diag $answer;
        ++$answered;
        last if $answer eq 'nothing';
    }
    is $answered, $many, 'all are answered';
    is $bad, 0, 'each as it is';
    my ($kilobytes) = slurp("/proc/$pid/status") =~ /^VmHWM:\s*(\d+)/m;
    diag "at most $kilobytes kB";
    cmp_ok $kilobytes, '<', 64 << 10, 'within 64 MB' unless $sanitized;
    close $socket;
    waitpid $pid, 0;
};

done_testing;
