# Daemons that share a state, for tests: real Redis servers and Sentinels, hosts that are network
# namespaces, a network that loses packets, a server that is late, and who asks many questions at
# once. What the daemons take for the time passes when a test says so: each wait of a client is an
# exact number of seconds.
package Store;
use strict;
use warnings;
use Daemon;
use Exporter 'import';
use File::Spec;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(own_network hosts network lost_packets pass_time now daemon redis sentinel shares
    until_shared earned greyctl exported triplets ask_all all_at count accepted slowest
    tried is_in_time waited wait_until);
our $dir;
my ($program, $greyctl, $now, @pids, $set_clock);

sub must { my @command = @_; system(@command) == 0 or die "FAILED: @command\n" }

# ---- a network of our own ----------------------------------------------------------------------

# In namespaces of its own, which end with it: nothing is left behind, no port is anybody else's.
# Without root that takes a kernel that lets users have namespaces. Exits 77 without redis-server.
sub own_network {
    my @arguments = @_;
    if (!grep { -x "$_/redis-server" } split /:/, $ENV{PATH}) { print "skipped: redis-server is not installed\n"; exit 77 }
    if (!$ENV{GREY_OWN_NETWORK}) {
        my @own = qw(unshare --net --mount --pid --fork --kill-child --mount-proc);
        push @own, '--map-root-user' if $> != 0;
        system(@own, 'true') == 0 or die "FAILED: network namespaces need root here\n";
        $ENV{GREY_OWN_NETWORK} = 1;
        exec @own, $^X, $0, @arguments or die "FAILED: @own\n";
    }
    @arguments == 3 or die "usage: $0 PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SET-CLOCK\n";
    ($program, $greyctl, $set_clock) = map { File::Spec->rel2abs($_) } @arguments;
    must('ip', 'link', 'set', 'lo', 'up');
    $dir = tempdir(CLEANUP => 1);
    spit("$dir/key", '0123456789abcdef' x 2 . "\n");
    chmod 0600, "$dir/key";
    $now = int time;
    pass_time(0);
}
END { my $code = $?; kill KILL => @pids if @pids; waitpid $_, 0 for @pids; $? = $code }

# hosts(NAME...): each is a namespace with the address 10.78.N.2, N from 1 on, joined by us, who are
# 10.78.N.1 there and pass packets on between them.
sub hosts {
    my @names = @_;
    must('mount', '-t', 'tmpfs', 'none', '/run');
    mkdir '/run/netns';
    spit('/proc/sys/net/ipv4/ip_forward', "1\n");
    for my $i (1 .. @names) {
        my $name = $names[$i - 1];
        must('ip', 'netns', 'add', $name);
        must('ip', 'link', 'add', "to$i", 'type', 'veth', 'peer', 'name', 'out', 'netns', $name);
        must('ip', 'addr', 'add', "10.78.$i.1/24", 'dev', "to$i");
        must('ip', 'link', 'set', "to$i", 'up');
        must('ip', '-n', $name, @$_)
            for ['addr', 'add', "10.78.$i.2/24", 'dev', 'out'], ['link', 'set', 'out', 'up'],
            ['link', 'set', 'lo', 'up'], ['route', 'add', 'default', 'via', "10.78.$i.1"];
    }
}

# network(CHAIN => RULE, ...): what becomes of packets from now on; forward: between the hosts, input:
# answers to us, output: what we ask.
sub network {
    my %rules = @_;
    my $table = "table inet trouble\ndelete table inet trouble\ntable inet trouble {\n";
    $table .= "chain $_ {\n type filter hook $_ priority 0\n $rules{$_}\n}\n" for keys %rules;
    open my $nft, '|-', 'nft', '-f', '-' or die;
    print $nft "$table}\n";
    close $nft or die "FAILED: nft\n";
}

# How many packets those rules have dropped.
sub lost_packets { my $lost = 0; $lost += $_ for `nft list table inet trouble` =~ /packets (\d+)/g; return $lost }

# ---- time --------------------------------------------------------------------------------------

# The wall clock of all daemons and Redis servers: it stands, as their monotonic clocks do not.
# Sentinels have the machine's.
sub clock { return (LD_PRELOAD => $set_clock, SET_CLOCK => "$dir/clock", ASAN_OPTIONS => 'verify_asan_link_order=0') }
sub now { return $now }
sub pass_time {
    $now += shift;
    open my $clock, -e "$dir/clock" ? '+<' : '>', "$dir/clock" or die;
    syswrite $clock, pack 'q', $now;
}

# ---- servers -----------------------------------------------------------------------------------

