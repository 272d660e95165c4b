# The daemon under the name greydaemon: it answers what the Perl program answers and qmail-greyd
# does not, and keeps it in that program's save file.
# usage: perl greydaemon_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Spec;
use File::Temp qw(tempdir);
use IO::Select;
use POSIX qw(strftime);
use Test::More;

my $program = shift or die "usage: greydaemon_test.pl PATH-OF-QMAIL-GREYD\n";
my $dir = tempdir(CLEANUP => 1);
symlink File::Spec->rel2abs($program), "$dir/greydaemon" or die;
my ($port, $start, $now) = (first_port(), 1_700_000_000);
sub set_clock { $now = shift;
    spit("$dir/clock.new", strftime("%Y-%m-%d %H:%M:%S\n", localtime $now));
    rename "$dir/clock.new", "$dir/clock" or die }
my %env = (LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0');
my $daemon = Daemon->new(program => "$dir/greydaemon", dir => $dir, port => $port, env => \%env);
my @options = ('-m', 5, '-g', 12, '-t', 7);
sub start { $daemon->start(@options, @_, "127.0.0.1:$port", 'save') }
sub answer { return ask(asker($port), query(@_)) }
# Whether a query gets no answer while one behind it, from elsewhere, does.
sub is_silent { my ($datagram, $why) = @_;
    my $socket = asker($port);
    $socket->send($datagram);
    isnt ask(asker($port), query('192.0.2.99', "$now\@x", 'b@y')), 'none', 'another is answered';
    ok !IO::Select->new($socket)->can_read(0.05), $why }

my @strange = ('unknown', '', '192.0.2.01', 'mx.example.org', '2001:db8::1');
subtest 'clients that are no addresses, no recipients, and bounces among others' => sub {
    set_clock($start);
    start();
    is answer($_, 'a@x', 'b@y'), '01', "$_: new" for @strange;
    is answer('2001:db8::2', 'a b@x', 'c d@y'), '01', 'an address of the same network';
    is answer('unknown', 'a@x'), '13', 'no recipient';
    is answer('192.0.2.1', '', 'joe@y', 'owner-x=y', 'ann@y'), '14', 'a bounce';
    is answer('192.0.2.1', '.', 'ann@y'), '01', 'who stood behind it is new';
    log_like $daemon, qr/reason=new client=unknown sender=a\@x .*\n.* client=<> sender=a\@x/, 'the log has their names';
    set_clock($start + 300);
    is answer('192.0.2.1', '', 'joe@y'), '13', 'who stood before it is not';
    is answer('2001:db8::2', 'ab@x', 'cd@y'), '13', 'blanks do not count';
    is $daemon->stop('KILL'), 'signal 9';
    start();
    is answer($_, 'a@x', 'b@y'), '13', "$_: passes, from the journal" for @strange;
    is $daemon->stop, 0;
    is join('', sort grep { /^I/ } split /^/, slurp("$dir/save")),
        join('', sort map {"I 1700000300 $_\n"} @strange, '192.0.2.1', '2001:db8::2'), 'the save file is the Perl program\'s';
    start();
    is answer($_, 'new@x', 'b@y'), '12', "$_: known, from the save file" for @strange;
    is answer('UNKNOWN', 'new@x', 'b@y'), '01', 'by the name as it is written';
    is $daemon->stop, 0;
};

subtest 'only within --allow' => sub {
    start('--allow=127.0.0.2');
    my $socket = asker($port);
    $socket->send(query(@$_)) for ['unknown', 'a@x', 'b@y'], ['192.0.2.1', 'a@x'], ['unknown', 'a@x'];
    ok wait_until(sub { $daemon->log =~ /query refused/ }), 'refused';
    ok !IO::Select->new($socket)->can_read(0.2), 'and not answered';
    is $daemon->stop, 0;
};

subtest 'what the Perl program would not answer, either' => sub {
    start();
    is_silent($_->[0], $_->[1]) for ["Iunknown\0", 'no sender'], ["Iunknown\0Ta\0", 'no sender before the recipient'],
        ["\0", 'nothing'], ["Xunknown\0Fa\0Tb\0", 'no client'];
    is $daemon->stop, 0;
};

subtest 'and under its own name' => sub {
    my $own = Daemon->new(program => $program, dir => $dir, port => $port, env => \%env);
    $own->start(@options, "127.0.0.1\@$port", 'save');
    unlike $own->log, qr/damaged/, 'the save file with its names is taken for what it is';
    is_silent(query(@$_), 'silent') for ['unknown', 'a@x', 'b@y'], ['', 'a@x', 'b@y'], ['192.0.2.1', 'a@x'];
    is ask(asker($port), query('2001:db8::7', 'other@x', 'b@y')), '12', 'an IPv6 client is its network';
    is ask(asker($port), query('192.0.2.1', 'a@x', 'b@y')), '12', 'and who was known is';
    is $own->stop, 0;
    like slurp("$dir/save"), qr/^C 1700000300 1 =unknown$/m, 'the names are kept';
    start();
    is answer('unknown', 'new@x', 'b@y'), '12', 'for the way back';
    is $daemon->stop, 0;
};
done_testing;
