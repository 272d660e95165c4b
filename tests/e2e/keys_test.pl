# Keys from end to end: greyspp and libgreylist ask the daemon under one, through a wire that forges
# and repeats; its clock is wrong; a key is changed while many ask; bad files of keys.
# usage: perl keys_test.pl QMAIL-GREYD GREYCTL GREYSPP ASK_MANY SET_CLOCK.SO
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use POSIX qw(:sys_wait_h);
use Test::More;

my ($greyd, $greyctl, $greyspp, $ask_many, $set_clock) = @ARGV;
die "usage: keys_test.pl QMAIL-GREYD GREYCTL GREYSPP ASK_MANY SET_CLOCK.SO\n" unless defined $set_clock;
my $dir = tempdir(CLEANUP => 1);
my $port = first_port();
my %key = (old => '00' x 15 . '01', new => '0123456789abcdef' x 2, other => 'f' x 32);

# A file of these keys, in their order.
sub keys_in { my ($file, @ids) = @_;
    write_keys($file, join '', map {"$_ $key{$_}\n"} @ids) }
sub write_keys { my ($file, $text, $mode) = @_;
    spit("$dir/$file.new", $text);
    chmod $mode // 0400, "$dir/$file.new" or die;
    rename "$dir/$file.new", "$dir/$file" or die;
    return "$dir/$file" }
# The daemon's clock stands at this time, or at 0 goes as the system's.
sub clock { my ($time) = @_;
    open my $file, -e "$dir/clock" ? '+<' : '>', "$dir/clock" or die;
    syswrite $file, pack 'q', $time }

clock(0);
my $daemon = Daemon->new(program => $greyd, dir => $dir, port => $port, env => {
    LD_PRELOAD => $set_clock, SET_CLOCK => "$dir/clock", ASAN_OPTIONS => 'verify_asan_link_order=0'});
my @where = ("127.0.0.1\@$port", 'context');
sub start { $daemon->start('-v', 3, '--key-file', 'keys', @_, @where) }
sub control { my $out = `$greyctl --control $dir/context.control @_ 2>&1`; return ($? >> 8, $out) }
sub counted { my ($name) = @_; my (undef, $out) = control('stats'); return $out =~ /^\s*(\d+)\s+\Q$name\E$/m ? $1 : 0 }
# What greyspp prints; $to: who is asked.
my $senders = 0;
sub spp { my ($to, $key_file, %more) = @_;
    local %ENV = (%ENV, TCPREMOTEIP => '192.0.2.1', SMTPMAILFROM => 'a' . ++$senders . '@x.org', SMTPRCPTTO => 'b@y.net',
        GREYIP => "127.0.0.1\@$to", GREYTIMEOUT => 30, %more);
    $ENV{GREYKEYFILE} = $key_file if defined $key_file;
    return scalar `$greyspp 2>$dir/spp.err` }
my ($defers, $unavailable) = (qr/^E450 4\.7\.1 /, qr/^E451 4\.3\.0 /);

subtest 'who has the key is answered, and nobody else' => sub {
    keys_in('keys', 'old');
    start('--require-key=always');
    my $mine = keys_in('mine', 'old');
    like spp($port, $mine), $defers, 'with it';
    my @short = (GREYTIMEOUT => 1, GREYFAIL => 'closed');
    like spp($port, undef, @short), $unavailable, 'without one';
    like spp($port, keys_in('theirs', 'other'), @short), $unavailable, 'with one that is not known';
    write_keys('forged', "old $key{new}\n");
    like spp($port, "$dir/forged", @short), $unavailable, 'with another under its name';
    like slurp("$dir/spp.err"), qr/no answer in time/, 'which the log says';
    ok counted("udp.faults.key-$_"), "counted: $_" for qw(missing unknown forged);
    log_like $daemon, qr/^warning: bad datagram fault=key-$_ source=127\.0\.0\.1\@\d+ count=1$/m, "logged: $_" for qw(missing unknown forged);
    my (undef, $status) = control('status');
    like $status, qr{^keys    of $dir/keys, wanted of all: old$}m, 'and the status says which there are';
    is $daemon->stop, 0;
};

