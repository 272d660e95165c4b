# kill -9 of a daemon that shares its state, under load, also while the store is away: what it has
# answered is in its journal, and reaches the store when it is started again.
# usage: perl store_kill_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;
use Time::HiRes 'sleep';

own_network(@ARGV);
my $redis = redis(6379);
my ($one, $two) = map { daemon($_, 'redis://127.0.0.1:6379', host => "127.0.0.$_") } 1, 2;
shares($redis, $one, $two);

my %store = (
    'is there' => [sub { }, sub { }],
    'hangs' => [sub { $redis->signal('STOP') }, sub { $redis->signal('CONT') }],
    'is away' => [sub { $redis->stop }, sub { $redis->start }],
    'turns read-only' => [sub { $redis->call('REPLICAOF', '127.0.0.1', 1) }, sub { $redis->call('REPLICAOF', 'NO', 'ONE') }],
);
my $net = 0;
for my $how ('is there', 'hangs', 'turns read-only', 'is away') {
    tried "while the store $how" => sub {
        my ($earned, $waiting, $load) = ([triplets(++$net, 300)], [triplets(++$net, 300)], [triplets(++$net, 4000)]);
        is_in_time count(all_at($one, $earned)), '01=300', 'before';
        my %first = map { ($_->[0] => now()) } @$earned;
        pass_time(300);
        $store{$how}[0]->();
        my $good = all_at($one, $earned);
        is_in_time count($good), '13=300', 'clients earn it';
        is_in_time count(all_at($one, $waiting)), '01=300', 'others wait';
        $first{ $_->[0] } = now() for @$waiting;
        sleep 1.1;  # in which it would be met
        pass_time(100);
        $first{ $_->[0] } = now() for @$load;
        # It dies with many questions on their way.
        my $answers = all_at($one, $load, window => 256, each => sub {
            return 0 if $_[0] < 1000;
            is $one->stop('KILL'), 'signal 9', 'it dies';
            return 1 });
        my @answered = map { $answers->[$_][0] eq '01' ? $load->[$_] : () } 0 .. $#$load;
        note scalar @answered, ' of ', scalar @$load, ' were answered before';
        cmp_ok scalar @answered, '<', 4000;
        pass_time(100);
        $one->again;
        my $known = exported($one);
        is scalar(grep { !$known->{ $_->[0] } } @$earned, @$waiting, @answered), 0, 'its journal knows all that was answered';
        $store{$how}[1]->();
        ok until_shared($redis, [@$waiting, @answered], \%first), 'and then the store does';
        my $earlier = $net - 2;
        ok earned($redis, "10.$earlier.", accepted($good)), 'and the clients that have earned it';
        shares($redis, $two);
        is_in_time count(all_at($two, [map { [$_->[0], 'other@example.org', 'jim@example.net'] } @$earned])), '12=300', 'the other knows these';
        for my $seen ($waiting, \@answered) {
            pass_time(99);
            is_in_time count(all_at($two, $seen)), '02=' . @$seen, 'and when the others were first seen';
            pass_time(1);
            is_in_time count(all_at($two, $seen)), '13=' . @$seen, 'none waits once more';
        }
    };
}
is $_->stop, 0 for $one, $two;
done_testing;
