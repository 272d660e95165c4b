# What the system gives no more of: descriptors, memory, room in the socket's queue. The daemon goes on
# answering, says what it cannot do, counts what is lost, and is as ever when there is some again.
# usage: perl scarce_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my ($program, $greyctl) = map { abs_path($_) } @ARGV;
die "usage: scarce_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless $greyctl;
sub does_not_run { print "skipped: $_[0]\n"; exit 77 }
does_not_run('there is no prlimit') if system('prlimit --version >/dev/null 2>&1') != 0;
my $sanitized = `ldd $program` =~ /libasan/;
my $daemon;
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

sub fresh { my (%with) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $port = free_port();
    # (What the test's own parent has left open would count.)
    $daemon = Daemon->new(program => 'prlimit', dir => $dir, port => $port, before => sub { POSIX::close($_) for 3 .. 50 });
    $daemon->start(@{ $with{limits} // [] }, $program, '-v', $with{verbosity} // 3, @{ $with{options} // [] }, "127.0.0.1\@$port", 'context') }
sub again { my (@options) = @_; $daemon->stop('KILL'); $daemon->{program} = $program; $daemon->start('-v', 3, @options, "127.0.0.1\@$daemon->{port}", 'context') }
sub limit { my ($what, $value) = @_; system('prlimit', '--pid', $daemon->{pid}, "--$what=$value:") == 0 or die }
sub triplet { return query('192.0.2.1', 'a@x', "$_[0]\@y") }
# How many of these get this answer.
sub answers { my ($expected, @names) = @_;
    my $socket = asker($daemon->{port});
    return scalar grep { ask($socket, triplet($_)) eq $expected } @names }
# Seconds of the processor that it has had.
sub cpu { return eval { my @f = split ' ', slurp("/proc/$daemon->{pid}/stat") =~ s/.*\) //sr; ($f[11] + $f[12]) / POSIX::sysconf(&POSIX::_SC_CLK_TCK) } }
sub open_descriptors { my @all = glob "/proc/$daemon->{pid}/fd/*"; return scalar @all }
# Of one that has ended.
sub counters { my ($line) = reverse grep {/counters /} split /\n/, $daemon->log;
    return {map { split /=/ } grep {/=/} split / /, $line} }
# At the second attempt at the latest, or so.
sub saves_again { my $saved = () = $daemon->log =~ /^info: saved/mg;
    return wait_until(sub { $daemon->signal('USR1'); sleep 0.02; (() = $daemon->log =~ /^info: saved/mg) > $saved }) }
sub saves { my $saved = () = $daemon->log =~ /^info: saved/mg;
    $daemon->signal('USR1');
    return wait_until(sub { (() = $daemon->log =~ /^info: saved/mg) > $saved || $daemon->log =~ /^error/m }) && $daemon->log !~ /^error/m }

for my $limit (24, 48, 100) {
    subtest "of $limit descriptors all that others can take are taken" => sub {
        my $mta = free_port() + 1;
        fresh(limits => ["--nofile=$limit"], options => ['--policy', "127.0.0.1\@$mta"]);
        is answers('01', 1 .. 10), 10, 'well: answers';
        # Of several sources, each of which takes a descriptor of its own; and more than there can be.
        my @taken;
        for my $n (1 .. 2 * $limit) {
            push @taken, mta_tcp($mta, LocalHost => '127.0.0.' . (1 + $n % 20));
            push @taken, IO::Socket::UNIX->new(Peer => "$daemon->{dir}/context.control", Timeout => 1) // () if $n <= 60;
        }
        my $answered = 0;
        my ($before, $begin) = (cpu(), time);
        # (Beside it, not as fast as it can.)
        for my $n (11 .. 30) { $answered += answers('01', $n); sleep 0.05 }
        my $share = (cpu() - $before) / (time - $begin);
        is $answered, 20, 'UDP is answered';
        cmp_ok $share, '<', 0.5, sprintf 'it does not spin: %.2f of the time', $share;
        ok saves(), 'there are descriptors to save with' or diag $daemon->log, open_descriptors();
        $daemon->signal('HUP');
        ok wait_until(sub { $daemon->log =~ /^info: lists reloaded/m }), 'lists are read' or diag $daemon->log;
        is answers('02', 1 .. 30), 30, 'what was answered is known';
        like mta_says($mta), qr/^action=/, 'a mail server that comes now is heard';
        @taken = ();
        ok wait_until(sub { mta_says($mta) =~ /^action=/ }), 'and when all have gone';
        if (-S "$daemon->{dir}/context.control") {
            my $status = `$greyctl --control $daemon->{dir}/context.control status 2>&1`;
            like $status, qr/records/i, 'the control socket is heard';
        }
        again();
        is answers('02', 1 .. 30), 30, 'a death has lost nothing';
        is $daemon->stop, 0;
    };
}

# Asks about each, some at a time, none twice; how often each answer came, until none does.
sub ask_all { my ($patience, @queries) = @_;
    my $socket = asker($daemon->{port});
    my %answers;
    while (@queries) {
        my @some = splice @queries, 0, 50;
        $socket->send($_) for @some;
        for (@some) {
            my $answer = 'none';
            $answer = join '', unpack 'C*', $answer if IO::Select->new($socket)->can_read($patience) && defined $socket->recv($answer, 100);
            $answers{$answer}++;
            last if $answer eq 'none';
        }
    }
    return \%answers }
sub client { my ($n, $sender) = @_; return query(sprintf('10.%d.%d.1', int($n / 250), $n % 250), $sender // 'a@x', 'b@y') }
sub size { my ($size) = slurp("/proc/$daemon->{pid}/status") =~ /^VmSize:\s+(\d+) kB/m; return 1024 * $size }

subtest 'no more memory, while more records come than there is room for' => sub {
    plan skip_all => 'the sanitizer needs more address space' if $sanitized;
    fresh(options => ['-m', 0], verbosity => 2);
    my @known = map { client($_) } 1 .. 200;
    is_deeply ask_all(30, @known), { '01' => 200 }, 'well: new';
    is_deeply ask_all(30, @known), { '13' => 200 }, 'and known from now on';
    ok saves(), 'saved';
    limit(as => size() + 4_000_000);
    my $got = ask_all(5, map { client($_, "long-name-of-a-sender-$_\@example.org") } 1000 .. 40_999);
    is_deeply $got, { '01' => 40_000 }, 'each that comes is answered' or diag explain $got;
    ok wait_until(sub { $daemon->log =~ /^error: no memory for more than the \d+ records that there are/m }), 'it is said' or diag $daemon->log;
    is_deeply ask_all(5, map { client($_, 'other@x') } 1 .. 200), { '12' => 200 }, 'who is known is known';
    my @last = map { client($_, 'last@x') } 50_000 .. 50_099;
    is_deeply ask_all(5, @last), { '01' => 100 }, 'who comes is answered';
    ok saves_again(), 'all is saved' or diag $daemon->log;
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /^info: lists reloaded/m }), 'lists are read' or diag $daemon->log;
    unlike $daemon->log, qr/unexpected/, 'nothing was unexpected';
    again('-m', 5);
    is_deeply ask_all(5, @last), { '02' => 100 }, 'who came last is known after a death';
    is_deeply ask_all(5, map { client($_, 'more@x') } 1 .. 200), { '12' => 200 }, 'and so are the clients';
    is $daemon->stop, 0;
};

subtest 'more datagrams than its queue holds' => sub {
    fresh(verbosity => 2);
    is answers('01', 'first'), 1, 'well: answers';
    $daemon->signal('STOP');
    ok wait_until(sub { slurp("/proc/$daemon->{pid}/stat") =~ /\) T / }), 'stands still';
    my $socket = asker($daemon->{port});
    my $sent = grep { $socket->send(client($_, "long-name-of-a-sender-$_\@example.org")) } 1 .. 20_000;
    $daemon->signal('CONT');
    ok wait_until(sub { $daemon->log =~ /^warning: queries without an answer.*: [1-9]\d* dropped by the system/m }), 'it is said';
    is answers('02', 'first'), 1, 'answers';
    is $daemon->stop, 0;
    my $counted = counters();
    is $counted->{'udp.decided.new'} + $counted->{'udp.overflow'}, $sent + 1, "each is answered or counted: of $sent $counted->{'udp.overflow'} were dropped";
};

sub mta_says { my ($port) = @_;
    my $socket = mta_tcp($port);
    syswrite $socket, request(sender => 'one@x');
    return receive($socket, 7) }
done_testing;
