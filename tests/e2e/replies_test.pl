# Replies from end to end: whom ours have written to may answer at once. Told by greyspp, greysmtpd and
# Postfix's policy protocol; kept over a kill; credible by the client's name, or by its domain's networks
# in a real DNS server; nothing for who forges.
# usage: perl replies_test.pl QMAIL-GREYD GREYCTL GREYSPP GREYSMTPD SET_CLOCK.SO
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use MtaClient;
use NameServer;
use Test::More;

my ($program, $greyctl, $greyspp, $greysmtpd, $set_clock) = @ARGV;
die "usage: replies_test.pl QMAIL-GREYD GREYCTL GREYSPP GREYSMTPD SET_CLOCK.SO\n" unless defined $set_clock;
own_network(@ARGV);
system 'ip', 'link', 'set', 'lo', 'up';
my $top = tempdir(CLEANUP => 1);
my @pids;
END { local $?; kill KILL => @pids if @pids }

my ($port, $count) = (2000, 0);
sub daemon { my (%env) = @_;
    my $dir = "$top/" . ++$count;
    mkdir $dir;
    return Daemon->new(program => $program, dir => $dir, port => $port++, env => \%env) }
# With -m 5 a retry is early; it comes from another port, as the same datagram from the same one is no retry.
sub start { my ($daemon, @arguments) = @_;
    $daemon->start('-v', 3, @arguments, "127.0.0.1\@$daemon->{port}", 'context');
    push @pids, $daemon->{pid};
    return $daemon }
sub greyctl { my ($daemon, @words) = @_; return scalar `$greyctl --control $daemon->{dir}/context.control @words 2>&1` }
sub counted { my ($daemon, $name) = @_; return greyctl($daemon, 'stats') =~ /^\s*(\d+)\s+\Q$name\E$/m ? $1 : 0 }
sub told { my ($daemon, $how_many) = @_; return wait_until(sub { counted($daemon, 'replies.told') >= $how_many }) }
sub mail { my ($daemon, $client, $name, $from, $to) = @_;
    return ask(asker($daemon->{port}), "I$client\0F$from\0T$to\0" . ($name eq '' ? '' : "N$name\0") . "\0") }
# Ours write by qmail-spp: what greyspp prints.
sub sent { my ($daemon, $from, $to, %env) = @_;
    local %ENV = (%ENV, TCPREMOTEIP => '10.0.0.5', SMTPMAILFROM => $from, SMTPRCPTTO => $to, RELAYCLIENT => '',
        GREYIP => "127.0.0.1\@$daemon->{port}", GREYREPLIES => 1, %env);
    return scalar `$greyspp 2>&1` }
my ($joe, $ann) = ('joe@here.example', 'ann@there.example');

