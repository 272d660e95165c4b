# The operator's rules, as an administrator has them: for whom greylisting is off, on, or on other
# terms, by each way in; and what becomes of a file that is bad.
# usage: perl rules_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-GREYSPP
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use MtaClient;
use Test::More;

my ($program, $greyctl, $greyspp) = map { abs_path($_) } @ARGV;
die "usage: rules_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-GREYSPP\n" unless defined $greyspp;
my $dir = tempdir(CLEANUP => 1);
my ($port, $mta_port) = (free_port(), 0);
do { $mta_port = 10000 + int rand 20000 } while $mta_port == $port || !IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $mta_port, Listen => 1);
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
my $rules = "$dir/greylist.rules";

sub start { my (@more) = @_;
    $daemon->start('-v', 1, '--rules=greylist.rules', "--policy=127.0.0.1\@$mta_port", @more, "127.0.0.1\@$port", 'context') }
sub receive_line { my ($peer, $bytes) = @_;
    syswrite $peer, $bytes;
    my $line = '';
    $line .= receive($peer, 1) until $line =~ /\n|\(/;
    return $line }
sub greyctl { my (@command) = @_;
    my $text = do { local $/; open my $out, '-|', $greyctl, '--control', "$dir/context.control", @command or die; my $all = <$out> // ''; close $out; $all };
    return wantarray ? ($text, $? >> 8) : $text }
# What a start says, and its exit code, where it must fail.
sub refused { my ($binary, @arguments) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { $ENV{CONTROLDIR} = $dir; open STDERR, '>&', \*STDOUT; exec { $binary } @arguments or die }
    my $text = do { local $/; <$out> // '' };
    close $out;
    return ($? >> 8, $text) }

spit $rules, <<'RULES';
# who does not want it, and who waits otherwise
to:postmaster@                off
to:@quiet.example             off
203.0.113.0/24                min-resend 1m text "Patience: \"%t\""
to:ann@y.net                  on
.trusted.example              off
RULES
start();
my $socket = asker($port);

subtest 'by UDP each recipient is on its own' => sub {
    is ask($socket, query('192.0.2.1', 'a@x.org', 'postmaster@y.net')), '11', 'off is answered as whitelisted';
    is ask($socket, query('192.0.2.1', 'a@x.org', 'postmaster@y.net', 'b@y.net')), '01', 'who is off does not free the others';
    is ask($socket, query('192.0.2.1', 'a@x.org', 'joe@QUIET.example', 'Postmaster@any.example')), '11', 'all are off';
    is ask($socket, "I192.0.2.1\0Fc\@x.org\0Tb\@y.net\0Nmx.trusted.example\0\0"), '11', 'by the name of the client';
};

my $text = "action=DEFER_IF_PERMIT Patience: \"60 seconds\"\n\n";
subtest 'Postfix asks for each recipient, and says the text of its rule' => sub {
    my $mta = mta_tcp($mta_port);
    says $mta, request(recipient => 'postmaster@y.net'), $dunno, 'off';
    says $mta, request(recipient => 'b@z.net'), $defer, 'another recipient of the message';
    says $mta, request(client_address => '203.0.113.9'), $text, 'other terms, and their text';
};

subtest 'Exim likewise' => sub {
    my $mta = mta_tcp($mta_port);
    says $mta, "check 192.0.2.1 a\@x.org postmaster\@y.net\n", "verdict=accept reason=rule\n", 'off';
    says $mta, qq(check 192.0.2.1 "" "postmaster\@y.net, joe\@quiet.example"\n), "verdict=accept reason=rule\n", 'a bounce to several, all off';
    like receive_line($mta, qq(check 192.0.2.1 "" "b\@y.net, postmaster\@y.net"\n)), qr/^verdict=defer reason=new /, 'and to one more, whoever comes last';
    says $mta, "check 203.0.113.8 a\@x.org b\@y.net\n", qq(verdict=defer reason=new wait=60 text="Patience: \\"60 seconds\\""\n), 'other terms';
};

subtest 'qmail-spp likewise, whose recipients are asked about by UDP' => sub {
    my $said = sub { my ($client, $to) = @_;
        local %ENV = (%ENV, GREYIP => "127.0.0.1\@$port", GREYTIMEOUT => 60, TCPREMOTEIP => $client, SMTPMAILFROM => 'a@x.org', SMTPRCPTTO => $to);
        return `$greyspp 2>/dev/null` };
    is $said->('192.0.2.1', 'postmaster@y.net'), '', 'off';
    is $said->('192.0.2.1', 'b@w.net'), "E450 4.7.1 Greylisted: please try again in 5 minutes\n", 'no rule';
    is $said->('203.0.113.6', 'b@y.net'), qq(E450 4.7.1 Patience: "60 seconds"\n), 'other terms, and their text';
};

subtest 'the log and greyctl name the rule and its line' => sub {
    my $log = $daemon->log;
    like $log, qr/^verdict=accept reason=rule client=192\.0\.2\.1 sender=a\@x\.org recipients=postmaster\@y\.net age=0 rule=greylist\.rules:2 source=/m;
    like $log, qr/^verdict=defer reason=new client=203\.0\.113\.9 .* wait=60 rule=greylist\.rules:4 source=/m;
    like $log, qr/^verdict=defer reason=new client=192\.0\.2\.1 sender=a\@x\.org recipients=postmaster\@y\.net,b\@y\.net age=0 wait=300 source=/m;
    my ($said, $code) = greyctl('query', '192.0.2.1', 'a@x.org', 'postmaster@y.net');
    is $code, 0;
    like $said, qr{^accept: rule \(.*\).*^triplet to postmaster\@y\.net: nothing stored\n +rule \Q$rules\E, line 2: off$}ms;
    ($said, $code) = greyctl('query', '203.0.113.7', 'a@x.org', 'b@y.net', 'ann@y.net', 'postmaster@y.net');
    is $code, 1;
    like $said, qr/^defer: new, wait 60 s/;
    like $said, qr{line 4: min-resend 1m text "Patience: \\"%t\\""\n.*line 4: .*line 2: off}s, 'of each recipient';
    my $answer = decode_json(scalar greyctl('query', '--json', '203.0.113.7', 'a@x.org', 'b@y.net'));
    is_deeply $answer->{rule}, {file => $rules, line => 4, says => 'min-resend 1m text "Patience: \"%t\""'}, 'for programs';
    is_deeply $answer->{triplets}[0]{rule}, $answer->{rule};
    like scalar greyctl('status'), qr/^ +rules 5 entries of \Q$rules\E$/m;
    like scalar greyctl('stats'), qr{^[1-9]\d* +udp\.decided\.rule$}m, 'and there is a count of it';
};

subtest 'a reload takes new rules, and keeps the old ones when the file is bad' => sub {
    spit $rules, "to:postmaster@ on\n";
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /1 entries|reloaded|lists/ }), 'it says so';
    ok wait_until(sub { scalar greyctl('query', '192.0.2.1', 'a@x.org', 'postmaster@y.net') =~ /line 1: on/ }), 'in force';
    spit $rules, "to:postmaster@ off\n\nto:postmaster@ min-resend 1m\n";
    my $wrong = quotemeta "$rules:3: can never match: line 1 comes first, and names all whom it names";
    my $check = `$greyctl --control $dir/context.control check 2>&1`;
    is $? >> 8, 1, 'greyctl check';
    like $check, qr/$wrong/;
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /$wrong/ }), 'the log has file and line';
    like scalar greyctl('query', '192.0.2.1', 'a@x.org', 'postmaster@y.net'), qr/line 1: on/, 'those of before stay';
    unlink $rules;
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /open \Q$rules\E: No such file/ }), 'as when it is not there';
    like scalar greyctl('query', '192.0.2.1', 'a@x.org', 'postmaster@y.net'), qr/line 1: on/;
};
is $daemon->stop, 0;

