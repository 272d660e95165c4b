# The state's files where the disk, the limits or the operator are against them: full, read-only and
# vanished places, made with mounts in a namespace of this test's own, and the limits and signals
# that a supervisor leaves. Nothing here waits for a time to pass.
# usage: perl state_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

my $program = shift or die "usage: state_test.pl PATH-OF-QMAIL-GREYD\n";
if (!$ENV{STATE_TEST_ALONE} && $> == 0 && system('unshare -m true 2>/dev/null') == 0) {
    $ENV{STATE_TEST_ALONE} = 1;
    exec 'unshare', '-m', '--propagation', 'private', $^X, __FILE__, $program or die;
}
my $mounts = $ENV{STATE_TEST_ALONE};
my $port = first_port();
my $top = tempdir(CLEANUP => 1);
chmod 0755, $top;
my $n = 0;

sub run { system(@_) == 0 or die "@_: $?" }
# A new directory, a file system of its own where `options` of tmpfs are given.
sub place { my ($options) = @_;
    my $dir = "$top/" . $n++;
    mkdir $dir;
    run 'mount', '-t', 'tmpfs', '-o', "mode=0755,$options", 'state', $dir if $options;
    return $dir }
sub daemon { my ($dir, %more) = @_;
    my $logs = "$top/log" . $n++;
    mkdir $logs;
    return Daemon->new(program => $program, dir => $logs, state => $dir, %more) }
sub start { my ($daemon, @options) = @_;
    $daemon->start('-v', 2, @options, "127.0.0.1\@$port", "$daemon->{state}/context");
    return asker($port) }
