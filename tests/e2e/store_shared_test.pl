# Two daemons on one Redis: who was deferred by one and retries at the other is accepted, and who has
# earned it at one is known to the other.
# usage: perl store_shared_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;

own_network(@ARGV);
my $redis = redis(6379);
my ($a, $b) = map { daemon($_, 'redis://127.0.0.1:6379', host => "127.0.0.$_") } 1, 2;
shares($redis, $a, $b);
my $many = 10_000;
my @triplets = triplets(1, $many);
sub said { my ($daemon, @of) = @_; return count(all_at($daemon, @of ? \@of : \@triplets)) }

is said($a), "01=$many", 'first seen by the one';
is said($b), "02=$many", 'at the other all are early at once';
pass_time(299);
is said($b), "02=$many", 'and a second before their time';
pass_time(1);
is said($b), "13=$many", 'none is deferred twice';
is said($a), "12=$many", 'all are known to the first';
my @others = map { [$_->[0], 'another@example.org', 'jim@example.net'] } @triplets;
is said($a, @others), "12=$many", 'whatever their clients send: known clients are';

subtest 'earned at the one, known at the other that has never seen them' => sub {
    my @first = triplets(2, 1000);
    is said($a, @first), '01=1000';
    pass_time(300);
    is said($a, @first), '13=1000';
    my @second = map { [$_->[0], 'second@example.org', 'jane@example.net'] } @first;
    is said($b, @second), '12=1000';
};

subtest 'a third that begins with an empty table answers as the others do, from the first question on' => sub {
    my @waiting = triplets(3, 1000);
    is said($a, @waiting), '01=1000';
    my $c = daemon(3, 'redis://127.0.0.1:6379', host => '127.0.0.3');
    shares($redis, $c);
    cmp_ok scalar(keys %{ exported($c) }), '<', 100, 'nothing but who asked whether it is there';
    is said($c, @waiting), '02=1000', 'early';
    is said($c), "12=$many", 'known';
    is $c->stop, 0;
};

subtest 'both are asked about the same at the same time' => sub {
    my @both = triplets(4, 2000);
    my @questions = map { ([$a, @$_], [$b, @$_]) } @both;
    is count(ask_all(\@questions)), '01=2000 02=2000', 'one of them is the first, the other early';
    pass_time(300);
    like count(ask_all(\@questions)), qr/^(12=\d+ )?13=\d+$/, 'the good retry is accepted by both';
    my $twice = $redis->call('EVAL', <<'END', 0);
local others = 0
for _, key in ipairs(redis.call('KEYS', 'c:{10.4.*')) do
  if not string.match(redis.call('GET', key), '^%d+:1$') then others = others + 1 end
end
return others
END
    is $twice, 0, 'and counts once';
};

subtest 'messages to a hundred recipients, and bounces' => sub {
    my @long = map { [$_->[0], 'list@example.org', map {"user$_\@example.net"} 1 .. 100] } triplets(5, 100);
    is said($a, @long), '01=100';
    my @bounces = map { [$_->[0], '', 'joe@example.net'] } triplets(6, 500);
    is said($a, @bounces), '01=500';
    is said($b, @long), '02=100';
    is said($b, @bounces), '02=500';
    pass_time(300);
    is said($b, @long), '13=100';
    is said($b, @bounces), '14=500';
    is said($a, @bounces), '14=500', 'one that was accepted is good at the other, too';
};

subtest 'what is retried too late is stale at the other, and begins anew for both' => sub {
    my @late = triplets(7, 500);
    is said($a, @late), '01=500';
    pass_time(12 * 3600 - 1);
    my @in_time = splice @late, 0, 250;
    is said($b, @in_time), '13=250', 'the last second of its window';
    pass_time(1);
    like said($b, @late), qr/^0[13]=250$/, 'after that it is not';
    is said($a, @late), '02=250';
    pass_time(300);
    is said($a, @late), '13=250';
};
is $_->stop, 0 for $a, $b;
done_testing;
