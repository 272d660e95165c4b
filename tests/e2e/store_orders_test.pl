# Two daemons and a Redis: what an administrator says to one holds for both, and each says how the
# store stands. All that takes its time is polled for.
# usage: perl store_orders_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;
use Time::HiRes ();

my ($program, $greyctl) = @ARGV;
die "usage: store_orders_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless @ARGV == 2;
my ($redis_server) = grep { -x } map {"$_/redis-server"} split /:/, $ENV{PATH};
plan skip_all => 'no redis-server' unless $redis_server;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my (%daemon, %port, $redis);
END { local $?; for ($redis, map { $_->{pid} } values %daemon) { kill KILL => $_ and waitpid $_, 0 if $_ } }

# ---- ports, Redis --------------------------------------------------------------------------------

my $next = first_port();
sub port { for (1 .. 1000) {
        $next++;
        my @free = map { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $next, Type => $_, $_ == SOCK_STREAM ? (Listen => 1) : ()) } SOCK_STREAM, SOCK_DGRAM;
        return $next if @free == grep { defined } @free and @free == 2 }
    die 'no port' }
my $redis_port = port();

sub redis_start {
    $redis = fork // die;
    if ($redis == 0) { open STDOUT, '>', '/dev/null';
        exec $redis_server, '--port', $redis_port, '--bind', '127.0.0.1', '--save', '', '--dir', $dir or die }
    wait_until(sub { (redis('PING') // '') eq '+PONG' }) or die 'no Redis' }
sub redis_stop { kill KILL => $redis; waitpid $redis, 0; undef $redis }
sub words { return join '', '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_ }
# The first line of its answer.
sub redis { my (@words) = @_;
    my $peer = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $redis_port, Type => SOCK_STREAM) or return;
    print $peer words(@words);
    my $line = <$peer> // return;
    return $line =~ s/\r\n//r }
# Orders as if a daemon had said them.
sub add { my (@texts) = @_;
    my $peer = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $redis_port, Type => SOCK_STREAM) or die "$!";
    while (my @some = splice @texts, 0, 500) {
        print $peer join '', map { words('XADD', '{greyd}:orders', '*', @{$_}) } @some;
        for (@some) { my $line = <$peer>; $line =~ /^\$/ or die "XADD: $line"; <$peer> }
    } }

# ---- daemons -------------------------------------------------------------------------------------

spit("$dir/key", "000102030405060708090a0b0c0d0e0f\n");
chmod 0600, "$dir/key";
my @store = ('--store', "redis://127.0.0.1:$redis_port", '--store-key-file', "$dir/key");
sub start { my ($name, @args) = @_;
    @args = @store unless @args;
    $port{$name} //= port();
    mkdir "$dir/$name";
    $daemon{$name} = Daemon->new(program => $program, dir => "$dir/$name", port => $port{$name});
    $daemon{$name}->start('-v', 2, '-m', 5, @args, "127.0.0.1\@$port{$name}", 'context') }
sub stop { my ($name, $signal) = @_; $daemon{$name}->stop($signal); delete $daemon{$name} }
sub greyctl { my ($name, @command) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec $greyctl, '--control', "$dir/$name/context.control", @command or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return $text }
sub status { my ($name) = @_; return decode_json(greyctl($name, 'status', '--json')) }
sub counter { my ($name, $counter) = @_; return decode_json(greyctl($name, 'stats', '--json'))->{counters}{$counter} }
sub state { my ($name) = @_; return status($name)->{store}{state} // '' }
sub member { my ($name) = @_;
    wait_until(sub { my $store = status($name)->{store}; $store->{state} eq 'member' && !$store->{healing} })
        or die "$name is no member: " . $daemon{$name}->log }
sub mail { my ($name, $client) = @_; return ask(asker($port{$name}), query($client, 'a@example.com', 'b@example.net')) }
sub comes { my ($what, $name, $client, $pattern) = @_;
    my $answer = '';
    ok wait_until(sub { ($answer = mail($name, $client)) =~ $pattern }), $what or diag "the answer is $answer" }
sub records { my ($name) = @_; return scalar(() = greyctl($name, 'list') =~ /\n/g) }
sub entries { my ($name) = @_; return scalar(() = greyctl($name, 'entries') =~ /\n/g) }
sub next_second { my $now = time; wait_until(sub { int(Time::HiRes::time()) > $now }) }
# A client that is known, as its good retry was a minute ago.
sub known { my ($name, $client) = @_;
    my $seen = time - 60;
    spit("$dir/known.json", qq({"state":"known","client":"$client","last_seen":$seen,"passes":1}\n));
    like greyctl($name, 'import', "$dir/known.json"), qr/1 taken|taken +1|1 record/, "$client is known at $name" }

my ($deferred, $allowed, $blocked, $is_known) = (qr/^0[123]$/, qr/^11$/, qr/^05$/, qr/^12$/);

redis_start();
start($_), member($_) for qw(a b);

subtest 'a client that is forgotten at one is greylisted anew at both, who waits as well' => sub {
    known($_, '192.0.2.1') for qw(a b);
    is mail('a', '192.0.2.2'), '01', 'another waits';
    is mail('b', '192.0.2.2'), '02', 'and is known to wait at the other';
    like mail('b', '192.0.2.1'), $is_known, 'the client is known';
    next_second();
    like greyctl('a', 'forget', '192.0.2.0/24'), qr/^2 records forgotten$/, 'forgotten at a';
    ok wait_until(sub { records('b') == 0 }), 'and at b';
    next_second();
    is mail('b', '192.0.2.1'), '01', 'the client is new at b';
    is mail('a', '192.0.2.1'), '02', 'and waits since then at a';
    is mail('a', '192.0.2.2'), '01', 'who waited waits anew';
};

subtest 'allow, block, unlist' => sub {
    greyctl('a', 'allow', '198.51.100.1', '--for', '1h');
    comes('allowed at a is allowed at b', 'b', '198.51.100.1', $allowed);
    like greyctl('b', 'entries'), qr/^allow 198\.51\.100\.1 .* by \S+\@\S+\.\d+, ends in (?:59m|1h)/m, 'for as long' or diag greyctl('b', 'entries');
    greyctl('b', 'block', '198.51.100.1');
    comes('blocked at b is blocked at a', 'a', '198.51.100.1', $blocked);
    greyctl('a', 'unlist', '198.51.100.1');
    comes('unlisted at a is so at b', 'b', '198.51.100.1', $deferred);
    my $peer = IO::Socket::UNIX->new(Peer => "$dir/a/context.control") or die "$!";
    print $peer qq({"command":"import","entries":[{"list":"allow","entry":"198.51.100.2","since":1700000000}]}\n);
    like scalar(<$peer>), qr/"taken":1/, 'an entry is imported at a';
    comes('and is in force at b', 'b', '198.51.100.2', $allowed);
};

subtest 'who was down hears what was said meanwhile' => sub {
    known('b', '192.0.2.3');
    greyctl('b', 'allow', '198.51.100.3');
    comes('allowed at both', 'a', '198.51.100.3', $allowed);
    stop('b', 'KILL');
    next_second();
    greyctl('a', 'forget', '192.0.2.3');
    greyctl('a', 'unlist', '198.51.100.3');
    greyctl('a', 'block', '198.51.100.4');
    ok wait_until(sub { counter('a', 'store.orders.said') >= 3 }), 'said';
    start('b');
    member('b');
    comes('it has been forgotten at b', 'b', '192.0.2.3', $deferred);
    like mail('a', '192.0.2.3'), $deferred, 'and b has not brought it back';
    comes('unlisted', 'b', '198.51.100.3', $deferred);
    comes('blocked', 'b', '198.51.100.4', $blocked);
};

subtest 'an order waits for the store, and of contradicting ones the later stands' => sub {
    greyctl('a', 'allow', '203.0.113.3');
    comes('allowed at both', 'b', '203.0.113.3', $allowed);
    known($_, '192.0.2.5') for qw(a b);
    redis_stop();
    ok wait_until(sub { state('a') eq 'alone' && state('b') eq 'alone' }), 'both are alone';
    my $status = status('a');
    ok !$status->{store}{up}, 'status: it is not up';
    like "@{$status->{problems}}", qr/store: down: 127\.0\.0\.1:$redis_port\b.*; this daemon decides alone/, 'a problem';
    like greyctl('a', 'status'), qr/^store +redis:\S+, down for .*, alone, tried once a second$/m, 'and in words';
    like greyctl('a', 'check'), qr/store: down/, 'check complains';
    ok wait_until(sub { $daemon{a}->log =~ /store: down: 127/ }), 'and the log says so' or diag $daemon{a}->log;
    greyctl('a', 'allow', '203.0.113.1');
    greyctl('b', 'block', '203.0.113.2');
    greyctl('a', 'block', '203.0.113.3');
    greyctl('a', 'forget', '192.0.2.5');
    ok wait_until(sub { slurp("$dir/a/context.orders") =~ /"forget"/ }), 'what waits is on the disk';
    stop('a', 'KILL');
    start('a');
    next_second();
    greyctl('b', 'block', '203.0.113.1');
    greyctl('a', 'allow', '203.0.113.2');
    greyctl('b', 'unlist', '203.0.113.3');
    like mail('a', '203.0.113.1'), $allowed, 'each does what it was told';
    stop('a');
    start('a');
    redis_start();
    member($_) for qw(a b);
    for my $name (qw(a b)) {
        comes("$name: blocked later", $name, '203.0.113.1', $blocked);
        comes("$name: allowed later", $name, '203.0.113.2', $allowed);
        comes("$name: unlisted later", $name, '203.0.113.3', $deferred);
        comes("$name: forgotten", $name, '192.0.2.5', $deferred);
    }
    ok wait_until(sub { $daemon{b}->log =~ /store: up.*store: (?:down.*store: up|up at \S+ \(lost)/s }), 'the log has both' or diag $daemon{b}->log;
    ok wait_until(sub { !-e "$dir/a/context.orders" }), 'nothing waits any more';
};

subtest 'what is no order is counted, and what follows is heard' => sub {
    my $refused = counter('b', 'store.orders.refused');
    add(['order', "\0\xff garbage"], ['order', 'x' x 10_000_000], ['wrong', 'field'], ['order', '{"order":"dance","at":1,"by":"x"}'],
        ['order', '{"order":"allow","at":-1,"by":"x","entry":"192.0.2.7"}'],
        ['order', '{"order":"forget","at":9000000000000,"by":"x","client":"0.0.0.0/0"}']);
    greyctl('a', 'allow', '203.0.113.9');
    comes('what was said behind them', 'b', '203.0.113.9', $allowed);
    # Who joins anew hears of the entries first.
    ok wait_until(sub { counter('b', 'store.orders.refused') - $refused >= 5 }), 'they are counted, each time that all is heard anew';
};

# What is no order stays in the store, and is counted whenever it is heard.
subtest 'what is late, or a connection that is cut, has nobody hear all anew' => sub {
    my %before = map { $_ => counter('b', $_) } qw(store.connects store.orders.refused);
    for my $try (1 .. 3) {
        known('b', '192.0.2.6');
        kill STOP => $redis;
        like mail('b', '192.0.2.8'), $deferred, 'who asks meanwhile is answered';
        kill CONT => $redis;
        like redis(qw(CLIENT KILL TYPE normal)), qr/^:[1-9]/, 'cut';
        ok wait_until(sub { counter('b', 'store.connects') >= $before{'store.connects'} + $try }), 'b comes again';
        member($_) for qw(a b);
        next_second();
        greyctl('a', 'forget', '192.0.2.6');
        comes('what was said then is heard', 'b', '192.0.2.6', $deferred);
    }
    is counter('b', 'store.orders.refused'), $before{'store.orders.refused'}, 'and nothing else again';
};

subtest 'a daemon that is new hears ten thousand orders' => sub {
    my $had = entries('a');
    my $now = time;
    add(map { my $ip = '10.' . int($_ / 65536) . '.' . int($_ / 256) % 256 . '.' . $_ % 256;
        ['order', $_ % 10 ? qq({"order":"block","at":$now,"by":"x","entry":"$ip"}) : qq({"order":"forget","at":$now,"by":"x","client":"$ip"})] } 1 .. 10000);
    start('c');
    ok wait_until(sub { entries('c') == 9000 + $had }), 'all are heard' or diag entries('c');
    comes('the last', 'c', '10.0.39.15', $blocked);
    ok wait_until(sub { entries('a') == 9000 + $had }), 'and by the others';
    stop('c');
};

subtest 'how the store stands' => sub {
    # The store may have been late while it passed on ten thousand orders: it is away then, or told again.
    my $standing = qr/^store +redis:\S+, up at 127\S+ for .*, member\n +last fault .*127\.0\.0\.1:$redis_port/m;
    ok wait_until(sub { greyctl('a', 'status') =~ $standing }), 'in words' or diag greyctl('a', 'status');
    my $store = status('a')->{store};
    is $store->{url}, "redis://127.0.0.1:$redis_port/0", 'its URL';
    is $store->{where}, "127.0.0.1:$redis_port", 'where it is';
    is $store->{state}, 'member';
    ok $store->{since} <= time && $store->{since} > time - 3600, 'since when';
    like $store->{last_fault}, qr/127\.0\.0\.1:$redis_port/, 'the last fault';
    ok $store->{last_fault_at} > time - 3600, 'and its time';
    ok wait_until(sub { !@{ status('a')->{problems} } }), 'no problem' or diag explain status('a')->{problems};
    cmp_ok counter('b', 'store.connects'), '>=', 2, 'counters';
    like greyctl('a', 'stats'), qr/store\.asked$/m, 'in words';
    start('other', @store, '-g', 11);
    ok wait_until(sub { state('other') eq 'other_policy' }), 'another policy is no member';
    like "@{status('other')->{problems}}", qr/store: up at \S+, shared under another policy \(.* there and .* here\); this daemon decides alone/, 'and says so';
    ok wait_until(sub { $daemon{other}->log =~ /another policy/ }), 'in the log, too';
    stop('other');
    start('none', '-w', '');
    ok !exists status('none')->{store}, 'who shares nothing says nothing';
    unlike greyctl('none', 'status'), qr/^store/m, 'in words neither';
    ok !grep({ /^store/ } keys %{ decode_json(greyctl('none', 'stats', '--json'))->{counters} }), 'and counts nothing';
    stop('none');
};

is $daemon{$_}->stop, 0, "$_ ends well" for qw(a b);
my @said = grep {/^info: (?:store|counters)/} split /\n/, $daemon{b}->log;
like $said[-1], qr/^info: counters .*\bstore\.asked=\d+ .*\bstore\.connect-failures\.unreachable=\d+ /, 'the log has the counters';
spit("$dir/syslog", join '', map {"Nov  6 03:06:40 mx-1 qmail-greyd[123]: $_\n"} @said);
my $rules = dirname(__FILE__) . '/../../etc/logcheck/qmail-greyd';
is `grep -v '^#' $rules | grep -vE -f - $dir/syslog`, '', 'logcheck knows these lines';
delete @daemon{qw(a b)};
done_testing();
