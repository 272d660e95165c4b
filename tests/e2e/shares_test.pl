# Shares of the records with a real daemon: a network that sends without measure, then an asker that
# does, push out nobody else's; and a real client of that network still passes.
# usage: perl shares_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient qw(free_port);
use File::Temp qw(tempdir);
use IO::Socket::IP;
use Test::More;

my ($program, $greyctl) = map { abs_path($_) } @ARGV[0, 1];
my $dir = tempdir(CLEANUP => 1);
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
$daemon->start('-v', 2, '-m', 0, '--sync=never', '--max-records=12000', "127.0.0.1\@$port", 'context');

# With -m 0 a retry passes at once. It comes from another port: the same datagram from the same one is no retry.
my $mx = asker($port);
sub again { return asker($port) }
my $wrong = IO::Socket::IP->new(LocalHost => '127.0.0.2', PeerHost => '127.0.0.1', PeerPort => $port, Proto => 'udp') // die "$!";
# Asks about each, some at a time; how often each answer came.
sub ask_all { my ($socket, $count, $query_of) = @_;
    my %answers;
    for (my $next = 0; $next < $count;) {
        my $sent = 0;
        $socket->send($query_of->($next++)), $sent++ while $sent < 50 && $next < $count;
        while ($sent-- > 0) {
            my $answer = 'none';
            $answer = join '', unpack 'C*', $answer if IO::Select->new($socket)->can_read($Daemon::deadline) && defined $socket->recv($answer, 100);
            $answers{$answer}++;
            return \%answers if $answer eq 'none';
        }
    }
    return \%answers }
sub other { my ($n) = @_; return sprintf '198.%d.%d.1', 18 + int($n / 256), $n % 256 }
my $others = sub { query(other($_[0]), 'a@example.org', 'b@example.net') };
my $known = sub { query('203.0.113.' . $_[0], 'a@example.org', 'b@example.net') };
my $real = query('192.0.2.77', 'real@example.org', 'b@example.net');
my $sent = 0;
my $flood = sub { my $n = $sent++; query('192.0.2.' . $n % 64, "f$n\@example.org", 'b@example.net') };
my $spread = sub { my $n = $sent++; query(sprintf('10.%d.%d.1', int($n / 256) % 256, $n % 256), "f$n\@example.org", 'b@example.net') };

ask_all($mx, 50, $known);
is_deeply ask_all(again(), 50, $known), { '13' => 50 }, '50 clients are known';
is_deeply ask_all($mx, 2_000, $others), { '01' => 2_000 }, 'others wait';
is_deeply ask_all($mx, 30_000, $flood), { '01' => 30_000 }, 'one network sends what does not fit';
is ask($mx, $real), '01', 'a real client of it comes';
is_deeply ask_all($mx, 1_000, $flood), { '01' => 1_000 }, 'and it goes on';
is ask(again(), $real), '13', 'the real client passes';
is_deeply ask_all($wrong, 30_000, $spread), { '01' => 30_000 }, 'another asker sends of many networks what does not fit';
is ask(again(), $real), '12', 'the real client is known';
is_deeply ask_all(again(), 50, $known), { '12' => 50 }, 'and so are those who were';
is_deeply ask_all(again(), 2_000, $others), { '13' => 2_000 }, 'of the others none was forgotten, and all pass';

my $status = `$greyctl --control $dir/context.control status`;
like $status, qr/ over the share of a network or an asker, which go first; of the evicted \d+$/m, 'status says so' or diag $status;
my $metrics = `$greyctl --control $dir/context.control stats --json`;
my ($evicted) = $metrics =~ /"records\.evicted":(\d+)/;
my ($over) = $metrics =~ /"records\.evicted-over-share":(\d+)/;
ok $evicted && $evicted > 40_000, 'what did not fit went' or diag $metrics;
is $over, $evicted, 'and it was over the shares';
is $daemon->stop, 0, 'it ends as ever';

# What is loaded is within and over as it was: nobody is forgotten for what came later.
$daemon->start('-v', 2, '-m', 0, '--sync=never', '--max-records=12000', "127.0.0.1\@$port", 'context');
$mx = asker($port);
is_deeply ask_all($mx, 12_000, $flood), { '01' => 12_000 }, 'after a start the network sends again';
is_deeply ask_all($mx, 50, $known), { '12' => 50 }, 'who was known is known';
is_deeply ask_all($mx, 2_000, $others), { '12' => 2_000 }, 'and nobody of the others is forgotten';
is $daemon->stop, 0, 'it ends as ever';
done_testing;
