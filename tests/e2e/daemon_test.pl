# The running daemon seen from its socket, its signals and its files. Nothing here waits for a time
# to pass: conditions are polled for, with a deadline that only a failure reaches.
# usage: perl daemon_test.pl PATH-OF-QMAIL-GREYD [NAME...]
# Each sub-test has a directory and a daemon of its own: those that are named, in that order, or all.
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(sleep time);

my $daemon = shift or die "usage: daemon_test.pl PATH-OF-QMAIL-GREYD [NAME...]\n";
my @wanted = @ARGV;
my $port = first_port();
my ($dir, $runner, $pid, $log);    # of the sub-test
my (@names, %sub_tests);
sub sub_test { my ($name, $code) = @_; push @names, $name; $sub_tests{$name} = $code }

# The log comes after the answer, so it is waited for.
sub logged { my ($pattern, $name) = @_;
    ok wait_until(sub { slurp($log) =~ $pattern }), $name // "log: $pattern" or diag slurp($log) }

sub start { $runner->start(@_); ($pid, $log) = @$runner{qw(pid log)} }
sub stop { $runner->{pid} = $pid; return $runner->stop }

# Runs the daemon to its end, which must come by itself: exit code and standard error.
sub run_to_end {
    my (@args) = @_;
    my $child = open(my $out, '-|') // die;
    if ($child == 0) { $ENV{CONTROLDIR} = $dir; open STDERR, '>&STDOUT'; exec $daemon, @args or die }
    local $/;
    my $text = <$out>;
    close $out;
    return ($? >> 8, $text // '');
}

sub_test 'queries of all shapes are answered' => sub {
    start('-m', 0, "127.0.0.1\@$port", 'context');
    my $s = asker($port);
    is ask($s, query('192.0.2.1', 'a@x', 'b@y')), '01', 'new';
    is ask($s, query('192.0.2.1', 'a@x', 'b@y')), '01', 'the same octets from the same port are the same attempt';
    is ask(asker($port), query('192.0.2.1', 'a@x', 'b@y')), '13', 'passed';
    is ask($s, query('192.0.2.1', 'q@x', 'b@y')), '12', 'known client';
    is ask($s, "I192.0.2.2\0Fa\0Tb\0"), '01', 'without the final NUL';
    is ask($s, "I192.0.2.3\0Fa\0Tb"), '01', 'cut in the last field';
    is ask($s, query('::ffff:192.0.2.1', 'q@x', 'b@y')), '12', 'mapped IPv4 is IPv4';
    my $big = "I192.0.2.4\0Fa\0";
    my $n = 0;
    $big .= 'Tuser' . $n++ . "\@example.org\0" while length($big) < 65507 - 30;
    is ask($s, $big), '01', "$n recipients in " . length($big) . ' bytes';
    is ask($s, "I192.0.2.5\0F" . 'x' x 65000 . "\0Tb\0"), '01', 'a sender of 65000 bytes';
    is ask(asker($port), "I192.0.2.5\0F" . 'x' x 65000 . "\0Tb\0"), '13', 'the same again';
    logged qr/^verdict=accept reason=passed client=192\.0\.2\.1 sender=a\@x recipients=b\@y age=\d+ source=127\.0\.0\.1\@\d+$/m, 'a log line each';
    is stop(), 0, 'TERM: exit 0';
};

sub_test 'a bounce that is asked about again, as its answer got lost, is answered as before' => sub {
    start('-m', 0, "127.0.0.1\@$port", 'context');
    my $bounce = query('192.0.2.1', '', 'b@y');
    my ($first, $second) = (asker($port), asker($port));
    is ask($first, $bounce), '01', 'new';
    is ask($second, $bounce), '14', 'a good retry';
    is ask($second, $bounce), '14', 'sent again from the same port';
    is ask($second, $bounce), '14', 'and again';
    is ask($second, query('192.0.2.1', '', 'c@y')), '01', 'another bounce from that port';
    is ask(asker($port), $bounce), '14', 'the sender comes again, as the server said 451 after its end';
    is stop(), 0, 'TERM: exit 0';
    like slurp("$dir/context"), qr/^W \d+ 192\.0\.2\.1 <> c\@y$/m, 'the other one waits';
    like slurp("$dir/context"), qr/^B \d+ 192\.0\.2\.1 <> b\@y$/m, 'the first one is saved as accepted';
};

sub_test 'a deferral tells the wait to who asks for it' => sub {
    start('-m', 5, "127.0.0.1\@$port", 'context');
    my $s = asker($port);
    my $with_wait = "I192.0.2.1\0Fa\@x\0Tb\@y\0W\0\0";
    is ask($s, $with_wait), '0100144', 'new: 0 0 1 44 is 300 seconds';
    like ask($s, $with_wait), qr/^0200(1[0-9]{1,2}|0[0-9]{1,3})$/, 'early: no more than that';
    is ask(asker($port), query('192.0.2.1', 'a@x', 'b@y')), '02', 'two bytes to who does not';
    is ask($s, "I192.0.2.1\0Fa\@x\0Tb\@y\0Q\x01\x02\x03\0\0"), '02123', 'and the tag to who gives one';
    is ask($s, query('192.0.2.1', 'a@x', 'b@y')), '02123', 'also to a copy without it';
    is ask($s, "I192.0.2.9\0Fa\@x\0Tb\@y\0W\0Q\x07\0\0"), '01001447', 'at the end';
    is stop(), 0, 'TERM: exit 0';
};

sub_test 'bad datagrams get no answer, change nothing and are logged at a bounded rate' => sub {
    start("127.0.0.1\@$port", 'context');
    my $s = asker($port);
    my @bad = ('', "\0", 'x', "I\0F\0T\0", "I1.2.3\0Fa\0Tb\0", 'I' . '1' x 200 . "\0Fa\0Tb\0",
        "I1.2.3.4\0Fa\0", "I1.2.3.4\0", "Fa\0Tb\0", "\xff" x 65507);
    srand 1;
    push @bad, join '', map { chr int rand 256 } 1 .. rand 300 for 1 .. 500;
    my $answers = 0;
    for my $bad (@bad, @bad, @bad) {
        $s->send($bad);
        $answers++ if IO::Select->new($s)->can_read(0);
    }
    is ask($s, query('192.0.2.9', 'a', 'b')), '01', 'still there, and the first answer is for this';
    is $answers, 0, 'none was answered';
    my $lines = () = slurp($log) =~ /bad datagram/g;
    cmp_ok $lines, '<=', 20, "$lines lines for " . 3 * @bad . ' bad datagrams';
    logged qr/bad datagram fault=bad-client source=127\.0\.0\.1\@\d+ count=\d+/;
    stop();
    is scalar(() = slurp("$dir/context") =~ /^[WPC] /mg), 1, 'one record';
};

sub_test 'only allowed sources are answered' => sub {
    start('--allow', '127.0.0.2,::1', "127.0.0.1\@$port", 'context');
    my $foreign = asker($port);
    $foreign->send(query('192.0.2.20', 'a', 'b')) for 1 .. 50;
    my $allowed = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Proto => 'udp', LocalHost => '127.0.0.2');
    is ask($allowed, query('192.0.2.20', 'a', 'b')), '01', 'new: the foreign queries did nothing';
    ok !IO::Select->new($foreign)->can_read(0), 'no answer to them';
    is scalar(() = slurp($log) =~ /query refused source=127\.0\.0\.1/g), 1, 'one line';
    stop();
};

sub_test 'on a wildcard the answer comes from the address that was asked' => sub {
    start("*\@$port", 'context');
    for my $host ('127.0.0.1', '127.0.0.2', '127.5.6.7', '::1') {
        # The asker's socket is connected: it takes no answer from elsewhere.
        like ask(asker($port, $host), query('192.0.2.30', 'a', 'b')), qr/^0[12]$/, $host;
    }
    stop();
    start("[::1]\@$port", 'context');
    is ask(asker($port, '::1'), query('2001:db8::1', 'a', 'b')), '01', '[::1]';
    stop();
};

sub_test 'state survives a stop, USR1 saves, HUP reloads, USR2 prints' => sub {
    spit("$dir/white", "192.0.2.40\n");
    my @args = ('-v', 3, '-m', 0, '-w', 'white', "127.0.0.1\@$port", 'context');
    start(@args);
    my $s = asker($port);
    is ask($s, query('192.0.2.40', 'a', 'b')), '11', 'whitelisted';
    is ask($s, query('192.0.2.41', 'a', 'b')), '01', 'new';
    kill USR1 => $pid;
    ok wait_until(sub { slurp("$dir/context") =~ /^W \d+ 192\.0\.2\.41 a b$/m }), 'USR1: saved';
    spit("$dir/white", "192.0.2.42\n");
    kill HUP => $pid;
    ok wait_until(sub { slurp($log) =~ /lists reloaded/ }), 'HUP';
    is ask($s, query('192.0.2.42', 'a', 'b')), '11', 'the new list is in force';
    spit("$dir/white", "192.0.2.42\n192.0.2.999\n");
    kill HUP => $pid;
    ok wait_until(sub { slurp($log) =~ m{old ones stay in force: \Q$dir\E/white:2: } }), 'a bad list is named';
    is ask($s, query('192.0.2.42', 'a', 'b')), '11', 'the old list stays in force';
    kill USR2 => $pid;
    ok wait_until(sub { slurp($log) =~ /records waiting=1 passed=0 clients=0.*\nW \d+ 192\.0\.2\.41 a b$/m }), 'USR2';
    is stop(), 0;
    spit("$dir/white", '');
    start(@args);
    is ask(asker($port), query('192.0.2.41', 'a', 'b')), '13', 'remembered: this is the retry';
    stop();
};

sub_test 'a damaged context file is set aside and the log says so' => sub {
    start("127.0.0.1\@$port", 'context');
    ask(asker($port), query('192.0.2.50', 'a', "b$_")) for 1 .. 3;
    stop();
    my $good = slurp("$dir/context");
    spit("$dir/context", substr $good, 0, -30);
    start("127.0.0.1\@$port", 'context');
    logged qr/warning: context file \Q$dir\E\/context has no end line, at least 1 records lost; it is kept as \Q$dir\E\/context\.damaged\.\d+/;
    stop();
    my ($aside) = glob "$dir/context.damaged.*";
    is slurp($aside), substr($good, 0, -30), 'kept as it was';
};

sub_test 'dry run answers accept' => sub {
    start('--dry-run', "127.0.0.1\@$port", 'dry');
    is ask(asker($port), query('192.0.2.60', 'a', 'b')), '12';
    logged qr/^verdict=defer reason=new .* dry-run=yes$/m;
    stop();
};

sub_test 'what cannot work is one line, and the exit code tells whose fault it is' => sub {
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Proto => 'udp');
    spit("$dir/bad", "# fine\n10.0.0.0/99\n");
    spit("$dir/file", '');
    my $other = $port + 1;
    for ([111, "127.0.0.1\@$port in use", "127\\.0\\.0\\.1\@$port: Address already in use", "127.0.0.1\@$port", 'context'],
         [111, 'no such whitelist', "$dir/none: No such file", '-w', 'none', "127.0.0.1\@$other", 'context'],
         [111, 'bad whitelist line', "$dir/bad:2: ", '-w', 'bad', "127.0.0.1\@$other", 'context'],
         [111, 'unwritable context file', "$dir/file/context.new: Not a directory", "127.0.0.1\@$other", "$dir/file/context"],
         [111, 'unknown user', 'unknown user: no-such-user', '-u', 'no-such-user', "127.0.0.1\@$other", 'context'],
         [111, 'not an address here', 'Cannot assign requested address', "192.0.2.1\@$other", 'context'],
         [100, 'unknown option', '--nonsense', '--nonsense', '127.0.0.1', 'context'],
         [100, 'missing argument', 'contextFile', '127.0.0.1']) {
        my ($code, $what, $says, @args) = @$_;
        my ($got, $text) = run_to_end(@args);
        is $got, $code, "$what: exit $code";
        like $text, qr/^qmail-greyd: fatal: .*$says.*\n\z/, "$what: one line";
    }
};

