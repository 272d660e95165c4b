# The daemon in the place of IndiMail's, on a context file that that one wrote, restarted 1 second
# to 6.4 days after its last query: each record is answered as it was answered there.
# usage: perl indimail_change_over_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Copy;
use File::Temp qw(tempdir);
use POSIX qw(strftime);
use Test::More;

my $program = shift or die "usage: indimail_change_over_test.pl PATH-OF-QMAIL-GREYD\n";
my $sample = dirname(__FILE__) . '/../data/indimail-context-all-statuses.bin';
my ($saved, $day) = (1_795_518_339, 86_400);    # when its last query was
my $port = first_port();
my $dir = tempdir(CLEANUP => 1);

sub set_clock {
    spit("$dir/clock.new", strftime("%Y-%m-%d %H:%M:%S\n", localtime shift));
    rename "$dir/clock.new", "$dir/clock" or die;
}
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port, env => {
    LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0'});
sub start { $daemon->start(qw(-m 5 -g 12 -t 7), "127.0.0.1\@$port", 'context') }
sub begin_with { my ($file) = @_; unlink glob "$dir/context*"; copy($file, "$dir/context") or die }

# What IndiMail's daemon answered (1 accept, 0 defer), by the seconds after its last query.
my @after = (1, 400, 3600, 42_200, 3 * $day, 6.4 * $day);
my @rows = (    # client, sender, recipients, answers
    ['192.0.2.1', 's@example.org', ['joe'], '011100', 'status 0'],
    ['192.0.2.2', 's@example.org', ['joe'], '000000', 'status 0, long ago'],
    ['192.0.2.8', 's@example.org', ['joe'], '011100', 'status 1'],
    ['192.0.2.3', 's@example.org', ['joe'], '011100', 'status 2'],
    ['192.0.2.4', 's@example.org', ['joe'], '111111', 'status 5'],
    ['192.0.2.5', 's@example.org', ['joe'], '111111', 'status 4'],
    ['192.0.2.6', '', ['joe'], '000000', 'status 6'],
    ['192.0.2.7', 's@example.org', ['joe', 'jim'], '111111', 'status 5, two recipients'],
);
sub answers {
    return join '', map { my ($client, $sender, $names) = @$_;
        substr ask(asker($port), query($client, $sender, map {"$_\@example.net"} @$names)), 0, 1 } @rows }
sub expected { my ($column) = @_; return join '', map { substr $_->[3], $column, 1 } @rows }

for my $column (0 .. $#after) {
    subtest "a start $after[$column] seconds after the last query there" => sub {
        begin_with($sample);
        set_clock($saved + $after[$column]);
        start();
        log_like $daemon, qr/4 triplets that have passed, 5 that wait\); it is kept as .*imported/, 'it says what it took over';
        # Nothing was asked: what is on the disk now is ours, and says the same.
        is $daemon->stop($_), $_ eq 'TERM' ? 0 : 'signal 9', "ended by $_" and start() for qw(TERM KILL);
        like slurp("$dir/context"), qr/^qmail-greyd context 1\n/, 'the file is in our form';
        is slurp("$dir/context.imported"), slurp($sample), 'and what was there is kept';
        is answers(), expected($column), 'the answers of ' . join ', ', map {"$_->[0] ($_->[4])"} @rows;
        is $daemon->stop, 0;
    };
}

subtest 'eight days after it all is over, when the clock has been believed' => sub {
    begin_with($sample);
    set_clock($saved + 8 * $day);
    start();
    log_like $daemon, qr/clock: .*is it right\? Nothing expires for an hour/, 'until then it is asked about';
    is answers(), '00001101', 'and what had passed counts';
    is $daemon->stop, 0;
};

subtest 'a damaged file is set aside, and all of it that can be read counts' => sub {
    my $whole = slurp($sample);
    (my $damaged = $whole) =~ s/192\.0\.2\.5\0/192.0.2.x\0/ or die;
    $damaged =~ s/1795473839\0\x06\n/1795473839\0\xff\n/ or die;    # a status that nobody knows
    for my $text ($damaged, substr($damaged, 0, -5), "\xff" . $damaged) {
        unlink glob "$dir/context*";
        spit("$dir/context", $text);
        set_clock($saved + 1);
        start();
        my ($kept) = glob "$dir/context.damaged.*";
        is slurp($kept // ''), $text, 'it is kept';
        log_like $daemon, qr/has lines that are no records, .*1 of these have a status that is not known/, 'and said to be damaged';
        is answers(), '00001001', 'the answers of the rest';
        is $daemon->stop, 0;
    }
};
done_testing;
