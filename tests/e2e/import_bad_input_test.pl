# What an import or an export may meet: huge directories and files, pipes, links, disks that fill, another
# daemon's lock. Each is one clear line, in bounded time and memory, and all is as it was before.
# usage: perl import_bad_input_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL TREE
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Copy;
use File::Path 'make_path';
use File::Temp qw(tempdir);
use MtaClient 'free_port';
use POSIX ();
use Test::More;
use Time::HiRes 'time';

my ($program, $greyctl, $tree) = @ARGV;
die "usage: import_bad_input_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL TREE\n" unless @ARGV == 3;
my $data = "$tree/tests/data/imports";
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
my @mounted;
END {
    local $?;
    $daemon->stop('KILL') if $daemon && $daemon->{pid};
    system 'umount', $_ for @mounted;
}
my $sanitized = `ldd '$greyctl'` =~ /asan/;
my @seconds = (60, 400);    # what is told at once, and what is read to its end
my $kilobytes = $sanitized ? 400_000 : 60_000;
my $now = int time;

# What is printed of both kinds, the exit code, the seconds, and the largest memory in kB.
sub run_at { my ($place, @command) = @_;
    my $begun = time;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec 'perl', '-MPOSIX', '-e', <<'END', "$dir/memory", $greyctl, @$place, @command or die }
my $file = shift;
system { $ARGV[0] } @ARGV;
my $code = $? & 127 ? 255 : $? >> 8;
# getrusage(2) of children that have ended: ru_maxrss, in kB; on another machine it is not known.
my $call = { x86_64 => 98, aarch64 => 165 }->{ (POSIX::uname())[4] };
my $usage = "\0" x 144;
syscall $call, -1, $usage if $call;
open my $out, ">", $file or die;
print $out +(unpack "q*", $usage)[4];
close $out;
exit $code;
END
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? >> 8, time - $begun, slurp("$dir/memory")) }
my $running = ['--control', "$dir/context.control"];
my $offline = ['--context', "$dir/offline"];
sub state_of { my ($place) = @_; return join '', sort map { (run_at($place, $_, '--json'))[0] =~ /^.*\n/mg } 'list', 'entries' }

# Each is refused, in one line that fits, and nothing has changed.
sub refuses { my ($name, $pattern, $most, @command) = @_;
    for (['running', $running], ['offline', $offline]) {
        my ($which, $place) = @$_;
        my $before = state_of($place);
        my ($text, $code, $seconds, $memory) = run_at($place, @command);
        like $text, qr/^greyctl: [^\n]*\n\z/, "$name, $which: one line";
        like $text, $pattern, 'that says what';
        is $code, 111, 'exit code';
        cmp_ok $seconds, '<', $most, 'in time';
        cmp_ok $memory, '<', $kilobytes, 'in little memory' unless grep {/^(?:context|indimail|greydaemon)$/} @command;
        is state_of($place), $before, 'all is as before';
    } }
sub known { my ($n) = @_;
    return sprintf qq({"state":"known","client":"10.%d.%d.%d","last_seen":$now,"passes":1}\n), $n >> 16, $n >> 8 & 255, $n & 255 }

spit "$dir/here", join '', map { known($_) } 1 .. 20;
$daemon->start('-v', 1, "127.0.0.1\@$port", 'context');
run_at($_, 'import', "$dir/here") for $running, $offline;
cmp_ok length state_of($_), '>', 1000, 'there is a state' for $running, $offline;

# ---- directories with strangers

my $strangers = 200_000;
sub fill { my ($at) = @_;
    make_path($at);
    for (1 .. $strangers) { open my $file, '>', "$at/stranger$_" or die }
    return $at }
