# Three hosts with a daemon each, and one with their Redis; one of the three is cut off from that for
# some seconds, under load, and joined again.
# usage: perl store_partition_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;
use Time::HiRes 'sleep';

own_network(@ARGV);
hosts('mx1', 'mx2', 'mx3', 'db');
my $redis = redis(6379, on => 'db', host => '10.78.4.2');
my @daemons = map { daemon("mx$_", 'redis://10.78.4.2:6379', on => "mx$_", host => "10.78.$_.2") } 1 .. 3;
my ($one, $two, $cut) = @daemons;
shares($redis, @daemons);

# Returns the longest wait at the host that is cut off.
my $net = 0;
sub partition {
    my ($before, $joined, $alone, $both, $none, $new) = map { [triplets(++$net, 300)] } 1 .. 6;
    my %first = map { ($_->[0] => now()) } @$before;
    is_in_time count(all_at($one, $before)), '01=300', 'before: first seen by one of the others';
    is_in_time count(all_at($two, $new)), '01=300', 'and by another';
    pass_time(300);
    is_in_time count(all_at($two, $new)), '13=300', 'and clients that earn it there';
    $first{ $_->[0] } = now() for @$before;
    network(forward => 'ip saddr 10.78.3.2 counter drop; ip daddr 10.78.3.2 counter drop');

    # Eight seconds of load at all three.
    my @load;
    for my $i (0 .. 299) { push @load, [$one, @{ $joined->[$i] }], [$cut, @{ $alone->[$i] }], [$two, @{ $both->[$i] }], [$cut, @{ $both->[$i] }] }
    $first{ $_->[1] } //= now() for @load;
    my $answers = ask_all(\@load, rate => 150, window => 32);
    is accepted($answers), 0, 'first attempts at all of them: deferred, also those that come to both sides';
    my $slowest = slowest([map { $load[$_][0] == $cut ? $answers->[$_] : () } 0 .. $#load]);
    my @seen = grep { $_->[0] =~ /^02/ } map { $load[$_][0] == $cut ? $answers->[$_] : () } 0 .. $#load;
    is_in_time scalar(@seen), 0, 'the one that is cut off has not heard of the others';
    pass_time(299);
    is accepted(all_at($_, [@$joined, @$alone, @$both])), 0, 'a second early at each' for @daemons;
    pass_time(1);
    my @passed_alone = splice @$alone, 0, 100;
    my @passed_joined = splice @$joined, 0, 100;
    my ($earned_alone, $earned_joined) = (all_at($cut, \@passed_alone), all_at($two, \@passed_joined));
    is_in_time count($earned_alone), '13=100', 'in time: accepted by who knows of them';
    is_in_time count($earned_joined), '13=100', 'on either side';
    my @again = @$joined[0 .. 49];
    is accepted(all_at($cut, \@again)), 0, 'who comes to the other side waits once more';
    cmp_ok lost_packets(), '>', 0, 'packets were lost';

    network();
    ok until_shared($redis, [@$alone, @$joined, @$both], \%first), 'joined again: the store knows all first attempts';
    my $net_of_joined = $net - 4;
    my $net_of_alone = $net - 3;
    ok earned($redis, "10.$net_of_alone.", accepted($earned_alone)), 'and who has earned it';
    ok earned($redis, "10.$net_of_joined.", accepted($earned_joined)), 'on either side';
    shares($redis, @daemons);
    is_in_time accepted(all_at($two, $alone)), @$alone, 'all that one side has seen are accepted on the other';
    is_in_time accepted(all_at($cut, $joined)), @$joined, 'and the other way round';
    is_in_time accepted(all_at($one, $both)), @$both, 'and those that were seen on both';
    my @other_mail = map { [$_->[0], 'other@example.org', 'jim@example.net'] } @passed_alone, @passed_joined, @$new;
    is_in_time count(all_at($_, \@other_mail)), '12=' . @other_mail, 'all know who has earned it, wherever' for @daemons;
    return $slowest;
}
tried 'a partition' => sub { waited(partition(), 'at the host that is cut off') };

tried 'what was forgotten meanwhile stays so, though the one that was cut off brings it back' => sub {
    my $old = [triplets(++$net, 100)];
    is_in_time count(all_at($two, $old)), '01=100', 'before: they are seen';
    pass_time(300);
    is_in_time count(all_at($cut, $old)), '13=100', 'and passed, at that one';
    network(forward => 'ip saddr 10.78.3.2 counter drop; ip daddr 10.78.3.2 counter drop');
    pass_time(10);
    all_at($cut, [triplets(++$net, 10)]);  # it finds the store away
    my $forgotten = $net - 1;
    greyctl($one, 'forget', "10.$forgotten.0.0/24");
    sleep 1.1;
    pass_time(10);
    network();
    ok wait_until(sub { !grep { /^10\.$forgotten\./ } keys %{ exported($cut) } }), 'joined again: that one forgets them, too';
    shares($redis, @daemons);
    is_in_time count(all_at($cut, $old)), '01=100', 'they are new';
    is_in_time count(all_at($two, $old)), '02=100', 'for all';
    my $fourth = daemon("fourth$net", 'redis://10.78.4.2:6379', on => 'db', host => '10.78.4.2');
    shares($redis, $fourth);
    is_in_time count(all_at($fourth, $old)), '02=100', 'also for one that is new';
    is $fourth->stop, 0;
};
is $_->stop, 0 for @daemons;
done_testing;
