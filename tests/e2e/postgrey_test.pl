# What greylist-postgrey(7) says: a real postgrey and the daemon with the settings that the page names
# are asked the same, in Postfix' words. Each has the same time.
# usage: perl postgrey_test.pl SOURCE-DIRECTORY PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use POSIX qw(strftime);
use MtaClient qw(mta_tcp request);
use Test::More;

my ($source, $program) = @ARGV;
defined $program or die "usage: postgrey_test.pl SOURCE-DIRECTORY PATH-OF-QMAIL-GREYD\n";
-x '/usr/sbin/postgrey' or die "FAILED: needs the package postgrey\n";
my $dir = tempdir(CLEANUP => 1);
my $lists = "$source/etc/postgrey-lists";

# ---- both, with one clock

my $now = 1_700_000_000;
sub set_clock {
    spit("$dir/clock.new", strftime("%Y-%m-%d %H:%M:%S\n", localtime $now));
    rename "$dir/clock.new", "$dir/clock" or die }
# Each another one that nobody has, below those that the system gives to who asks for any.
my $last_port = first_port();
sub next_port {
    until (IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => ++$last_port, Listen => 1)) { die 'no port' if $last_port > 32_000 }
    return $last_port }
my $udp_port = next_port();
my $port = next_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $udp_port, env => {
    LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0'});
# As the page says it of postgrey's defaults.
my %option = (MIN_RESEND_MIN => '-m', RESEND_WIN_HR => '-g', TIMEOUT_DAYS => '-t', CLIENT_PASSES => '--client-passes',
    IPV4_PREFIX => '--ipv4-prefix', SENDER_KEY => '--sender-key');
my $page = slurp("$source/greyd/greylist-postgrey.7");
my %set = $page =~ /--set ([A-Z0-9_]+)=(\S+)/g;
my @settings = map { ($option{$_}, $set{$_}) } sort keys %option;
sub start { $daemon->start(@settings, '--policy', "127.0.0.1\@$port", @_, "127.0.0.1\@$udp_port", 'context') }

my ($postgrey, $postgrey_port);
sub start_postgrey { my ($name) = @_;
    $postgrey_port = next_port();
    mkdir "$dir/$name.db" or die;
    my $user = getpwuid $>;
    my $group = getgrgid((getpwuid $>)[3]);
    $postgrey = fork // die;
    if ($postgrey == 0) {
        open STDERR, '>', "$dir/$name.log" or die;
        exec '/usr/sbin/postgrey', "--inet=127.0.0.1:$postgrey_port", "--dbdir=$dir/$name.db", "--user=$user", "--group=$group",
            "--whitelist-clients=$dir/$name/whitelist_clients", "--whitelist-recipients=$dir/$name/whitelist_recipients" or die;
    }
    wait_until(sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $postgrey_port) })
        or die 'no postgrey: ' . slurp("$dir/$name.log") }
sub stop_postgrey { kill TERM => $postgrey if $postgrey; waitpid $postgrey, 0 if $postgrey; $postgrey = undef }
END { stop_postgrey(); kill KILL => $daemon->{pid} if $daemon && $daemon->{pid} }

