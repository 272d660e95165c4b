# A disk that refuses: each system call that writes the state is made to fail under the running
# daemon (by a preloaded library, fault_injection.c). It must go on answering, say so, and have lost
# nothing once the disk is well again; and what is on disk while it is ill must load.
# usage: perl fault_test.pl PATH-OF-QMAIL-GREYD PATH-OF-FAULT-INJECTION
use strict;
use warnings;
use Errno qw(EIO ENOSPC EROFS EAGAIN);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

my ($program, $library) = @ARGV;
die "usage: fault_test.pl PATH-OF-QMAIL-GREYD PATH-OF-FAULT-INJECTION\n" unless $library;
my $port = first_port();
my %env = (LD_PRELOAD => $library, ASAN_OPTIONS => 'verify_asan_link_order=0');

my @faults = (
    ['write', ENOSPC, 'context.journal'], ['write', EIO, 'context.journal'],
    ['write', 0, 'context.journal'],      ['write', ENOSPC, 'context.new'],
    ['write', 0, 'context.new'],          ['write', EIO, 'context.new'],
    ['write', EROFS, 'context'],          ['fsync', EIO, 'context.new'],
    ['fsync', ENOSPC, 'context.new'],     ['fdatasync', EIO, 'context.journal'],
    ['rename', EIO, 'context.new'],       ['rename', EROFS, 'context.journal'],
    ['open', EROFS, 'context.new'],       ['open', EAGAIN, 'context.journal'],
    ['open', ENOSPC, 'context'],          ['ftruncate', EIO, 'context.journal'],
);
for my $fault (@faults) {
    my ($call, $number, $path) = @$fault;
    subtest "$call fails with $number on $path" => sub {
        my $dir = tempdir(CLEANUP => 1);
        my $daemon = Daemon->new(program => $program, dir => $dir, env => { %env, FAULT_FILE => "$dir/fault" });
        my @args = ('-v', 2, "127.0.0.1\@$port", 'context');
        $daemon->start(@args);
        my $socket = asker($port);
        my $n = 0;
        my @asked;
        my $ask_some = sub {
            my $wrong = 0;
            for (1 .. 20) {
                push @asked, query('192.0.2.1', 'a@x', $n++ . '@y');
                $wrong++ if ask($socket, $asked[-1]) ne '01';
            }
            return $wrong;
        };
        is $ask_some->(), 0, 'well: answers';
        my $well = @asked;

        spit("$dir/fault", "$call $number $path\n");
        is $ask_some->(), 0, 'ill: answers';
        $daemon->signal('USR1');
        if ($call ne 'ftruncate' || $number == 0) {
            ok wait_until(sub { $daemon->log =~ /^error: .*in a minute$/m }), 'and says so' or diag $daemon->log;
        }
        is $ask_some->(), 0, 'answers after the failed save';
        my $errors = () = $daemon->log =~ /^error/mg;
        cmp_ok $errors, '<=', 3, 'a bounded number of lines';

        # What lies on the disk now is what a death would leave: it loads, with all from before.
        my $copy = tempdir(CLEANUP => 1);
        $daemon->signal('STOP'); # all files of one moment: a save may be on its way
        ok wait_until(sub { slurp("/proc/$daemon->{pid}/stat") =~ /\) T / }), 'stands still';
        copy($_, $copy) for grep { !/\.lock$|fault$|log$/ } glob "$dir/context*";
        $daemon->signal('CONT');
        my $other = Daemon->new(program => $program, dir => $copy);
        $other->start("127.0.0.1\@" . ($port + 1), 'context');
        my $other_socket = asker($port + 1);
        is scalar(grep { ask($other_socket, $_) ne '02' } @asked[0 .. $well - 1]), 0, 'a death now keeps what was well';
        $other->stop;

        unlink "$dir/fault";
        my $saves = () = $daemon->log =~ /^info: saved/mg;
        ok wait_until(sub {
            $daemon->signal('USR1');
            return (() = $daemon->log =~ /^info: saved/mg) > $saves;
        }), 'well again: saves' or diag $daemon->log;
        is $ask_some->(), 0, 'answers';
        $daemon->stop('KILL');
        $daemon->start(@args);
        $socket = asker($port);
        is scalar(grep { ask($socket, $_) ne '02' } @asked), 0, 'nothing is lost, not even from while it was ill';
        unlike $daemon->log, qr/damaged|lost/, 'nothing was damaged';
        is $daemon->stop, 0;
    };
}

subtest 'a directory that vanishes and comes back' => sub {
    my $top = tempdir(CLEANUP => 1);
    my $dir = "$top/state";
    mkdir $dir;
    my $daemon = Daemon->new(program => $program, dir => $top);
    # (In the sandbox one that is made anew is out of reach: sandbox_test.pl.)
    my @args = ('-v', 2, '--sandbox=off', "127.0.0.1\@$port", "$dir/context");
    $daemon->start(@args);
    my $socket = asker($port);
    is ask($socket, query('192.0.2.1', 'a', 'b')), '01';
    rename $dir, "$top/gone";
    $daemon->signal('USR1');
    ok wait_until(sub { $daemon->log =~ m{^error: .*state/context.* No such file or directory.*in a minute$}m }), 'says so';
    is ask($socket, query('192.0.2.1', 'a', 'c')), '01', 'answers';
    mkdir $dir;
    ok wait_until(sub { $daemon->signal('USR1'); $daemon->log =~ /^info: saved 2 records/m }), 'saves all' or diag $daemon->log;
    $daemon->stop('KILL');
    $daemon->start(@args);
    $socket = asker($port);
    is ask($socket, query('192.0.2.1', 'a', $_)), '02', $_ for 'b', 'c';
    $daemon->stop;
};

subtest 'a directory that cannot be synced is reported with the reason of its own' => sub {
    my $top = tempdir(CLEANUP => 1);
    mkdir "$top/state";
    my $daemon = Daemon->new(program => $program, dir => $top, env => { %env, FAULT_FILE => "$top/state/fault" });
    $daemon->start('-v', 2, "127.0.0.1\@$port", "$top/state/context");
    my $socket = asker($port);
    is ask($socket, query('192.0.2.1', 'a', 'b')), '01';
    spit("$top/state/fault", 'fsync ' . ENOSPC . " /state\$\n");
    $daemon->signal('USR1');
    ok wait_until(sub { $daemon->log =~ /^error: .*No space left on device.*in a minute$/m }), 'says so'
        or diag $daemon->log;
    unlink "$top/state/fault";
    $daemon->stop;
};

subtest 'of a block that the disk cannot read any more the rest is read, and the file is kept' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my $daemon = Daemon->new(program => $program, dir => $dir, env => { %env, FAULT_FILE => "$dir/fault" });
    my @args = ('-v', 2, "127.0.0.1\@$port", 'context');
    $daemon->start(@args);
    my $socket = asker($port);
    my @asked = map { query('192.0.2.1', 'a@x', "$_" . 'x' x 60 . '@y') } 100 .. 399;
    ask($socket, $_) for @asked;
    is $daemon->stop, 0;
    spit("$dir/fault", 'pread ' . EIO . " context\n");
    $daemon->start(@args);
    $socket = asker($port);
    my $known = grep { ask($socket, $_) eq '02' } @asked;
    cmp_ok $known, '>', 250, "$known of 300";
    log_like $daemon, qr/^warning: context file .* has a wrong checksum, $known of the 300 records/m;
    unlink "$dir/fault";
    is $daemon->stop, 0;
    is scalar(my @kept = glob "$dir/context.damaged.*"), 1;
};

done_testing;
