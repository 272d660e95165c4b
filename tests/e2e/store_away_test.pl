# Two daemons, and a store that is late, hangs, is gone, was wiped, is full, asks for a password, or
# takes no writes any more: nobody waits for it, nothing is accepted that one daemon alone would not
# have accepted, and when it is well again each knows what either has seen.
# usage: perl store_away_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;

own_network(@ARGV);
my $redis = redis(6379);
Store::late(6400, $redis);
my ($a, $b) = map { daemon($_, 'redis://127.0.0.1:6400', host => "127.0.0.$_") } 1, 2;
shares($redis, $a, $b);
my ($many, $net) = (120, 0);

# What happens in an outage that begins and ends so. Returns the longest wait.
sub outage {
    my ($begin, $end, %how) = @_;
    my ($known, $waiting, $at_a, $at_b, $both) = map { [triplets(++$net, $many)] } 1 .. 5;
    my %first;
    my $worst = 0;
    my $ask = sub { my ($daemon, $of, $rate) = @_;
        $first{ $_->[0] } //= now() for @$of;
        my $answers = all_at($daemon, $of, window => 8, rate => $rate);
        my $slowest = slowest($answers);
        $worst = $slowest if $slowest > $worst;
        return $answers };

    $ask->($a, $known);
    pass_time(300);
    my $good_before = $ask->($a, $known);
    is_in_time count($good_before), "13=$many", 'before: clients earn it at the one';
    is_in_time count($ask->($a, $waiting)), "01=$many", 'others wait';
    $worst = 0;
    $begin->();
    pass_time(30);
    is accepted($ask->($a, $at_a)), 0, 'first seen by the one alone';
    is accepted($ask->($b, $at_b)), 0, 'first seen by the other alone';
    is accepted($ask->($a, $both)), 0, 'first seen by both:';
    pass_time(100);
    my $both_at_b = $ask->($b, $both, $many);  # while it is tried again each second
    is accepted($both_at_b), 0, 'by the other much later';
    is_in_time count($both_at_b), "01=$many", 'which has not heard of them' if $how{away};
    is accepted($ask->($b, $waiting)), 0, 'those that wait are early at the other, or new';
    is_in_time count($ask->($a, [map { [$_->[0], 'second@example.org', 'jim@example.net'] } @$known])), "12=$many", 'known clients stay known';
    pass_time(169);
    is accepted($ask->($b, $waiting)), 0, 'a second early';
    is accepted($ask->($a, $waiting)), 0, 'at both';
    pass_time(1);
    my @half = splice @$waiting, 0, $many / 2;
    my $good_half = $ask->($a, \@half);
    is_in_time count($good_half), '13=' . @half, 'in time: accepted by who knows of them';
    my @first_half = splice @$at_a, 0, $many / 2;
    pass_time(30);
    my $good_of_outage = $ask->($a, \@first_half);
    is_in_time count($good_of_outage), '13=' . @first_half, 'so are those of the outage';
    $end->();

    my @all_waiting = (@$waiting, @$at_a, @$at_b, @$both);
    ok until_shared($redis, \@all_waiting, \%first), 'after it: the store knows when each was first seen';
    my $first_net = $net - 4;
    ok earned($redis, '10.' . $first_net++ . '.', accepted($_)), 'and each client that has earned it'
        for $good_before, $good_half, $good_of_outage;
    shares($redis, $a, $b);
    is_in_time count(all_at($b, $at_a)), '13=' . @$at_a, 'who was seen by the one alone passes at the other';
    is_in_time count(all_at($a, $at_b)), "13=$many", 'and the other way round';
    is_in_time count(all_at($b, $waiting)), '13=' . @$waiting, 'and who was seen before';
    is_in_time count(all_at($b, $both)), "13=$many", 'and who was seen by both';
    is_in_time count(all_at($b, [map { [$_->[0], 'third@example.org', 'jane@example.net'] } @$known, @half, @first_half])),
        '12=' . (@$known + @half + @first_half), 'clients are known that earned it at the one';
    my ($of_a, $of_b) = map { exported($_) } $a, $b;
    is_in_time scalar(grep { ($of_b->{ $_->[0] } // ['none'])->[0] ne 'P' } @$at_a, @$waiting, @$both), 0, 'as the tables say';
    is_in_time scalar(grep { ($of_a->{ $_->[0] } // ['none'])->[0] ne 'P' } @$at_b), 0, 'of both';
    return $worst;
}

# outage_is(WHAT, BEGIN, END, away => whether nothing can be heard of it)
sub outage_is { my ($what, @how) = @_; tried $what => sub { waited(outage(@how), $what) } }
my ($nothing, $config) = (sub { }, sub { my @set = @_; return sub { $redis->call('CONFIG', 'SET', @$_) for @set } });
sub lateness { my $late = shift; return sub { Store::late_by($late) } }

outage_is('it answers 50 ms late', lateness(0.05), lateness(0));
outage_is('it answers 100 ms late', lateness(0.1), lateness(0), away => 1);
outage_is('it hangs', sub { $redis->signal('STOP') }, sub { $redis->signal('CONT') }, away => 1);
outage_is('it was wiped', sub { $redis->call('FLUSHALL') }, $nothing);
outage_is('it was killed, and is started empty', sub { $redis->stop }, sub { $redis->start }, away => 1);
outage_is('it was killed, and started empty at once', sub { $redis->stop; $redis->start }, $nothing);
outage_is('it is full', $config->(['maxmemory-policy', 'noeviction'], ['maxmemory', 1]), $config->(['maxmemory', 0]), away => 1);
outage_is('it asks for a password', sub { $redis->call('CONFIG', 'SET', 'requirepass', 'secret'); $redis->{password} = 'secret';
    $redis->call('CLIENT', 'KILL', 'TYPE', 'normal') }, sub { $redis->call('CONFIG', 'SET', 'requirepass', ''); delete $redis->{password} }, away => 1);
outage_is('its user may do nothing', sub { $redis->call('ACL', 'SETUSER', 'default', '-evalsha') },
    sub { $redis->call('ACL', 'SETUSER', 'default', '+evalsha') }, away => 1);
outage_is('it turns read-only, as a replica', sub { $redis->call('REPLICAOF', '127.0.0.1', 1) },
    sub { $redis->call('REPLICAOF', 'NO', 'ONE') }, away => 1);
is $_->stop, 0 for $a, $b;
done_testing;