subtest 'an answer is accepted by its client\'s name, and nothing else is' => sub {
    my $daemon = start(daemon());
    is sent($daemon, $joe, $ann), '', 'our user writes: greyspp says nothing';
    ok told($daemon, 1), 'and tells the daemon';
    is mail($daemon, '192.0.2.1', 'mx.there.example', $ann, $joe), '12', 'the answer comes at once';
    $daemon->log_like(qr/^verdict=accept reason=reply client=192\.0\.2\.1 name=mx\.there\.example sender=ann\@there\.example recipients=joe\@here\.example age=\d+ source=/m, 'the log says why');
    is mail($daemon, '192.0.2.1', 'mx.there.example', 'prvs=1234abcdef=Ann@there.example', 'joe+x@here.example'), '12', 'so does one with marks in its addresses';
    is mail($daemon, '198.51.100.7', 'mx.elsewhere.example', $ann, $joe), '01', 'forged elsewhere it waits';
    is mail($daemon, '198.51.100.8', '198-51-100-8.there.example', $ann, $joe), '01', 'a name made of the address says nothing';
    is mail($daemon, '192.0.2.1', 'mx.there.example', '', $joe), '01', 'a null sender waits';
    is mail($daemon, '192.0.2.1', 'mx.there.example', $ann, 'eve@here.example'), '01', 'another recipient waits';
    is mail($daemon, '192.0.2.1', 'mx.there.example', 'bob@there.example', $joe), '01', 'another sender waits';
    unlike greyctl($daemon, 'list'), qr/192\.0\.2\.1 +ann\@there\.example -> joe/, 'of the answer nothing is kept';
    like greyctl($daemon, 'query', '192.0.2.1', $ann, $joe, qw(--name mx.there.example)),
        qr/^accept: reply \(one of ours has written to the sender\)\n.*\n    has written to the sender \S+ ago\n/s, 'greyctl query says it';
    like greyctl($daemon, 'show', 'sent:there.example'), qr/^sent +.*sent:there\.example +ann\@there\.example -> joe\@here\.example$/m, 'greyctl show shows it';
    like greyctl($daemon, 'status'), qr/, 1 sent; at most/, 'status counts it';
    is counted($daemon, 'udp.decided.reply'), 2, 'replies are counted';

    is $daemon->stop('KILL'), 'signal 9', 'killed';
    like slurp("$daemon->{dir}/context.journal"), qr/^S \d+ sent:there\.example ann\@there\.example joe\@here\.example$/m, 'the journal has it';
    start($daemon);
    is mail($daemon, '192.0.2.1', 'mx.there.example', $ann, $joe), '12', 'it counts after a kill';
    is $daemon->stop, 0, 'a restart';
    like slurp("$daemon->{dir}/context"), qr/^S \d+ sent:there\.example /m, 'it is in the context file';
    start($daemon);
    is mail($daemon, '192.0.2.1', 'mx.there.example', $ann, $joe), '12', 'and counts after it';

    my $export = "$daemon->{dir}/export.json";
    greyctl($daemon, 'export', '--format', 'json', '--output', $export);
    like slurp($export), qr/"state":"sent","client":"sent:there\.example"/, 'JSON has it';
    for my $form (qw(greydaemon relaytofrom)) {
        greyctl($daemon, 'export', '--format', $form, '--output', "$daemon->{dir}/$form");
        unlike slurp("$daemon->{dir}/$form"), qr/joe\@here\.example','?.*sent:|sent:there/, "other programs' form $form has not";
    }
    like greyctl($daemon, 'forget', 'sent:there.example'), qr/\b1\b/, 'it is forgotten';
    is mail($daemon, '192.0.2.9', 'mx9.there.example', $ann, $joe), '01', 'an answer waits again';
    greyctl($daemon, 'import', $export);
    is mail($daemon, '192.0.2.9', 'mx9.there.example', $ann, $joe), '12', 'imported it counts again';
    is $daemon->stop, 0, 'the end';
};

subtest 'who tells, and who does not' => sub {
    my $daemon = start(daemon());
    sent($daemon, $joe, $ann, GREYREPLIES => $_) for '', 0, 'yes';
    { local $ENV{RELAYCLIENT}; delete $ENV{RELAYCLIENT};
      local %ENV = (%ENV, TCPREMOTEIP => '192.0.2.5', SMTPMAILFROM => $joe, SMTPRCPTTO => $ann, GREYIP => "127.0.0.1\@$daemon->{port}", GREYREPLIES => 1);
      like scalar(`$greyspp 2>&1`), qr/^E450 /m, 'a stranger is asked about' }
    sent($daemon, '', $ann);
    sent($daemon, $joe, $_) for 'ann', 'ann@localhost', 'ann@[192.0.2.1]';
    ok wait_until(sub { counted($daemon, 'replies.unfit') == 3 }), 'addresses that no answer can come from are counted';
    is counted($daemon, 'replies.told'), 0, 'nobody else tells';
    for my $bad ("R", "R$joe\0", "R$joe\0\0T$ann\0") { asker($daemon->{port})->send($bad) }
    ok wait_until(sub { counted($daemon, 'udp.faults.no-recipient') == 3 }), 'what is none is counted by kind';
    $daemon->log_like(qr/bad datagram fault=no-recipient/, 'and said');

    # greysmtpd stands between for it, and carries the session as ever.
    my $server = "$daemon->{dir}/server";
    spit($server, <<'END');
#!/usr/bin/perl
$| = 1; print "220 here\r\n"; my $data = 0;
while (<STDIN>) {
    if ($data) { if (/^\.\r\n$/) { print "250 taken\r\n"; $data = 0 } next }
    if (/^DATA/i) { print "354 go\r\n"; $data = 1; next }
    if (/^QUIT/i) { print "221 bye\r\n"; exit 0 }
    print "250 ok\r\n";
}
END
    chmod 0755, $server;
    my $session = join '', map {"$_\r\n"} 'HELO me', "MAIL FROM:<$joe>", "RCPT TO:<$ann>", 'RCPT TO:<bob@there.example>', 'DATA', 'Subject: x', '', 'text', '.', 'QUIT';
    spit("$daemon->{dir}/session", $session);
    for my $case ([1, 2], [0, 2]) {
        local %ENV = (%ENV, TCPREMOTEIP => '10.0.0.5', RELAYCLIENT => '', GREYIP => "127.0.0.1\@$daemon->{port}", GREYREPLIES => $case->[0]);
        my $replies = `$greysmtpd $server < $daemon->{dir}/session 2>&1`;
        like $replies, qr/250 taken\r\n221 bye\r\n\z/, "greysmtpd with GREYREPLIES=$case->[0] carries the session";
        ok told($daemon, $case->[1]), 'what was sent is told';
    }
    is counted($daemon, 'replies.told'), 2, 'once';
    is $daemon->stop, 0;
};