spit $rules, "to:postmaster@ off\n";
like `$greyctl --context $dir/context --rules $rules query 192.0.2.1 a\@x.org postmaster\@y.net`, qr/^accept: rule/, 'greyctl on the files of a daemon that does not run';

subtest 'what would never do what it says stops the start with its line' => sub {
    my @start = ($program, 'qmail-greyd', '--rules=greylist.rules', "127.0.0.1\@$port", 'context');
    for ([ 'an action that contradicts', "* off min-resend 1m\n", 'off, and min-resend: what is off has no terms' ],
        [ 'a window shorter than min resend', "* min-resend 2h window 1h\n", 'the window (1h) must be longer than min-resend (2h)' ],
        [ 'one shorter than that of all', "* window 5m\n", 'the window (5m) must be longer than min-resend (5m, of all)' ],
        [ 'nobody is named', "to:a\@y.net to:b\@y.net off\n", 'names two recipients, and nobody is both: make it two rules' ],
        [ 'a line of 1 MB', 'x' x (1 << 20), 'longer than 4096 octets' ],
        [ 'a line of 1 MB that is a quote', '* text "' . 'a b' x (1 << 18), 'longer than 4096 octets' ],
        [ 'a NUL', "* off\0\n", 'a carriage return or a NUL octet in it' ]) {
        my ($name, $line, $wrong) = @$_;
        spit $rules, "# first\n$line";
        my ($code, $said) = refused(@start);
        is $code, 111, $name;
        is $said, "qmail-greyd: fatal: $rules:2: $wrong\n", "$name: one line" or diag substr $said, 0, 300;
        my ($check_code, $check) = refused(@start[0, 1], '--check', @start[2 .. $#start]);
        is $check_code, 111, "$name: --check";
        is $check, $said, "$name: says the same";
    }
    mkdir "$dir/folder";
    for (['/nonexistent/rules', 'No such file'], ["$dir/folder", 'not a regular file|directory']) {
        my ($code, $said) = refused($program, 'qmail-greyd', "--rules=$_->[0]", "127.0.0.1\@$port", 'context');
        is $code, 111, $_->[0];
        like $said, qr/\A[^\n]*\Q$_->[0]\E[^\n]*(?:$_->[1])[^\n]*\n\z/;
    }
};

subtest 'under the name of greydaemon' => sub {
    spit $rules, "to:off\@y.net off\n* min-resend 1m\n";
    symlink $program, "$dir/greydaemon" or die;
    $daemon = Daemon->new(program => "$dir/greydaemon", dir => $dir);
    $daemon->start('-v', 1, '--rules=greylist.rules', "127.0.0.1\@$port", 'save');
    my $udp = asker($port);
    is ask($udp, query('192.0.2.1', 'a@x.org', 'off@y.net')), '11';
    is ask($udp, query('192.0.2.1', 'a@x.org', 'off@y.net', 'b@y.net')), '01';
    is $daemon->stop, 0;
    spit $rules, "* passes 2\n";
    my ($code, $said) = refused("$dir/greydaemon", 'greydaemon', '--rules=greylist.rules', "127.0.0.1\@$port", 'save');
    is $code, 111;
    like $said, qr/\Q$rules\E:1: passes: under greydaemon's rules one good retry makes a client known/;
};
done_testing;