subtest 'a directory of strangers' => sub {
    my $strangers_alone = fill("$dir/strangers");
    refuses('of none of the forms', qr/strangers is a directory of none of the forms that import reads$/, $seconds[0], 'import', $strangers_alone);
    # As a tree each of them is skipped, and ten are named.
    my ($text, $code, $seconds, $memory) = run_at($running, 'import', '--dry-run', '--format', 'jgreylist', $strangers_alone);
    is $code, 0, 'as a tree';
    like $text, qr/^taken: 0 records, 0 entries\n.*^skipped: $strangers, it is no part of such a tree\n(?:  \S+\n){10}\z/ms, 'ten are named';
    cmp_ok $seconds, '<', $seconds[1], 'in time';
    cmp_ok $memory, '<', $kilobytes, 'in little memory';
    # With something good among them.
    make_path("$strangers_alone/192/000/002");
    spit "$strangers_alone/192/000/002/007", '';
    utime $now, $now - 1000, "$strangers_alone/192/000/002/007";
    ($text, $code, $seconds, $memory) = run_at($running, 'import', '--dry-run', '--format', 'jgreylist', $strangers_alone);
    like $text, qr/^taken: 1 records, 0 entries$/m, 'what is good is found';
    cmp_ok $memory, '<', $kilobytes, 'in little memory';
    # A log's: others there are none of its.
    copy($_, $strangers_alone) or die for glob "$data/multilog/*";
    ($text, $code, $seconds) = run_at($running, 'import', '--dry-run', '--format', 'multilog', $strangers_alone);
    is $code, 0, 'as a log';
    unlike $text, qr/stranger\d/, 'others are passed over';
    cmp_ok $seconds, '<', $seconds[1], 'in time';
};

# ---- a file of 10 GB, most of it a hole

subtest 'a file of 10 GB' => sub {
    my $huge = "$dir/huge";
    spit $huge, '';
    plan skip_all => 'no such file here' unless truncate $huge, 10 << 30;
    refuses('of zeros', qr/huge is none of the forms/, $seconds[0], 'import', $huge);
    refuses("as $_", qr/huge:1: /, $seconds[0], 'import', '--format', $_, $huge) for qw(json mysql table postgrey spamdb);
    for (['mysqldump.sql', qr/huge:87: the dump ends within a string/], ['spamdb.txt', qr/:\d+: /], ['qmail_spp.batch', qr/:\d+: /], ['postgrey.db_dump', qr/:\d+: /]) {
        my ($sample, $pattern) = @$_;
        my $begin = slurp("$data/$sample");
        spit $huge, substr $begin, 0, int(length($begin) / 2);
        truncate $huge, 10 << 30 or die;
        refuses("$sample, cut, and then nothing", $pattern, $seconds[1], 'import', $huge);
    }
    spit $huge, slurp("$data/mysqldump.sql") =~ s/^INSERT .*//msr;
    truncate $huge, 10 << 30 or die;
    refuses('a dump, cut between two of its statements', qr/huge:\d+: has a NUL/, $seconds[0], 'import', $huge);
    my ($sample) = glob "$data/multilog/@*";
    copy($sample, $huge) or die;
    truncate $huge, 10 << 30 or die;
    my ($text, $code, $seconds, $memory) = run_at($running, 'import', '--dry-run', $huge);
    is $code, 0, 'a log with a hole is read to its end' or diag $text;
    cmp_ok $memory, '<', $kilobytes, 'in little memory';
    unlink $huge;
};

# ---- what is no file

subtest 'pipes and links' => sub {
    POSIX::mkfifo("$dir/pipe", 0600) or die;
    symlink 'loop', "$dir/loop" or die;
    symlink 'nowhere', "$dir/dangling" or die;
    make_path("$dir/logs");
    copy($_, "$dir/logs") or die for glob "$data/multilog/*";
    symlink '../logs', "$dir/logs/inner" or die;
    refuses('import of a pipe', qr/pipe is no regular file/, $seconds[0], 'import', "$dir/pipe");
    refuses('import of a link to itself', qr/cannot open \S+loop: Too many levels/, $seconds[0], 'import', "$dir/loop");
    refuses('import of a link to nowhere', qr/cannot open \S+dangling: No such file/, $seconds[0], 'import', "$dir/dangling");
    refuses('export to a link to itself', qr/cannot write \S+loop: Too many levels/, $seconds[0], 'export', '--format', 'json', '--output', "$dir/loop");
    is readlink "$dir/loop", 'loop', 'which stays';
    my ($text, $code) = run_at($running, 'export', '--format', 'json', '--output', "$dir/pipe");
    is $code, 100, 'export to a pipe is misuse';
    like $text, qr/^greyctl: --output: \S+pipe is no regular file: use > for it\n\z/, 'in one line';
    ok -p "$dir/pipe", 'it is one still';
    ($text, $code) = run_at($running, 'import', '--dry-run', "$dir/logs");
    is $code, 0, 'a link in a tree is not followed';
};