# daemon(NAME, STORE, host => ADDRESS, on => NAMESPACE, options => [...]): one that listens there. Its
# state is in a directory of its own, which an earlier one of that name has left.
sub daemon {
    my ($name, $store, %of) = @_;
    my $home = "$dir/$name";
    mkdir $home;
    my $self = Daemon->new(program => $of{on} ? 'ip' : $program, dir => $home, host => $of{host}, env => {clock()});
    $self->{arguments} = [$of{on} ? ('netns', 'exec', $of{on}, $program) : (), '-v', 1, '--allow', '0.0.0.0/0',
        $store ? ('--store', $store, '--store-key-file', "$dir/key") : (), @{ $of{options} // [] },
        "$of{host}\@1999", 'context'];
    $self->start(@{ $self->{arguments} });
    push @pids, $self->{pid};
    return $self;
}
# Started once more, after its end.
sub Daemon::again { my ($self) = @_; $self->start(@{ $self->{arguments} }); push @pids, $self->{pid} }

# redis(PORT, host => ADDRESS, on => NAMESPACE, options => [...])
sub redis {
    my ($port, %of) = @_;
    my %clock = clock();
    # A replica takes a leap of the clock for the silence of its master.
    my $self = bless {port => $port, host => $of{host} // '127.0.0.1', log => "$dir/redis.$port.log", password => undef,
        command => [$of{on} ? ('ip', 'netns', 'exec', $of{on}) : (), 'env', (map {"$_=$clock{$_}"} sort keys %clock),
            'redis-server', '--port', $port, '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '',
            '--appendonly', 'no', '--dir', $dir, '--repl-diskless-sync-delay', 0, '--repl-timeout', 10_000_000,
            @{ $of{options} // [] }]}, 'Store::Server';
    return $self->start;
}
# sentinel(PORT, PORT OF THE MASTER): of three, two of which decide.
sub sentinel {
    my ($port, $master) = @_;
    spit("$dir/sentinel.$port", "port $port\nbind 127.0.0.1\ndir $dir\nsentinel monitor greyd 127.0.0.1 $master 2\n"
        . "sentinel down-after-milliseconds greyd 1000\nsentinel failover-timeout greyd 3000\n");
    return bless({port => $port, host => '127.0.0.1', log => "$dir/sentinel.$port.log",
        command => ['redis-sentinel', "$dir/sentinel.$port"]}, 'Store::Server')->start;
}

package Store::Server {
    use Daemon;

    sub start { my ($self) = @_;
        $self->{pid} = fork // die;
        if ($self->{pid} == 0) {
            open STDOUT, '>>', $self->{log} or die;
            open STDERR, '>&', \*STDOUT;
            exec @{ $self->{command} } or POSIX::_exit(111);
        }
        push @pids, $self->{pid};
        wait_until(sub { ($self->call('PING') // '') =~ /PONG|NOAUTH/ }) or die 'FAILED: no redis: ' . slurp($self->{log});
        return $self }
    sub signal { my ($self, $name) = @_; kill $name => $self->{pid} }
    sub stop { my ($self, $signal) = @_;
        kill $signal // 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
        @pids = grep { $_ != $self->{pid} } @pids }
    # What it answers: text, numbers, lists; of an error its text; nothing when it does not answer.
    sub call { my ($self, @words) = @_;
        my $socket = IO::Socket::IP->new(PeerHost => $self->{host}, PeerPort => $self->{port}, Timeout => 5) or return undef;
        my @calls = ($self->{password} ? ['AUTH', $self->{password}] : (), [@words]);
        my $answer;
        for my $call (@calls) {
            print $socket '*' . @$call . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @$call;
            $socket->flush;
            $answer = answer_of($socket);
        }
        return $answer }
    sub answer_of { my ($socket) = @_;
        local $/ = "\r\n";
        chomp(my $line = <$socket> // return undef);
        my $kind = substr $line, 0, 1, '';
        return $line if $kind =~ /[-+:]/;
        return undef if $line < 0;
        return [map { answer_of($socket) } 1 .. $line] if $kind eq '*';
        read $socket, my $text, $line + 2;
        return substr $text, 0, $line }
}

# late(PORT, SERVER): listens there, and passes on to the server; what that answers comes as late as
# late_by() has said last, in seconds.
sub late_by { spit("$dir/late.new", shift); rename "$dir/late.new", "$dir/late" or die }
sub late {
    my ($port, $server) = @_;
    late_by(0);
    my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Listen => 10, ReuseAddr => 1) // die "$@";
    my $pid = fork // die;
    if ($pid) { push @pids, $pid; return }
    local $SIG{PIPE} = 'IGNORE';  # who was written to may be gone
    my ($select, %peer, %is_answer, @waiting) = (IO::Select->new($listener));
    my $end = sub { for ($_[0], delete $peer{ $_[0] }) { $select->remove($_); delete $peer{$_}; close $_ } };
    while (1) {
        for my $from ($select->can_read(0.001)) {
            if ($from == $listener) {
                my ($asker, $to) = (scalar $listener->accept, IO::Socket::IP->new(PeerHost => $server->{host}, PeerPort => $server->{port}));
                if (!$to) { close $asker; next }
                ($peer{$asker}, $peer{$to}) = ($to, $asker);
                $is_answer{$to} = 1;
                $select->add($asker, $to);
            } elsif ($peer{$from}) {
                if (!sysread $from, my $bytes, 1 << 16) { $end->($from) }
                else { push @waiting, [time + ($is_answer{$from} ? slurp("$dir/late") : 0), $peer{$from}, $bytes] }
            }
        }
        my @later;
        for (@waiting) {
            if ($_->[0] > time) { push @later, $_ } elsif ($peer{ $_->[1] }) { syswrite $_->[1], $_->[2] }
        }
        @waiting = @later;
    }
}

# What the store knows of triplets: client => when it was first seen. Each has a client of its own. In
# many short calls: the daemons wait for this server meanwhile.
sub store_first {
    my ($redis) = @_;
    my (%first, $page);
    my $at = '0';
    do {
        $page = $redis->call('SCAN', $at, 'MATCH', 'g:*', 'COUNT', 500);
        return {} unless ref $page;
        $at = $page->[0];
        my @keys = @{ $page->[1] };
        my $values = @keys ? $redis->call('MGET', @keys) : [];
        return {} unless ref $values;
        for my $i (0 .. $#keys) {
            my ($client) = $keys[$i] =~ /^g:\{([^}]*)/;
            $first{$client} = (split /:/, $values->[$i] // '')[0] // '';
        }
    } until $at eq '0';
    return \%first;
}
# How many clients are known there whose addresses begin like that.
sub store_clients { my ($redis, $prefix) = @_;
    my $keys = $redis->call('KEYS', "c:{$prefix*");
    return ref $keys ? scalar @$keys : 0 }
# Waits until the store knows so many: as many as were accepted, however the try went.
sub earned {
    my ($redis, $prefix, $count) = @_;
    return 1 if wait_until(sub { store_clients($redis, $prefix) == $count });
    print "# the store has ", store_clients($redis, $prefix), " clients of $prefix that have earned it, not $count\n";
    return 0;
}
# Waits until the store knows when each of these was first seen: $first->{CLIENT}.
sub until_shared {
    my ($redis, $triplets, $first) = @_;
    my @wrong;
    return 1 if wait_until(sub {
        my $known = store_first($redis);
        @wrong = grep { ($known->{ $_->[0] } // 'nothing') ne $first->{ $_->[0] } } @$triplets;
        sleep 0.1 if @wrong;
        return !@wrong;
    });
    my $known = store_first($redis);
    print '# the store is wrong of ', scalar @wrong, "\n",
        map { "# $_->[0]: first seen $first->{ $_->[0] }, there " . ($known->{ $_->[0] } // 'unknown') . "\n" } grep {defined} @wrong[0 .. 3];
    return 0;
}

# Whether all of these are told to the store: each is asked until a client of its own is there.
my $probes = 0;
sub shares {
    my ($redis, @daemons) = @_;
    for my $daemon (@daemons) {
        wait_until(sub {
            my $client = '203.0.' . (++$probes >> 8) . '.' . ($probes & 255);
            ask_all([[$daemon, $client, 'probe@example.org', 'a@example.net']]);
            my $keys = $redis->call('KEYS', "g:{$client}:*");
            return 1 if ref $keys && @$keys;
            sleep 0.05;
            return 0;
        }) or die "FAILED: a daemon does not come to the store\n" . $daemon->log;
    }
}

sub greyctl { my ($daemon, @words) = @_;
    system("'$greyctl' --control '$daemon->{dir}/context.control' @words >'$dir/greyctl' 2>&1") == 0 or die 'FAILED: ' . slurp("$dir/greyctl") }
# What a daemon's table knows: client => class, and when first seen (or last, of those that passed).
sub exported {
    my ($daemon) = @_;
    my %known;
    for (`'$greyctl' --control '$daemon->{dir}/context.control' export --format context`) {
        $known{$3} = [$1, $2] if /^([WPB]) (\d+) (\S+) /;
    }
    return \%known;
}

# ---- asking ------------------------------------------------------------------------------------

# So many triplets, each with a client of its own: 10.NET.0.0, and so on.
sub triplets { my ($net, $count) = @_;
    return map { ["10.$net." . ($_ >> 8) . '.' . ($_ & 255), "user$_\@example.org", 'joe@example.net'] } 0 .. $count - 1 }

# ask_all([[DAEMON, CLIENT, SENDER, RECIPIENT], ...], window => ..., again => ..., rate => ..., each =>
# sub): asks all, so many at once, each until it is answered, anew when there was no answer for so many
# seconds. Returns pairs in their order: the answer's two digits, and how long it took in seconds; or
# 'none', where none came in time. `each` is called about every millisecond, with how many have been
# answered; where it says true nothing more is asked.
my $next_port = 20_000;
sub ask_all {
    my ($questions, %how) = @_;
    my ($window, $again, $rate, $each) = ($how{window} // 64, $how{again} // 1, $how{rate}, $how{each});
    my (%socket, @answers, @since, @late);
    my $select = IO::Select->new;
    my $send = sub {
        my ($i) = @_;
        my ($daemon, $client, $sender, @recipients) = @{ $questions->[$i] };
        # Of ports of its own: what was asked from here within a minute would be asked no more.
        my $socket = $socket{ $daemon->{host} } //= do {
            my $made = IO::Socket::IP->new(PeerHost => $daemon->{host}, PeerPort => 1999, LocalPort => ++$next_port,
                Proto => 'udp', Blocking => 0) // die "$@";
            $made->sockopt(IO::Socket::SO_RCVBUF(), 1 << 20);
            $select->add($made);
            $made };
        $socket->send("I$client\0F$sender\0" . join('', map {"T$_\0"} @recipients) . "Q$i\0\0");
        push @late, [$i, time + $again];
    };
    my ($next, $left, $begin, $last) = (0, scalar @$questions, time, time);
    my $over = 0;
    while ($left > 0 && time - $last < $Daemon::deadline) {
        while ($next < @$questions && $next - (@$questions - $left) < $window && (!$rate || $next < (time - $begin) * $rate)) {
            $since[$next] = time;
            $send->($next++);
        }
        for my $socket ($select->can_read(0.001)) {
            while (defined $socket->recv(my $answer, 100)) {
                my ($verdict, $reason, $i) = unpack 'CCa*', $answer;
                next if $answers[$i];
                $answers[$i] = ["$verdict$reason", time - $since[$i]];
                $left--;
                $last = time;
            }
        }
        last if $over;
        $over = 1 if $each && $each->(@$questions - $left);
        while (@late && ($answers[$late[0][0]] || $late[0][1] < time)) {
            my ($i) = @{ shift @late };
            $send->($i) if !$answers[$i];
        }
    }
    $answers[$_] //= ['none', $Daemon::deadline] for 0 .. $#$questions;
    return \@answers;
}
# "02=300 13=4": how many of each.
sub count { my ($answers) = @_;
    my %count;
    $count{ $_->[0] }++ for @$answers;
    return join ' ', map {"$_=$count{$_}"} sort keys %count }
sub accepted { return scalar grep { $_->[0] =~ /^1/ } @{ $_[0] } }
# What one daemon says of all these.
sub all_at { my ($daemon, $triplets, %how) = @_; return ask_all([map { [$daemon, @$_] } @$triplets], %how) }
sub slowest { my ($answers) = @_; my ($most) = sort { $b <=> $a } 0, map { $_->[1] } @$answers; return $most }


# ---- what a busy machine may spoil -------------------------------------------------------------

# The daemons give the store a tenth of a second. Where the machine is too busy for that they decide
# alone, which is right, but is not what is to be shown then: so what holds where the store answers in
# time is shown in one of six tries.
my @spoilt;
sub is_in_time($$$) {
    my ($got, $expected, $what) = @_;
    return pass($what) if $got eq $expected;
    push @spoilt, $what;
    note("not in this try: $what: $got, where $expected is expected");
}
# A wait that is none: 200 ms beyond what the store is given, and some.
sub waited { my ($seconds, $what) = @_;
    is_in_time($seconds < 0.4 ? 'soon' : sprintf('%.0f ms', $seconds * 1000), 'soon', "nobody waits: $what");
    note(sprintf '%s: the longest wait was %.0f ms', $what, $seconds * 1000) }
sub tried {
    my ($what, $round) = @_;
    for my $try (1 .. 6) {
        @spoilt = ();
        subtest($what, $round) && @spoilt or return;
    }
    fail("$what: not in six tries: @spoilt");
}
1;
