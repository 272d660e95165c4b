# A daemon that the system gives no memory: what it cannot do is counted and said, and when there is
# memory again it goes on as if nothing had been.
# usage: perl memory_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient qw(free_port);
use File::Temp qw(tempdir);
use Test::More;

my $program = abs_path(shift // die "usage: memory_test.pl PATH-OF-QMAIL-GREYD\n");
sub does_not_run { print "skipped: $_[0]\n"; exit 77 }
does_not_run('the sanitizer needs more address space') if `ldd $program` =~ /libasan/;
does_not_run('there is no prlimit') if system('prlimit --version >/dev/null 2>&1') != 0;
my $dir = tempdir(CLEANUP => 1);
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
sub address_space { my ($bytes) = @_; system('prlimit', '--pid', $daemon->{pid}, "--as=$bytes:") == 0 or die }

$daemon->start('-v', 2, "127.0.0.1\@$port", 'context');
my $socket = asker($port);
# From here on it gets no page more; the first record needs a chunk of the table.
address_space(1_000_000);
$socket->send(query('192.0.2.1', 'a@x.org', 'b@y.net'));
ok wait_until(sub { $daemon->log =~ /^error: unexpected: .* count=1$/m }), 'what was not expected is said' or diag $daemon->log;
address_space('unlimited');
is ask($socket, query('192.0.2.1', 'a@x.org', 'b@y.net')), '01', 'with memory it is answered, as new: nothing was half done';
is $daemon->stop, 0, 'it ends as ever';
log_like $daemon, qr/^info: counters udp\.decided\.new=1 udp\.undecided=1 .*loop\.unexpected=1\b/m, 'and both were counted';
done_testing;