subtest 'from this host nobody needs one by default, and an answer without it is not believed' => sub {
    start();
    is ask(asker($port), query('192.0.2.9', 'a@x', 'b@y')), '01', 'a plain query';
    $daemon->stop;
    $daemon->start('-v', 3, @where);
    like spp($port, "$dir/mine", GREYTIMEOUT => 1, GREYFAIL => 'closed'), $unavailable, 'a daemon without keys';
    like slurp("$dir/spp.err"), qr/no answer in time that is under the key/, 'said';
    is $daemon->stop, 0;
};

# Somebody on the way, who answers each query before the daemon does, in several ways, and loses the
# daemon's first answer to each port. Tells of the datagrams that pass.
sub start_wire {
    my $front = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Proto => 'udp') or die;
    my $record = "$dir/passed";
    unlink $record;
    my $pid = fork // die;
    return ($pid, $front->sockport, $record) if $pid;
    my %seen;
    while (defined(my $peer = $front->recv(my $query, 65536))) {
        my ($tag) = $query =~ /\0Q([0-9a-f]{16})\0/ or next;
        open my $file, '>>', $record or die;
        print $file unpack('H*', $query), "\n";
        close $file;
        $front->send($_, 0, $peer) for "\1\2", "\1\2$tag", "\1\2$tag" . "\0" x 16;
        $front->send("\1\2$tag" . "x" x 16, 0, $peer) for 1 .. 200;
        my $to = asker($port);
        $to->send($query);
        next unless IO::Select->new($to)->can_read(5);
        $to->recv(my $answer, 1000);
        next unless $seen{$peer}++;
        my $accept = "\1" . substr $answer, 1;
        $front->send($accept, 0, $peer);
        $front->send($answer, 0, $peer);
    }
    POSIX::_exit(0);
}

subtest 'what is forged on the way is not believed; what is lost is asked for again, in the same datagram' => sub {
    start('--require-key=always');
    my ($pid, $wire, $record) = start_wire();
    like spp($wire, "$dir/mine"), $defers, 'deferred, as the daemon has said';
    kill KILL => $pid;
    waitpid $pid, 0;
    my @passed = split /\n/, slurp($record);
    cmp_ok scalar @passed, '>=', 2, 'asked again';
    is scalar(grep { $_ ne $passed[0] } @passed), 0, 'always the same';
    # Whoever has seen it can repeat it for half a minute.
    my $again = asker($port);
    my $query = pack 'H*', $passed[0];
    like ask($again, $query), qr/^0/, 'a repeated one is answered again';
    my $time = hex +(split /\./, $query)[-3];
    clock($time + 31);
    $again->send($query);
    ok wait_until(sub { counted('udp.faults.key-late') }), 'and not when it is late';
    clock($time - 31);
    $again->send($query);
    ok wait_until(sub { counted('udp.faults.key-early') }), 'nor early';
    log_like $daemon, qr/ fault=key-late .* behind=31$/m, 'by how much';
    log_like $daemon, qr/ fault=key-early .* behind=-31$/m, 'is said';
    clock($time + 30);
    like ask($again, $query), qr/^0/, 'as long as it is good it is';
    clock(time - 100);
    like spp($port, "$dir/mine", GREYTIMEOUT => 1, GREYFAIL => 'closed'), $unavailable, 'with a clock that is wrong nobody is answered';
    clock(0);
    is $daemon->stop, 0;
};

