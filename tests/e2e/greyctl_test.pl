# An administrator and a running daemon: what greyctl is asked each day, and what nobody should be able
# to do to the daemon by its control socket.
# usage: perl greyctl_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use MtaClient 'free_port';
use POSIX ();
use Test::More;

my ($program, $greyctl) = @ARGV;
die "usage: greyctl_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless @ARGV == 2;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
my $other;
END { local $?; for ($daemon, $other) { $_->stop('KILL') if $_ && $_->{pid} } }
my $me = getpwuid $<;
my $socket;

sub start { $daemon->start('-v', 1, @_, "127.0.0.1\@$port", 'context'); $socket = asker($port) }
# What greyctl prints of both kinds, and its exit code.
sub greyctl { my (@command) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec $greyctl, '--control', "$dir/context.control", @command or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? >> 8) }
sub says { my ($name, $command, $pattern, $code) = @_;
    my ($text, $got) = greyctl(@$command);
    like $text, $pattern, $name;
    is $got, $code // 0, "$name: exit code" }
sub mail { my ($client, $from, @to) = @_; return ask($socket, query($client, $from, @to)) }
# A request as another program makes it; the lines of the answer.
sub control { my (@lines) = @_;
    my $peer = IO::Socket::UNIX->new(Peer => "$dir/context.control") or return "connect: $!";
    print $peer join "\n", @lines, '';
    shutdown $peer, 1;
    return join '', <$peer> }
sub killed { $daemon->stop('KILL') }

subtest 'why was this mail deferred, and until when' => sub {
    start();
    is mail('192.0.2.7', 'joe@example.com', 'me@example.net'), '01', 'a first attempt';
    says 'the reason, the wait and the time', ['query', '192.0.2.7', 'joe@example.com', 'me@example.net'],
        qr/^defer: early, wait (?:300|29\d) s .*\na retry is accepted from \d{4}-\d\d-\d\d \S+ to .*\n.*^triplet to me\@example\.net: waiting, first seen \d+s ago/ms, 1;
    says 'of one that was never seen', ['query', '192.0.2.8', '', 'me@example.net'],
        qr/^defer: new, wait 300 s .*triplet to me\@example\.net: nothing stored/ms, 1;
    says 'asking has changed nothing', ['query', '192.0.2.8', '<>', 'me@example.net'], qr/^defer: new/, 1;
    my ($text) = greyctl('query', '--json', '192.0.2.7', 'joe@example.com', 'me@example.net');
    my $answer = decode_json($text);
    is $answer->{reason}, 'early', 'the same for programs';
    is $answer->{triplets}[0]{state}, 'waiting';
    like((greyctl('stats'))[0], qr/^1 +udp\.decided\.new\n(?!.*early)/m, 'and nothing is counted');
};

subtest 'who waits now' => sub {
    mail('192.0.2.9', '', 'you@example.net');
    says 'each with its age', ['list', '--state', 'waiting'],
        qr/^waiting \d+s ago +192\.0\.2\.7 +joe\@example\.com -> me\@example\.net\nwaiting \d+s ago +192\.0\.2\.9 +<> -> you\@example\.net\n\z/;
    says 'of a network', ['list', '--client', '192.0.2.8/31'], qr/\A[^\n]*192\.0\.2\.9[^\n]*\n\z/;
    says 'by a pattern', ['list', '--recipient', 'ME@*'], qr/\A[^\n]*192\.0\.2\.7[^\n]*\n\z/;
    says 'who has most', ['top', 'networks'], qr/^ +2 +0 +0  192\.0\.2\.0\/24$/m;
    says 'what is stored of one', ['show', '192.0.2.7'], qr/^waiting .*joe/;
    says 'of another nothing is', ['show', '192.0.2.77'], qr/\A\z/, 1;
};

subtest 'forget this client' => sub {
    says 'its records go', ['forget', '192.0.2.7'], qr/^1 record forgotten$/;
    says 'and are not there any more', ['show', '192.0.2.7'], qr/\A\z/, 1;
    killed();
    start();
    says 'not after a kill -9 either', ['list'], qr/\A[^\n]*192\.0\.2\.9[^\n]*\n\z/;
    is mail('192.0.2.7', 'joe@example.com', 'me@example.net'), '01', 'its next attempt is a first one';
    says 'nobody is forgotten by a slip', ['forget'], qr/^greyctl: forget: name a client/, 100;
    says 'by the sender', ['forget', '--sender', 'joe@*'], qr/^1 record forgotten$/;
};

subtest 'let this network through for a month, block that one' => sub {
    says 'allowed at once', ['allow', '198.51.100.0/24', '--for', '30d'], qr/^allowed 198\.51\.100\.0\/24 until \d{4}-/;
    is mail('198.51.100.7', 'a@x.example', 'b@y.example'), '11', 'accepted';
    says 'blocked', ['block', 'spam@x.example'], qr/^blocked spam\@x\.example$/;
    is mail('203.0.113.1', 'spam@x.example', 'b@y.example'), '05', 'deferred, always';
    killed();
    start();
    says 'both are there after a kill -9, with their age and by whom', ['entries'],
        qr/^allow 198\.51\.100\.0\/24 +made \d+s ago by \Q$me\E, ends in (?:30d|29d 23h) .*\nblock spam\@x\.example +made \d+s ago by \Q$me\E\n\z/;
    is mail('198.51.100.8', 'a@x.example', 'b@y.example'), '11', 'still accepted';
    says 'who decided', ['query', '198.51.100.8', 'a@x.example', 'b@y.example'],
        qr/^accept: whitelisted .*^allowed by command: 198\.51\.100\.0\/24/ms;
    says 'taken back', ['unlist', '198.51.100.0/24'], qr/^1 entry taken back/;
    is mail('198.51.100.8', 'a@x.example', 'b@y.example'), '01', 'deferred again';
    says 'what is not there', ['unlist', '198.51.100.0/24'], qr/^greyctl: no entry made by command: 198\.51\.100\.0\/24$/, 1;
    says 'a mark that a file may begin with is no part of an entry', ['allow', "\xef\xbb\xbf192.0.2.1"], qr/is no entry of a list$/, 100;
    says 'who is blocked besides is told so', ['allow', 'spam@x.example'], qr/^allowed spam\@x\.example$/;
    says 'what is no entry', ['allow', 'nonsense'], qr/^greyctl: not an address, .*: nonsense$/, 100;
    says 'for no time', ['allow', '192.0.2.1', '--for', 'ever'], qr/'ever' is no duration/, 100;
    says 'the recipient of the other list', ['unlist', 'SPAM@X.example'], qr/^1 entry taken back/;
};

subtest 'what is allowed for a time ends by itself' => sub {
    says 'for a second', ['allow', '198.51.100.9', '--for', '1s'], qr/^allowed/;
    ok wait_until(sub { (greyctl('entries'))[0] eq '' }), 'it is over';
    is mail('198.51.100.9', 'a@x.example', 'b@y.example'), '01', 'and deferred';
};

subtest 'what decided for this list entry' => sub {
    $daemon->stop;
    spit "$dir/white", "# ours\n192.0.2.128/25\n";
    spit "$dir/black", '';
    start('-w', 'white', '--blacklist', 'black');
    says 'file and line', ['query', '192.0.2.130', 'a@x', 'b@y'],
        qr/^accept: whitelisted .*^on the whitelist: \S*white, line 2$/ms;
    says 'what is loaded, since when, and is the state on disk fresh', ['status'],
        qr/^lists +loaded \d+s ago .*whitelist 1 entries of \S*white\n.*^state +\S+context, saved \d+s ago .*each change since is in the journal$/ms;
    spit "$dir/white", "# ours\n192.0.2.0/99\n";
    says 'a check names a line that a reload would not take', ['check'], qr/^problem \S*white:2: /, 1;
    says 'and so does the reload', ['reload'], qr/^greyctl: \S*white:2: /, 111;
    says 'the old list is in force', ['query', '192.0.2.130', 'a@x', 'b@y'], qr/^accept/;
    spit "$dir/black", "192.0.2.200\n";
    spit "$dir/white", "192.0.2.0/24\n192.0.3.0/24\n";
    says 'reloaded', ['reload'], qr/^3 entries in force$/;
    says 'all is well', ['check'], qr/^all is well$/;
    says 'what is allowed and on the blacklist', ['allow', '192.0.2.200'],
        qr/^allowed 192\.0\.2\.200\nbut it is deferred still, on the blacklist: \S*black, line 1$/;
    is mail('192.0.2.200', 'a@x', 'b@y'), '05', 'is deferred';
    says 'until it is not', ['unlist', '192.0.2.200'], qr/^1 entry/;
};

subtest 'what happens right now' => sub {
    pipe my $reader, my $writer or die;
    my $watch = fork // die;
    if ($watch == 0) { open STDOUT, '>&', $writer; exec $greyctl, '--control', "$dir/context.control", 'watch', '--sender', '*@watched.example' or die }
    close $writer;
    my $line;
    # Until the watch has begun.
    for (my $n = 0; !defined $line && $n < 300; ++$n) {
        mail('203.0.113.5', 'other@x', "r$n\@y");
        mail('203.0.113.5', 'b@watched.example', "r$n\@y");
        $line = <$reader> if IO::Select->new($reader)->can_read(0.1);
    }
    like $line, qr/^\S+ \S+ defer new +203\.0\.113\.5 +b\@watched\.example -> r\d+\@y, wait 300 s$/, 'as it is decided';
    kill TERM => $watch;
    waitpid $watch, 0;
};

subtest 'an answer that nobody takes, and a value that is not there' => sub {
    is system("$greyctl --control $dir/context.control list >/dev/full 2>/dev/null") >> 8, 111, 'a full disk';
    is system("$greyctl --help >/dev/full 2>/dev/null") >> 8, 111;
    for my $option (qw(--control --context --service)) {
        my $text = `$greyctl $option '' forget 192.0.2.1 2>&1`;
        is $? >> 8, 100, "$option without a value: nothing is asked";
        like $text, qr/^greyctl: .*$option.*\n\z/;
    }
};

subtest 'save, expire' => sub {
    says 'a snapshot is there when it says so', ['save'], qr/^\d+ records saved$/;
    like slurp("$dir/context"), qr/\Aqmail-greyd context 1\n.*203\.0\.113\.5.*^end \d+ /ms;
    says 'what is over goes', ['expire'], qr/^0 records expired$/;
};

subtest 'hostile octets come back as they went in, and break no line' => sub {
    ask($socket, query('203.0.113.66', "a\xff\"\\\n\x1b[2J\@x", "b{}\@y"));
    my ($text) = greyctl('list', '--client', '203.0.113.66', '--json');
    is scalar(() = $text =~ /\n/g), 1, 'one line';
    unlike $text, qr/[^\x20-\x7e\n]/, 'of printable ASCII';
    my $sender = decode_json($text)->{sender};
    is $sender, "a%FF\"\\%0A%1B[2j\@x", 'a word';
    like control("{\"command\":\"forget\",\"sender\":" . JSON::PP->new->allow_nonref->encode($sender) . '}'), qr/"forgotten":1/,
        'by which it is found';
};

subtest 'what is no request gets one clear line' => sub {
    my %answers = (
        'nonsense' => 'the request is no object of JSON',
        '[]' => 'the request is no object of JSON',
        '{"command":"dance"}' => 'no such command: dance',
        '{"list":1}' => 'the request names no command',
        '{"command":"list","clinet":"192.0.2.1"}' => 'list: no such field: clinet',
        '{"command":"list","limit":"x"}' => 'list: field limit: not a whole number',
        '{"command":"list","limit":-1}' => 'field limit: not a text, a number or a list of texts',
        '{"command":"list","sender":"' . '*a' x 10_000 . '"}' => 'sender: a pattern has at most 255 octets besides its stars',
        '{"command":"query","client":"x","sender":"a","recipients":["b"]}' => 'query: not a query: bad-client',
        "{\"command\":\"list\",\"sender\":\"\xff\"}" => 'the request is no object of JSON',
        '{"a":' x 10_000 => 'the request is no object of JSON',
    );
    for my $request (sort keys %answers) {
        my $answer = control($request);
        is $answer, "{\"error\":\"$answers{$request}\",\"exit_code\":100}\n", substr($request, 0, 40);
    }
    like control('{"command":"list","sender":"' . '*' x 10_000 . '","limit":1}'), qr/"done":true/, '10,000 stars are one';
    my $peer = IO::Socket::UNIX->new(Peer => "$dir/context.control");
    local $SIG{PIPE} = 'IGNORE';
    print $peer 'x' x 1_000_000;
    is scalar(<$peer>), "{\"error\":\"a request of more than 65536 bytes\",\"exit_code\":100}\n", '1 MB without a newline';
    like control('{"command":"save"}', '{"command":"list","limit":0}', '{"command":"entries"}'),
        qr/\A\{"done":true,"records":\d+\}\n\{"done":true,"count":0,.*\}\n\{"done":true,"count":0\}\n\z/, 'several at once, each in its turn';
};

subtest 'a thousand connections, and none that reads: mail and administrator are answered' => sub {
    my @open;
    for (1 .. 1000) {
        my $peer = IO::Socket::UNIX->new(Peer => "$dir/context.control", Blocking => 0) or last;
        syswrite $peer, "{\"command\":\"list\"}\n" x 20;
        push @open, $peer;
    }
    is mail('203.0.113.200', 'a@x', 'b@y'), '01', 'mail';
    says 'the administrator', ['status'], qr/^qmail-greyd /;
    @open = ();
    says 'and afterwards', ['status'], qr/^qmail-greyd /;
};

subtest 'killed in the midst of lists, a snapshot and entries: what was answered is there' => sub {
    my @known;
    for my $round (1 .. 4) {
        my @readers = map {
            my $pid = fork // die;
            if ($pid == 0) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec 'sh', '-c', "while :; do '$greyctl' --control '$dir/context.control' list; done" or die }
            $pid } 1 .. 2;
        my @new = map {"k$round.$_\@y"} 1 .. 500;
        my @wrong = grep { mail('203.0.113.99', 'a@x', $_) ne '01' } @new[0 .. 249];
        $daemon->signal('USR1');
        push @wrong, grep { mail('203.0.113.99', 'a@x', $_) ne '01' } @new[250 .. 499];
        greyctl('block', "192.0.2.$round");
        killed();
        kill KILL => @readers;
        waitpid $_, 0 for @readers;
        start();
        push @known, @new;
        push @wrong, grep { mail('203.0.113.99', 'a@x', $_) ne '02' } @known;
        is "@wrong", '', "round $round";
        is mail("192.0.2.$round", 'a@x', 'b@y'), '05', 'and who was blocked is';
    }
    greyctl('unlist', "192.0.2.$_") for 1 .. 4;
};