# ---- another daemon's lock

subtest 'the state of a daemon that runs' => sub {
    my $of = ['--context', "$dir/context"];
    my $before = state_of($running);
    for my $command (['import', "$dir/here"], ['export', '--format', 'json', '--output', "$dir/out"]) {
        my ($text, $code) = run_at($of, @$command);
        is $text, "greyctl: context file $dir/context is in use by another daemon\n", $command->[0];
        is $code, 111, 'exit code';
    }
    ok !-e "$dir/out", 'nothing is written';
    is state_of($running), $before, 'and it is as before';
};

# ---- disks that fill

subtest 'a disk that fills' => sub {
    plan skip_all => 'only root may mount' if $> != 0;
    mkdir "$dir/small" or die;
    plan skip_all => 'no mount here' if system 'mount', '-t', 'tmpfs', '-o', 'mode=0755,size=256k', 'state', "$dir/small";
    push @mounted, "$dir/small";
    open my $out, '>', "$dir/many" or die;
    print $out known($_) for 1 .. 30_000;
    close $out or die;

    # Export: a file that is there stays.
    run_at($running, 'import', "$dir/many");
    spit "$dir/small/out", 'old';
    my $before = state_of($running);
    for my $form (qw(json csv context greydaemon relaytofrom)) {
        my ($text, $code) = run_at($running, 'export', '--format', $form, '--output', "$dir/small/out");
        is $text, "greyctl: cannot write $dir/small/out: No space left on device\n", "export of $form";
        is $code, 111, 'exit code';
        is join(' ', map { basename $_ } glob "$dir/small/* $dir/small/.??*"), 'out', 'nothing is left beside';
    }
    is slurp("$dir/small/out"), 'old', 'the file is as it was';
    is state_of($running), $before, 'and the state';
    unlink "$dir/small/out";
    $daemon->stop;
    delete $daemon->{pid};

    # Import into a daemon whose disk it is.
    my $other = Daemon->new(program => $program, dir => "$dir/small", port => $port);
    $daemon = $other;
    $other->{log} = "$dir/log.of.small";
    $other->start('-v', 1, "127.0.0.1\@$port", 'context');
    my $place = ['--control', "$dir/small/context.control"];
    is((run_at($place, 'import', "$dir/here"))[1], 0, 'what has room is taken');
    $before = state_of($place);
    my ($text, $code) = run_at($place, 'import', "$dir/many");
    is $code, 111, 'what has none is an error';
    like $text, qr/^greyctl: the disk takes no changes: .*; before that (\d+) records were taken, and stay\n\z/, 'that says what was taken';
    my ($text_again, $code_again) = run_at($place, 'import', "$dir/many");
    like $text_again, qr/^greyctl: the disk takes no changes/, 'again: refused at once';
    is $code_again, 111;
    is ask(asker($port), query('10.0.0.1', 'a@x', 'b@y')), '12', 'queries are answered';
    system 'mount', '-o', 'remount,size=32m', "$dir/small";
    ok wait_until(sub { $other->signal('USR1'); (run_at($place, 'import', "$dir/many"))[1] == 0 }), 'with room it is repeated';
    $other->stop;
    delete $other->{pid};
    $other->start('-v', 1, "127.0.0.1\@$port", 'context');
    is((run_at($place, 'status', '--json'))[0] =~ /"known":(\d+)/ ? $1 : 'none', 30_000, 'each is there once');
    $other->stop;
    delete $other->{pid};

    # Offline, with no room at all: nothing is begun.
    system 'mount', '-o', 'remount,size=32m', "$dir/small";
    unlink glob "$dir/small/*";
    spit "$dir/small/filler", 'x' x (200 << 10);
    system 'mount', '-o', 'remount,size=200k', "$dir/small";
    ($text, $code) = run_at(['--context', "$dir/small/context"], 'import', "$dir/many");
    is $code, 111, 'offline' or diag $text;
    like $text, qr/^(?:greyctl: [^\n]*No space left on device[^\n]*\n)*greyctl: the disk takes no changes[^\n]*\n\z/, 'says why';
};

done_testing;