sub_test '--check says what would stop a start, and leaves no trace' => sub {
    my $state = tempdir(DIR => $dir, CLEANUP => 1);
    chmod 0755, $state;
    my @fine = ("127.0.0.1\@$port", "$state/context");
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Proto => 'udp');
    is join(' ', run_to_end('--check', @fine)), '0 ', 'all is well, and the port is not asked for';
    is_deeply [glob "$state/*"], [], 'no file is made';
    undef $holder;
    start(@fine);
    is join(' ', run_to_end('--check', @fine)), '0 ', 'beside the daemon that runs';
    is stop(), 0;
    spit("$dir/bad", "# fine\n10.0.0.0/99\n");
    for ([100, 'two settings that contradict each other', 'must be shorter', '-m', 200, '-g', 1, @fine],
         [111, 'no such whitelist', "$dir/none: No such file", '-w', 'none', @fine],
         [111, 'bad whitelist line', "$dir/bad:2: ", '-w', 'bad', @fine],
         [111, 'unknown user', 'unknown user: no-such-user', '-u', 'no-such-user', @fine],
         [111, 'no directory for the state', "$state/no: No such file", $fine[0], "$state/no/context"],
         [111, 'not an address here', 'cannot listen on 192.0.2.1: Cannot assign requested address', "192.0.2.1\@$port", 'context'],
         [111, 'nor for mail servers', 'cannot listen on 192.0.2.1: Cannot assign', '--policy=192.0.2.1@10023', @fine],
         [111, 'no directory for a socket', "$state/no/: No such file", "--policy=$state/no/s", @fine],
         $> ? () : [111, "root's files", "open $state/context: Permission denied", '-u', 'nobody', @fine]) {
        my ($code, $what, $says, @args) = @$_;
        my ($got, $text) = run_to_end('--check', @args);
        is $got, $code, "$what: exit $code";
        like $text, qr/^qmail-greyd: fatal: .*$says.*\n\z/, "$what: one line";
    }
};

