# Selective mode with the real programs: greysmtpd before a real server sees who speaks early and what is
# said in HELO, Postfix's policy tells names and HELO, and the report knows what each mode has come to.
# usage: perl selection_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-GREYSMTPD
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use MtaClient;
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;

my ($program, $greyctl, $greysmtpd) = map { abs_path($_) } @ARGV[0 .. 2];
my $mailfront = '/usr/sbin/smtpfront-echo';
-x $mailfront or die "FAILED: needs the package mailfront (scripts/setup test)\n";
my $dir = tempdir(CLEANUP => 1);
my ($port, $policy_port) = (free_port(), free_port());
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
sub start { $daemon->start('-v', 2, '-m', 0, '--pools=off', @_, '--policy', "127.0.0.1\@$policy_port", "127.0.0.1\@$port", 'context') }
sub mail { my ($client, $fields, $from, @to) = @_;
    return ask(asker($port), "I$client\0F$from\0" . join('', map {"T$_\0"} @to ? @to : 'b@here.example') . join('', map {"$_\0"} @$fields) . "\0") }
sub greyctl { my $text = `$greyctl --control $dir/context.control @_ 2>&1`; return $text }

# One session through greysmtpd and mailfront: the client's first words are there before the greeting, or it
# waits for that. The codes of the replies to what it says.
my @environment = (TCPREMOTEHOST => 'mx.example.org', PROTO => 'TCP', GREYIP => "127.0.0.1\@$port", GREYTIMEOUT => 60, GREYFAIL => 'closed');
sub session { my ($client, $early, @says) = @_;
    socketpair(my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
    my $first = shift @says;
    syswrite $here, "$first\r\n" if $early;
    my $pid = fork // die;
    if (!$pid) {
        %ENV = (%ENV, @environment, TCPREMOTEIP => $client);
        close $here;
        open STDIN, '<&', $there or die;
        open STDOUT, '>&', $there or die;
        open STDERR, '>>', "$dir/greysmtpd.log" or die;
        exec $greysmtpd, $mailfront, 'accept' or die;
    }
    close $there;
    my @codes;
    my $reply = sub { while (my $line = <$here>) { return push @codes, $1 if $line =~ /^(\d{3}) / } push @codes, 'end' };
    $reply->();
    syswrite $here, "$first\r\n" unless $early;
    $reply->();
    for my $line (@says) { syswrite $here, "$line\r\n"; $reply->() }
    close $here;
    waitpid $pid, 0;
    return "@codes" }
sub envelope { my ($from) = @_; return "MAIL FROM:<$from>", 'RCPT TO:<b@here.example>', 'DATA' }

subtest 'who is suspect waits, and nobody else' => sub {
    start('--select=suspect');
    is mail('192.0.2.1', ['Nmx.example.org'], 'a@x.example'), '11', 'with a good name';
    is mail('192.0.2.1', ['Nmx.example.org', 'Hmx.example.org'], 'a@x.example'), '11', 'and a good HELO';
    $daemon->log_like(qr/^verdict=accept reason=unsuspect client=192\.0\.2\.1 name=mx\.example\.org /m, 'the log says why');
    is mail('192.0.2.2', [], 'a@x.example'), '01', 'without a name';
    $daemon->log_like(qr/^verdict=defer reason=new client=192\.0\.2\.2 .* source=\S+ suspect=no-name$/m, 'the log says by what');
    is mail('192.0.2.3', ['N9-100-51-198.isp.example'], 'a@x.example'), '11', 'another address is in that name';
    is mail('192.0.2.3', ['N9-100-51-198.isp.example', 'E'], 'a@x.example'), '01', 'who spoke early';
    is mail('192.0.2.4', ['Nmx.example.org', 'Hlocalhost', 'E'], 'a@x.example'), '01', 'for two reasons';
    $daemon->log_like(qr/ suspect=helo,early helo=localhost$/m, 'both are told');
    is mail('192.0.2.5', ['Nmx.example.org'], '', 'b@here.example', 'c@here.example'), '01', 'a bounce to two';
    is mail('192.0.2.5', ['Nmx.example.org'], '', 'b@here.example'), '11', 'to one';
    is mail('192.0.2.2', [], 'a@x.example'), '13', 'a good retry';
    is mail('192.0.2.2', [], 'c@x.example'), '12', 'makes known';
    unlike greyctl('list'), qr/192\.0\.2\.1/, 'nothing is stored of who is not';
};

subtest 'greysmtpd sees HELO, and who speaks before it is greeted' => sub {
    is session('198.51.100.1', 0, 'EHLO mx.example.org', envelope('s1@x.example')), '220 250 250 250 354', 'who waits, with a good HELO';
    is session('198.51.100.2', 1, 'EHLO mx.example.org', envelope('s2@x.example')), '220 250 250 250 450', 'who does not';
    $daemon->log_like(qr/client=198\.51\.100\.2 .* suspect=early$/m, 'the log says so');
    is session('198.51.100.3', 0, 'EHLO [198.51.100.4]', envelope('s3@x.example')), '220 250 250 250 450', "another's address";
    $daemon->log_like(qr/client=198\.51\.100\.3 .* suspect=helo helo=\[198\.51\.100\.4\]$/m, 'with the HELO');
    is session('198.51.100.4', 0, 'EHLO [198.51.100.4]', envelope('s4@x.example')), '220 250 250 250 354', 'its own';
    is session('198.51.100.5', 0, 'HELO friend', envelope('s5@x.example')), '220 250 250 250 450', 'a name alone';
};

subtest 'Postfix tells name and HELO, Exim as words' => sub {
    my $mta = mta_tcp($policy_port);
    my $defers = qr/^action=DEFER_I/;
    my $asks = sub { syswrite $mta, request(client_address => "203.0.113.$_[0]", sender => "p$_[0]\@x.example", @_[1 .. $#_]); return receive($mta, length $dunno) };
    is $asks->(1, client_name => 'mx.example.org', helo_name => 'mx.example.org'), $dunno, 'a good one';
    is $asks->(1, client_name => 'mx.example.org'), $dunno, 'of a server that tells no HELO';
    $mta = mta_tcp($policy_port);
    like $asks->(2, client_name => 'mx.example.org', helo_name => 'friend'), $defers, 'a HELO that is none';
    $mta = mta_tcp($policy_port);
    like $asks->(3, client_name => 'mx.example.org', helo_name => ''), $defers, 'none at all';
    $mta = mta_tcp($policy_port);
    like $asks->(4, helo_name => 'mx.example.org'), $defers, 'no name';
    for my $case (['mx.example.org', 'accept'], ['""', 'defer'], ['localhost', 'defer']) {
        my $exim = mta_tcp($policy_port);
        syswrite $exim, "check 203.0.113.9 e\@$case->[0].example b\@y mx.example.org $case->[0]\n";
        like receive($exim, 20), qr/^verdict=$case->[1]/, "HELO of Exim: $case->[0]";
    }
};

subtest 'greyctl says who is greylisted, and by what one is suspect' => sub {
    like greyctl('query', '192.0.2.9', 'a@x', 'b@y', '--name', 'mx.example.org'), qr/^accept: unsuspect \(/, 'a query';
    like greyctl('query', '192.0.2.9', 'a@x', 'b@y', '--name', 'mx.example.org', '--helo', 'x'), qr/^defer: new.*; suspect: helo\)$/m, 'with a HELO';
    is_deeply decode_json(greyctl('query', '192.0.2.9', 'a@x', 'b@y', '--helo', 'x', '--json'))->{suspect}, ['no-name', 'helo'], 'for programs';
    like greyctl('status'), qr/^select  suspect clients; first attempts of suspect clients \d+ \(.*no-name 2.*\), of others 0$/m, 'status';
    my $status = decode_json(greyctl('status', '--json'));
    is $status->{policy}{select}, 'suspect', 'status for programs';
    is $status->{suspects}{others}, 0;
    is $daemon->stop, 0, 'it ends';
};

# Figures of a history that is known: of four that begin two are suspect; one of these comes back, and one of the others.
subtest 'the report says what each mode has come to' => sub {
    unlink glob "$dir/context*";
    start();
    my %name = (1 => [], 2 => [], 3 => ['Nmx.example.org'], 4 => ['Nmx.example.org']);
    is mail("192.0.2.$_", $name{$_}, "a$_\@x.example"), '01', "$_ begins" for 1 .. 4;
    is mail("192.0.2.$_", $name{$_}, "a$_\@x.example"), '13', "$_ comes back" for 1, 3;
    my $report = decode_json(greyctl('report', '--json'));
    is_deeply $report->{suspect}, {first => 2, passed => 1, never => 0}, 'the suspect';
    is_deeply $report->{unsuspect}, {first => 2, passed => 1, never => 0}, 'and the others';
    like greyctl('report'), qr/With --select=suspect: 1 of 2 messages that were delayed\s+would not have been\./, 'in words';
    is $daemon->stop, 0, 'it ends';
    like slurp("$dir/context.totals"), qr/"suspect":\{"first":2,"passed":1\},"unsuspect":\{"first":2,"passed":1\}/, 'it is on the disk';
    # Of another day: what has not come back never will.
    (my $before = slurp("$dir/context.totals")) =~ s/"hour":(\d+)/'"hour":' . ($1 - 86400)/ge;
    spit("$dir/context.totals", $before);
    start('--select=suspect');
    is mail('192.0.2.7', ['Nmx.example.org'], 'a@x.example'), '11', 'now one is let through';
    $report = decode_json(greyctl('report', '--json', '--since', '3d'));
    is $report->{suspect}{never}, 1, 'of the suspect one never came back';
    is $report->{unsuspect}{never}, 1, 'and one of the others';
    is $report->{decided}{udp}{unsuspect}, 1;
    my $text = greyctl('report', '--since', '3d');
    like $text, qr/--select=suspect: 1 accepted at once, as nothing spoke against\s+their client\.\s+50\.0 % of what never came back is suspect\./, 'in words'
        or diag $text;
    is $daemon->stop, 0, 'it ends';
};

is system("$program --greydaemon --select=suspect 127.0.0.1\@$port context 2>/dev/null") >> 8, 100, "under greydaemon's rules there is none";
done_testing;
