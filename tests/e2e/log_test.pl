# What the daemon's log says, as its readers get it: what decided, what is doubtful in the lists, and
# priorities for the journal. The last part runs beside a real systemd-journald, where there is one
# and mounts are allowed.
# usage: perl log_test.pl PATH-OF-QMAIL-GREYD TOP-OF-THE-TREE
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use Test::More;

my $program = abs_path(shift // die "usage: log_test.pl PATH-OF-QMAIL-GREYD TOP\n");
my $top = abs_path(shift // die "usage: log_test.pl PATH-OF-QMAIL-GREYD TOP\n");
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

sub fresh { unlink glob "$dir/context* $dir/white* $dir/black*"; spit("$dir/$_", '') for qw(white black) }
sub start { $daemon->start(@_, '-w', 'white', '--blacklist', 'black', "127.0.0.1\@$port", 'context') }
sub logged { my ($pattern, $name) = @_;
    ok wait_until(sub { $daemon->log =~ $pattern }), $name // "log: $pattern" or diag substr $daemon->log, -2000 }
sub lines { return split /\n/, $daemon->log }
sub said_since { my ($mark) = @_; return substr $daemon->log, $mark }

# The lines of this log that the rules for logcheck leave, as syslog would write them.
my @rules = grep { !/^\s*(#|$)/ } split /\n/, slurp("$top/etc/logcheck/qmail-greyd");
sub left_by_logcheck { my (@lines) = @_;
    my @left;
    for my $form ('Nov  6 03:06:40 mx-1 qmail-greyd[123]: ', '2026-11-26T03:56:40.123456+01:00 mx.example.net greylist.1999[7]: ') {
        spit("$dir/syslog", join '', map {"$form$_\n"} @lines);
        spit("$dir/rules", join '', map {"$_\n"} @rules);
        push @left, map { substr $_, length $form } split /\n/, `grep -vE -f $dir/rules $dir/syslog`;
        is $? & 127, 0, 'grep ran';
    }
    return @left }

subtest 'a line says what decided: wait, name, the line of a list, the key of a cdb' => sub {
    fresh();
    spit("$dir/white", "# comment\n192.0.2.1\n");
    spit("$dir/white.local", "\n.example.org\n");
    spit("$dir/black", "to:trap\@y.net\n");
    start('-m', 2, '--policy', "127.0.0.1\@$port");
    my $socket = asker($port);
    ask($socket, query('192.0.2.1', 'a@x.org', 'b@y.net'));
    logged(qr/ reason=whitelisted client=192\.0\.2\.1 .* age=0 list=white:2 source=/, 'the line of the whitelist');
    ask($socket, "I192.0.2.2\0Fa\@x.org\0Tb\@y.net\0Nmx.Example.org\0\0");
    logged(qr/ reason=whitelisted client=192\.0\.2\.2 name=mx\.Example\.org .* list=white\.local:2 /, 'the name, and the line of the local list');
    ask($socket, query('192.0.2.3', 'a@x.org', 'b@y.net', 'trap@y.net'));
    logged(qr/^verdict=defer reason=blacklisted .* age=0 list=black:1 source=/m, 'the line of the blacklist, and no wait');
    ask($socket, query('192.0.2.4', 'a@x.org', 'b@y.net')) for 1 .. 2;
    logged(qr/ reason=new .* age=0 wait=120 source=/, 'the wait of a first attempt');
    logged(qr/ reason=early .* age=(\d+) wait=\d+ source=/, 'what is left of it of a second');
    my ($age, $wait) = $daemon->log =~ / reason=early .* age=(\d+) wait=(\d+) /;
    is $age + $wait, 120, 'which is just that';
    my $postfix = mta_tcp($port);
    syswrite $postfix, request(client_address => '192.0.2.7', client_name => 'mx.example.com') . request(client_address => '192.0.2.8');
    logged(qr/ reason=new client=192\.0\.2\.7 name=mx\.example\.com sender=\S+ .* wait=120 /, 'so does the line of a policy request');
    logged(qr/ reason=new client=192\.0\.2\.8 sender=/, '"unknown" is no name');
    is $daemon->stop, 0, 'stopped';
};

subtest 'the list of the operator beside the shipped one' => sub {
    fresh();
    spit("$dir/white", "192.0.2.1\n");
    start('-m', 2);
    my $socket = asker($port);
    my $reload = sub { my $mark = length $daemon->log; $daemon->signal('HUP');
        ok wait_until(sub { said_since($mark) =~ /lists (not )?reloaded/ }), 'reloaded'; return said_since($mark) };
    is ask($socket, query('192.0.2.5', 'a', 'b')), '01', 'on no list';
    spit("$dir/white.local", "192.0.2.5\n");
    like $reload->(), qr{^info: \S+/white\.local is in force beside \S+/white$}m, 'the log says that it is read';
    is ask($socket, query('192.0.2.5', 'a', 'b')), '11', 'it is in force after HUP';
    is ask($socket, query('192.0.2.1', 'a', 'b')), '11', 'and so is the other';
    spit("$dir/white.local", "192.0.2.5\nnonsense\n");
    like $reload->(), qr{^error: lists not reloaded.*/white\.local:2: not an address}m, 'a bad line of it is an error';
    is ask($socket, query('192.0.2.5', 'a', 'b')), '11', 'the old ones stay in force';
    my $checked = `CONTROLDIR=$dir $program --check -w white 127.0.0.1 context 2>&1`;
    is $? >> 8, 111, '--check: exit 111';
    like $checked, qr{white\.local:2: not an address}, '--check names it';
    unlink "$dir/white.local";
    unlike $reload->(), qr/local/, 'without it nothing is said';
    is ask($socket, query('192.0.2.5', 'a', 'b')), '02', 'and the entry is gone';
    is $daemon->stop, 0, 'stopped';
    spit("$dir/white.local", "192.0.2.5\n");
    $daemon->start('-m', 2, "127.0.0.1\@$port", 'context');
    is ask($socket = asker($port), query('192.0.2.5', 'a', 'b')), '02', 'without --whitelist it is not read';
    is $daemon->stop, 0, 'stopped';
};

subtest 'doubtful entries are warned of at the start, on HUP and by --check, and are in force' => sub {
    fresh();
    spit("$dir/white", "10.1.2.3/8\n*.example.com\n");
    spit("$dir/black", "0.0.0.0/0\n");
    my $warned = sub { my ($text, $when) = @_;
        like $text, qr{^warning: \S+/white:1: 10\.1\.2\.3/8 is taken as 10\.0\.0\.0/8$}m, "$when: an address inside";
        like $text, qr{^warning: \S+/white:2: \*\.example\.com is taken as \.example\.com$}m, "$when: a star";
        like $text, qr{^warning: \S+/black:1: names every IPv4 client$}m, "$when: everybody" };
    start();
    $warned->($daemon->log, 'at the start');
    my $mark = length $daemon->log;
    $daemon->signal('HUP');
    ok wait_until(sub { said_since($mark) =~ /lists reloaded, 3 entries/ }), 'reloaded';
    $warned->(said_since($mark), 'on HUP');
    is ask(asker($port), query('198.51.100.1', 'a', 'b')), '05', 'all are blacklisted';
    is $daemon->stop, 0, 'stopped';
    my $checked = `CONTROLDIR=$dir $program --check -w white --blacklist=black 127.0.0.1 context 2>&1`;
    is $?, 0, '--check: exit 0';
    $warned->($checked, '--check');
};

subtest 'settings that are not the Perl program\'s are in force under its name' => sub {
    fresh();
    start('--greydaemon', '--dry-run', '--ipv4-prefix=24');
    my $socket = asker($port);
    is ask($socket, query('192.0.2.5', 'a', 'b')), '12', 'accepted, as it is a dry run';
    logged(qr/^verdict=defer reason=new client=192\.0\.2\.5 .* dry-run=yes$/m);
    ask($socket, query('192.0.2.6', 'a', 'b'));
    logged(qr/ reason=early client=192\.0\.2\.6 /, 'the prefix counts');
    is $daemon->stop, 0, 'stopped';
};

subtest 'without the journal no line has a priority; where standard error is not what it says, neither' => sub {
    fresh();
    $daemon->{env} = { JOURNAL_STREAM => '1:2' };
    spit("$dir/white", "10.0.0.1/8\n");
    start();
    ask(asker($port), query('192.0.2.5', 'a', 'b'));
    $daemon->stop;
    is_deeply [grep {/</ && !/^(verdict|info|warning)/} lines()], [], 'none';
    $daemon->{env} = {};
};

# Standard error is this file, and JOURNAL_STREAM says so: as far as the daemon can see, the journal.
sub beside_journal { my (@args) = @_;
    open my $log, '>', "$dir/journal" or die;
    my @file = stat $log;
    my $pid = fork // die;
    if ($pid == 0) {
        $ENV{CONTROLDIR} = $dir;
        $ENV{JOURNAL_STREAM} = "$file[0]:$file[1]";
        open STDERR, '>&', $log or die;
        exec 'sh', '-c', 'exec "$@"', 'sh', $program, @args or die;  # as a run script does
    }
    return $pid }

subtest 'for the journal each line has its priority, from the first to the last' => sub {
    fresh();
    spit("$dir/white", "10.0.0.1/8\n");
    $daemon->{pid} = beside_journal('-w', 'white', "127.0.0.1\@$port", 'context');
    my $journal = sub { slurp("$dir/journal") };
    ok wait_until(sub { $journal->() =~ /listening/ }), 'it runs';
    ask(asker($port), query('192.0.2.5', 'a', 'b'));
    asker($port)->send('nonsense');
    ok wait_until(sub { $journal->() =~ /bad datagram/ }), 'a bad datagram is logged';
    spit("$dir/white", "nonsense\n");
    $daemon->signal('HUP');
    ok wait_until(sub { $journal->() =~ /not reloaded/ }), 'a bad list, too';
    is $daemon->stop, 0, 'stopped';
    my %expected = (info => 6, warning => 4, error => 3);
    for (split /\n/, $journal->()) {
        my ($priority, $level) = /^<(\d)>(?:(info|warning|error): |verdict=)/ or fail("no priority: $_"), next;
        is $priority, $expected{ $level // 'info' }, $_;
    }
    for my $wrong (['--nonsense'], ['127.0.0.1', 'none/context'], ['-w', 'white', '127.0.0.1', 'context']) {
        waitpid beside_journal(@$wrong), 0;
        like $journal->(), qr/\A<2>qmail-greyd: fatal: [^\n]*\n\z/, "fatal: @$wrong";
    }
};

for my $format (qw(plain logfmt json)) {
    subtest "$format: logcheck is silent about the ordinary, and about nothing else" => sub {
        fresh();
        spit("$dir/white", "192.0.2.1\n10.0.0.1/8\n");
        spit("$dir/white.local", ".example.org\n");
        spit("$dir/the rules", "to:postmaster@ off\n192.0.2.3 min-resend 1m\n");
        start('-v', 3, "--log-format=$format", '--rules=the rules');
        my $socket = asker($port);
        ask($socket, query('192.0.2.1', 'a@x.org', 'b@y.net'));
        ask($socket, query('2001:db8::1', '', map {"user$_\@y.net"} 1 .. 20));
        ask($socket, "I192.0.2.2\0Fa b<>\"\n\@x.org\0Tb\@y.net\0Nmx.example.org\0\0");
        ask($socket, "I192.0.2.2\0Fa\0Tb\@y.net\0P\0\0");
        ask($socket, query('192.0.2.2', 'a', 'postmaster@y.net'));
        ask($socket, query('192.0.2.3', 'a', 'b@y.net'));
        logged($_) for qr/accept.*reason\W+rule\b.*rule\W+the%20rules:1\b/, qr/defer.*reason\W+new\b.*rule\W+the%20rules:2\b/;
        $socket->send('nonsense');
        logged(qr/bad datagram/);
        $daemon->signal('USR1');
        logged(qr/info.*saved/);
        $daemon->signal('USR2');
        logged(qr/info.*records waiting/);
        $daemon->signal('HUP');
        logged(qr/lists reloaded/);
        spit("$dir/white", "nonsense\n");
        $daemon->signal('HUP');
        logged(qr/not reloaded/);
        is $daemon->stop, 0, 'stopped';
        my @lines = lines();
        my @unusual = grep {/^(warning|error|\S+: fatal): |^level=(warning|error) |^\{"level":"(warning|error)"/} @lines;
        cmp_ok scalar @unusual, '>=', 3, 'there are both kinds';
        is_deeply [left_by_logcheck(@lines)], [@unusual, @unusual], 'it leaves the warnings and errors';
        my $error = 'verdict=defer reason=error client=::1 sender=a recipients=b age=0 source=local';
        my @fatal = ('qmail-greyd: fatal: unknown user: x', 'warning: 3 log lines dropped', $error, "level=info $error",
            'level=fatal program="qmail-greyd" message="unknown user: x"', '{"level":"fatal","program":"qmail-greyd","message":"unknown user: x"}',
            '{"level":"info","verdict":"defer","reason":"error","client":"::1","sender":"a","recipients":["b"],"age":0,"source":"local"}');
        is_deeply [left_by_logcheck(@fatal)], [@fatal, @fatal], 'and what ends it';
    };
}

subtest 'a real journal has the priorities' => sub {
    my $journald = '/lib/systemd/systemd-journald';
    plan skip_all => 'there is no systemd-journald' unless -x $journald && -x '/usr/bin/systemd-cat';
    plan skip_all => 'mounts are root\'s' if system('unshare -mp --fork --mount-proc true 2>/dev/null') != 0;
    fresh();
    spit("$dir/white", "10.0.0.1/8\n");
    my $script = <<'END';
set -e
dir=$1 program=$2 port=$3
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log
# It does not run without control groups, which a bare root has none of,
mountpoint -q /sys/fs/cgroup || {
  mount -t tmpfs tmpfs /sys
  mkdir -p /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}
# nor on a machine without a name, as one that was just made is.
[ -s /etc/machine-id ] || {
  cp -a /etc "$dir/etc"
  rm -f "$dir/etc/machine-id"
  tr -d - </proc/sys/kernel/random/uuid >"$dir/etc/machine-id"
  mount --bind "$dir/etc" /etc
}
/lib/systemd/systemd-journald 2>/dev/null & journald=$!
for i in $(seq 300); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
# Of systemd's units it is the manager that sets JOURNAL_STREAM.
CONTROLDIR=$dir systemd-cat -t qmail-greyd -- sh -c \
  'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"' sh "$program" -w white "127.0.0.1@$port" context & daemon=$!
all() { journalctl -D /run/log/journal -t qmail-greyd -q --no-pager "$@" 2>/dev/null; }
for i in $(seq 300); do all | grep -q listening && break; sleep 0.1; done
printf nonsense | bash -c "cat >/dev/udp/127.0.0.1/$port"
for i in $(seq 300); do all | grep -q 'bad datagram' && break; sleep 0.1; done
kill $daemon
wait $daemon
for i in $(seq 300); do all | grep -q exiting && break; sleep 0.1; done
all >"$dir/all"
all -p warning -o cat >"$dir/warnings"
kill $journald
END
    spit("$dir/script", $script);
    is system("timeout 200 unshare -mp --fork --mount-proc bash $dir/script $dir $program $port >$dir/out 2>&1"), 0, 'it ran'
        or diag slurp("$dir/out");
    my @warnings = split /\n/, slurp("$dir/warnings");
    is scalar(@warnings), 2, '-p warning shows the warnings' or diag slurp("$dir/all");
    like $warnings[0], qr{^warning: .*/white:1: }, 'that of the list';
    like $warnings[1], qr{^warning: bad datagram }, 'and of the datagram, without the prefix';
    spit("$dir/rules", join '', map {"$_\n"} @rules);
    my @left = grep { !/warning: / } split /\n/, `grep -vE -f $dir/rules $dir/all`;
    is_deeply \@left, [], 'logcheck knows the rest as the journal writes it';
};

done_testing;