subtest 'another user may not ask, but who is in the group' => sub {
    plan skip_all => 'only root can become others' if $> != 0;
    my $for_all = "$dir/greyctl";    # where others get to it
    system('cp', $greyctl, $for_all) == 0 or die;
    my $as = sub { my ($user, $group) = @_;
        my $pid = open my $out, '-|' // die;
        if ($pid == 0) {
            open STDERR, '>&', \*STDOUT;
            $( = $) = "$group $group";
            POSIX::setgid($group);
            POSIX::setuid($user);
            exec $for_all, '--control', "$dir/context.control", 'entries' or die;
        }
        local $/;
        my $text = <$out> // '';
        close $out;
        return $text . ($? >> 8) };
    my ($nobody, $nogroup) = ((getpwnam 'nobody')[2], (getpwnam 'nobody')[3]);
    like $as->($nobody, $nogroup), qr/^greyctl: cannot connect to \S+: Permission denied \(root and .*\)\n111\z/, 'one line';
    $daemon->stop;
    my $games = getgrnam 'games';
    start('--control-group', 'games');
    is sprintf('%o', (stat "$dir/context.control")[2] & 0777), '660', 'the file is the group\'s';
    is((stat _)[5], $games);
    is $as->($nobody, $games), '0', 'a member may';
    like $as->($nobody, $nogroup), qr/Permission denied/, 'another may not';
    $daemon->stop;
    chown $nobody, $nogroup, glob "$dir/context*";
    chown $nobody, $nogroup, $dir;
    start('--control-group', 'games', '-u', 'nobody');
    is((stat "$dir/context.control")[4], $nobody, 'after root is given up: the user\'s');
    is((stat _)[5], $games, 'and the group\'s');
    like slurp("/proc/$daemon->{pid}/status"), qr/^Gid:\s+$nogroup\s+$nogroup\s+$nogroup\s/m, 'which the daemon has given up';
    is $as->($nobody, $games), '0', 'a member may';
    $daemon->stop;
    chown 0, 0, $dir, glob "$dir/context*";
    start();
};

