# The examples that `greyctl --help` ends with, each run as it stands there against a daemon.
# usage: perl greyctl_examples_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use Test::More;

my ($program, $greyctl) = @ARGV;
die "usage: greyctl_examples_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless @ARGV == 2;
my $dir = tempdir(CLEANUP => 1);
my $port = first_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
$daemon->start("127.0.0.1\@$port", 'context');
my $socket = asker($port);
sub mail { ask($socket, query(@_)) }
mail('192.0.2.7', 'joe@example.com', 'me@example.net');

# What an example's command does, and its exit code. A new one needs a line here.
my %does = (
    query  => [qr/^defer: early, wait \d+ s .*\na retry is accepted from /, 1],
    list   => [qr/^waiting \d+s ago +192\.0\.2\.7 +joe\@example\.com -> me\@example\.net$/m, 0],
    forget => [qr/^\d+ records? forgotten$/, 0],
    allow  => [qr/^allowed 192\.0\.2\.0\/24 until \d{4}-/, 0],
    report => [qr/^Greylisting, .*^  new +\d+ .*^  fate not known +1 /ms, 0],
    watch  => [qr/ accept whitelisted +192\.0\.2\.9 +a\@x\.example -> b\@y\.example$/m, undef],
);
my ($examples) = `'$greyctl' --help` =~ /^Examples:\n(.*?)^Exit codes:/ms;
ok $examples, 'the help has examples';
# Commands are in columns of their own; what follows two blanks is what they are for.
my @commands = map { /^  greyctl (\S+(?: \S+)*)/ ? [split / /, $1] : () } split /\n/, $examples // '';
is scalar @commands, scalar(my @lines = split /\n/, $examples // ''), 'each line is one';

for my $command (@commands) {
    my $about = "greyctl @$command";
    my ($pattern, $code) = @{delete $does{$command->[0]} // []};
    next unless ok $pattern, "$about: what it does is known";
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec $greyctl, '--control', "$dir/context.control", @$command or die }
    my $text = '';
    if (defined $code) {
        local $/;
        $text = <$out> // '';
        close $out;
        is $? >> 8, $code, "$about: exit code";
    } else {
        # It goes on until it is stopped; what is decided before it has begun it does not show.
        my $end = time + 60;
        until ($text =~ $pattern || time > $end) {
            mail('192.0.2.9', 'a@x.example', 'b@y.example');
            sysread $out, $text, 4096, length $text if IO::Select->new($out)->can_read(0.2);
        }
        kill TERM => $pid;
        close $out;
    }
    like $text, $pattern, $about;
}
is_deeply [keys %does], [], 'and all are there';
$daemon->stop;
done_testing;
