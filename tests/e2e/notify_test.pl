# What the daemon tells who supervises it: systemd by a socket, s6 by a descriptor, both real, with
# this test at their other ends; and one that cannot be told, which is no reason to stop.
# usage: perl notify_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(F_SETFD);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use IO::Select;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep time);

my $program = abs_path(shift // die "usage: notify_test.pl PATH-OF-QMAIL-GREYD\n");
my $dir = tempdir(CLEANUP => 1);
chmod 0777, $dir;
my $port = free_port();
my $for_all = "$dir/qmail-greyd";    # where others get to it
system('cp', $program, $for_all) == 0 or die;
system('cp', dirname($program) . '/qmail-greyd-lookup', $dir) == 0 or die;
my $daemon = Daemon->new(program => $for_all, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# ---- a supervisor

my $systemd;
sub listen_at { my ($place) = @_;
    socket($systemd, AF_UNIX, SOCK_DGRAM, 0) or die "$!";
    bind($systemd, pack_sockaddr_un($place =~ s/^@/\0/r)) or die "$place: $!";
    $daemon->{env} = { NOTIFY_SOCKET => $place } }
# The next datagram; '' when none comes within the time.
sub told { my ($seconds) = @_;
    return '' unless IO::Select->new($systemd)->can_read($seconds // $Daemon::deadline);
    recv($systemd, my $text, 10_000, 0) // return '';
    return $text }
sub told_at_once { return told(0) }
# The next but those that come at any time.
sub told_next { for (;;) { my $text = told(); return $text unless $text =~ /^(WATCHDOG=1|STATUS=.*)$/ } }
sub told_of { my ($pattern) = @_; my $text;
    do { $text = told(); return 0 if $text eq '' } until $text =~ $pattern;
    return $text }

sub fresh { unlink glob "$dir/context* $dir/white* $dir/notify*"; spit("$dir/white", "192.0.2.77\n"); delete $daemon->{before} }
# (Others may write to the directory: no place for a control socket.)
sub start { $daemon->start(@_, '--control', 'none', '-w', 'white', "127.0.0.1\@$port", 'context') }
sub answers { return ask(asker($port), query($_[0], 'a@x.org', 'b@y.net')) }
sub warnings_in_log { return grep {/^(warning|error)/} split /\n/, $daemon->log }

subtest 'systemd is told: at work, ready, reloading, ready, stopping, at work' => sub {
    fresh();
    listen_at("$dir/notify");
    start();
    is told(), 'EXTEND_TIMEOUT_USEC=120000000', 'first that the state is being loaded';
    is told(), "READY=1\nSTATUS=0 waiting, 0 passed, 0 known clients, 0 bounces; 0 accepted, 0 deferred; 1 list entries",
        'then that it is ready';
    is told_at_once(), '', 'and no more';
    is answers('192.0.2.1'), '01', 'it answers';

    spit("$dir/white", "192.0.2.1\n192.0.2.77\n");
    my $before = int clock_gettime(CLOCK_MONOTONIC) * 1e6;
    $daemon->signal('HUP');
    like my $reloading = told_next(), qr/^RELOADING=1\nMONOTONIC_USEC=\d+$/, 'of HUP it says that it reloads';
    my ($said) = $reloading =~ /USEC=(\d+)/;
    cmp_ok $said, '>=', $before, 'at a time after the signal';
    cmp_ok $said, '<=', clock_gettime(CLOCK_MONOTONIC) * 1e6, 'which has been';
    like told_next(), qr/^READY=1\nSTATUS=.*; 2 list entries$/, 'then that it is ready again';
    is answers('192.0.2.1'), '11', 'by when the new list is in force';

    spit("$dir/white", "no such entry\n");
    $daemon->signal('HUP');
    like told_next(), qr/^RELOADING=1\n/, 'of a list that is bad it says that it reloads, too';
    like told_next(), qr{^READY=1\nSTATUS=.*; lists not reloaded: \S*white:1: }, 'and why it did not';
    is answers('192.0.2.1'), '11', 'the old list is in force';

    is $daemon->stop, 0, 'it ends';
    is told_next(), 'STOPPING=1', 'and has said so first';
    is told(), 'EXTEND_TIMEOUT_USEC=120000000', 'and that it saves';
    is told_at_once(), '', 'and no more';
};

subtest 'READY comes after the state: what was known is known' => sub {
    fresh();
    my $time = time - 100;
    # In greydaemon's form, which takes no checksum.
    spit("$dir/context", join '', map { sprintf "G %d 192.0.2.%d a%d\@x.org b\@y.net\n", $time, $_ % 250, $_ } 1 .. 20_000);
    listen_at("$dir/notify");
    start('-m', 0);
    like told_of(qr/^READY/), qr/STATUS=20000 waiting, /, 'its status line counts them';
    is ask(asker($port), query('192.0.2.7', 'a7@x.org', 'b@y.net')), '13', 'and one of them passes';
    like told_of(qr/^STATUS=/), qr/^STATUS=19999 waiting, 1 passed, 1 known clients, .* 1 accepted, /, 'which the line says in a while';
    is $daemon->stop, 0, 'it ends';
};

subtest 'the watchdog hears of a process that it is for, while that lives' => sub {
    fresh();
    listen_at("@" . "qmail-greyd-notify-test-$$");
    $daemon->{env}{WATCHDOG_USEC} = 200_000;
    start();
    ok told_of(qr/^READY=1/), 'it is ready, to an abstract name';
    my $begun = time;
    is told_next_but_status(), 'WATCHDOG=1', "alive $_" for 1 .. 5;
    cmp_ok time - $begun, '>', 0.3, 'each after half of the time';
    $daemon->signal('STOP');
    1 while told(1) ne '';
    pass 'stopped, it says nothing';
    $daemon->signal('CONT');
    is told_next_but_status(), 'WATCHDOG=1', 'and goes on';
    is $daemon->stop, 0, 'it ends';

    $daemon->{env}{WATCHDOG_PID} = $$;  # not its own
    start();
    ok told_of(qr/^READY=1/), 'one that the watchdog is not for';
    unlike told(1), qr/WATCHDOG/, 'does not say that it is alive';
    is $daemon->stop, 0, 'it ends';
};
sub told_next_but_status { for (;;) { my $text = told(); return $text unless $text =~ /^STATUS=/ } }

subtest 'a start that fails says why' => sub {
    fresh();
    listen_at("$dir/notify");
    spit("$dir/white", "no such entry\n");
    ok !eval { local $Daemon::deadline = 1; start(); 1 }, 'no start';
    waitpid $daemon->{pid}, 0;
    like told(), qr{^STATUS=\S*white:1: }, 'which the status line tells';
    is told_at_once(), '', 'and it was never ready';
};

subtest 's6 gets a newline and the end when the daemon answers' => sub {
    fresh();
    $daemon->{env} = {};
    pipe my $reader, my $writer or die;
    $daemon->{before} = sub { POSIX::dup2(fileno $writer, 7) or die; };
    start('--notification-fd', 7);
    close $writer;
    is join('', <$reader>), "\n", 'that, and the end';
    is answers('192.0.2.1'), '01', 'it answers';
    is_deeply [warnings_in_log()], [], 'and has nothing to say of it';
    is $daemon->stop, 0, 'it ends';
};

# Whom it cannot tell, and what it says of that in its one line.
my $unwritable = "$dir/unwritable";
my @faults = (
    ['a socket that is not there', { NOTIFY_SOCKET => '/nowhere/at/all' }, [], qr{NOTIFY_SOCKET /nowhere/at/all: No such file}],
    ['an abstract name that nobody has', { NOTIFY_SOCKET => '@qmail-greyd-nobody' }, [], qr{NOTIFY_SOCKET \@qmail-greyd-nobody: Connection refused}],
    ['a name that is too long', { NOTIFY_SOCKET => '/' . 'x' x 300 }, [], qr{NOTIFY_SOCKET: /x+ is neither .* too long}],
    ['a relative name', { NOTIFY_SOCKET => 'notify' }, [], qr{NOTIFY_SOCKET: notify is neither an absolute path}],
    ['a socket of another kind', { NOTIFY_SOCKET => 'vsock:2:9999' }, [], qr{NOTIFY_SOCKET: vsock:2:9999 is neither}],
    ['a descriptor that is closed', {}, ['--notification-fd', 9], qr/descriptor 9 is no pipe that was left open/],
    ['a descriptor beyond all', {}, ['--notification-fd', 1_000_000], qr/descriptor 1000000 is no pipe that was left open/],
);
push @faults, ['a socket that it may not write to', { NOTIFY_SOCKET => $unwritable }, [], qr{NOTIFY_SOCKET \Q$unwritable\E: Permission denied}]
    if $> == 0;
for (@faults) {
    my ($name, $env, $options, $line) = @$_;
    subtest "$name: one line, and the daemon goes on" => sub {
        fresh();
        unlink $unwritable;
        listen_at($unwritable);
        chmod 0600, $unwritable;
        $daemon->{env} = { %$env, WATCHDOG_USEC => 1000 };
        # A user whom a mode keeps out, and who finds nothing of what we have open.
        $daemon->{before} = sub { POSIX::close($_) for 3 .. 9; if ($> == 0) { POSIX::setgid(65534); POSIX::setuid(65534) } };
        start(@$options);
        is answers('192.0.2.1'), '01', 'it answers';
        $daemon->signal('HUP');
        ok wait_until(sub { $daemon->log =~ /lists reloaded/ }), 'it reloads';
        my @said = warnings_in_log();
        is @said, 1, 'it has one thing to say' or diag $daemon->log;
        like $said[0], qr/^warning: (systemd|s6) is not told how this daemon stands: .*$line/, 'which is this';
        is $daemon->stop, 0, 'it ends';
    };
}

subtest 'systemd ends or does not read, and the daemon goes on' => sub {
    fresh();
    listen_at("$dir/notify");
    $daemon->{env}{WATCHDOG_USEC} = 2000;
    start();
    my $socket = asker($port);
    my $answered = 0;
    for (1 .. 300) {
        $daemon->signal('HUP');
        $answered += ask($socket, query('192.0.2.2', 'a@x.org', 'b@y.net')) =~ /^0/;
    }
    is $answered, 300, 'nobody reads: it answers';
    close $systemd;
    $daemon->signal('HUP');
    is answers('192.0.2.1'), '01', 'nobody is there: it answers';
    unlink "$dir/notify";
    listen_at("$dir/notify");
    ok told_of(qr/^WATCHDOG=1/), 'another one is told again';
    is_deeply [warnings_in_log()], [], 'there was nothing to say';
    is $daemon->stop, 0, 'it ends';
};

done_testing;