sub action { my ($to, %with) = @_;
    my $socket = mta_tcp($to);
    syswrite $socket, request(%with);
    my $text = '';
    while ($text !~ /\n\n/) {
        IO::Select->new($socket)->can_read($Daemon::deadline) or return 'nothing';
        sysread $socket, $text, 4096, length $text or return 'the end' }
    return $text =~ s/^action=//r =~ s/\n\n$//r }
my $instance = 0;
sub both { my (%with) = @_;
    $with{instance} //= 'message.' . ++$instance;
    return (action($postgrey_port, %with, policy_test_time => $now), action($port, %with)) }
sub kind { my ($action) = @_; return $action =~ /^DEFER_IF_PERMIT / ? 'defer' : $action =~ /^PREPEND X-Greylist: / ? 'header' : lc $action }
# What both must say to a request; or, of a difference that the page names, each.
sub agree { my ($expected, $name, %with) = @_;
    my @kinds = map { kind($_) } both(%with);
    is "@kinds", (ref $expected ? "@$expected" : "$expected $expected"), $name }
sub pass_time { $now += shift; set_clock() }

mkdir "$dir/none" or die;
spit("$dir/none/whitelist_$_", '') for 'clients', 'recipients';
set_clock();

subtest 'the first attempt, the retry, and what passes then' => sub {
    start_postgrey('none');
    start();
    my %one = (client_address => '192.0.2.1', sender => 'joe@example.org', recipient => 'ann@example.net');
    my ($there, $here) = both(%one);
    is $there, 'DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/example.net.html', 'what is said there';
    is $here, 'DEFER_IF_PERMIT Greylisted: please try again in 5 minutes', 'what is said here';
    my ($code) = both(%one, sender => 'other@example.org', etrn_domain => '');
    like $code, qr/^DEFER_IF_PERMIT 4\.2\.0 Greylisted/, 'the status code of Postfix 2.3 and later';
    pass_time(299);
    agree 'defer', 'too early', %one;
    pass_time(1);
    agree 'header', 'after five minutes, from a neighbour', %one, client_address => '192.0.2.77';
    agree 'dunno', 'it passes', %one;
    agree 'defer', 'not so another recipient', %one, recipient => 'bob@example.net';
    agree 'defer', 'a bounce', %one, sender => '';
    pass_time(300);
    agree 'header', 'the bounce again', %one, sender => '';
    agree 'defer', 'an extension of a sender', %one, sender => 'list+17-ann=example.net@example.com';
    agree 'defer', 'a number that bounces are told by', %one, sender => 'bounce-4711@example.com';
    agree 'defer', 'a signed sender', %one, sender => 'prvs=1234567890=eve@example.com';
    pass_time(300);
    agree 'header', 'another extension', %one, sender => 'list+18-ann=example.net@example.com';
    agree 'header', 'another number', %one, sender => 'bounce-4712@example.com';
    agree 'header', 'another signature', %one, sender => 'prvs=9876543210=eve@example.com';
};

subtest 'a retry after the window begins anew' => sub {
    my %one = (client_address => '198.51.100.1', sender => 'joe@example.org', recipient => 'ann@example.net');
    my %two = (%one, client_address => '203.0.113.1');
    agree 'defer', 'new', %one;
    agree 'defer', 'new', %two;
    for my $hours (16, 16, 15) { pass_time($hours * 3600); agree 'defer', "after $hours hours more", %one, sender => "h$now\@example.com" }
    agree 'header', 'within two days', %one;
    pass_time(2 * 3600);
    agree 'defer', 'after them', %two;
};

subtest 'a client is known after five triplets, an hour apart' => sub {
    my %one = (client_address => '192.0.2.130', recipient => 'ann@example.net');
    $one{client_address} = '203.0.113.130';
    for my $triplet (1 .. 5) {
        agree 'defer', "triplet $triplet", %one, sender => 'a' x $triplet . '@example.org';
        pass_time(3600);
        agree 'header', 'passes', %one, sender => 'a' x $triplet . '@example.org';
    }
    agree 'dunno', 'from then on all', %one, sender => 'zoe@example.org';
    agree ['defer', 'dunno'], 'of its neighbours only here', %one, client_address => '203.0.113.131', sender => 'yan@example.org';
};

subtest 'one client removed, by the commands of the page' => sub {
    my ($removal) = $page =~ /^(sed -i .*?\.context)$/ms or die;
    $removal =~ s/\\e/\\/g;
    $removal =~ s{/var/lib/greylist/greylist\.1999\.context}{$dir/context};
    my %known = (client_address => '203.0.113.130', recipient => 'ann@example.net', sender => 'xen@example.org');
    my %removed = (client_address => '192.0.2.1', sender => 'joe@example.org', recipient => 'ann@example.net');
    is kind(action($port, %removed)), 'dunno', 'it passes';
    is $daemon->stop, 0, 'stopped';
    is sprintf('%o', (stat "$dir/context")[2] & 0777), '600', 'the state is for its user alone';
    is system('sh', '-c', $removal), 0, 'sed';
    start();
    log_like $daemon, qr/damaged|no end/, 'the log says so';
    is scalar(() = glob "$dir/context.damaged.*"), 1, 'and a copy is kept';
    is kind(action($port, %removed)), 'defer', 'it is new';
    is kind(action($port, %known)), 'dunno', 'others are known as they were';
    is $daemon->stop, 0;
};

subtest 'the status code by POLICY_TEXT' => sub {
    my ($text) = $page =~ /^\.Dq (4\.2\.0 Greylisted, .*%t) \.$/m or die;
    start('--policy-text', $text);
    is action($port, sender => 'q@example.org'), 'DEFER_IF_PERMIT 4.2.0 Greylisted, please try again in 5 minutes', 'as the page has it';
    is $daemon->stop, 0;
    stop_postgrey();
};

subtest 'lists, taken over by postgrey-lists' => sub {
    mkdir "$dir/lists" or die;
    spit("$dir/lists/whitelist_clients", <<'END');
# a comment
example.com     # and one behind
mx1.example.org
192.0.2.1
198.51.100
10.1
203.0.113.64/26
2001:db8:1::/48
2001:db8:2::1
/^smtp\d+\.example\.edu$/
two words
END
    spit("$dir/lists/whitelist_recipients", <<'END');
postmaster@
joe@example.net
free.example.net
/^.*-list@example\.net$/
END
    my $entries = `$lists $dir/lists 2>$dir/said`;
    is $?, 0, 'postgrey-lists';
    is slurp("$dir/said"), "postgrey-lists: $dir/lists/whitelist_clients: not taken, as there is no such form: 2\n"
        . "postgrey-lists: $dir/lists/whitelist_recipients: not taken, as there is no such form: 1\n", 'it says what is missing';
    like $entries, qr{^# not taken: /\^smtp\\d\+\\\.example\\\.edu\$/$}m, 'which stands there as a comment';
    spit("$dir/white", $entries);
    unlink glob "$dir/context*";
    start_postgrey('lists');
    start('-w', 'white');
    my %one = (client_address => '233.252.0.1', sender => 'joe@example.org', recipient => 'ann@example.net');
    agree 'defer', 'who is not listed', %one;
    agree 'dunno', "the name $_", %one, client_name => $_ for qw(example.com mx.example.com MX.Example.COM a.b.example.com mx1.example.org x.mx1.example.org);
    agree 'defer', "not the name $_", %one, client_name => $_ for qw(notexample.com example.org com mx2.example.org);
    agree 'dunno', "the address $_", %one, client_address => $_
        for qw(192.0.2.1 198.51.100.1 198.51.100.255 10.1.0.7 203.0.113.64 203.0.113.127 2001:db8:1::1 2001:db8:1:ffff::1 2001:db8:2::1);
    agree 'defer', "not the address $_", %one, client_address => $_
        for qw(192.0.2.2 198.51.101.1 10.1.1.1 10.2.0.1 203.0.113.63 203.0.113.128 2001:db8:2::2 2001:db8:3::1);
    agree 'dunno', "the recipient $_", %one, recipient => $_
        for qw(postmaster@example.net PostMaster@example.org joe@example.net x@free.example.net y@sub.free.example.net);
    agree 'defer', "not the recipient $_", %one, recipient => $_ for qw(jim@example.net joe@example.org x@notfree.example.net);
    agree ['dunno', 'defer'], "$_ there alone", %one, recipient => $_ for qw(postmaster+x@example.net joe+x@example.net a-list@example.net);
    agree ['dunno', 'defer'], 'a pattern there alone', %one, client_name => 'smtp7.example.edu';
    is $daemon->stop, 0;
    stop_postgrey();
};

# postgrey passes over much that would stop the daemon: none of it may be written as an entry.
subtest 'what postgrey-lists writes is never a bad line' => sub {
    mkdir "$dir/odd" or die;
    my $odd = join "\n", qw(localhost 300.1.1.1 1:2 a:b:c/200 :::1 ::1/129 1.2.3.4.5 10.1.2.3/33 -x.example.com x-.example.com
        x..y@example.net .x@example.net foo@ @ @@ a@b@c @example.net to:x@y *@example.net com 7 a_b.example.com x@7 <x@example.net>),
        'a' x 64 . '.example.com', "a\rb", "a\0b.example.com", "tab\tx", "\xe4.example.com", '"a b"@example.net', "end\r";
    spit("$dir/odd/whitelist_$_", $odd) for 'clients', 'recipients';
    spit("$dir/white", scalar `$lists $dir/odd 2>$dir/said`);
    is `CONTROLDIR=$dir $program --check -w white 127.0.0.1\@$udp_port context 2>&1`, '', 'the daemon takes it';
    is $?, 0;
    like slurp("$dir/white"), qr/^$_$/m, "$_ is there" for '\.localhost', 'to:foo@', 'to:@com', 'to:@\.com', '\.com', 'a_b\.example\.com', '\.end';
};

subtest "Debian's own lists" => sub {
    my $entries = `$lists 2>$dir/said`;
    is $?, 0, 'postgrey-lists';
    my $patterns = () = slurp('/etc/postgrey/whitelist_clients') =~ m{^/}mg;
    like slurp("$dir/said"), qr/: $patterns$/m, 'all but patterns are taken';
    spit("$dir/white", $entries);
    start('-w', 'white');
    my @names = grep {/^[a-z].*\.[a-z]+$/} map {s/\s+$//r} split /\n/, slurp('/etc/postgrey/whitelist_clients');
    cmp_ok scalar @names, '>', 100, 'it names many';
    my $sender = 0;
    my @missing = grep { action($port, client_name => $_, sender => $sender++ . '@x') ne 'DUNNO' || action($port, client_name => "mx.$_", sender => $sender++ . '@x') ne 'DUNNO' } @names;
    is "@missing", '', 'each passes, and a host below it';
    is $daemon->stop, 0;
    $daemon->{pid} = undef;
};

for my $wrong (['--nothing', 'unknown option: --nothing'], ["$dir/nowhere", 'no whitelist_clients'], ["$dir x", 'more than one directory: x']) {
    my $said = `$lists $wrong->[0] 2>&1`;
    is $? >> 8, 100, "postgrey-lists $wrong->[0]";
    like $said, qr/^postgrey-lists: \Q$wrong->[1]\E.*\n\z/, 'in one line';
}
done_testing();
