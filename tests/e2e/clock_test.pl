# The running daemon beside a wall clock that is wrong for a while: what was known stays known.
# usage: perl clock_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use POSIX qw(strftime);
use Test::More;

my $program = shift or die "usage: clock_test.pl PATH-OF-QMAIL-GREYD\n";
my $dir = tempdir(CLEANUP => 1);
my $port = first_port();
my ($day, $clients) = (86_400, 50);

# The daemon's wall clock stands at the time in this file; its monotonic clock goes on.
my $now;
sub set_clock { $now = shift;
    spit("$dir/clock.new", strftime("%Y-%m-%d %H:%M:%S\n", localtime $now));
    rename "$dir/clock.new", "$dir/clock" or die }
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port, env => {
    LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0'});
sub start { $daemon->start('-v', 3, @_, "127.0.0.1\@$port", 'context') }

# How many of the clients get this answer, each with a sender never seen before.
my $asked = 0;
sub count_answers { my ($expected, $sender) = @_;
    return scalar grep { ask(asker($port), query("192.0.2.$_", $sender // 'new' . $asked++ . '@x', 'b@y')) eq $expected } 1 .. $clients }

my $right = 1_700_000_000;
sub make_known {
    unlink glob "$dir/context*";
    set_clock($right);
    start();
    is count_answers('01', 'a@x'), $clients, 'new';
    set_clock($right + 301);
    is count_answers('13', 'a@x'), $clients, 'known from now on' }
sub expire { # its end is not told; what is asked next comes after its first step of 2000
    my $before = () = $daemon->log =~ /records waiting=/g;
    $daemon->signal('USR2');
    ok wait_until(sub { my $lines = () = $daemon->log =~ /records waiting=/g; $lines > $before }), 'USR2 was taken' }

subtest 'it leaps 400 days while the daemon runs, and back' => sub {
    make_known();
    set_clock($right + 400 * $day);
    expire();
    is count_answers('12'), $clients, 'all are known meanwhile';
    log_like $daemon, qr/^error: clock leapt by 345\d+ seconds; nothing expires for an hour$/m, 'said';
    set_clock($right + 400);
    is count_answers('12'), $clients, 'and when it is right again';
    is $daemon->stop, 0;
};

subtest 'it goes a day forth and back, again and again, while the daemon runs' => sub {
    make_known();
    my $rounds = 20;
    my $stranger = sub { my ($n) = @_; return ask(asker($port), query("198.51.100.$n", 's@x', 'b@y')) };
    for my $round (1 .. $rounds) {
        set_clock($right + 400 + $round + $round % 2 * $day);
        is $stranger->($round), '01', "round $round: a stranger's first attempt is one";
        # One from ahead begins anew, one that is a day old is stale.
        my $before = $round - 1;
        is $stranger->($before), $before % 2 ? '02' : '03', "round $round: that of the one before does not pass by a leap" if $before;
        expire() if $round % 5 == 0;
        is count_answers('12'), $clients, "round $round: who is known stays so";
    }
    is $daemon->stop('KILL'), 'signal 9', 'it is killed';
    set_clock($right + 400 + $rounds + 1);
    start();
    is count_answers('12'), $clients, 'known after a start';
    set_clock($right + 400 + $rounds + 302);
    $stranger->($_) for 1 .. $rounds;
    set_clock($right + 400 + $rounds + 603);
    like $stranger->($_), qr/^1[23]$/, "the stranger of round $_ is through when the clock has been right for twice min resend" for 1 .. $rounds;
    is $daemon->stop, 0;
};

subtest 'a start with a clock that is eight days fast' => sub {
    make_known();
    is $daemon->stop, 0;
    set_clock($right + 8 * $day);
    start();
    log_like $daemon, qr/^warning: clock: .*is it right\? Nothing expires for an hour$/m, 'it asks';
    expire();
    is $daemon->stop, 0;
    set_clock($right + 500);
    start();
    is count_answers('12'), $clients, 'all are known';
    is $daemon->stop, 0;
};

for my $wrong (946_684_800, $right - 10 * $day) {
    subtest 'a start with a clock at ' . strftime('%F', gmtime $wrong) . ', as boards without a battery do' => sub {
        make_known();
        $daemon->stop;
        set_clock($wrong);
        start();
        expire();
        is count_answers('12'), $clients, 'all are known meanwhile';
        is $daemon->stop, 0;
        set_clock($right + 600);
        start();
        expire();
        is count_answers('12'), $clients, 'and when it is right again';
        is $daemon->stop, 0;
    };
}

subtest 'set right while it runs, after it was wrong at the start' => sub {
    make_known();
    $daemon->stop;
    set_clock(946_684_800);
    start();
    is count_answers('12'), $clients, 'known';
    set_clock($right + 700);
    expire();
    is count_answers('12'), $clients, 'known';
    is $daemon->stop('KILL'), 'signal 9';
    start();
    is count_answers('12'), $clients, 'and from the journal';
    is $daemon->stop, 0;
};

for my $options ([], ['--client-passes=0']) {
    subtest "two starts with a fast clock, and mail of known and unknown clients meanwhile @$options" => sub {
        unlink glob "$dir/context*";
        set_clock($right);
        start(@$options);
        is count_answers('01', 'a@x'), $clients, 'new';
        set_clock($right + 301);
        is count_answers('13', 'a@x'), $clients, 'passed';
        is $daemon->stop, 0;
        set_clock($right + 8 * $day);
        start(@$options);
        is ask(asker($port), query("192.0.2.$_", 'a@x', 'b@y')), '12', "client $_ is known meanwhile" for 1 .. $clients / 2;
        ask(asker($port), query("198.51.100.$_", 'a@x', 'b@y')) for 1 .. 2 * $clients + 10;
        is $daemon->stop, 0;
        start(@$options);
        log_like $daemon, qr/is it right/, 'it asks again';
        is $daemon->stop('KILL'), 'signal 9';
        start(@$options);
        is $daemon->stop, 0;
        set_clock($right + 500);
        start(@$options);
        is count_answers('12', 'a@x'), $clients, 'known';
        is $daemon->stop, 0;
    };
}
done_testing;