subtest 'where nothing says which, it is the one that runs here, and not what somebody calls so' => sub {
    my $text = `$greyctl status 2>&1`;    # (others may run on this machine)
    like $text, qr/^qmail-greyd |say which:.* --control \Q$dir\E\/context\.control/, 'ours is found';
    plan skip_all => 'only root can become others' if $> != 0;
    my ($nobody, $nogroup) = ((getpwnam 'nobody')[2], (getpwnam 'nobody')[3]);
    my $theirs = tempdir(CLEANUP => 1);
    system('cp', $program, "$theirs/qmail-greyd") == 0 or die;
    chown $nobody, $nogroup, $theirs, "$theirs/qmail-greyd";
    $other = Daemon->new(program => "$theirs/qmail-greyd", dir => $theirs, before => sub { POSIX::setgid($nogroup); POSIX::setuid($nobody) });
    $other->start('127.0.0.1@' . free_port(), "$theirs/context");
    ok -S "$theirs/context.control", 'they have one, too';
    unlike `$greyctl status 2>&1`, qr/\Q$theirs\E/, 'and are not asked';
    is $other->stop, 0;
    undef $other;
};

subtest 'the files of a daemon that does not run' => sub {
    my @of = ('--context', "$dir/context");
    my $ctl = sub { my $text = `$greyctl @of @_ 2>&1`; return $text . ($? >> 8) };
    is $ctl->('list'), "greyctl: context file $dir/context is in use by another daemon\n111", 'one that runs has them';
    $daemon->stop;
    my $before = slurp("$dir/context");
    like $ctl->('list', '--client', '203.0.113.5'), qr/^waiting .*0\z/s, 'listed';
    is slurp("$dir/context"), $before, 'and the file is as it was';
    is $ctl->('allow', '192.0.2.99'), "allowed 192.0.2.99\n0", 'allowed';
    is $ctl->('forget', '203.0.113.0/24') =~ /^\d+ records forgotten/, 1, 'forgotten';
    is $ctl->('watch'), "greyctl: watch: there is nothing to watch where no daemon runs\n100";
    start();
    is mail('192.0.2.99', 'a@x', 'b@y'), '11', 'the daemon finds it so';
    says 'and so', ['list', '--client', '203.0.113.0/24'], qr/\A\z/;
};

