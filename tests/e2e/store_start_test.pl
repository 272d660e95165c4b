# Starts, and --check, with a store that is not as it should be: what cannot be refuses the start in one
# line, before the state is touched; with anything else the daemon starts, decides alone, says why, and
# joins when it is mended. Real redis-server and redis-sentinel, each started here; what those of today
# do not do (an old version, another program, silence) is a mock, and is called so.
# usage: perl store_start_test.pl PATH-OF-QMAIL-GREYD PATH-OF-qmail-greyd.8    exit 77: skipped
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(_exit :sys_wait_h);
use Test::More;
use Time::HiRes qw(time sleep);

my $program = abs_path(shift // die "usage: store_start_test.pl PATH-OF-QMAIL-GREYD PATH-OF-qmail-greyd.8\n");
my $manual = slurp(shift // die "usage: store_start_test.pl PATH-OF-QMAIL-GREYD PATH-OF-qmail-greyd.8\n");
for my $needed (qw(redis-server redis-sentinel redis-cli)) {
    next if grep { -x "$_/$needed" } split /:/, $ENV{PATH};
    print "skipped: $needed is not installed\n";
    exit 77;
}
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my @ours; # processes
END { local $?; kill KILL => @ours; waitpid $_, 0 for @ours }

# A port that was not given before, below those that the system gives by itself.
my %given;
sub new_port {
    for (1 .. 1000) {
        my $number = 10000 + int rand 20000;
        next if $given{$number}++;
        return $number if IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $number, Listen => 1)
            && IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $number, Proto => 'udp');
    }
    die 'no port' }

# ---- stores ------------------------------------------------------------------------------------

