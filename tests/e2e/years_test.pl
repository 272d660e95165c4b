# The second in which 31 bits of seconds are over is one like any: before, across and after it, and over a
# restart.
# usage: perl years_test.pl PATH-OF-QMAIL-GREYD PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient qw(free_port);
use File::Temp qw(tempdir);
use Test::More;

my ($program, $library) = @ARGV;
die "usage: years_test.pl PATH-OF-QMAIL-GREYD PATH-OF-SET-CLOCK\n" unless $library;
my $dir = tempdir(CLEANUP => 1);
my $port = free_port();
# (Written in place: it is mapped.)
sub set_clock { open my $h, -e "$dir/clock" ? '+<' : '>', "$dir/clock" or die; syswrite $h, pack 'q', shift; close $h }
my $daemon = Daemon->new(program => $program, dir => $dir, env => { LD_PRELOAD => $library,
    SET_CLOCK => "$dir/clock", ASAN_OPTIONS => 'verify_asan_link_order=0' });
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
sub start { $daemon->start('-v', 3, "127.0.0.1\@$port", 'context') }
sub asks { my ($sender) = @_; return ask(asker($port), query('192.0.2.1', $sender, 'b@y')) }

my $end = 2**31;
set_clock($end - 200);
start();
is asks('a@x'), '01', 'new before it';
set_clock($end + 50);
is asks('a@x'), '02', 'early after it';
set_clock($end + 101);
is asks('a@x'), '13', 'passed when its time has come';
is asks('c@x'), '12', 'the client is known';
is $daemon->stop, 0;
like slurp("$dir/context"), qr/ @{[ $end + 101 ]} /, 'in the file the time is whole';
set_clock($end + 1000);
start();
unlike $daemon->log, qr/warning|error/, 'nothing is doubted at a start';
is asks('d@x'), '12', 'known';
is $daemon->stop, 0;

# A stamp has 32 bits. What is after them is kept as of their last second, which greylists nobody any
# more; but nothing is destroyed by a clock that is so wrong.
set_clock(2**32 + 1000);
start();
log_like $daemon, qr/^warning: clock: .*is it right\?/m, 'after 2106 the clock is doubted';
like asks('e@x'), qr/^(?:01|1[123])$/, 'it answers';
is $daemon->stop, 0;
set_clock($end + 2000);
start();
is asks('f@x'), '12', 'what was known is known when the clock is right again';
is $daemon->stop, 0;
done_testing;
