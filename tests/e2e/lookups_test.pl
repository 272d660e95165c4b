# Look-ups with real DNS servers: what a domain's SPF record says is learned by a process of its own,
# which dies, hangs and is lied to, while the daemon answers.
# usage: perl lookups_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SLOW-SPAWNER
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use NameServer;
use Test::More;
use Time::HiRes qw(sleep time);

my ($program, $greyctl, $slow_spawner) = @ARGV;
own_network(@ARGV);
system 'ip', 'link', 'set', 'lo', 'up';
my ($nobody, $nogroup) = (getpwnam 'nobody')[2, 3];
my $top = tempdir(CLEANUP => 1);
chmod 0755, $top;
my @pids;
END { local $?; kill KILL => @pids if @pids }

my ($port, $count) = (2000, 0);
# daemon(ARGUMENTS): one with a state of its own, asked at $daemon->{port}.
sub daemon { my (%more) = @_;
    my $dir = "$top/" . ++$count;
    mkdir $dir;
    chown $nobody, $nogroup, $dir;
    return Daemon->new(program => $program, dir => $dir, port => $port++, %more) }
sub start { my ($daemon, @arguments) = @_;
    $daemon->start('-u', 'nobody', @arguments, "127.0.0.1\@$daemon->{port}", 'context');
    push @pids, $daemon->{pid};
    $daemon->{asker} = asker($daemon->{port});
    return $daemon }
sub greyctl { my ($daemon, @words) = @_;
    my $text = `$greyctl --control $daemon->{dir}/context.control @words 2>&1`;
    return wantarray ? ($text, $? >> 8) : $text }
sub networks { my ($daemon, $domain) = @_;
    my ($text) = greyctl($daemon, 'networks', '--json', $domain);
    my $answer = eval { decode_json($text) } // {end => $text, networks => []};
    return join ' ', $answer->{end}, @{ $answer->{networks} } }
sub counter { my ($daemon, $name) = @_; return decode_json(scalar greyctl($daemon, 'stats', '--json'))->{counters}{$name} }
sub is_up { my ($daemon) = @_; return wait_until(sub { greyctl($daemon, 'status', '--json') =~ /"lookups":\{"up":true/ }) }
# [PID, COMMAND] of the daemon's processes besides itself: the spawner, and its helper.
sub parts { my ($daemon) = @_; return map { [split ' ', $_, 2] } split /\n/, `ps -o pid=,comm= --ppid $daemon->{pid}` }
sub spawner { my ($daemon) = @_; return (parts($daemon))[0][0] }
sub helper { my ($daemon) = @_;
    my $spawner = spawner($daemon) // return undef;
    my ($pid) = `ps -o pid= --ppid $spawner` =~ /(\d+)/;
    return $pid }
# Nobody may be there who takes note of it.
sub is_gone { my ($pid) = @_; return slurp("/proc/$pid/stat") !~ /\) [^Z]/ }
my $asked = 0;
sub verdict { my ($daemon, $ip) = @_; return ask($daemon->{asker}, query($ip, 'a' . ++$asked . '@x', 'b@y')) }

my @zone = (
    'there.example TXT v=spf1',
    'provider.example TXT v=spf1 include:_spf.provider.example a:out.provider.example mx -ip4:192.0.2.66 ip4:192.0.2.64/28 ~all',
    '_spf.provider.example TXT v=spf1 ip4:198.51.100.0/25 ip6:2001:db8:1::/48 -all',
    'out.provider.example A 203.0.113.5', 'out.provider.example AAAA 2001:db8::5',
    'provider.example MX 10 mx1.provider.example', 'mx1.provider.example A 203.0.113.9',
    'alias.example CNAME provider.example',
    'all.example TXT v=spf1 +all', 'wide.example TXT v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 ip6:::/0 ip4:192.0.2.1',
    'loop.example TXT v=spf1 ip4:192.0.2.1 include:loop2.example -all', 'loop2.example TXT v=spf1 include:loop.example -all',
    'self.example TXT v=spf1 redirect=self.example',
    'void.example TXT v=spf1 ip4:192.0.2.1 a:v1.example a:v2.example a:v3.example ip4:192.0.2.2',
    'two.example TXT v=spf1 ip4:192.0.2.1', 'two.example TXT v=spf1 ip4:192.0.2.2',
    'odd.example TXT v=spf1 ip4:192.0.2.1 include:%{d}.example exists:%{i}.example frob:x',
    'many.example TXT v=spf1 ' . join(' ', map {"include:m$_.example"} 1 .. 200),
    (map {"m$_.example TXT v=spf1 ip4:198.51.100.$_"} 1 .. 200),
    'hundreds.example TXT v=spf1 ' . join(' ', map {'ip4:10.' . int($_ / 128) . '.' . 2 * ($_ % 128) . '.0/24'} 0 .. 299),
    'text.example TXT something else');

