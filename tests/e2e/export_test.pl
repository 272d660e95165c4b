# `greyctl export` from a running daemon and from files: what comes out, and what becomes of it when the
# disk, the reader or the daemon goes away.
# usage: perl export_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use Fcntl qw(F_SETPIPE_SZ);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use MtaClient 'free_port';
use POSIX ();
use Test::More;

my ($program, $greyctl) = @ARGV;
die "usage: export_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless @ARGV == 2;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
my $liar;
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid}; if ($liar) { kill KILL => $liar; waitpid $liar, 0 } }

# What a command of the shell prints of both kinds, and its exit code.
sub shell { my ($command, @arguments) = @_; return shell_as('sh', $command, @arguments) }
sub shell_as { my ($zero, $command, @arguments) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec 'sh', '-c', $command, $zero, @arguments or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? & 127 ? 'signal' : $? >> 8) }
sub greyctl { return shell('exec "$@"', $greyctl, '--control', "$dir/context.control", @_) }
sub leftovers { return join ' ', glob "$dir/out*.tmp.*" }

my $now = time;
my $count = 30000;
spit("$dir/context", join '', "qmail-greyd context 1\n",
    "W $now 192.0.2.1 =cmd|'/C%20calc'!A0 me\@example.net\n", "P $now 192.0.2.2 <> me\@example.net\n", "C $now 1 192.0.2.3\n",
    map { "W $now 10.1." . ($_ >> 8) . '.' . ($_ & 255) . " user$_\@example.com me\@example.net\n" } 1 .. $count - 3);
$daemon->start('-v', 1, "127.0.0.1\@$port", 'context');

subtest 'each form, on standard output and into a file' => sub {
    my ($list) = greyctl('list', '--json');
    is +(() = $list =~ /\n/g), $count, 'all are there';
    my ($json, $code) = greyctl('export', '--format', 'json');
    is $code, 0;
    ok $json eq $list, 'json is what list --json prints';
    for my $form (qw(json csv context greydaemon relaytofrom)) {
        spit("$dir/out", 'old');
        my ($printed, $code) = greyctl('export', '--format', $form);
        is $code, 0, $form;
        my ($said, $into) = greyctl('export', '--format', $form, '--output', "$dir/out");
        is "$said$into", 0, "$form into a file, without a word";
        ok slurp("$dir/out") eq $printed, "$form is the same there";
        is +(stat "$dir/out")[2] & 07777, 0600, 'for its owner alone';
    }
    is leftovers(), '', 'nothing is left beside it';
    my ($csv) = greyctl('export', '--format', 'csv');
    is +(() = $csv =~ /\r\n/g), $count + 1, 'csv: a header and a line each';
    is +($csv =~ /^(waiting,192\.0\.2\.1,.*)\r$/m)[0], "waiting,192.0.2.1,%3Dcmd%7C%27/c%20calc%27!a0,me\@example.net,$now,,", 'no cell is a formula';
};

subtest 'a context file of it is one that a daemon starts with' => sub {
    greyctl('export', '--format', 'context', '--output', "$dir/copy");
    my ($list, $code) = shell('exec "$@"', $greyctl, '--context', "$dir/copy", 'list', '--json');
    my ($running) = greyctl('list', '--json');
    is $code, 0;
    is join('', sort split /^/, $list), join('', sort split /^/, $running), 'with all records, and without a warning';
    my ($offline) = shell('exec "$@"', $greyctl, '--context', "$dir/copy", 'export', '--format', 'json');
    ok $offline eq $list, 'and is exported where none runs';
};

subtest 'root goes through no link that another user could have made' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $uid = getpwnam 'nobody';
    mkdir "$dir/$_" for 'ours', 'theirs', 'theirs/below';
    chown $uid, -1, "$dir/theirs", "$dir/theirs/below";
    symlink "$dir/ours", "$dir/theirs/link";
    my ($said, $code) = greyctl('export', '--format', 'json', '--output', "$dir/theirs/link/out");
    is $code, 111, 'refused';
    like $said, qr{theirs/link is a link, and user nobody can write to \Q$dir\E/theirs}, 'with which link, and whose it may be';
    is join(' ', glob "$dir/ours/*"), '', 'nothing is where it leads';
    spit("$dir/victim", 'ours');
    symlink "$dir/victim", "$dir/theirs/below/out";
    ($said, $code) = greyctl('export', '--format', 'json', '--output', "$dir/theirs/below/out");
    is "$said$code", 0, 'a file is replaced there';
    is slurp("$dir/victim"), 'ours', 'and not what a link in its place leads to';
    symlink "$dir/ours", "$dir/link";
    ($said, $code) = greyctl('export', '--format', 'json', '--output', "$dir/link/out");
    is "$said$code", 0, "a link of root's is one that is meant";
};

subtest 'misuse' => sub {
    for my $case ([['export'], qr/--format is required/], [['export', '--format', 'mysql'], qr/'mysql' is none of json, csv/],
        [['export', '--format', 'json', '--output', ''], qr/the value is empty/],
        [['export', '--format', 'json', '--output', '/dev/null'], qr/^greyctl: --output: \/dev\/null is no regular file/],
        [['export', '--format', 'json', '--output', $dir], qr/is no regular file/]) {
        my ($text, $code) = greyctl(@{ $case->[0] });
        like $text, $case->[1], "@{ $case->[0] }";
        is $code, 100;
        is +(() = $text =~ /\n/g), 1, 'one line';
    }
    ok -c '/dev/null', 'a device is one still';
};

