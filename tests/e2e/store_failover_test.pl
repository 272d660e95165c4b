# kill -9 of the Redis master under load, with three Sentinels; then one that hangs, and comes back
# believing that it still is the master.
# usage: perl store_failover_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Store;
use Test::More;
use Time::HiRes qw(sleep time);

own_network(@ARGV);
# Their replication goes by an address of its own.
my %server = map { ($_ => redis($_, options => ['--bind-source-addr', '127.0.0.5', '--replica-announce-ip', '127.0.0.1',
    $_ == 6379 ? () : ('--replicaof', '127.0.0.1 6379')])) } 6379 .. 6381;
ok wait_until(sub { $server{6379}->call('INFO', 'replication') =~ /connected_slaves:2/ && $server{6379}->call('WAIT', 2, 1000) == 2 }), 'two replicas';
my @sentinels = map { sentinel($_, 6379) } 26379 .. 26381;
sub all_know { my ($what, $how_many) = @_;
    return wait_until(sub { !grep { @{ $_->call('SENTINEL', $what, 'greyd') } != $how_many } @sentinels }) }
ok all_know('replicas', 2), 'the Sentinels know them';
ok all_know('sentinels', 2), 'and one another';
my $url = 'redis+sentinel://127.0.0.1:26379,127.0.0.1:26380,127.0.0.1:26381/greyd';
my ($first, $second) = map { daemon($_, $url, host => "127.0.0.$_") } 1, 2;
shares($server{6379}, $first, $second);

# What a Sentinel has decided since: nothing, or the new master's port and when it was said.
my $news;
sub listen_to { my ($sentinel) = @_;
    $news = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $sentinel->{port}) or die;
    print $news "SUBSCRIBE +switch-master\r\n";
    $news->flush;
    $news->blocking(0) }
# Both are there, and have asked it.
sub both_at { my ($server) = @_;
    my $list = $server->call('CLIENT', 'LIST') // '';
    return 2 == grep { /name=qmail-greyd/ && /cmd=evalsha/ } split /\n/, $list }

my ($net, $master) = (0, $server{6379});
# The one that all Sentinels name, if a replica follows it; after a try they may have gone on to another.
sub agreed_master {
    my %named = map { ($_->[1] // '' => 1) } map { $_->call('SENTINEL', 'get-master-addr-by-name', 'greyd') // [] } @sentinels;
    my ($port, @others) = keys %named;
    my $server = @others ? undef : $server{ $port // '' };
    return $server && ($server->call('INFO', 'replication') // '') =~ /role:master.*connected_slaves:[12]/s ? $server : undef }

# The master ends like that under load, and before that has acknowledged to some what no other server
# knows. Returns how long the daemons took to follow, the longest wait,
# and the new master.
sub fail_over {
    my ($end) = @_;
    listen_to($sentinels[0]);
    my @triplets = (triplets(++$net, 1000), triplets(++$net, 1000));
    my %first_seen = map { ($_->[0] => now()) } @triplets;
    network(input => 'ip daddr 127.0.0.5 tcp sport ' . $master->{port} . ' counter drop');
    my $unknown = [triplets(++$net, 200)];
    $first_seen{ $_->[0] } = now() for @$unknown;
    is_in_time count(all_at($first, $unknown)), '01=200', 'some are told to the master alone';
    pass_time(30);
    sleep 1.1;  # in which it is met
    $first_seen{ $_->[0] } = now() for @triplets;
    my ($begin, $ended, $heard, $new, $switched, $followed, $looked) = (time, 0, '', undef, undef, undef, 0);
    my $watch = sub {
        if (!$ended && time > $begin + 0.5) { $end->(); $ended = 1 }
        sysread $news, $heard, 4096, length $heard if !$switched;
        if (!$switched && $heard =~ /greyd 127\.0\.0\.1 \d+ 127\.0\.0\.1 (\d+)\r/) { ($new, $switched) = ($server{$1}, time) }
        if ($switched && !$followed && time > $looked + 0.02) { $looked = time; $followed = time if both_at($new) }
        return 0;  # it goes on
    };
    my $load = ask_all([map { [$_ % 2 ? $first : $second, @{ $triplets[$_] }] } 0 .. $#triplets], rate => 500, window => 32, each => $watch);
    is_in_time count($load), '01=' . @triplets, 'all are answered meanwhile: new';
    my $load_end = time;
    ok wait_until(sub { $watch->(); $followed }), 'the Sentinels have decided, and the daemons have followed' or return (9, 9, undef);
    note sprintf 'the Sentinels decided %.1f s after its end, of a load of %.1f s', $switched - $begin - 0.5, $load_end - $begin;
    network();
    ok until_shared($new, [@triplets, @$unknown], \%first_seen), 'the new master learns of all first attempts';
    pass_time(269);
    is accepted(all_at($second, $unknown)), 0, 'what the new master was not told is not accepted early';
    pass_time(1);
    is_in_time count(all_at($second, $unknown)), '13=200', 'but in time';
    pass_time(29);
    my @other = map { [$_ % 2 ? $second : $first, @{ $triplets[$_] }] } 0 .. $#triplets;
    is accepted(ask_all(\@other)), 0, 'none is accepted early by the other';
    pass_time(1);
    is_in_time count(ask_all(\@other)), '13=' . @triplets, 'and all are accepted by the other in time';
    return ($followed - $switched, slowest($load), $new);
}

my %ways = ('killed' => sub { $master->stop }, 'hanging' => sub { $master->signal('STOP') });
for my $way ('killed', 'hanging') {
    tried "a master $way" => sub {
        ok wait_until(sub { $master = agreed_master() }), 'there is a master with a replica';
        my ($took, $slowest, $new) = fail_over($ways{$way});
        waited($slowest, 'while the master ends');
        is_in_time($took < 1 ? 'soon' : "$took s", 'soon', 'the daemons follow within a second');
        note sprintf 'they followed after %.0f ms', $took * 1000;
        BAIL_OUT('no new master') if !$new;
        my $old = $master;
        $master = $new;
        $way eq 'killed' ? $old->start : $old->signal('CONT');
        my @triplets = triplets(++$net, 500);
        note 'the old one says: ', $old->call('INFO', 'replication') =~ /(role:\w+)/;
        is_in_time count(all_at($first, \@triplets)), '01=500', 'both go on';
        is_in_time count(all_at($second, \@triplets)), '02=500', 'with the new one';
        pass_time(300);
        is_in_time count(all_at($second, \@triplets)), '13=500', 'and accept';
    };
}
is $_->stop, 0 for $first, $second;
done_testing;