subtest "Postfix's policy: who has logged in, and a socket for submission" => sub {
    my ($policy, $submission) = (free_port(), "$top/submission");
    my $daemon = start(daemon(), "--policy=127.0.0.1\@$policy", "--submission=$submission");
    my $peer = mta_tcp($policy);
    says($peer, request(sasl_username => 'joe', client_address => '10.0.0.5', sender => $joe, recipient => $ann), $dunno, 'who has logged in is not greylisted');
    ok told($daemon, 1), 'and told of';
    says($peer, request(sasl_username => 'joe', sender => '', recipient => $ann), $dunno, 'a null sender');
    says($peer, request(sasl_username => 'joe', sender => $joe, recipient => '', protocol_state => 'DATA'), $dunno, 'another state');
    says($peer, request(client_address => '192.0.2.1', client_name => 'mx.there.example', sender => $ann, recipient => $joe), $dunno, 'the answer is accepted');
    says($peer, request(client_address => '192.0.2.1', client_name => 'mx.there.example', sender => $ann, recipient => 'eve@here.example'), $defer, 'another mail waits');
    my $own = mta_unix($submission);
    says($own, request(client_address => '10.0.0.6', sender => 'eve@here.example', recipient => $ann), $dunno, 'by the socket for submission');
    ok told($daemon, 2), 'all are told of';
    says($peer, request(client_address => '192.0.2.1', client_name => 'mx.there.example', sender => $ann, recipient => 'eve@here.example'), $dunno, 'who is answered then');
    my $line = mta_unix($submission);
    says($line, qq{check 10.0.0.7 "jim\@here.example" "$ann"\n}, "verdict=accept\n", 'in one line, as Exim asks');
    ok told($daemon, 3), 'likewise';
    is counted($daemon, 'policy.decided.reply'), 2, 'replies are counted';
    is $daemon->stop, 0;
};

subtest 'the networks of the SPF record: an early retry is a reply' => sub {
    mkdir "$top/dns";
    push @pids, unbound("$top/dns", 5301, ['example'], 'there.example TXT v=spf1', 'provider.example TXT v=spf1 ip4:198.51.100.0/25 -all', 'late.example TXT v=spf1 ip4:203.0.113.0/28 -all');
    my $daemon = start(daemon(), '--resolver=127.0.0.1@5301');
    sent($daemon, $joe, 'ann@provider.example');
    ok wait_until(sub { greyctl($daemon, qw(networks provider.example)) =~ /198\.51\.100\.0/ }), 'where ours write to is looked up at once';
    is mail($daemon, '198.51.100.1', '', 'ann@provider.example', $joe), '12', 'so the answer needs no second attempt';
    is mail($daemon, '198.51.100.200', '', 'ann@provider.example', $joe), '01', 'from outside it waits';
    # What was told before it could be looked up, as after a restart.
    is $daemon->stop, 0;
    start($daemon, '--resolver=127.0.0.1@5301');
    is mail($daemon, '198.51.100.2', '', 'ann@provider.example', $joe), '01', 'where they are not known yet it is deferred';
    ok wait_until(sub { mail($daemon, '198.51.100.2', '', 'ann@provider.example', $joe) eq '12' }), 'and accepted as soon as they are, however early';
    is mail($daemon, '203.0.113.1', '', 'ann@provider.example', $joe), '01', 'a forger is a stranger';
    is $daemon->stop, 0;
};

