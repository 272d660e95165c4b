# The policy side of the running daemon, seen from its sockets: what mail servers send, and what
# broken or hostile ones do.
# usage: perl mta_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(SHUT_WR);
use Test::More;
use Time::HiRes qw(sleep time);

my $program = shift or die "usage: mta_test.pl PATH-OF-QMAIL-GREYD\n";
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $unix = "$dir/policy.sock";
my $daemon = Daemon->new(program => $program, dir => $dir);
my $asan = `ldd $program` =~ /libasan/;
$SIG{PIPE} = 'IGNORE';
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# A daemon with an empty state that takes policy requests on the port and the unix socket.
sub fresh { my (@args) = @_; unlink glob "$dir/context*"; again(@args) }
sub again { my (@args) = @_; $daemon->start('--policy', "127.0.0.1\@$port,$unix", @args, "127.0.0.1\@$port", 'context') }
sub logged { my ($pattern) = @_;
    ok wait_until(sub { $daemon->log =~ $pattern }), "log: $pattern" or diag substr $daemon->log, -2000 }

sub tcp { return mta_tcp($port, @_) }
sub local_socket { return mta_unix($unix) }
sub udp_answers { my ($name) = @_; like ask(asker($port), query('203.0.113.9', 'u', 'u')), qr/^[01]\d$/, "UDP is answered: $name" }

subtest 'Postfix: the first attempt waits, the good retry has a header, then the client is known' => sub {
    fresh('-m', 0);
    my $s = tcp();
    says($s, request(), "action=DEFER_IF_PERMIT Greylisted: please try again in a few minutes\n\n", 'first attempt');
    syswrite $s, request();
    like receive($s, 62), qr/^action=PREPEND X-Greylist: delayed \d+ seconds by qmail-greyd/, 'retry';
    receive($s, 1) until substr(receive($s, 1), -1) eq "\n";
    $s = tcp();
    says($s, request(sender => 'other@x'), $dunno, 'known');
    says($s, request(client_address => '192.0.2.7', sasl_username => 'ann'), $dunno, 'authenticated');
    says($s, request(client_address => '192.0.2.7', protocol_state => 'DATA', recipient => ''), $dunno, 'not of one recipient');
    says($s, request(client_address => 'unknown'), $dunno, 'no address');
    logged(qr/^verdict=defer reason=new client=192\.0\.2\.1 sender=a\@x recipients=b\@y age=0 wait=0 source=127\.0\.0\.1\@\d+ suspect=no-name$/m);
    logged(qr/bad policy request fault=no-client source=127\.0\.0\.1\@\d+ count=1$/m);
    is ask(asker($port), query('192.0.2.1', 'third@x', 'b@y')), '12', 'UDP knows it too';
    is $daemon->stop, 0;
};

subtest 'Exim: one line, on TCP and the unix socket' => sub {
    fresh();
    says(tcp(), "check 192.0.2.1 a\@x b\@y\n", qq{verdict=defer reason=new wait=300 text="Greylisted: please try again in 5 minutes"\n}, 'new');
    my $s = local_socket();
    says($s, qq{check "2001:db8::1" "" "\\"b c\\"\@y" "mx.example.org"\n}, qq{verdict=defer reason=new wait=300 text="Greylisted: please try again in 5 minutes"\n}, 'quoted, IPv6');
    logged(qr/client=2001:db8::1 name=mx\.example\.org sender=<> recipients="b%20c"\@y age=0 wait=300 source=local$/m);
    says($s, qq{check "" a b\n}, "verdict=accept\n", 'no client');
    syswrite $s, 'check 192.0.2.1 a@x b@y';
    shutdown $s, SHUT_WR;
    like receive($s, 100), qr/^verdict=defer reason=early wait=(300|2\d\d) text="Greylisted: please try again in 5 minutes"\n\(end\)$/, 'a closed sending side ends line and connection';
    $daemon->stop;
};

subtest 'the text is the operator\'s' => sub {
    fresh('--policy-text', '4.7.1 Wait: %t, 100%');
    says(tcp(), request(), "action=DEFER_IF_PERMIT 4.7.1 Wait: 5 minutes, 100%\n\n", 'text');
    $daemon->stop;
};