subtest 'a key is changed while many ask, and each is answered' => sub {
    keys_in('keys', 'old');
    keys_in('mine', 'old');
    start('--require-key=always');
    my $asker = fork // die;
    if ($asker == 0) { # asks in rounds, until there is nothing more to say
        my %own = (GREYIP => "127.0.0.1\@$port", GREYTIMEOUT => 30, GREYKEYFILE => "$dir/mine");
        @ENV{ keys %own } = values %own;
        for (my $round = 1; !-e "$dir/enough"; ++$round) {
            my $line = `$ask_many 10.$round. 200 a\@x.org`;
            open my $file, '>>', "$dir/rounds" or die;
            print $file $line;
        }
        POSIX::_exit(0);
    }
    my $rounds = sub { my @lines = split /\n/, slurp("$dir/rounds"); return scalar @lines };
    # One that has begun before is not the one that is meant.
    my $more = sub { my $until = $rounds->() + 2; ok wait_until(sub { $rounds->() >= $until }), $_[0] };
    my $reload = sub { my ($count) = @_;
        my $before = () = $daemon->log =~ /keys reloaded/g;
        $daemon->signal('HUP');
        ok wait_until(sub { my @said = $daemon->log =~ /^info: keys reloaded, (\d+)$/mg; @said > $before && $said[-1] == $count }), "reloaded: $count" };
    $more->('the old one');
    keys_in('keys', 'old', 'new');
    $reload->(2);
    keys_in('mine', 'new', 'old');
    $more->('both');
    keys_in('keys', 'new');
    $reload->(1);
    $more->('the new one');
    spit("$dir/enough", '');
    waitpid $asker, 0;
    my @bad = grep { !/^accept=0 defer=200 unanswered=0 / } split /\n/, slurp("$dir/rounds");
    is_deeply \@bad, [], 'none was lost';
    keys_in('mine', 'old');
    like spp($port, "$dir/mine", GREYTIMEOUT => 1, GREYFAIL => 'closed'), $unavailable, 'the old one is no more';
    is counted('udp.faults.key-forged'), 0, 'and nobody was taken for a forger';
    is $daemon->stop, 0;
};

my @bad_files = (
    ['that anybody may read', "old $key{old}\n", 0444, 'anybody may use it: chmod o= it'],
    ['with a bad line', "# one\nold 1234\n", 0400, 'the second word is no KEY: 32 hexadecimal digits', ':2'],
    ['without a key', "\n", 0400, 'there is no key in it'],
);
subtest 'a file of keys that is bad stops a start, and leaves those in force at a reload' => sub {
    for (@bad_files) {
        my ($what, $text, $mode, $why, $line) = @$_;
        write_keys('keys', $text, $mode);
        my $said = quotemeta "$dir/keys" . ($line // '') . ": $why";
        local $ENV{CONTROLDIR} = $dir;
        for my $check ('', '--check ') {
            my $out = `$greyd $check--key-file keys @where 2>&1`;
            is $? >> 8, 111, "$check$what: 111";
            like $out, qr/$said$/, 'and why';
            unlike $out, qr/$key{old}|1234/, 'without what stands there';
        }
    }
    keys_in('keys', 'old');
    start('--require-key=always');
    for (@bad_files) {
        my ($what, $text, $mode, $why) = @$_;
        write_keys('keys', $text, $mode);
        $daemon->signal('HUP');
        ok wait_until(sub { $daemon->log =~ /^error: keys not reloaded, the old ones stay in force: .*\Q$why\E$/m }), "$what: said";
        like spp($port, "$dir/mine"), $defers, 'and the old one is good';
        my ($code, $out) = control('check');
        isnt $code, 0, 'greyctl check';
        like $out, qr/\Q$why\E/, 'says it too';
        ($code, $out) = control('reload');
        isnt $code, 0, 'so does greyctl reload';
        ($code, $out) = control('status');
        like $out, qr/problem keys: not reloaded: .*\Q$why\E/, 'and greyctl status';
    }
    is $daemon->stop, 0;
};

subtest 'a key file of the front that cannot be used: as GREYFAIL says, and one line' => sub {
    chmod 0444, "$dir/mine" or die;
    for (['open', qr/^$/], ['closed', $unavailable]) {
        my ($fail, $told) = @$_;
        like spp($port, "$dir/mine", GREYFAIL => $fail), $told, $fail;
        my @lines = split /\n/, slurp("$dir/spp.err");
        is scalar @lines, 1, 'one line';
        like $lines[0], qr{^greyspp: bad value of GREYKEYFILE: $dir/mine; anybody may use it: chmod o= it; mail is }, 'what it is';
    }
};
done_testing;