my $whole = 'whole 192.0.2.64/31 192.0.2.67/32 192.0.2.68/30 192.0.2.72/29 198.51.100.0/25 203.0.113.5/32 203.0.113.9/32 2001:db8::5/128 2001:db8:1::/48';

mkdir "$top/dns";
my $dns = unbound("$top/dns", 5301, ['example'], @zone);
push @pids, $dns;
my $resolver = '--resolver=127.0.0.1@5301';

subtest 'what the SPF record of a domain says is learned, and what is wrong with it is said' => sub {
    my $daemon = start(daemon(), $resolver);
    ok is_up($daemon), 'it looks up';
    my @rows = (['provider.example', $whole], ['PROVIDER.example.', $whole], ['alias.example', $whole],
        ['all.example', 'whole'], ['wide.example', 'whole 192.0.2.1/32'], ['nowhere.example', 'no-record'],
        ['text.example', 'no-record'], ['two.example', 'several-records'], ['odd.example', 'bad-record'],
        ['loop.example', 'too-many-terms 192.0.2.1/32'], ['self.example', 'too-many-terms'],
        ['void.example', 'too-many-void 192.0.2.1/32'],
        ['many.example', 'too-many-terms ' . join ' ', map { $_ == 2 ? '198.51.100.2/31' : $_ == 4 ? '198.51.100.4/30' : $_ == 8 ? '198.51.100.8/31' : $_ == 10 ? '198.51.100.10/32' : '198.51.100.1/32' } 1, 2, 4, 8, 10]);
    is networks($daemon, $_->[0]), $_->[1], $_->[0] for @rows;
    my $hundreds = networks($daemon, 'hundreds.example');
    is scalar(split ' ', $hundreds), 257, 'of 300 networks 256';
    my ($text, $code) = greyctl($daemon, 'networks', 'provider.example');
    is $code, 0;
    like $text, qr{^provider\.example: its SPF record has been read, until \d{4}-.*\n  192\.0\.2\.64/31\n};
    is((greyctl($daemon, 'networks', 'nowhere.example'))[1], 1, 'one without: exit 1');
    is((greyctl($daemon, 'networks', 'no_dots'))[1], 100, 'what is no domain: exit 100');
    like scalar greyctl($daemon, 'status'), qr/^lookups \d+ domains are known; 0 asked for, 0 wait$/m;
    is counter($daemon, 'lookups.answered.too-many-terms'), 3, 'it is counted';
    is $daemon->stop, 0;
};

subtest 'its processes have nothing of the daemon, and end with it' => sub {
    my $daemon = start(daemon(), $resolver);
    ok is_up($daemon);
    my ($spawner, $helper) = (spawner($daemon), helper($daemon));
    is slurp("/proc/$spawner/comm"), "greyd-spawner\n";
    is slurp("/proc/$helper/comm"), "qmail-greyd-loo\n";
    my @of_daemon = map { readlink } glob "/proc/$daemon->{pid}/fd/*";
    for my $pid ($spawner, $helper) {
        my %is = slurp("/proc/$pid/status") =~ /^(\w+):[ \t]*(.*?)[ \t]*$/mg;
        is $is{Uid}, join("\t", ($nobody) x 4), 'the user alone';
        is $is{Groups}, '', 'no other group';
        is "$is{CapPrm} $is{CapEff} $is{CapBnd}", join(' ', ('0' x 16) x 3), 'no capability';
        is $is{NoNewPrivs}, 1;
        my %fds = map { basename($_) => readlink } glob "/proc/$pid/fd/*";
        is_deeply [map { $fds{$_} } 0 .. 2], [('/dev/null') x 3], 'standard descriptors are of nothing';
        my %theirs = map { $_ => 1 } grep { !/^(anon_inode|\/dev\/null)/ } @of_daemon;
        is_deeply [grep { $theirs{$_} } values %fds], [], 'no other file or socket of the daemon';
    }
    is slurp("/proc/$helper/environ"), '', 'no environment';
    $daemon->signal('KILL');
    waitpid $daemon->{pid}, 0;
    ok wait_until(sub { is_gone($spawner) && is_gone($helper) }), 'they have ended with kill -9 of the daemon';
    start($daemon, $resolver);
    ok is_up($daemon);
    ($spawner, $helper) = (spawner($daemon), helper($daemon));
    is $daemon->stop, 0;
    ok wait_until(sub { is_gone($spawner) && is_gone($helper) }), 'and at its usual end';
    unlike $daemon->log, qr/look-up/, 'about which nothing is said';
};

