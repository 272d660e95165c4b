# kill -9 at a random moment under load, a hundred times: every query that was answered is in the
# state after the restart. Saves run at random moments too, so that many deaths fall into one.
# usage: perl kill_test.pl PATH-OF-QMAIL-GREYD [SEED]
# It says its seed; with that the same moments and loads come again.
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use Test::More;

my $program = shift or die "usage: kill_test.pl PATH-OF-QMAIL-GREYD [SEED]\n";
my $dir = tempdir(CLEANUP => 1);
my $port = first_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
my $seed = shift // time;
srand $seed;
diag "seed $seed";

my @answered;    # every triplet that was ever answered
my ($lost, $notes, $unsaved) = (0, '', 0);
for my $round (1 .. 100) {
    $daemon->start("127.0.0.1\@$port", 'context');
    $notes .= join '', grep { /warning|error/ } split /^/, $daemon->log;

    # What was answered before is "early"; what was not would be "new". All of the last round, some
    # of the others.
    my @check = map { $answered[$_] } grep { $_ > $#answered - 300 || rand() < 0.02 } 0 .. $#answered;
    my $socket = asker($port);
    for my $query (@check) { $lost++ if ask($socket, $query) ne '02' }

    # Many queries under way at once; the daemon dies after a random number of answers.
    my @sockets = map { asker($port) } 1 .. 8;
    my ($left, $number) = (int rand 200, 0);
    $daemon->signal('USR1') if rand() < 0.7;
    while ($left-- > 0) {
        my @queries = map { query("192.0.2.$round", 'a@example.org', "$round." . $number++ . '@example.net') } @sockets;
        $sockets[$_]->send($queries[$_]) for 0 .. $#sockets;
        if ($left == 0) { $daemon->stop('KILL') }
        for my $i (0 .. $#sockets) {
            my $ready = IO::Select->new($sockets[$i])->can_read($left == 0 ? 0.01 : 30);
            # An answer that came out before the death counts as answered.
            my $answer = '';
            $sockets[$i]->recv($answer, 9) if $ready;
            push @answered, $queries[$i] if length $answer;
        }
    }
    $daemon->stop('KILL') if $left < 0 && kill 0 => $daemon->{pid};
    $unsaved++ if -e "$dir/context.journal";
}
$daemon->start("127.0.0.1\@$port", 'context');
my $socket = asker($port);
for my $query (@answered) { $lost++ if ask($socket, $query) ne '02' }
is $lost, 0, 'of ' . @answered . ' answered queries none is lost';
cmp_ok scalar @answered, '>', 5000, 'there was a load';
cmp_ok $unsaved, '>', 90, 'and state that only the journal had';
unlike $notes, qr/error|damaged|lost/, 'nothing but torn ends was noted';
is $daemon->stop, 0;
done_testing;