subtest 'a disk that is full' => sub {
    for my $form (qw(json context)) {
        my ($text, $code) = shell('"$@" >/dev/full', $greyctl, '--control', "$dir/context.control", 'export', '--format', $form);
        is $text, "greyctl: cannot write to standard output: No space left on device\n", "$form: one clear line";
        is $code, 111;
        spit("$dir/out", 'old');
        ($text, $code) = shell('ulimit -f 200; trap "" XFSZ; exec "$@"', $greyctl, '--control', "$dir/context.control", 'export', '--format', $form,
            '--output', "$dir/out");
        is $text, "greyctl: cannot write $dir/out: File too large\n", "$form: into a file";
        is $code, 111;
        is slurp("$dir/out"), 'old', 'which is as it was';
        is leftovers(), '', 'and nothing is left beside it';
    }
    my ($text, $code) = greyctl('export', '--format', 'json', '--output', "$dir/nowhere/out");
    like $text, qr/^greyctl: cannot create a temporary file beside .*: No such file or directory$/;
    is $code, 111, 'a directory that is not there';
};

subtest 'a reader that goes away' => sub {
    for my $trap ('', 'trap "" PIPE;') {
        unlink "$dir/code";
        my ($text, $code) = shell_as("$dir/code", $trap . '{ "$@"; echo $? >"$0"; } | head -1; while [ ! -s "$0" ]; do sleep 0.01; done', $greyctl, '--control', "$dir/context.control", 'export',
            '--format', 'csv');
        is $text, "state,client,sender,recipient,first_seen,last_seen,passes\r\n", 'has what it wanted, and no message';
        is slurp("$dir/code"), "111\n", 'the exit code says that it is cut';
    }
};

# One that answers so much of a list, and dies.
sub lie { my ($answer, $stays) = @_;
    unlink "$dir/liar";
    my $server = IO::Socket::UNIX->new(Local => "$dir/liar", Listen => 1) or die;
    $liar = fork // die;
    return if $liar;
    while (my $peer = $server->accept) { <$peer>; $peer->autoflush; print $peer $answer; sleep 60 if $stays; close $peer }
    POSIX::_exit(0) }

subtest 'a daemon that dies in the middle' => sub {
    my $record = qq({"state":"waiting","client":"192.0.2.1","sender":"a","recipient":"b","first_seen":$now}\n);
    for my $case (['between two records', $record x 5000, qr/^greyctl: the daemon has gone before its answer was whole$/],
        ['within one', $record x 5000 . substr($record, 0, 40), qr/^greyctl: the daemon has gone/],
        ['with an error', $record . qq({"error":"out of it","exit_code":111}\n), qr/^greyctl: out of it$/],
        ['with what is none of its', $record . "hello\n", qr/^greyctl: the answer is none of a daemon's: hello$/]) {
        my ($name, $answer, $pattern) = @$case;
        lie($answer);
        for my $form (qw(json csv context greydaemon)) {
            spit("$dir/out", 'old');
            my ($text, $code) = shell('exec "$@"', $greyctl, '--control', "$dir/liar", 'export', '--format', $form, '--output', "$dir/out");
            like $text, $pattern, "$name: $form";
            is $code, 111;
            is slurp("$dir/out"), 'old', 'the file is as it was';
        }
        is leftovers(), '', 'nothing is left beside it';
        kill KILL => $liar;
        waitpid $liar, 0;
        undef $liar;
    }
};

subtest 'an export that is killed in the middle' => sub {
    lie(qq({"state":"waiting","client":"192.0.2.1","sender":"a","recipient":"b","first_seen":$now}\n) x 5000, 'and stays');
    spit("$dir/out", 'old');
    my $pid = fork // die;
    if ($pid == 0) { exec $greyctl, '--control', "$dir/liar", 'export', '--format', 'csv', '--output', "$dir/out" or die }
    ok wait_until(sub { grep { (readlink // '') =~ /^\Q$dir\E\/(?:#|out\.tmp)/ } glob "/proc/$pid/fd/*" }), 'it has begun';
    kill KILL => $pid;
    waitpid $pid, 0;
    is slurp("$dir/out"), 'old', 'the file is as it was';
    is leftovers(), '', 'and nothing is left beside it';
    kill KILL => $liar;
    waitpid $liar, 0;
    undef $liar;
};

# A real one: it is stopped by a reader that does not read on, and then killed.
subtest 'a real daemon that is killed in the middle' => sub {
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>', "$dir/errors" or die; exec $greyctl, '--control', "$dir/context.control", 'export', '--format', 'context' or die }
    fcntl $out, F_SETPIPE_SZ, 4096;
    sysread $out, my $text, 100;
    $daemon->stop('KILL');
    delete $daemon->{pid};
    { local $/; $text .= <$out> }
    close $out;
    # What was in the sockets already may have been all of it.
    my $whole = $text =~ /^end $count [0-9a-f]{16}\n\z/m;
    is $? >> 8, $whole ? 0 : 111, $whole ? 'all had been sent' : 'says so';
    is $whole ? '' : slurp("$dir/errors"), $whole ? '' : "greyctl: the daemon has gone before its answer was whole\n", 'in one line';
};
done_testing;