subtest 'a helper that is killed again and again is started anew, and the daemon answers' => sub {
    my $daemon = start(daemon(), $resolver);
    ok is_up($daemon);
    my $descriptors = () = glob "/proc/$daemon->{pid}/fd/*";
    for my $round (1 .. 4) {
        my $helper;
        ok wait_until(sub { $helper = helper($daemon) }), "round $round";
        kill KILL => $helper;
        is verdict($daemon, '192.0.2.1'), '01', 'it answers';
        ok wait_until(sub { my $next = helper($daemon); $next && $next != $helper }), 'another has begun';
        ok is_up($daemon);
        is networks($daemon, $round == 1 ? 'provider.example' : "m$round.example"), $round == 1 ? $whole : "whole 198.51.100.$round/32", 'and is asked';
    }
    is counter($daemon, 'lookups.restarts'), 4;
    log_like $daemon, qr/^warning: look-ups: its helper has ended by signal 9, and is started anew$/m;
    is scalar(() = $daemon->log =~ /its helper has ended/g), 1, 'at a bounded rate';
    cmp_ok scalar(() = glob "/proc/$daemon->{pid}/fd/*"), "<=", $descriptors, "no descriptor is lost";
    my $spawner = spawner($daemon);
    kill KILL => $spawner;
    ok wait_until(sub { $daemon->log =~ /^warning: look-ups: its processes have gone: nothing is learned until a restart$/m }), 'of a spawner that has gone it is said';
    is verdict($daemon, '192.0.2.1'), '01', 'and it answers';
    like scalar greyctl($daemon, 'status'), qr/^lookups .*; nobody to ask$/m;
    like scalar greyctl($daemon, 'check'), qr/^problem look-ups: its processes have gone$/m;
    is networks($daemon, 'two.example'), 'temporary';
    is scalar(parts($daemon)), 0, 'no process is left';
    is $daemon->stop, 0;
};

