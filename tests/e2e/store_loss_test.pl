# Daemons that share a state, and a network that loses every fifth packet, each way: between them and
# who asks, then between them and the store.
# usage: perl store_loss_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;

own_network(@ARGV);
hosts('mx1', 'mx2', 'db');
my $redis = redis(6379, on => 'db', host => '10.78.3.2');
my ($a, $b) = map { daemon("mx$_", 'redis://10.78.3.2:6379', on => "mx$_", host => "10.78.$_.2") } 1, 2;
shares($redis, $a, $b);
my $many = 10_000;
my $lossy = 'numgen random mod 100 < 20 counter drop';
my ($net, $rate) = (0);
sub all_of { my ($daemon, @of) = @_; return all_at($daemon, \@of, again => 0.05, window => 256, rate => $rate) }

tried 'between them and who asks' => sub {
    my @triplets = triplets(++$net, $many);
    network(input => "udp sport 1999 $lossy", output => "udp dport 1999 $lossy");
    is accepted(all_of($a, @triplets)), 0, 'first seen by the one';
    pass_time(299);
    is accepted(all_of($b, @triplets)), 0, 'none is accepted early by the other';
    pass_time(1);
    is_in_time accepted(all_of($b, @triplets)), $many, 'none is deferred twice';
    is_in_time count(all_of($a, @triplets)), "12=$many", 'and known where they were first seen';
    cmp_ok lost_packets(), '>', $many, 'questions and answers were lost: ' . lost_packets();
};

for my $percent (20, 2) {
    tried "between them and the store, $percent %" => sub {
        my $lossy = "numgen random mod 100 < $percent counter drop";
        my @triplets = triplets(++$net, $percent == 20 ? $many : 600);
        $rate = 500 if $percent == 2;
        my %first = map { ($_->[0] => now()) } @triplets;
        my @later = splice @triplets, @triplets / 2;
        network(forward => "tcp dport 6379 $lossy\ntcp sport 6379 $lossy");
        is accepted(all_of($a, @triplets, @later)), 0, 'first seen by the one';
        pass_time(299);
        is accepted(all_of($b, @triplets, @later)), 0, 'none is accepted early by the other';
        pass_time(1);
        my $retry = all_of($b, @triplets);
        note 'their retry: ', count($retry);
        my @waiting = map { $retry->[$_][0] =~ /^0/ ? $triplets[$_] : () } 0 .. $#triplets;
        # Those of which the other had not heard began there a second before.
        pass_time(299);
        is accepted(all_of($b, @waiting)), scalar @waiting, 'who is deferred again waits once more at most';
        cmp_ok lost_packets(), '>', 0, 'packets were lost: ' . lost_packets();
        network();
        ok until_shared($redis, \@later, \%first), 'when none is lost any more, all first attempts are known';
        my $good = all_of($b, @later);
        is_in_time count($good), '13=' . @later, 'to the other';
        ok earned($redis, "10.$net.", @triplets + accepted($good)), 'and all good retries';
        shares($redis, $a, $b);
        is_in_time count(all_of($a, @triplets)), '12=' . @triplets, 'to the one';
    };
}
is $_->stop, 0 for $a, $b;
done_testing;