sub_test 'privileges are given up for good' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my (undef, undef, $uid, $gid) = getpwnam 'nobody';
    mkdir "$dir/state";
    chown $uid, $gid, "$dir/state";
    start('-u', 'nobody', "127.0.0.1\@$port", 'state/context');
    my $status = slurp("/proc/$pid/status");
    like $status, qr/^Uid:\t$uid\t$uid\t$uid\t$uid$/m, 'user';
    like $status, qr/^Gid:\t$gid\t$gid\t$gid\t$gid$/m, 'group';
    like $status, qr/^Groups:\s*$/m, 'no other groups';
    like $status, qr/^CapEff:\t0+$/m, 'no capability';
    is stop(), 0;
    is +(stat "$dir/state/context")[4], $uid, 'the context file is the user\'s';
};

sub_test 'the context file is saved by itself, and the journal begins anew' => sub {
    # The daemon's minutes pass in a fraction of a second.
    local $ENV{LD_PRELOAD} = faketime();
    local $ENV{FAKETIME} = '+0 x100';
    local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';
    start('-v', 2, '-s', 1, "127.0.0.1\@$port", 'context');
    delete @ENV{qw(LD_PRELOAD FAKETIME)};
    is ask(asker($port), query('192.0.2.70', 'a', 'b')), '01';
    logged qr/saved 1 records in/, 'one interval later';
    like slurp("$dir/context"), qr/^W \d+ 192\.0\.2\.70 a b\n/m, 'it is there';
    is slurp("$dir/context.journal"), "qmail-greyd journal 1\n", 'nothing since';
    stop();
};