subtest 'after thirty days, and without replies' => sub {
    my $clock = "$top/clock";
    my $set = sub { my ($time) = @_; open my $file, -e $clock ? '+<' : '>', $clock or die; syswrite $file, pack 'q', $time };
    my $now = 1_800_000_000;
    $set->($now);
    my $daemon = start(daemon(LD_PRELOAD => $set_clock, SET_CLOCK => $clock, ASAN_OPTIONS => 'verify_asan_link_order=0'), '--pools=off', '--look-ups=off');
    sent($daemon, $joe, $ann);
    ok told($daemon, 1), 'told';
    # (A clock that has leapt ends nothing for an hour: what is younger shows that it is right.)
    $daemon->stop;
    $set->($now + 30 * 86400 - 2);
    my @without = ('--pools=off', '--look-ups=off');
    start($daemon, @without);
    is mail($daemon, '192.0.2.1', 'mx.there.example', $ann, $joe), '12', 'in the last seconds';
    sent($daemon, $joe, "$_\@there.example") for qw(bob cid);
    ok told($daemon, 2), 'others are told of';
    $daemon->stop;
    $set->($now + 30 * 86400);
    start($daemon, @without);
    is mail($daemon, '192.0.2.2', 'mx.there.example', $ann, $joe), '01', 'after thirty days an answer waits';
    is mail($daemon, '192.0.2.2', 'mx.there.example', 'bob@there.example', $joe), '12', 'one to the younger does not';
    unlike greyctl($daemon, 'list'), qr/^sent .*ann/m, 'it is forgotten';
    is $daemon->stop, 0;
    my $other = start(daemon(), '--replies=0');
    sent($other, $joe, $ann);
    ok wait_until(sub { counted($other, 'replies.unfit') == 1 }), 'with --replies=0 nothing is kept';
    is mail($other, '192.0.2.1', 'mx.there.example', $ann, $joe), '01', 'and an answer waits';
    is $other->stop, 0;
};

subtest 'learn-sent takes it of logs, once' => sub {
    my $daemon = start(daemon());
    my $stamp = sub { sprintf '@%016x%08x', (1 << 62) + 10 + $_[0], 0 };
    my $at = $stamp->(time - 86400);
    mkdir "$top/send";
    spit("$top/send/current", join '', map {"$at $_\n"} 'info msg 9: bytes 1 from <joe@here.example> qp 1 uid 2',
        (map {"starting delivery $_: msg 9 to remote u$_\@there.example"} 1 .. 2500), (map {"delivery $_: success: ok/"} 1 .. 2499), 'delivery 2500: failure: no/');
    my @stamp = gmtime(time - 3600);
    my $iso = sprintf '%04d-%02d-%02dT%02d:%02d:%02d.5+00:00', $stamp[5] + 1900, $stamp[4] + 1, @stamp[3, 2, 1, 0];
    spit("$top/mail.log", "$iso m postfix/qmgr[1]: A1: from=<joe\@here.example>, size=1, nrcpt=1 (queue active)\n"
        . "$iso m postfix/smtp[1]: A1: to=<$ann>, relay=mx.there.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n");
    like greyctl($daemon, 'learn-sent', '--dry-run', "$top/send", "$top/mail.log"), qr/^nothing is changed.*\b2500\b/s, 'it says what it would take';
    unlike greyctl($daemon, 'list'), qr/^sent/m, 'and takes nothing';
    like greyctl($daemon, 'learn-sent', "$top/send", "$top/mail.log"), qr/\b2500\b/, 'it takes a directory of multilog and a file of Postfix';
    is scalar(() = greyctl($daemon, 'list') =~ /^sent /mg), 2500, 'all are there';
    my $again = greyctl($daemon, 'learn-sent', '--format=postfix', "$top/mail.log");
    like $again, qr/^ *0\b|\b1\b/, 'again it is none';
    is scalar(() = greyctl($daemon, 'list') =~ /^sent /mg), 2500, 'and all is as before';
    is mail($daemon, '192.0.2.1', 'mx.there.example', 'u7@there.example', $joe), '12', 'an answer comes at once';
    is mail($daemon, '192.0.2.2', 'mx2.there.example', $ann, $joe), '12', 'so does one to what Postfix sent';
    is mail($daemon, '192.0.2.3', 'mx3.there.example', 'u2500@there.example', $joe), '01', 'where nothing was delivered it waits';
    like greyctl($daemon, 'learn-sent', '--format=exim', "$top/mail.log"), qr/'exim' is neither qmail nor postfix/, 'another form is an error';
    is $daemon->stop, 0;
};

subtest 'with keys an unsigned one is refused' => sub {
    my $daemon = daemon();
    spit("$daemon->{dir}/keys", "one 0123456789abcdef0123456789abcdef\n");
    chmod 0400, "$daemon->{dir}/keys";
    start($daemon, '--key-file=keys', '--require-key=always');
    sent($daemon, $joe, $ann);
    ok wait_until(sub { counted($daemon, 'udp.faults.key-missing') == 1 }), 'it is counted';
    is counted($daemon, 'replies.told'), 0, 'and nothing kept';
    sent($daemon, $joe, $ann, GREYKEYFILE => "$daemon->{dir}/keys");
    ok told($daemon, 1), 'one with the key is taken';
    is $daemon->stop, 0;
};
done_testing;