subtest 'damaged entries are set aside, and the good ones are in force' => sub {
    says 'one more', ['block', '192.0.2.66'], qr/^blocked/;
    $daemon->stop;
    my $text = slurp("$dir/context.entries");
    spit "$dir/context.entries", $text =~ s/^(block .*)\n/$1\nnonsense\n/mr;
    start();
    log_like $daemon, qr/context\.entries:\d+: is no entry; kept as \S+context\.entries\.damaged\.\d+/, 'said';
    is mail('192.0.2.66', 'a@x', 'b@y'), '05', 'in force';
};

subtest 'a full disk refuses a change, and nothing has changed' => sub {
    plan skip_all => 'only root can mount' if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
    $daemon->stop;
    my $made = system('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0755', 'state', $dir) == 0;
    plan skip_all => 'no tmpfs' unless $made;
    start();
    says 'there is room', ['allow', '192.0.2.1'], qr/^allowed/;
    my $before = slurp("$dir/context.entries");
    open my $filler, '>', "$dir/filler" or die;
    1 while syswrite $filler, 'x' x 4096;
    1 while syswrite $filler, 'x';
    says 'there is none', ['allow', '192.0.2.2'], qr/^greyctl: cannot \w+ \S+: No space left on device/, 111;
    is slurp("$dir/context.entries"), $before, 'the file is as it was';
    is mail('192.0.2.2', 'a@x', 'b@y'), '01', 'and so is what is decided';
    mail('192.0.2.2', 'a@x', "journal$_\@y") for 1 .. 200;    # until the journal is full, too
    says 'nothing is forgotten that would come back', ['forget', '192.0.2.2'], qr/^greyctl: the disk takes no changes: nothing is forgotten$/, 111;
    says 'and what is wrong is said', ['check'], qr/^problem /, 1;
    unlink "$dir/filler";
    close $filler;
    says 'there is room again', ['allow', '192.0.2.2'], qr/^allowed/;
    $daemon->stop;
    system 'umount', $dir;
    start();
};

is $daemon->stop, 0, 'the end';
done_testing;