sub_test 'under a memory limit the oldest records go, and queries are answered' => sub {
    plan skip_all => 'the sanitizer needs more address space' if `ldd $daemon` =~ /libasan/;
    my $limited = Daemon->new(program => 'softlimit', dir => $dir);
    $limited->start('-m', 64 << 20, $daemon, '-v', 1, "127.0.0.1\@$port", 'context');
    my $s = asker($port);
    # 1,500,000 records of 56 bytes and their index are more than that.
    for my $n (1 .. 300) {
        my $many = "I192.0.2.80\0Fa\0" . join '', map {"T$n.$_\@y\0"} 1 .. 5000;
        # One may get no answer, for want of memory to decide it in: the asker would ask again.
        local $Daemon::deadline = 5;
        last if ask($s, $many) eq 'none';
    }
    is ask($s, query('192.0.2.81', 'a', 'b')), '01', 'a new one is answered';
    is ask($s, query('192.0.2.81', 'a', 'b')), '02', 'and remembered';
    $limited->stop('KILL');
};

sub_test 'started with its standard descriptors closed, it writes log lines into no file of its own' => sub {
    for my $closed ('0<&- 1>&- 2>&-', '2>&-', '0<&-', '1>&-') {
        my $child = fork // die;
        if ($child == 0) {
            $ENV{CONTROLDIR} = $dir;
            exec 'sh', '-c', "exec $closed; exec \"\$@\"", 'sh', $daemon, '-v', 2, "127.0.0.1\@$port", 'context' or die;
        }
        my $s = asker($port);
        my $answer = 'none';
        wait_until(sub { $s->send(query('192.0.2.77', 'a', 'b')); IO::Select->new($s)->can_read(0.1) && defined $s->recv($answer, 9) });
        isnt $answer, 'none', "$closed: answered";
        kill TERM => $child;
        waitpid $child, 0;
        is $?, 0, 'and ends well';
        is -s "$dir/context.lock", 0, 'the lock file is empty';
        unlike slurp("$dir/context"), qr/verdict=|listening/, 'so is the context file but for records';
    }
};

sub_test 'signals during the start are kept for later' => sub {
    # A state that takes a while to load.
    open my $big, '>', "$dir/big" or die;
    print $big "G 1$_ 192.0.2.1 a b\@example.net$_\n" for 700_000_000 .. 700_150_000;
    close $big;
    $log = "$dir/log";
    $pid = fork // die;
    if ($pid == 0) { $ENV{CONTROLDIR} = $dir; open STDERR, '>', $log; exec $daemon, '--greydaemon', '-t', 10000, "127.0.0.1\@$port", 'big' }
    wait_until(sub { -e "$dir/big.lock" });
    kill $_ => $pid for qw(HUP USR1 USR2);
    logged qr/listening on/, 'it lives';
    is stop(), 0;
};

@wanted = @names unless @wanted;
for my $name (@wanted) {
    my $code = $sub_tests{$name} or die "no such sub-test: $name\n";
    $dir = tempdir(CLEANUP => 1);
    chmod 0755, $dir;
    $runner = Daemon->new(program => $daemon, dir => $dir);
    ($pid, $log) = (undef, undef);
    subtest $name => $code;
}
done_testing;
