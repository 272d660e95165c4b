# Much of what is allowed, and the end at a bad moment: signals by the thousand, TERM while a snapshot is
# written, while records are imported and while the disk is full, and datagrams of all sorts without growth.
# usage: perl storm_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-FAULT-INJECTION
use strict;
use warnings;
use Cwd qw(abs_path);
use Errno qw(ENOSPC);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient qw(free_port);
use File::Temp qw(tempdir);
use Test::More;

die "usage: storm_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-FAULT-INJECTION\n" unless @ARGV == 3;
my ($program, $greyctl, $library) = map { abs_path($_) } @ARGV;
# The sanitizer keeps what was freed.
my $measures = `ldd $program` !~ /libasan/;
my ($daemon, $importing);
END { local $?; kill KILL => $importing if $importing; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

my ($dir, $port);
sub place { my (%env) = @_;
    $dir = tempdir(CLEANUP => 1);
    $port = free_port();
    $daemon = Daemon->new(program => $program, dir => $dir, env => {ASAN_OPTIONS => 'verify_asan_link_order=0', %env}) }
sub start { $daemon->start('-v', 2, @_, "127.0.0.1\@$port", 'context') }
sub ended { my ($code) = @_; is $daemon->stop, $code, "it ends with $code"; delete $daemon->{pid} }
sub greyctl { return join '', `$greyctl --control $dir/context.control @_ 2>&1` }
sub known_here { return greyctl('status', '--json') =~ /"known":(\d+)/ ? $1 : 'no answer' }
sub known_on_disk { return scalar(() = slurp("$dir/context") =~ /^C /mg) }
sub files { return join ' ', sort grep { !/^(log|known|said)$/ } map { s{.*/}{}r } glob "$dir/*" }
sub resident { return slurp("/proc/$daemon->{pid}/status") =~ /^VmRSS:\s+(\d+) kB/m ? $1 : die }
sub descriptors { return scalar(() = glob "/proc/$daemon->{pid}/fd/*") }
# Puts N clients into a file, which greyctl imports.
sub write_known { my ($number) = @_;
    my $now = time;
    spit("$dir/known", join '', map { sprintf qq({"state":"known","client":"10.%d.%d.%d","last_seen":$now,"passes":1}\n),
        $_ >> 16, $_ >> 8 & 255, $_ & 255 } 1 .. $number) }
sub import_in_background {
    $importing = fork // die;
    return if $importing;
    open STDOUT, '>', "$dir/said" or die;
    open STDERR, '>&', \*STDOUT;
    exec $greyctl, '--control', "$dir/context.control", 'import', "$dir/known" or die }

# N datagrams, some at a time, each of which is answered; of the form that make() gives. How many had an answer.
sub ask_many { my ($number, $make) = @_;
    my @sockets = map { asker($port) } 1 .. 20;
    my $answered = 0;
    for (1 .. $number / @sockets) {
        $_->send($make->()) for @sockets;
        for my $socket (@sockets) { $answered++ if IO::Select->new($socket)->can_read($Daemon::deadline) && defined $socket->recv(my $answer, 100) }
    }
    return $answered }
my $number = 0;
sub any_query {
    $number++;
    return query('192.0.2.1', 'known@x', 'b@y') if $number % 3 == 0;
    return query('198.51.100.' . $number % 256, "s$number\@x", map {"r$_\@y"} 0 .. $number % 5) if $number % 3 == 1;
    return 'I2001:db8::' . sprintf('%x', $number % 65536) . "\0F" . 'l' x ($number % 300) . "\@x\0Tb\@y\0\0" }

subtest 'signals by the thousand' => sub {
    place();
    start('--max-records=5000');
    my @signals = qw(HUP USR1 USR2);
    my $storm = sub {
        my $answered = 0;
        for (1 .. 100) {
            $daemon->signal($signals[rand @signals]) for 1 .. 20;
            $answered += ask_many(20, \&any_query);
        }
        return $answered };
    is $storm->(), 2000, 'each query is answered';
    my ($resident, $descriptors) = (resident(), descriptors());
    is $storm->(), 2000, 'and again';
    ok wait_until(sub { descriptors() <= $descriptors }), 'no more descriptors';
    cmp_ok resident(), '<', $resident + 2000, 'no more memory' if $measures;
    unlike $daemon->log, qr/^error/m, 'no error';
    ended(0);
    is files(), 'context context.lock context.totals', 'the files of one that has ended';
    start('--max-records=5000');
    log_like $daemon, qr/^info: loaded [1-9]\d* records .* 0 changes from the journal$/m, 'which it reads';
    ended(0);
};

subtest 'TERM while a snapshot is written' => sub {
    place();
    start();
    write_known(200_000);
    like greyctl('import', "$dir/known"), qr/^taken: 200000 records/m, '200,000 are known';
    my $saved = () = $daemon->log =~ /^info: saved/mg;
    for (1 .. 20) {
        $daemon->signal('USR1');
        last if wait_until(sub { -e "$dir/context.new" || $saved < (() = $daemon->log =~ /^info: saved/mg) }) && -e "$dir/context.new";
        $saved = () = $daemon->log =~ /^info: saved/mg;
    }
    ended(0);
    unlike files(), qr/\.new|journal/, 'nothing is half done';
    is known_on_disk(), 200_000, 'all are saved';
};

subtest 'TERM while records are imported' => sub {
    place();
    start();
    write_known(200_000);
    import_in_background();
    ok wait_until(sub { known_here() =~ /^[1-9]/ }), 'some are there';
    ended(0);
    waitpid $importing, 0;
    my $code = $? >> 8;
    $importing = undef;
    unlike files(), qr/\.new|journal/, 'nothing is half done';
    my $kept = known_on_disk();
    cmp_ok $kept, '>', 0, "$kept are saved";
    $code == 0 ? is $kept, 200_000, 'it had said that it had all' : like slurp("$dir/said"), qr/^greyctl: .*\n\z/m, 'it says that it did not get on';
    start();
    like greyctl('import', "$dir/known"), qr/^taken: @{[ 200_000 - $kept ]} records/m, 'the others come by doing it again';
    is known_here(), 200_000, 'all are there';
    ended(0);
};

subtest 'TERM while the disk is full' => sub {
    place(LD_PRELOAD => $library);
    $daemon->{env}{FAULT_FILE} = "$dir/fault";
    start();
    my $socket = asker($port);
    my @asked = map { query("192.0.2.$_", 'a@x', 'b@y') } 1 .. 50;
    is scalar(grep { ask($socket, $_) ne '01' } @asked), 0, 'answered';
    spit("$dir/fault", "write @{[ ENOSPC ]} context.new\n");
    ended(111);
    log_like $daemon, qr/^error: cannot save .*No space left/m, 'it says why';
    like files(), qr/^context\.journal context\.lock\b/, 'the journal stays';
    unlink "$dir/fault";
    start();
    $socket = asker($port);
    is scalar(grep { ask($socket, $_) ne '02' } @asked), 0, 'and has all that was answered';
    ended(0);
};

subtest 'datagrams of all sorts, and nothing grows' => sub {
    place();
    start('--max-records=5000');
    my $garbage = asker($port);
    my $many = sub {
        for (1 .. 10) {
            $garbage->send(join '', map { chr rand 256 } 1 .. rand 600) for 1 .. 500;
            is ask_many(5000, \&any_query), 5000, 'answered';
        } };
    $many->();
    my ($resident, $descriptors) = (resident(), descriptors());
    $many->();
    is descriptors(), $descriptors, 'no more descriptors';
    cmp_ok resident(), '<', $resident + 2000, 'no more memory' if $measures;
    cmp_ok scalar(grep { !/^verdict=/ } split /\n/, $daemon->log), '<', 100, 'nothing of garbage fills the log';
    ended(0);
};
done_testing;
