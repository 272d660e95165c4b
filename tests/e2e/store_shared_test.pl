# Two daemons on one Redis: who was deferred by one and retries at the other is accepted, and who has
# earned it at one is known to the other.
# usage: perl store_shared_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
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
my $net = 0;
sub said { my ($daemon, $of) = @_; return count(all_at($daemon, $of)) }

my $triplets;
tried 'ten thousand' => sub {
    my $many = 10_000;
    $triplets = [triplets(++$net, $many)];
    is_in_time said($a, $triplets), "01=$many", 'first seen by the one';
    my $early = all_at($b, $triplets);
    is accepted($early), 0;
    is_in_time count($early), "02=$many", 'at the other all are early at once';
    pass_time(299);
    $early = all_at($b, $triplets);
    is accepted($early), 0, 'none is accepted early';
    is_in_time count($early), "02=$many", 'also a second before its time';
    pass_time(1);
    is_in_time said($b, $triplets), "13=$many", 'none is deferred twice';
    is_in_time said($a, $triplets), "12=$many", 'all are known to the first';
    is_in_time said($a, [map { [$_->[0], 'another@example.org', 'jim@example.net'] } @$triplets]), "12=$many",
        'whatever their clients send: known clients are';
};

tried 'earned at the one, known at the other that has never seen them' => sub {
    my @first = triplets(++$net, 1000);
    is_in_time said($a, \@first), '01=1000', 'new';
    pass_time(300);
    is_in_time said($a, \@first), '13=1000', 'passed';
    is_in_time said($b, [map { [$_->[0], 'second@example.org', 'jane@example.net'] } @first]), '12=1000', 'known';
};

tried 'a third that begins with an empty table answers as the others do, from the first question on' => sub {
    my @waiting = triplets(++$net, 1000);
    is_in_time said($a, \@waiting), '01=1000', 'new';
    my $c = daemon("third$net", 'redis://127.0.0.1:6379', host => '127.0.0.3');
    shares($redis, $c);
    cmp_ok scalar(keys %{ exported($c) }), '<', 100, 'it has been told nothing but of who asked whether it is there';
    is_in_time said($c, \@waiting), '02=1000', 'early';
    is_in_time said($c, $triplets), '12=' . @$triplets, 'known';
    is $c->stop, 0;
};

tried 'both are asked about the same at the same time' => sub {
    my @both = triplets(++$net, 2000);
    my @questions = map { ([$a, @$_], [$b, @$_]) } @both;
    is_in_time count(ask_all(\@questions)), '01=2000 02=2000', 'one of them is the first, the other early';
    pass_time(300);
    is_in_time accepted(ask_all(\@questions)), 4000, 'the good retry is accepted by both';
    my $otherwise = $redis->call('EVAL', <<'END', 0, "c:{10.$net.*");
local otherwise = 0
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if not string.match(redis.call('GET', key), '^%d+:1$') then otherwise = otherwise + 1 end
end
return otherwise
END
    is_in_time $otherwise, 0, 'and counts once';
};

tried 'messages to a hundred recipients, and bounces' => sub {
    my @long = map { [$_->[0], 'list@example.org', map {"user$_\@example.net"} 1 .. 100] } triplets(++$net, 100);
    is_in_time said($a, \@long), '01=100', 'new';
    my @bounces = map { [$_->[0], '', 'joe@example.net'] } triplets(++$net, 500);
    is_in_time said($a, \@bounces), '01=500', 'new';
    is_in_time said($b, \@long), '02=100', 'early at the other';
    is_in_time said($b, \@bounces), '02=500', 'early at the other';
    pass_time(300);
    is_in_time said($b, \@long), '13=100', 'passed';
    is_in_time said($b, \@bounces), '14=500', 'accepted';
    is_in_time said($a, \@bounces), '14=500', 'one that was accepted is good at the other, too';
};

tried 'what is retried too late is stale at the other, and begins anew for both' => sub {
    my @late = triplets(++$net, 500);
    is_in_time said($a, \@late), '01=500', 'new';
    pass_time(12 * 3600 - 1);
    my @in_time = splice @late, 0, 250;
    is_in_time said($b, \@in_time), '13=250', 'the last second of its window';
    pass_time(1);
    is accepted(all_at($b, \@late)), 0, 'after that it is not';
    is_in_time said($a, \@late), '02=250', 'early once more';
    pass_time(300);
    is_in_time said($a, \@late), '13=250', 'passed';
};
is $_->stop, 0 for $a, $b;
done_testing;