sub logs { my ($daemon, $pattern, $name) = @_;
    ok wait_until(sub { $daemon->log =~ $pattern }), $name // "log: $pattern" or diag $daemon->log }
sub triplet { return query('192.0.2.1', 'a@x', "$_[0]\@y") }
# What was answered before is "early".
sub knows { my ($socket, @names) = @_;
    my @lost = grep { ask($socket, triplet($_)) ne '02' } @names;
    is "@lost", '', scalar(@names) . ' are known' }
sub asks { my ($socket, @names) = @_;
    my @wrong = grep { ask($socket, triplet($_)) ne '01' } @names;
    is "@wrong", '', 'answers' }
sub fill { my ($dir) = @_;    # until no octet fits
    open my $h, '>', "$dir/filler" or return;
    1 while syswrite $h, 'x' x 4096;
    1 while syswrite $h, 'x' }
# A healthy state with these.
sub prepare { my ($dir, @names) = @_;
    my $daemon = daemon($dir);
    asks(start($daemon), @names);
    is $daemon->stop, 0 }
sub leaves { my ($dir) = @_; return join ' ', map { basename $_ } grep { !/filler|lost\+found/ } sort glob "$dir/*" }

my $sanitized = `ldd $program` =~ /libasan/;
subtest 'ten of the largest queries under a memory limit' => sub {
    plan skip_all => 'the sanitizer needs more address space' if $sanitized;
    my $daemon = daemon(place(), before => sub {
        exec 'sh', '-c', "ulimit -v 131072; exec '$program' -v 0 --max-records 20000 127.0.0.1\@$port $top/0/context" });
    my $socket = asker($port);
    $daemon->{pid} = fork // die;
    if ($daemon->{pid} == 0) {
        open STDERR, '>', "$daemon->{dir}/log";
        $daemon->{before}->();
    }
    ok wait_until(sub { $socket->send(triplet('first')); select undef, undef, undef, 0.05;
        return -e "$top/0/context.journal" && -s _ > 40 }), 'it runs';
    my $flood = asker($port);
    my $large = "I192.0.2.9\0F" . "\xff" x 318 . "\0" . join '', map { 'T' . chr(1 + $_ / 127) . chr(128 + $_ % 127) . "\0" } 1 .. 16_000;
    $large = substr $large, 0, 65507;
    $flood->send($large =~ s/192.0.2.9/192.0.2.1$_/r =~ s/.{3}\z//sr) for 0 .. 9;
    my $other = asker($port);
    is ask($other, triplet('second')), '01', 'another is answered';
    is ask($other, triplet('third')), '01', 'and again';
    is ask($other, triplet('third')), '02', 'it is remembered';
    is $daemon->stop, 0, 'TERM: exit 0';
    unlike $daemon->log, qr/unexpected/;
    ok !-e "$top/0/context.journal", 'all is in the snapshot';
    like slurp("$top/0/context"), qr/ third\@y$/m;
};

SKIP: {
    skip 'mounts are root\'s', 1 unless $mounts;

    for my $kind (['no room', 'size=64k'], ['no inodes', 'size=1m,nr_inodes=9'], ['read-only', 'size=1m']) {
        my ($name, $options) = @$kind;
        my $spoil = $name eq 'no room' ? sub { fill(@_) }
            : $name eq 'no inodes' ? sub { my ($dir) = @_; for my $i (0 .. 19) { open my $h, '>', "$dir/filler$i" or last } }
            : sub { run 'mount', '-o', 'remount,ro', @_ };
        my $mend = $name eq 'read-only' ? sub { run 'mount', '-o', 'remount,rw', @_ } : sub { unlink glob "$_[0]/filler*" };

        for my $first ('of a new state', 'of one that was saved', 'after a death', 'after a death and with damage') {
            subtest "$name, at the start $first" => sub {
                my $dir = place($options);
                my @names = $first =~ /new/ ? () : map {"n$_"} 1 .. 20;
                prepare($dir, @names) if @names;
                if ($first =~ /death/) {
                    my $daemon = daemon($dir);
                    asks(start($daemon), 'journaled');
                    push @names, 'journaled';
                    $daemon->stop('KILL');
                }
                my $damaged = $first =~ /damage/;
                if ($damaged) {
                    my $text = slurp("$dir/context") =~ s/^W/X/mr;
                    spit("$dir/context", $text);
                    @names = grep { $text !~ /^X .* \Q$_\E\@y$/m } @names;
                }
                $spoil->($dir);
                my $daemon = daemon($dir);
                for my $round (1, 2) {
                    my $socket = start($daemon);
                    knows($socket, @names);
                    asks($socket, map {"ill$round$_"} 1 .. 3);
                    # (An open journal may have some room of its own: then it is the snapshot that has none.)
                    $daemon->signal('USR1');
                    logs($daemon, qr/^error: .*in a minute$/m, 'says so');
                    my $errors = () = $daemon->log =~ /^error/mg;
                    cmp_ok $errors, '<=', 3, 'once, and once for the signal' or diag $daemon->log;
                    last if $round == 2;
                    $daemon->stop('KILL');
                }
                $mend->($dir);
                ok wait_until(sub { $daemon->signal('USR1'); $daemon->log =~ /^info: saved/m }), 'heals' or diag $daemon->log;
                asks(asker($port), 'healthy');
                $daemon->stop('KILL');
                my $socket = start($daemon);
                knows($socket, @names, 'ill21', 'ill22', 'ill23', 'healthy');
                is $daemon->stop, 0;
                like leaves($dir), $damaged ? qr/^context context.damaged.\d+ context.lock context.totals$/ : qr/^context context.lock context.totals$/,
                    'one copy of what was damaged, and no other trace';
            };
        }
        subtest "$name: what is imported is kept once, however many starts it takes" => sub {
            my $dir = place($options);
            my $import = "G " . time . " 192.0.2.1 a\@x old\@y\n";
            spit("$dir/context", $import);
            $spoil->($dir);
            for (1 .. 3) {
                my $daemon = daemon($dir);
                knows(start($daemon), 'old');
                $daemon->stop('KILL');
            }
            is slurp("$dir/context"), $import, 'it stays in its place';
            $mend->($dir);
            my $daemon = daemon($dir);
            knows(start($daemon), 'old');
            is $daemon->stop, 0;
            is leaves($dir), 'context context.imported context.lock context.totals';
            is slurp("$dir/context.imported"), $import;
        };
    }

    subtest 'a snapshot that has no room beside the one that is damaged loses nothing' => sub {
        my $dir = place('size=1m');
        prepare($dir, map {"n$_"} 1 .. 200);
        my $text = slurp("$dir/context");
        spit("$dir/context", substr $text, 0, -20);
        fill($dir);
        for (1 .. 3) {
            my $daemon = daemon($dir);
            knows(start($daemon), map {"n$_"} 1 .. 200);
            $daemon->stop('KILL');
        }
    };
}

for my $kind ('moved away', 'moved away and made anew', 'removed') {
    subtest "the directory is $kind" => sub {
        my $dir = place();
        my $daemon = daemon($dir);
        # (In the sandbox one that is made anew is out of reach: sandbox_test.pl.)
        my $socket = start($daemon, '--sandbox=off');
        asks($socket, 'before');
        rename $dir, "$dir.gone";
        run 'rm', '-rf', "$dir.gone" if $kind eq 'removed';
        mkdir $dir if $kind =~ /anew/;
        logs($daemon, qr/^error: .*\Q$dir\E.*(gone|No such file)/m, 'it is noticed');
        asks($socket, 'meanwhile');
        mkdir $dir;
        # It looks each second; a minute after a failure it would try anyway.
        ok wait_until(sub { $daemon->log =~ /^info: saved/m }), 'heals by itself';
        asks($socket, 'after');
        $daemon->stop('KILL');
        knows(start($daemon), 'before', 'meanwhile', 'after');
        is $daemon->stop, 0;
    };
}

for my $name ('context', 'context.journal', 'context.lock') {
    for my $how ('removed', 'replaced') {
        subtest "$name alone is $how" => sub {
            my $dir = place();
            prepare($dir, 'saved');
            my $daemon = daemon($dir);
            my $socket = start($daemon);
            asks($socket, 'before');
            unlink "$dir/$name" if $how eq 'removed';
            if ($how eq 'replaced') { spit("$dir/else", "somebody's\n"); rename "$dir/else", "$dir/$name" or die }
            logs($daemon, qr/^error: .*\Q$dir\/$name\E .*(gone|replaced|another than was saved)/m, 'it is noticed');
            ok wait_until(sub { $daemon->log =~ /^info: saved/m }), 'heals by itself' if $name !~ /lock/;
            asks($socket, 'after');
            is slurp("$dir/$name.found"), "somebody's\n", 'what was put there is kept' if "$name$how" =~ /(journal|context)replaced/;
            $daemon->stop('KILL');
            my $other = start($daemon);
            knows($other, 'saved', 'before', 'after');
            if ($name =~ /lock/) {
                my $second = daemon($dir);
                my $pid = fork // die;
                if ($pid == 0) { open STDERR, '>', "$second->{dir}/log"; exec $program, '127.0.0.1@' . ($port + 1), "$dir/context" }
                waitpid $pid, 0;
                is $? >> 8, 111, 'a second daemon is refused';
            }
            is $daemon->stop, 0;
        };
    }
}

for my $what ('a pipe', 'a link to a file of another', 'a symbolic link', 'a file') {
    subtest "$what where the next snapshot is to be written" => sub {
        my $dir = place();
        prepare($dir, 'saved');
        my $daemon = daemon($dir);
        my $socket = start($daemon);
        asks($socket, 'before');
        spit("$dir/precious", "precious\n");
        if ($what eq 'a pipe') { run 'mkfifo', "$dir/context.new" }
        elsif ($what eq 'a file') { spit("$dir/context.new", 'of old') }
        elsif ($what eq 'a symbolic link') { symlink "$dir/precious", "$dir/context.new" or die }
        else { link "$dir/precious", "$dir/context.new" or die }
        $daemon->signal('USR1');
        ok wait_until(sub { $daemon->log =~ /^info: saved/m }), 'it is written';
        asks($socket, 'after');
        is slurp("$dir/precious"), "precious\n", 'and nothing else';
        $daemon->stop('KILL');
        knows(start($daemon), 'saved', 'before', 'after');
        is $daemon->stop, 0;
    };
}

subtest 'whoever takes the lock away has the files' => sub {
    my $dir = place();
    my $daemon = daemon($dir);
    my $socket = start($daemon);
    asks($socket, 'first');
    unlink "$dir/context.lock";
    my $other = daemon($dir);
    # Before the first one notices, or after it: one of the two has them.
    $other->{pid} = fork // die;
    if ($other->{pid} == 0) { open STDERR, '>', "$other->{dir}/log"; exec $program, '-v', 2, '127.0.0.1@' . ($port + 1), "$dir/context" }
    ok wait_until(sub { "$daemon->{dir}" && ($daemon->log . $other->log) =~ /in use by another daemon/ }), 'it is said'
        or diag $daemon->log . $other->log;
    asks($socket, 'second');
    kill KILL => $other->{pid};
    waitpid $other->{pid}, 0;
    $daemon->stop('KILL');
};

for my $limit (['-f 8', qr/File too large/], ['-n 10', undef]) {
    my ($option, $error) = @$limit;
    subtest "under ulimit $option" => sub {
        my $dir = place();
        my $daemon = daemon($dir);
        $daemon->{program} = '/bin/sh';
        # (Its log is under the limit as well: journal lines are longer. What the test's own parent has left open would count.)
        my $closed = join ' ', map {"$_>&-"} 3 .. 9;
        $daemon->start('-c', "exec $closed; ulimit $option; exec '$program' -v 2 '127.0.0.1\@$port' '$dir/context'");
        my $socket = asker($port);
        asks($socket, map { "f$_" . 'x' x 300 } 1 .. 100);
        $daemon->signal('USR1');
        asks($socket, 'after');
        logs($daemon, $error // qr/^warning: no look-ups: under ulimit -n 24 the descriptors are needed$/m, 'the limit is said');
        my $code = $daemon->stop($error ? 'KILL' : 'TERM');
        is $code, 0 or diag $daemon->log unless $error;
        $daemon->{program} = $program;
        $socket = start($daemon);
        unlike $daemon->log, qr/damaged|lost/, 'nothing was damaged';
        knows($socket, 'f1' . 'x' x 300);
        is $daemon->stop, 0;
    };
}

subtest 'signals that are blocked or ignored by who starts it, and a umask of all' => sub {
    my $dir = place();
    my $daemon = daemon($dir, before => sub {
        my $all = POSIX::SigSet->new;
        $all->fillset;
        POSIX::sigprocmask(POSIX::SIG_BLOCK(), $all);
        $SIG{$_} = 'IGNORE' for qw(TERM HUP USR1 USR2 INT CHLD PIPE);
        umask 0777;
    });
    my $socket = start($daemon);
    asks($socket, 'a');
    $daemon->signal('USR1');
    logs($daemon, qr/^info: saved 1 records/m);
    is $daemon->stop, 0, 'TERM ends it';
    is sprintf('%o', (stat "$dir/context")[2] & 07777), '600', 'its files can be read again';
};

SKIP: {
    skip 'a limit of processes does not hold for us', 1 unless $> == 0;
    subtest 'no thread is to be had' => sub {
        my $dir = place();
        chmod 0777, $dir;
        my $daemon = daemon($dir);
        $daemon->{program} = '/bin/sh';
        # Looking for leaks takes a thread.
        $daemon->start('-c', "ASAN_OPTIONS=detect_leaks=0 exec prlimit --nproc=0:0 '$program' -u daemon -v 2 '127.0.0.1\@$port' '$dir/context'");
        my $socket = asker($port);
        asks($socket, 'a');
        $daemon->signal('USR1');
        logs($daemon, qr/^info: saved 1 records/m);
        logs($daemon, qr/^warning: cannot start a thread/m);
        is $daemon->stop, 0;
    };
    subtest 'a directory that its user may not write to' => sub {
        my $dir = place();
        chmod 0755, $dir;
        my $check = `'$program' --check -u daemon 127.0.0.1\@$port '$dir/context' 2>&1`;
        is $?, 0, '--check: a start is possible';
        like $check, qr/^warning: cannot make files in \Q$dir\E: Permission denied; it would answer from memory$/, 'and says what is wrong';
        my $daemon = daemon($dir);
        my $socket = start($daemon, '-u', 'daemon');
        asks($socket, 'a');
        logs($daemon, qr/^error: cannot open .*context.lock: Permission denied; answering from memory, trying again in a minute$/m);
        chmod 0777, $dir;
        ok wait_until(sub { $daemon->signal('USR1'); $daemon->log =~ /^info: saved 1 records/m }), 'heals';
        is $daemon->stop, 0;
        is leaves($dir), 'context context.lock context.totals';
    };
}

subtest 'an empty save file is nothing to greydaemon' => sub {
    my $dir = place();
    for (1 .. 3) {
        my $daemon = daemon($dir);
        start($daemon, '--greydaemon');
        is $daemon->stop, 0;
        unlike $daemon->log, qr/empty|damaged|kept/;
    }
    is leaves($dir), 'context context.lock context.totals';
};

if ($mounts) { system 'umount', '-l', $_ for glob "$top/[0-9]*"; }
done_testing;