subtest 'an entry spf:domain names the networks of that domain, and a start without DNS has them' => sub {
    my $daemon = daemon();
    spit("$daemon->{dir}/white", "spf:Provider.example  # theirs\nspf:nowhere.example\n192.0.2.200\n");
    spit("$daemon->{dir}/black", "spf:m200.example\n");
    spit("$daemon->{dir}/rules", "spf:loop.example to:\@off.example off\n192.0.2.1 on\n");
    my @lists = ('-w', "$daemon->{dir}/white", '--blacklist', "$daemon->{dir}/black", '--rules', "$daemon->{dir}/rules");
    start($daemon, $resolver, @lists);
    my $rule = query('192.0.2.1', 'r@x', 'b@off.example');
    ok wait_until(sub { verdict($daemon, '192.0.2.64') eq '11' }), 'whitelisted';
    ok wait_until(sub { verdict($daemon, '198.51.100.200') eq '05' }), 'blacklisted';
    ok wait_until(sub { ask($daemon->{asker}, $rule) eq '11' }), 'a rule';
    is verdict($daemon, '2001:db8:1::7'), '11';
    is verdict($daemon, '192.0.2.66'), '01', 'who is out of it';
    is verdict($daemon, '192.0.2.200'), '11', 'another entry';
    my $shown = greyctl($daemon, 'show', '192.0.2.64');
    like $shown, qr{on the whitelist: \S+/white, line 1};
    like scalar greyctl($daemon, 'networks'), qr{^spf:provider\.example: its SPF record has been read, until .*\n  192\.0\.2\.64/31$}m;
    ok wait_until(sub { $daemon->log =~ /^warning: spf:nowhere\.example: names nobody: it has no SPF record$/m }), 'what names nobody is said';
    like scalar greyctl($daemon, 'check'), qr/^problem spf:nowhere\.example: names nobody: it has no SPF record$/m;
    like scalar greyctl($daemon, 'allow', 'spf:m150.example'), qr/^allowed spf:m150\.example$/m;
    ok wait_until(sub { verdict($daemon, '198.51.100.150') eq '11' }), 'allowed by command';
    greyctl($daemon, 'unlist', 'SPF:m150.example');
    is verdict($daemon, '198.51.100.150'), '01', 'and taken back';
    is $daemon->stop, 0;
    like slurp("$daemon->{dir}/context.networks"), qr{\Aqmail-greyd networks 1\n#.*\nloop\.example \d+ too-many-terms 3\d\d\d 192\.0\.2\.1/32\n.*^end 4\n\z}ms;
    start($daemon, '--look-ups=off', @lists);
    is verdict($daemon, '192.0.2.64'), '11', 'without look-ups: whitelisted';
    is verdict($daemon, '198.51.100.200'), '05', 'blacklisted';
    ok wait_until(sub { ask($daemon->{asker}, $rule) eq '11' }), 'a rule';
    is scalar(parts($daemon)), 0, 'no process';
    is $daemon->stop, 0;
    my $text = slurp("$daemon->{dir}/context.networks");
    $text =~ s/^m200.*\n/m200.example 1 whole 3600 0.0.0.0\/0\n/m;
    spit("$daemon->{dir}/context.networks", $text);
    start($daemon, '--look-ups=off', @lists);
    log_like $daemon, qr/^warning: \S+context\.networks:\d+: is no domain's networks; kept as \S+damaged\S+, 3 domains' networks could be read$/m;
    is verdict($daemon, '192.0.2.64'), '11', 'the good lines of a damaged file are taken';
    is verdict($daemon, '198.51.100.200'), '01';
    is $daemon->stop, 0;
};

subtest 'while the DNS is silent nobody waits for it' => sub {
    my $silent = silent(5302);
    my $daemon = daemon();
    spit("$daemon->{dir}/white", join '', map {"spf:w$_.example\n"} 1 .. 100);
    start($daemon, '--resolver=127.0.0.1@5302', '-w', "$daemon->{dir}/white");
    ok is_up($daemon);
    ok wait_until(sub { (counter($daemon, 'lookups.asked') // 0) > 0 }), 'it is asked';
    my $longest = 0;
    for (1 .. 200) {
        my $began = time;
        is verdict($daemon, "10.0.0.1"), '01' if $_ == 1;
        verdict($daemon, "10.0.0.$_");
        my $took = time - $began;
        $longest = $took if $took > $longest;
    }
    cmp_ok $longest, '<', 3, 'an answer takes no longer than the machine does';
    my $began = time;
    is((greyctl($daemon, 'networks', 'w7.example'))[1], 111, 'who asks for it is told that it is not known');
    cmp_ok time - $began, '<', 25;
    is $daemon->stop, 0;
};

subtest 'what a server that lies says makes no harm' => sub {
    my $huge = [map { my $n = $_; pack('C/a', 'v=spf1 ' . "x$n" . 'y' x 200) } 1 .. 290];
    my %lies = (
        'huge.example' => sub { $huge },
        'long.example' => sub { [join '', map { pack 'C/a', $_ } 'v=spf1 ip4:192.0.2.1 ', (('a' x 250) x 200)] },
        'cut.example' => sub { ["\xffv=spf1"] },
        'zeros.example' => sub { ["\0" x 300] },
        'empty.example' => sub { [''] },
        'nul.example' => sub { [pack 'C/a', "v=spf1 ip4:192.0.2.1\0 ip4:192.0.2.2"] },
        'noise.example' => sub { \join '', map { chr rand 256 } 1 .. 100 },
        'other.example' => sub { \(pack('n5', 0x8580, 1, 1, 0, 0) . NameServer::name_of('victim.example') . pack('nn', 16, 1) . "\xc0\x0c" . pack('nnNn/a', 16, 1, 3600, pack 'C/a', 'v=spf1 ip4:192.0.2.9')) },
        'forever.example' => sub { [pack 'C/a', 'v=spf1 include:' . int(rand 1e9) . '.forever.example'] },
        'late.example' => sub { sleep 0.5; [pack 'C/a', 'v=spf1 ip4:192.0.2.3'] });
    my $liar = liar(5303, sub { my ($name, $type) = @_;
        return [pack 'C/a', 'v=spf1 include:' . int(rand 1e9) . '.forever.example'] if $name =~ /forever/;
        return $lies{$name} && $type == 16 ? $lies{$name}->() : [] });
    push @pids, $liar;
    my $daemon = start(daemon(), '--resolver=127.0.0.1@5303');
    ok is_up($daemon);
    my %expected = ('huge.example' => qr/^several-records$/, 'long.example' => qr/^bad-record$/, 'cut.example' => qr/^(no-record|temporary)$/,
        'zeros.example' => qr/^(no-record|temporary)$/, 'empty.example' => qr/^(no-record|temporary)$/, 'nul.example' => qr/^bad-record$/,
        'noise.example' => qr/^temporary$/, 'other.example' => qr/^temporary$/, 'forever.example' => qr/^too-many-terms$/, 'late.example' => qr{^whole 192\.0\.2\.3/32$});
    like networks($daemon, $_), $expected{$_}, $_ for 'late.example', grep { $_ ne 'late.example' } sort keys %expected;
    is verdict($daemon, '192.0.2.1'), '01', 'it answers';
    is counter($daemon, 'lookups.restarts'), 0, 'its helper has lived through it';
    is counter($daemon, 'lookups.bad'), 0;
    is $daemon->stop, 0;
    kill KILL => $liar;
};

subtest 'without its program, or look-ups, a daemon says so once, and is as ever' => sub {
    mkdir "$top/bin";
    system 'cp', $program, "$top/bin/qmail-greyd";
    my $daemon = start(daemon(program => "$top/bin/qmail-greyd"), $resolver);
    is scalar(() = $daemon->log =~ /^warning: no look-ups: qmail-greyd-lookup is neither in \S+ nor in \S+$/mg), 1;
    my $checked = `'$top/bin/qmail-greyd' --check 127.0.0.1 '$top/checked' 2>&1`;
    is $?, 0, '--check: it could start';
    like $checked, qr/^warning: no look-ups: qmail-greyd-lookup is neither in \S+ nor in \S+$/, 'and what it would lack';
    is verdict($daemon, '192.0.2.1'), '01';
    is((greyctl($daemon, 'networks', 'two.example'))[1], 111);
    is scalar(parts($daemon)), 0;
    is $daemon->stop, 0;
    $daemon = start(daemon(), '--look-ups=off');
    unlike $daemon->log, qr/look-up/;
    is $daemon->stop, 0;
};

subtest 'a daemon that is killed right after its start leaves its port to the next one' => sub {
    my $daemon = start(daemon(env => {LD_PRELOAD => $slow_spawner, ASAN_OPTIONS => 'verify_asan_link_order=0'}), '--resolver', '127.0.0.1@5301');
    is $daemon->stop('KILL'), 'signal 9';
    my $next = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $daemon->{port}, Proto => 'udp');
    ok $next, 'which can have it at once' or diag $!;
};

subtest 'it asks who is in resolv.conf, and who comes there later' => sub {
    plan skip_all => 'needs root' if $ENV{GREY_NOT_ROOT};
    kill KILL => $dns;
    mkdir "$top/dns53";
    push @pids, unbound("$top/dns53", 53, ['example'], @zone);
    spit("$top/resolv.conf", "nameserver 127.0.0.1\n");
    chmod 0644, "$top/resolv.conf";
    is system('mount', '--bind', "$top/resolv.conf", '/etc/resolv.conf'), 0;
    my $daemon = start(daemon());
    ok is_up($daemon);
    is networks($daemon, 'provider.example'), $whole;
    my $helper = helper($daemon);
    spit("$top/resolv.conf", "nameserver 127.0.0.1\noptions edns0\n");
    ok wait_until(sub { my $next = helper($daemon); $next && $next != $helper }), 'begun anew when it is another';
    ok is_up($daemon);
    is networks($daemon, 'two.example'), 'several-records';
    unlike $daemon->log, qr/has ended/, 'about which nothing is said';
    is $daemon->stop, 0;
};

done_testing;