sub spawn { my ($run) = @_; my $pid = fork // die; if ($pid == 0) { $run->(); _exit(111) } push @ours, $pid; return $pid }
sub cli { my ($port, @words) = @_;
    open my $out, '-|', 'redis-cli', '-p', $port, '--no-auth-warning', @words or die;
    local $/; my $text = <$out> // ''; close $out; return $text =~ s/\s+\z//r }
# A real one; its port. PING is answered, be it with NOAUTH.
sub redis { my ($port, @options) = @_;
    spawn(sub { open STDOUT, '>', "$dir/redis.$port"; exec 'redis-server', '--port', $port, '--dir', $dir,
        '--save', '', '--dbfilename', "dump.$port", @options });
    wait_until(sub { cli($port, 'PING') =~ /PONG|NOAUTH/ }) or die 'no redis: ' . slurp("$dir/redis.$port");
    return $port }
sub end { my ($pid) = @_; kill KILL => $pid; waitpid $pid, 0; @ours = grep { $_ != $pid } @ours }
# A mock: `answer` is given each command's words and gives what is sent; undef: nothing is.
sub mock { my ($answer, $greeting) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20, ReuseAddr => 1) // die;
    spawn(sub {
        while (my $client = $listener->accept) {
            next if fork;
            print $client $greeting if $greeting;
            while (defined(my $line = <$client>)) {
                next unless $line =~ /^\*(\d+)/;
                my @words;
                for (1 .. $1) { my ($size) = (<$client> // _exit(0)) =~ /(\d+)/;
                    read $client, my $word, $size + 2; push @words, substr $word, 0, $size }
                my $said = $answer->(@words);
                print $client $said if defined $said;
                $client->flush;
            }
            _exit(0);
        }
    });
    return $listener->sockport }
sub bulk { return '$' . length($_[0]) . "\r\n$_[0]\r\n" }
my $old_redis = sub { my ($command) = @_;
    return "+PONG\r\n" if $command eq 'PING';
    return bulk("redis_version:6.2.14\r\nredis_mode:standalone\r\n") if $command eq 'INFO';
    return "*3\r\n" . bulk('master') . ":0\r\n*0\r\n" if $command eq 'ROLE';
    return "+OK\r\n" };

# ---- files -------------------------------------------------------------------------------------

sub file { my ($name, $text, $mode) = @_; spit("$dir/$name", $text); chmod $mode // 0400, "$dir/$name"; return "$dir/$name" }
my $key = file('key', '00112233445566778899aabbccddeeff' . "\n");
my $state = "$dir/state"; # the control directory
mkdir $state;
sub files { my ($below) = @_; return join ' ', sort map { basename($_) } glob "$below/* $below/.[a-z]*" }

# Exit code and lines of a run that ends by itself.
sub run_to_end { my (@arguments) = @_;
    my $pid = fork // die;
    if ($pid == 0) { $ENV{CONTROLDIR} = $state; open STDERR, '>', "$dir/said"; open STDOUT, '>', '/dev/null';
        exec @arguments or _exit(126) }
    my $end = time + 60;
    while (waitpid($pid, WNOHANG) == 0) {
        if (time > $end) { kill KILL => $pid; waitpid $pid, 0; return ('hangs', slurp("$dir/said")) }
        sleep 0.01;
    }
    return ($? >> 8, split /^/, slurp("$dir/said")) }

# ---- what refuses a start ----------------------------------------------------------------------

my $port = new_port();
my @listen = ("127.0.0.1\@$port", 'context');
my @with_key = ("--store-key-file=$key");
my $url = 'redis://127.0.0.1:1'; # nobody is there: it is not asked
my @good = ("--store=$url", @with_key);
my @bad = (
    ['no URL', 100, qr{--store: a store is redis://HOST}, '--store=db1', @with_key],
    ['another scheme', 100, qr{--store: a store begins with redis://}, '--store=http://db1', @with_key],
    ['TLS', 100, qr{--store: TLS \(rediss://\) is not spoken here: have stunnel}, '--store=rediss://db1', @with_key],
    ['a password in it', 100, qr{--store: a password does not stand in the URL}, '--store=redis://grey:seCret@db1', @with_key],
    ['no host', 100, qr{--store: a host is missing}, '--store=redis://', @with_key],
    ['no port', 100, qr{--store: no port from 1 to 65535 in 'db1:70000'}, '--store=redis://db1:70000', @with_key],
    ['no database', 100, qr{--store: a database is a number}, '--store=redis://db1/mail', @with_key],
    ['two servers', 100, qr{--store: one server is named, or several Sentinels}, '--store=redis://db1,db2', @with_key],
    ['Sentinels without a name', 100, qr{--store: the Sentinels' name for the store is missing}, '--store=redis+sentinel://h1,h2', @with_key],
    ['an empty one', 100, qr{--store: the value is empty}, '--store=', @with_key],
    ['no key file', 100, qr{--store needs --store-key-file}, "--store=$url"],
    ['a key file alone', 100, qr{--store-key-file is of no use without --store}, @with_key],
    ['a password file alone', 100, qr{--store-password-file is of no use without --store}, "--store-password-file=$key"],
    ["greydaemon's rules", 100, qr{--store: under greydaemon's rules there is none}, @good, '--greydaemon'],
    ['a key file that is not there', 111, qr{the store's key, $state/nokey: No such file}, "--store=$url", '--store-key-file=nokey'],
    ['a key that anybody may read', 111, qr{the store's key, $dir/open: anybody may read it}, "--store=$url",
        '--store-key-file=' . file('open', '0' x 32, 0444)],
    ['a short key', 111, qr{the store's key, $dir/short: is not 32 hexadecimal digits}, "--store=$url",
        '--store-key-file=' . file('short', "0123\n")],
    ['a key of other letters', 111, qr{$dir/letters: is not 32 hexadecimal digits}, "--store=$url",
        '--store-key-file=' . file('letters', 'z' x 32)],
    ['a directory for a key', 111, qr{the store's key, $state: no regular file}, "--store=$url", "--store-key-file=$state"],
    ['no password file', 111, qr{the store's password, $state/nopassword: No such file}, @good, '--store-password-file=nopassword'],
    ['an empty password', 111, qr{the store's password, $dir/empty: it is empty}, @good, '--store-password-file=' . file('empty', "\n")],
    ['a password of two lines', 111, qr{$dir/two: it has more than one line}, @good, '--store-password-file=' . file('two', "a\nseCret\n")],
    ['a password that anybody may read', 111, qr{$dir/pwopen: anybody may read it}, @good,
        '--store-password-file=' . file('pwopen', "seCret\n", 0644)],
    ['a long password', 111, qr{$dir/long: it is too long}, @good, '--store-password-file=' . file('long', 'x' x 600)],
);
if ($> == 0) {
    push @bad, ["a key that the daemon's user may not read", 111, qr{$key: Permission denied}, @good, '--user=daemon'];
}
for my $row (@bad) {
    my ($what, $code, $said, @options) = @$row;
    for my $check ([], ['--check']) {
        my ($got, @lines) = run_to_end($program, @options, @$check, @listen);
        my $name = "$what @$check";
        is $got, $code, "$name: exit $code";
        is @lines, 1, "$name: one line" or diag @lines;
        like $lines[0] // '', $said, "$name: says what and where";
        unlike $lines[0] // '', qr/seCret/, "$name: no password is repeated";
    }
}
is files($state), '', 'no start that was refused has made a file';

# ---- what does not -----------------------------------------------------------------------------

my $plain = redis(new_port());
my $locked = redis(new_port(), '--requirepass', 'right');
my $replica = redis(new_port(), '--replicaof', '127.0.0.1', $plain);
my $cluster = redis(new_port(), '--cluster-enabled', 'yes', '--cluster-config-file', "$dir/nodes.conf");
my $full = redis(new_port(), '--maxmemory', '1');
my $limited = redis(new_port());
cli($limited, qw(ACL SETUSER grey on >right ~* +@all -xadd));
my $sentinel = new_port();
spit("$dir/sentinel.conf", "port $sentinel\nsentinel monitor mail 127.0.0.1 $plain 1\n");
spawn(sub { open STDOUT, '>', "$dir/sentinel.log"; exec 'redis-sentinel', "$dir/sentinel.conf" });
wait_until(sub { cli($sentinel, 'PING') eq 'PONG' }) or die "no sentinel at $sentinel: " . cli($sentinel, 'PING') . slurp("$dir/sentinel.log");
my $nobody = new_port();
my ($right, $wrong) = (file('right', "right\n"), file('wrong', "seWrong\n"));
my $web = mock(sub { undef }, "HTTP/1.0 400 Bad Request\r\n\r\n");
my $old = mock($old_redis);
my $silent = mock(sub { undef });
my $loading = mock(sub { "-LOADING Redis is loading the dataset in memory\r\n" });
my @away = (
    ['a name without an address', 'unresolved', qr{nowhere\.invalid: no address}, 'redis://nowhere.invalid'],
    ['a port where nobody is', 'unreachable', qr{127\.0\.0\.1:$nobody: Connection refused}, "redis://127.0.0.1:$nobody"],
    ['a password that is wrong', 'denied', qr{:$locked: WRONGPASS}, "redis://127.0.0.1:$locked", $wrong],
    ['no password where one is needed', 'denied', qr{:$locked: NOAUTH}, "redis://127.0.0.1:$locked"],
    ['a password where none is needed', 'denied', qr{:$plain: .*AUTH}, "redis://127.0.0.1:$plain", $right],
    ['a user who is not known', 'denied', qr{:$plain: WRONGPASS}, "redis://other\@127.0.0.1:$plain", $right],
    ['a user who lacks a right', 'denied', qr{:$limited: NOPERM .* XADD}, "redis://grey\@127.0.0.1:$limited", $right],
    ['a mock of a web server', 'no_redis', qr{:$web: }, "redis://127.0.0.1:$web"],
    ['a mock of a Redis of 6.2', 'old_version', qr{:$old: Redis 6\.2\.14 is older than 7\.0}, "redis://127.0.0.1:$old"],
    ['a mock that says nothing', 'timed_out', qr{:$silent: }, "redis://127.0.0.1:$silent"],
    ['a mock of a Redis that is loading', 'loading', qr{:$loading: LOADING}, "redis://127.0.0.1:$loading"],
    ['a replica', 'not_master', qr{:$replica: a replica, which takes no writes; its master is 127\.0\.0\.1:$plain}, "redis://127.0.0.1:$replica"],
    ['a Sentinel for a server', 'not_master', qr{:$sentinel: a Sentinel}, "redis://127.0.0.1:$sentinel"],
    ['a node of a cluster', 'cluster', qr{:$cluster: a node of a Redis Cluster}, "redis://127.0.0.1:$cluster"],
    ['one that is full', 'full', qr{:$full: OOM}, "redis://127.0.0.1:$full"],
    ['a database that it has not', 'refused', qr{:$plain: ERR DB index}, "redis://127.0.0.1:$plain/99"],
    ['a name that the Sentinel does not know', 'bad_sentinel', qr{:$sentinel: this Sentinel knows no store 'news'},
        "redis+sentinel://127.0.0.1:$sentinel/news"],
);
my %passes = map { $_ => 1 } qw(unresolved unreachable timed_out loading full);
# Each daemon has a control directory and a port of its own.
sub daemon_at { my ($name) = @_; my $own = "$dir/$name"; mkdir $own;
    return Daemon->new(program => $program, dir => $own, port => new_port()) }
sub start_at { my ($daemon, @options) = @_;
    $daemon->start(@options, "127.0.0.1\@$daemon->{port}", 'context'); push @ours, $daemon->{pid} }
sub stop_it { my ($daemon) = @_; my $code = $daemon->stop; @ours = grep { $_ != $daemon->{pid} } @ours; return $code }
sub logs { my ($daemon, $pattern, $what) = @_;
    ok wait_until(sub { $daemon->log =~ $pattern }), $what or diag $daemon->log }

# All at once, as each is watched for some seconds.
my $count = 0;
for my $row (@away) {
    my ($what, $word, $said, $at, $password) = @$row;
    my @options = ("--store=$at", @with_key, $password ? "--store-password-file=$password" : ());
    my $began = time;
    my ($code, @lines) = run_to_end($program, @options, '--check', @listen);
    is $code, 0, "$what: --check: exit 0";
    cmp_ok time - $began, '<', 15, "$what: --check: within about a second, and some for a slow machine";
    is @lines, 1, "$what: --check: one line" or diag @lines;
    like $lines[0] // '', qr/^warning: store: $word: .*$said/, "$what: --check: what and where";
    my $stays = ($lines[0] // '') =~ /that does not pass by itself/;
    is $stays ? 1 : 0, $passes{$word} ? 0 : 1, "$what: --check: whether it passes by itself";
    push @$row, my $daemon = daemon_at('away.' . ++$count);
    start_at($daemon, @options);
}
sleep 3.5; # for a line each second, if there were one
for my $row (@away) {
    my ($what, $word, $said, $daemon) = ($row->[0], $row->[1], $row->[2], $row->[-1]);
    logs($daemon, qr/^warning: store: down: .*$said/m, "$what: the daemon starts, and says why it decides alone");
    my @told = $daemon->log =~ /^.*store: .*$/mg;
    is @told, 1, "$what: once" or diag @told;
    my $asker = asker($daemon->{port});
    is substr(ask($asker, query('192.0.2.1', 'a@x.org', 'b@y.net')), 0, 2), '01', "$what: it decides alone";
    is stop_it($daemon), 0, "$what: and ends as it should";
}
is files($state), '', '--check has made no file';

# ---- it joins when that is mended --------------------------------------------------------------

my $late = daemon_at('late');
start_at($late, "--store=redis://127.0.0.1:$nobody", @with_key);
logs($late, qr/store: down: 127\.0\.0\.1:$nobody: Connection refused/, 'nobody is there');
redis($nobody);
logs($late, qr/info: store: up at 127\.0\.0\.1:$nobody$/m, 'a Redis that comes later is joined');
my $denied = daemon_at('denied');
start_at($denied, "--store=redis://127.0.0.1:$locked", @with_key, "--store-password-file=$wrong");
logs($denied, qr/store: down: .*WRONGPASS.* \(that does not pass by itself\)/, 'the password is wrong');
cli($locked, '-a', 'right', qw(CONFIG SET requirepass seWrong));
logs($denied, qr/ store: up at 127\.0\.0\.1:$locked$/m, 'a password that is set right there is enough');

# ---- one that may drop what it was told is shared all the same -----------------------------------

my $cache = redis(new_port(), '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
my @cache = ("--store=redis://127.0.0.1:$cache", @with_key);
my ($evicts, @remarks) = run_to_end($program, @cache, '--check', @listen);
is $evicts, 0, 'one that evicts: --check: exit 0';
is @remarks, 1, 'one that evicts: --check: one line' or diag @remarks;
like $remarks[0] // '', qr/^warning: store: evicts: 127\.0\.0\.1:$cache: it may drop what it was told, by its maxmemory-policy allkeys-lru; noeviction keeps it$/,
    'one that evicts: --check: what, and what would be better';
my $evicting = daemon_at('evicting');
start_at($evicting, @cache);
logs($evicting, qr/^warning: store: up at 127\.0\.0\.1:$cache, which may drop what it was told \(maxmemory-policy allkeys-lru; noeviction keeps it\)$/m,
    'one that evicts: the daemon joins, and warns');

# ---- a policy, and what is left of --check -------------------------------------------------------

is cli($plain, 'KEYS', '*'), '', 'no --check and no daemon that was refused has left a key' if wait_until(sub { cli($plain, 'KEYS', 'p:*') eq '' });
my ($code, @lines) = run_to_end($program, "--store=redis://127.0.0.1:$plain", @with_key, '--check', @listen);
is $code, 0, 'a store that is as it should be: exit 0';
is "@lines", '', 'and no word';
is cli($plain, qw(EXISTS {greyd}:policy)), '0', 'who only checks has no say in the policy';
my $first = daemon_at('first');
start_at($first, "--store=redis://127.0.0.1:$plain", @with_key);
logs($first, qr/store: up at 127\.0\.0\.1:$plain$/m, 'one shares it');
my $policy = cli($plain, qw(GET {greyd}:policy));
my @other = ('-m', 10, "--store=redis://127.0.0.1:$plain", @with_key);
($code, @lines) = run_to_end($program, @other, '--check', @listen);
is $code, 0, 'another policy: exit 0';
is @lines, 1, 'another policy: one line' or diag @lines;
like $lines[0], qr/^warning: store: other_policy: 127\.0\.0\.1:$plain: .*min-resend is 300 there and 600 here;/,
    'another policy: what differs';
is cli($plain, qw(GET {greyd}:policy)), $policy, 'and it has no say in it';
my @other_key = ("--store=redis://127.0.0.1:$plain", '--store-key-file=' . file('other', 'f' x 32));
($code, @lines) = run_to_end($program, @other_key, '--check', @listen);
is "$code " . @lines, '0 1', 'the key of another cluster: exit 0, one line' or diag @lines;
like $lines[0], qr/^warning: store: other_key: 127\.0\.0\.1:$plain: others share it under another key; that does not pass/,
    'the key of another cluster: named as such';
unlike $lines[0], qr/ffff|0011/, 'and no key is shown';
my $second = daemon_at('second');
start_at($second, @other);
logs($second, qr/warning: store: up at \S+, shared under another policy/, 'a daemon with another policy says so');
my $socket = asker($second->{port});
is substr(ask($socket, query('192.0.2.7', 'a@x.org', 'b@y.net')), 0, 2), '01', 'and decides alone';
stop_it($second);
stop_it($first);

# ---- the user of the manual ----------------------------------------------------------------------

my ($rights) = $manual =~ /^ACL SETUSER greyd (on .*?)^\.Ed/ms;
ok $rights, 'the manual says what a user needs' or BAIL_OUT('no rights');
$rights =~ s/PASSWORD/right/;
cli($limited, qw(ACL SETUSER greyd reset), split ' ', $rights);
my @as_greyd = ("--store=redis://greyd\@127.0.0.1:$limited", @with_key, "--store-password-file=$right", '-m', 0);
($code, @lines) = run_to_end($program, @as_greyd, '--check', @listen);
is "$code @lines", '0 ', 'that user may do all that is asked for';
cli($limited, qw(ACL LOG RESET));
my ($a, $b) = (daemon_at('a'), daemon_at('b'));
for my $daemon ($a, $b) {
    start_at($daemon, @as_greyd);
    logs($daemon, qr/store: up at 127\.0\.0\.1:$limited$/m, 'as that user the state is shared');
}
my $retry = query('192.0.2.3', 'a@x.org', 'b@y.net');
is substr(ask(asker($a->{port}), $retry), 0, 2), '01', 'who is deferred by one';
is substr(ask(asker($b->{port}), $retry), 0, 2), '13', 'is accepted by the other';
is cli($limited, 'ACL', 'LOG'), '', 'and nothing was refused to it' or diag cli($limited, 'ACL', 'LOG');
for my $right (grep { /^\+/ } split ' ', $rights) {
    my $without = '-' . substr $right, 1;
    next if $right =~ /select|setname/; # of a database, and a name that it can do without
    cli($limited, qw(ACL SETUSER greyd), $without);
    ($code, @lines) = run_to_end($program, @as_greyd, '--check', @listen);
    is @lines, 1, "without $right: one line" or diag @lines;
    my ($named) = $right =~ /(\w+)$/;
    like $lines[0] // '', qr/^warning: store: denied: .*$named/i, "without $right: which is named";
    cli($limited, qw(ACL SETUSER greyd), $right);
}
stop_it($_) for $a, $b, $late, $denied;
done_testing;