subtest 'requests come in fragments, and many at once, and are answered in their order' => sub {
    spit("$dir/white", "192.0.2.99\n.example.org\n");
    fresh('-w', 'white');
    my $s = tcp();
    for my $byte (split //, request() . 'check 192.0.2.1 a@x b@y' . "\n") { syswrite $s, $byte }
    like receive($s, length($defer) + 30), qr/^\Q$defer\Everdict=defer reason=early/, 'byte by byte';
    my ($requests, $answers) = ('', '');
    for my $n (1 .. 3000) {
        my $listed = $n % 3 == 0 || $n % 7 == 0;
        $requests .= request(client_address => $n % 3 ? "198.51.100.$n" =~ s/\d+$/$n % 250/er : '192.0.2.99', sender => "s$n",
            client_name => $n % 7 ? 'unknown' : 'mx.example.org', padding => 'x' x ($n % 800));
        $answers .= $listed ? $dunno : $defer;
    }
    $s = tcp();
    my $writer = fork // die;
    if ($writer == 0) { print $s $requests; $s->flush; require POSIX; POSIX::_exit(0) }
    is receive($s, length $answers), $answers, '3000 at once';
    waitpid $writer, 0;
    $daemon->stop;
};

subtest 'what was answered survives kill -9' => sub {
    fresh();
    my $s = tcp();
    says($s, join('', map { request(sender => "s$_") } 1 .. 40), $defer x 40, '40 new ones');
    is $daemon->stop('KILL'), 'signal 9';
    again('-m', 0);
    $s = tcp();
    syswrite $s, "check 192.0.2.1 s$_ b\@y\n" for 1 .. 40;
    like receive($s, 60), qr/^verdict=accept reason=passed delay=\d+ header/, 'the first passes, and makes the client known';
    $daemon->stop;
    like slurp("$dir/context"), qr/^[WP] \d+ 192\.0\.2\.1 s$_ b\@y$/m, "s$_" for 1, 20, 40;
};

subtest 'a message to several recipients is one good retry, and has one header' => sub {
    fresh('-m', 0, '--client-passes', 2);
    my $s = tcp();
    my @to = map {"r$_\@y"} 1 .. 3;
    syswrite $s, request(recipient => $_, instance => 'i1') for @to;
    receive($s, 3 * length "action=DEFER_IF_PERMIT Greylisted: please try again in a few minutes\n\n");
    syswrite $s, request(recipient => $to[0], instance => 'i2');
    my $header = '';
    $header .= receive($s, 1) until $header =~ /\n\n/;
    like $header, qr/^action=PREPEND X-Greylist/, 'first recipient';
    says($s, request(recipient => $_, instance => 'i2'), $dunno, 'another recipient') for @to[1, 2];
    says($s, request(sender => 'other', instance => 'i3'), "action=DEFER_IF_PERMIT Greylisted: please try again in a few minutes\n\n", 'one pass of two: not known yet');
    $daemon->stop;
    like slurp("$dir/context"), qr/^C \d+ 1 192\.0\.2\.1$/m, 'one pass';
};

subtest 'what cannot be read is answered in the form of who asks, where that is known, and ends its connection only' => sub {
    fresh();
    my $good = tcp();
    my $action = sub { "action=DEFER_IF_PERMIT Greylisting cannot read what it is asked: $_[0]\n\n" };
    my $verdict = sub { qq{verdict=defer reason=error text="Greylisting cannot read what it is asked: $_[0]"\n} };
    my $begin = "request=smtpd_access_policy\nclient_address=192.0.2.1\nrecipient=b\n";
    my $too_much = 'x' x 100_000;
    my @bad = ( # what is sent, what is answered
        ["\n", ''], ["GET / HTTP/1.0\r\n\r\n", ''], ["\0" x 100 . "\n", ''], [$too_much, ''],
        (map { [join('', map { chr int rand 256 } 1 .. 3000) =~ tr/=//dr . "\nnonsense\n", ''] } 1 .. 20),
        ["a=b\n\n", $action->('bad-request')], ["x=$too_much", $action->('too-long')], ["${begin}sender=$too_much\n\n", $action->('too-long')],
        ["${begin}sender=a\0b\n\n", $action->('bad-byte')], ["${begin}nonsense\n\n", $action->('bad-line')],
        ["check 1.2.3.4\n", $verdict->('bad-line')], ["check 192.0.2.1 a b c d e\n", $verdict->('bad-line')], ["check 192.0.2.1 a\"b c\n", $verdict->('bad-line')],
        ["Check 192.0.2.1 a b\n", $verdict->('bad-line')], ["check 192.0.2.1 a\0 b\n", $verdict->('bad-byte')], ["check 192.0.2.1 $too_much b\n", $verdict->('too-long')],
        [request() . "nonsense\n", $defer . $action->('bad-line')], ["check 192.0.2.1 q$$ b\nnonsense\n", qr/^verdict=defer reason=(?:new|early) .*\n\Q${\$verdict->('bad-line')}\E\(end\)$/],
    );
    for my $bad (@bad, @bad) {
        my ($sent, $answer) = @$bad;
        my $s = tcp();
        # As ${readsocket does: all of it, then the end of its side, and only then is the answer read.
        for (my $at = 0; $at < length $sent; ) { $at += syswrite($s, $sent, 4096, $at) // last }
        shutdown $s, SHUT_WR;
        my $name = 'sent: ' . substr $sent =~ s/[^ -~]/./gr, 0, 20;
        # (After the first round the wait has got shorter.)
        my $got = receive($s, 100_000) =~ s/in 4 minutes/in 5 minutes/r;
        ref $answer ? like $got, $answer, $name : is $got, "$answer(end)", $name;
    }
    my $s = tcp();
    my $sent = 0;
    # Without an end: it is told to stop in time, and cannot go on for ever.
    while ($sent < 64 << 20) { my $n = syswrite($s, 'z=' x 4096) // last; $sent += $n }
    cmp_ok $sent, '<', 16 << 20, "$sent bytes were written";
    says($good, request(sender => 'q'), $defer, 'the others go on');
    my $lines = () = $daemon->log =~ /bad policy request/g;
    cmp_ok $lines, '<=', 12, "$lines lines in the log";
    udp_answers('after it all');
    $daemon->stop;
};

subtest 'addresses as long as Exim can send them are greylisted as others are' => sub {
    fresh();
    my $long = sub { my ($n) = @_; return '"' . ('\\"' x (8000 + $n)) . '@example.org"' };
    my $s = tcp();
    for my $n (1, 2) { says($s, 'check 192.0.2.1 ' . $long->($n) . ' ' . $long->($n) . "\n", qq{verdict=defer reason=new wait=300 text="Greylisted: please try again in 5 minutes"\n}, "long ones $n") }
    syswrite $s, 'check 192.0.2.1 ' . $long->(2) . ' ' . $long->(2) . "\n";
    like receive($s, 30), qr/^verdict=defer reason=early/, 'the same again';
    $s = tcp();
    says($s, request(sender => 'x' x 5000 . $_, recipient => 'y' x 5000), $defer, "Postfix $_") for 1, 2;
    $daemon->stop;
};

subtest 'in a dry run what cannot be read is accepted' => sub {
    fresh('--dry-run');
    says(tcp(), "check 1\n", "verdict=accept reason=error\n", 'Exim');
    says(tcp(), "a=b\n\n", $dunno, 'Postfix');
    $daemon->stop;
};

sub cpu { my @stat = split ' ', slurp("/proc/$daemon->{pid}/stat") =~ s/^.*\) //r; return ($stat[11] + $stat[12]) / 100 }

subtest '2000 idle connections and 1000 with half a request: UDP and others are answered' => sub {
    fresh();
    my @idle = map { tcp() } 1 .. 2000;
    my @half = map { my $s = tcp(); syswrite $s, substr request(), 0, 60; $s } 1 .. 1000;
    my $last = tcp();
    says($last, request(), $defer, 'another connection');
    my $u = asker($port);
    is ask($u, query('192.0.2.50', 'a', $_)), '01', undef for 1 .. 50;
    my $before = cpu();
    sleep 0.5;
    cmp_ok cpu() - $before, '<', 0.25, 'they cost no time';
    says($idle[$_], request(sender => "i$_"), $defer, "idle one $_ still works") for 0, 1000, 1999;
    says($half[$_], substr(request(), 60), $defer, "half request $_ can be ended") for 0, 500, 999;
    close $_ for @idle, @half;
    my $descriptors = sub { my @all = glob "/proc/$daemon->{pid}/fd/*"; return scalar @all };
    ok wait_until(sub { $descriptors->() < 30 }), 'closed connections are given back';
    $daemon->stop;
};

subtest 'who does not read the answers is read from no more, and the others are served' => sub {
    fresh();
    my $s = tcp();
    $s->blocking(0);
    my $many = request() x 200;
    my ($sent, $blocked) = (0, 0);
    # Until neither side's buffers take any more.
    while ($sent < 400 << 20) {
        my $n = syswrite $s, $many;
        if (defined $n) { $sent += $n; $blocked = 0; next }
        last if ++$blocked > 100;
        sleep 0.01;
    }
    cmp_ok $sent, '<', 400 << 20, "stopped after $sent bytes";
    udp_answers('meanwhile');
    says(tcp(), request(sender => 'other'), $defer, 'another connection');
    my ($resident) = slurp("/proc/$daemon->{pid}/status") =~ /VmRSS:\s+(\d+)/;
    cmp_ok $resident, '<', 60_000, "$resident KiB" unless $asan;
    $s->blocking(1);
    is receive($s, length $defer), $defer, 'then it reads';
    $daemon->stop;
};

subtest 'idle connections, and half requests much sooner, are closed in time' => sub {
    {
        # The daemon's minutes pass in a fraction of a second.
        local $ENV{LD_PRELOAD} = faketime();
        local $ENV{FAKETIME} = '+0 x200';
        local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';
        fresh('-s', 1000, '-f', 1000);
    }
    my $idle = tcp();
    my $half = tcp();
    syswrite $half, "request=smtpd_access_policy\n";
    my $begin = time;
    ends($half, 'half a request');
    my $half_time = time - $begin;
    ends($idle, 'idle');
    cmp_ok time - $begin, '>', 2 * $half_time, 'an idle one has more time';
    logged(qr/policy connections closed count=1: a request not ended/);
    udp_answers('still');
    $daemon->stop;
};

subtest 'the unix socket: its mode, who is in its place, and its end' => sub {
    fresh();
    is +(stat $unix)[2] & 07777, 0666, 'any user may connect';
    my $second = Daemon->new(program => $program, dir => $dir);
    my $other = free_port();
    my $refused = sub { my ($what, $says) = @_;
        my $out = `CONTROLDIR=$dir $program --policy=$unix 127.0.0.1\@$other other 2>&1`;
        is $? >> 8, 111, $what;
        like $out, qr/^qmail-greyd: fatal: cannot listen on \Q$unix\E: $says\n\z/, 'says so' };
    $refused->('somebody listens', 'Address already in use');
    says(local_socket(), request(), $defer, 'and still does');
    is $daemon->stop, 0;
    ok !-e $unix, 'gone with the daemon';
    spit($unix, 'a file');
    $refused->('a file is in the way', 'File exists');
    is slurp($unix), 'a file', 'it is left alone';
    unlink $unix;
    fresh();
    $daemon->stop('KILL');
    ok -S $unix, 'a socket is left behind';
    fresh();
    says(local_socket(), request(), $defer, 'and replaced');
    rename $unix, "$unix.old";
    spit($unix, 'not ours');
    $daemon->stop;
    ok -e $unix, 'what is not ours is not removed';
    unlink $unix, "$unix.old";
    my $long = "$dir/" . 'x' x 200;
    like `CONTROLDIR=$dir $program --policy=$long 127.0.0.1\@$other other 2>&1`, qr/^qmail-greyd: fatal: cannot listen on \Q$long\E: File name too long$/, 'a path that is too long';
    my $out = `CONTROLDIR=$dir $program --policy=$dir/none/sock 127.0.0.1\@$other other 2>&1`;
    like $out, qr/^qmail-greyd: fatal: cannot listen on .*none\/sock: No such file or directory$/, 'no such directory';
};

subtest 'privileges are given up after the sockets are made' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my (undef, undef, $uid, $gid) = getpwnam 'nobody';
    mkdir "$dir/state";
    chown $uid, $gid, "$dir/state";
    my $start = sub { $daemon->start('-u', 'nobody', '--policy', $unix, "127.0.0.1\@$port", 'state/context') };
    $start->();
    like slurp("/proc/$daemon->{pid}/status"), qr/^Uid:\t$uid\t$uid\t$uid\t$uid$/m, 'not root';
    says(local_socket(), request(), $defer, 'served');
    is $daemon->stop, 0;
    ok -S $unix, 'the directory is root\'s, so the socket stays';
    $start->();
    says(local_socket(), "check 192.0.2.77 a b\n", qq{verdict=defer reason=new wait=300 text="Greylisted: please try again in 5 minutes"\n}, 'and is replaced');
    $daemon->stop;
    unlink $unix;
};

subtest 'only allowed sources are served by TCP' => sub {
    fresh('--allow', '127.0.0.2');
    for (1 .. 20) { my $s = tcp(); syswrite $s, request(); like receive($s, 1), qr/\(end\)/, 'refused' if $_ == 1 }
    says(tcp(LocalHost => '127.0.0.2'), request(), $defer, 'allowed: new, so the others have done nothing');
    says(local_socket(), request(sender => 'l'), $defer, 'the unix socket is a matter of its directory');
    is scalar(() = $daemon->log =~ /policy connection refused source=127\.0\.0\.1@/g), 1, 'one line';
    $daemon->stop;
};

subtest 'no descriptors left: the oldest makes room, nothing spins, UDP goes on' => sub {
    fresh('-m', 0);
    my @first = map { tcp() } 1 .. 40;
    says($_, request(), qr/./, undef) for ();
    # The limit as it would have been from the start: what is open stays open.
    my @open = glob "/proc/$daemon->{pid}/fd/*";
    ok wait_until(sub { @open = glob "/proc/$daemon->{pid}/fd/*"; @open > 45 }), 'all are accepted';
    system('prlimit', '--pid', $daemon->{pid}, '--nofile=' . (1 + @open)) == 0 or die 'prlimit';
    my $wait = "action=DEFER_IF_PERMIT Greylisted: please try again in a few minutes\n\n";
    my @more;
    for my $n (1 .. 20) { push @more, my $s = tcp(); says($s, request(sender => "m$n"), $wait, "new connection $n") }
    ends($first[$_], "idle one $_ had to go") for 0 .. 15;
    # All are busy: then the oldest of these goes.
    my @left = grep { !IO::Select->new($_)->can_read(0) } @first, @more;
    syswrite $_, "request=" for @left;
    udp_answers('with all of them busy');
    my $waiting = tcp();
    says($waiting, request(sender => 'waiting'), $wait, 'it has its turn');
    udp_answers('with one more');
    my $before = cpu();
    sleep 0.5;
    cmp_ok cpu() - $before, '<', 0.25, 'no spinning';
    $daemon->stop;
};

subtest 'IPv6 and a wildcard' => sub {
    unlink glob "$dir/context*";
    $daemon->start('--policy', "*\@$port", "127.0.0.1\@$port", 'context');
    for my $host ('127.0.0.1', '::1') { says(tcp(PeerHost => $host), request(sender => $host), $defer, $host) }
    logged(qr/source=::1@/);
    logged(qr/source=127\.0\.0\.1@/);
    $daemon->stop;
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1) or die;
    like `CONTROLDIR=$dir $program --policy=127.0.0.1\@$port 127.0.0.1\@$port context 2>&1`, qr/^qmail-greyd: fatal: cannot listen on 127\.0\.0\.1\@$port: Address already in use$/, 'in use';
};

done_testing;
