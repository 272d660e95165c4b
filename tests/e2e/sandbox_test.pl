# What the daemon and greyctl serve have given up, tried in the real processes by a preloaded library
# (forbidden.c): when their first thread begins, and while they run.
# usage: perl sandbox_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-LIBFORBIDDEN
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use MtaClient 'free_port';
use Socket qw(SOCK_STREAM);
use Test::More;

my ($program, $greyctl, $library) = @ARGV;
die "usage: sandbox_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-LIBFORBIDDEN\n" unless @ARGV == 3;
my $root = $> == 0;
my ($nobody, $nogroup) = (getpwnam 'nobody')[2, 3];
my $sanitized = `ldd $program` =~ /libasan/;
# Of x86-64 and of all that got them later than it.
my ($create_ruleset, $add_rule, $restrict_self, $seccomp) = (444, 445, 446, 317);
my ($EPERM, $EINVAL, $ENOSYS, $ENOMEM) = (1, 22, 38, 12);
my $x86 = `uname -m` =~ /^x86_64/;
my $landlock = do { my $number = syscall($create_ruleset, 0, 0, 1); $number > 0 ? $number : 0 };
diag("skip: this kernel has no Landlock\n") unless $landlock;

# Somebody else's, that has nothing to do with it.
my $bystander = IO::Socket::IP->new(Listen => 9, LocalHost => '127.0.0.1', Type => SOCK_STREAM) // die;

my @pids;
END { local $?; kill KILL => @pids if @pids }

# A directory with the state, one that anybody may write to, and an environment.
sub place {
    my $top = tempdir(CLEANUP => 1);
    mkdir "$top/$_" or die for qw(state there lists);
    spit("$top/there/theirs", "theirs\n");
    chmod 0777, "$top/there", "$top/there/theirs";
    chmod 0755, $top, "$top/lists";
    chown $nobody, $nogroup, "$top/state" if $root;
    return $top;
}
sub environment { my ($top, %more) = @_;
    return {FORBIDDEN_LOG => "$top/tries", FORBIDDEN_AT => "$top/there", FORBIDDEN_OWN => "$top/state",
        FORBIDDEN_PORT => $bystander->sockport, LD_PRELOAD => $library,
        ASAN_OPTIONS => 'verify_asan_link_order=0', %more} }
# {WHEN => {TRY => RESULT}}
sub tries { my ($top) = @_;
    my %tries;
    for (split /\n/, slurp("$top/tries")) { my ($when, $what, $result) = split / /; $tries{$when}{$what} = $result }
    return \%tries }
sub daemon { my ($top, %more) = @_;
    return Daemon->new(program => $program, dir => $top, port => free_port(), env => environment($top, %more)) }
sub start { my ($daemon, @arguments) = @_;
    unshift @arguments, '-u', 'nobody' if $root;
    $daemon->start('-v', 2, @arguments, "127.0.0.1\@$daemon->{port}", "$daemon->{dir}/state/context");
    push @pids, $daemon->{pid} }
sub end { my ($daemon) = @_;
    my $code = $daemon->stop;
    @pids = grep { $_ != $daemon->{pid} } @pids;
    return $code }
sub on_signal { my ($top, $pid) = @_;
    kill WINCH => $pid;
    return wait_until(sub { (tries($top)->{signal} // {})->{end} }) }

my @files = qw(read-theirs read-passwd list-directory write-theirs make-file remove rename own-rename-out);
my @reads = qw(read-theirs read-passwd list-directory);
my @file_calls = qw(make-directory make-link make-pipe truncate chmod chown chdir own-link);
my @sockets = qw(socket-tcp socket-udp socket-udp6 socket-unix socket-unix-datagram socket-netlink
    socket-packet socket-raw socket-alg socket-vsock bind listen);
my @processes = qw(fork vfork exec ptrace kill setuid setgid setgroups capset keep-capabilities unshare mount
    chroot bpf io-uring userfaultfd perf-event keyctl map-code make-code);
# A leak check forks, traces, and looks at all memory.
my %of_sanitizers = map { $_ => 1 } qw(fork vfork ptrace kill keep-capabilities map-code make-code), @reads;

# That nothing of it could be done, but for what may; files apart where there is no Landlock.
sub forbidden { my ($tries, $when, %may) = @_;
    my $seen = $tries->{$when} // {};
    my @wrong = grep { !$may{$_} && !($sanitized && $of_sanitizers{$_}) && ($seen->{$_} // 'nothing') ne 'EPERM' }
        @file_calls, @sockets, @processes;
    is join(' ', map {"$_=" . ($seen->{$_} // 'nothing')} @wrong), '', "$when: each forbidden call fails by EPERM";
    isnt $seen->{connect} // '', 'done', "$when: a bystander's port is not reached";
    return unless $landlock;
    @wrong = grep { !$may{$_} && !($sanitized && $of_sanitizers{$_}) && ($seen->{$_} // 'nothing') ne 'EACCES' } @files;
    is join(' ', map {"$_=" . ($seen->{$_} // 'nothing')} @wrong), '', "$when: others' files are out of reach";
}
sub works { my ($tries, $when, @what) = @_;
    is join(' ', map {"$_=" . ($tries->{$when}{$_} // 'nothing')} @what), join(' ', map {"$_=done"} @what),
        "$when: what it needs works" }

# Of each thread.
sub has_no_privilege { my ($pid) = @_;
    for my $status (map { slurp($_) } glob "/proc/$pid/task/*/status") {
        my %is = $status =~ /^(\w+):[ \t]*(.*?)[ \t]*$/mg;
        is "$is{CapInh} $is{CapPrm} $is{CapEff} $is{CapAmb}", join(' ', ('0' x 16) x 4), 'no capability';
        is $is{CapBnd}, '0' x 16, 'nor one to be had' if $root;
        is "$is{NoNewPrivs} $is{Seccomp}", '1 2', 'no_new_privs, and seccomp';
        is $is{Groups}, '', 'no other group' if $root;
        is $is{Uid}, join("\t", ($nobody) x 4), 'the user alone' if $root;
        is $is{Gid}, join("\t", ($nogroup) x 4), 'and the group' if $root;
    } }

subtest 'the daemon has given up all that it does not need' => sub {
    my $top = place();
    my $daemon = daemon($top);
    start($daemon);
    ok on_signal($top, $daemon->{pid}), 'it tries';
    my $tries = tries($top);
    for my $when ('thread', 'signal') {
        forbidden($tries, $when);
        works($tries, $when, qw(own-make own-read own-rename own-remove own-memory rename-thread));
    }
    has_no_privilege($daemon->{pid});
    is ask(asker($daemon->{port}), query('192.0.2.1', 'a@x', 'b@y')), '01', 'and it answers';
    is end($daemon), 0, 'TERM: exit 0';
    unlike $daemon->log, qr/sandbox|unexpected/i, 'nothing is said';
    is join(' ', sort map { basename($_) } glob "$top/state/* $top/there/*"), 'context context.lock context.totals theirs';
};

subtest 'under --sandbox=off nothing is given up but privilege, and the log says so' => sub {
    my $top = place();
    my $daemon = daemon($top);
    start($daemon, '--sandbox=off');
    log_like $daemon, qr/^warning: --sandbox=off: /m;
    ok on_signal($top, $daemon->{pid}), 'it tries';
    # The tries can succeed: what fails above fails by the sandbox. (The last of them runs another
    # program if need be.)
    works(tries($top), 'thread', qw(read-theirs write-theirs rename own-rename-out));
    works(tries($top), 'signal', qw(read-passwd list-directory socket-tcp connect
        socket-unix socket-netlink fork vfork exec map-code make-code memfd));
    for my $what ('setuid', 'capset') { is tries($top)->{signal}{$what}, 'EPERM', $what }
    is end($daemon), 0;
};

# A store that is not there will do.
subtest 'with a store by its address it connects to the port of that alone' => sub {
    my $top = place();
    spit("$top/lists/key", '0123456789abcdef' x 2 . "\n");
    chmod 0600, "$top/lists/key";
    chown $nobody, $nogroup, "$top/lists/key" if $root;
    my $store = IO::Socket::IP->new(Listen => 9, LocalHost => '127.0.0.1', Type => SOCK_STREAM) // die;
    my $daemon = daemon($top);
    start($daemon, '--store', 'redis://127.0.0.1:' . $store->sockport, '--store-key-file', "$top/lists/key");
    ok on_signal($top, $daemon->{pid}), 'it tries';
    forbidden(tries($top), $_, 'socket-tcp' => 1, listen => 1, bind => 1) for 'thread', 'signal';
    is tries($top)->{signal}{bind}, 'EPERM', 'no other port is bound';
    is tries($top)->{signal}{connect}, 'EACCES', 'the port of a bystander is forbidden' if $landlock >= 4;
    ok scalar(IO::Select->new($store)->can_read($Daemon::deadline)), 'the store is connected to';
    end($daemon);
};

subtest 'with a store by its name it looks that up' => sub {
    my $top = place();
    spit("$top/lists/key", '0123456789abcdef' x 2 . "\n");
    chmod 0600, "$top/lists/key";
    chown $nobody, $nogroup, "$top/lists/key" if $root;
    my $store = IO::Socket::IP->new(Listen => 9, LocalHost => '127.0.0.1', Type => SOCK_STREAM) // die;
    my $daemon = daemon($top);
    start($daemon, '--store', 'redis://localhost:' . $store->sockport, '--store-key-file', "$top/lists/key");
    ok scalar(IO::Select->new($store)->can_read($Daemon::deadline)), 'the store is connected to';
    ok on_signal($top, $daemon->{pid}), 'it tries';
    my $seen = tries($top)->{signal};
    for my $what (qw(exec ptrace setuid bind socket-netlink socket-packet socket-alg socket-raw)) { is $seen->{$what}, 'EPERM', $what }
    is $seen->{$_}, 'EACCES', $_ for $landlock && !$sanitized ? qw(read-theirs write-theirs own-rename-out) : ();
    end($daemon);
};

subtest 'a list that is renamed into place is read on HUP, as is one behind a link' => sub {
    my $top = place();
    spit("$top/lists/white", "192.0.2.1\n");
    mkdir "$top/elsewhere";
    spit("$top/elsewhere/black", "192.0.2.3\n");
    symlink "$top/elsewhere/black", "$top/lists/black" or die;
    my $daemon = daemon($top);
    start($daemon, '-w', "$top/lists/white", '--blacklist', "$top/lists/black");
    my $socket = asker($daemon->{port});
    is ask($socket, query('192.0.2.1', 'a@x', 'b@y')), '11', 'whitelisted';
    is ask($socket, query('192.0.2.3', 'a@x', 'b@y')), '05', 'blacklisted';
    spit("$top/lists/new", "192.0.2.2\n");
    rename "$top/lists/new", "$top/lists/white" or die;
    spit("$top/lists/white.local", "192.0.2.9\n");
    spit("$top/elsewhere/new", "192.0.2.4\n");
    rename "$top/elsewhere/new", "$top/elsewhere/black" or die;
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /lists reloaded, 3 entries/ }), 'reloaded';
    is ask($socket, query('192.0.2.2', 'a@x', 'b@y')), '11', 'the new one is in force';
    is ask($socket, query('192.0.2.9', 'a@x', 'b@y')), '11', 'and what has come beside it';
    is ask($socket, query('192.0.2.4', 'a@x', 'b@y')), '05', 'and the one behind a link';
    if ($landlock && !$sanitized) {
        rename "$top/lists", "$top/lists.old" or die;
        mkdir "$top/lists";
        spit("$top/lists/white", "192.0.2.2\n");
        spit("$top/lists/black", "192.0.2.3\n");
        $daemon->signal('HUP');
        ok wait_until(sub { $daemon->log =~ m{lists not reloaded.*Permission denied; \Q$top\E/lists is not the directory .*restart} }),
            'of a directory that was made anew the log says that a restart is needed';
        is ask($socket, query('192.0.2.2', 'a@x', 'b@y')), '11', 'the lists that were read stay in force';
    }
    is end($daemon), 0;
};

subtest 'a state directory made anew needs a restart, which the log says; nothing is lost' => sub {
    plan skip_all => 'without Landlock it does not' unless $landlock;
    my $top = place();
    my $daemon = daemon($top);
    start($daemon);
    my $socket = asker($daemon->{port});
    is ask($socket, query('192.0.2.1', 'a@x', 'b@y')), '01', 'new';
    rename "$top/state", "$top/gone" or die;
    mkdir "$top/state" or die;
    chown $nobody, $nogroup, "$top/state" if $root;
    ok wait_until(sub { $daemon->log =~ m{\Q$top\E/state is not the directory that it was at the start: a restart} }), 'it is said';
    is ask($socket, query('192.0.2.1', 'a@x', 'b@y')), '02', 'answered from memory';
    rmdir "$top/state" or die 'something was written';
    rename "$top/gone", "$top/state" or die;
    ok wait_until(sub { $daemon->signal('USR1'); $daemon->log =~ /^info: saved/m }), 'when the old one is back it is written again';
    is ask($socket, query('192.0.2.2', 'a@x', 'b@y')), '01', 'another';
    rename "$top/state", "$top/gone" or die;
    mkdir "$top/state" or die;
    chown $nobody, $nogroup, "$top/state" if $root;
    is ask($socket, query('192.0.2.3', 'a@x', 'b@y')), '01', 'and one afterwards';
    is end($daemon), 111, 'at the end it cannot be saved where it belongs';
    log_like $daemon, qr{^error: .*; all 3 records are in \Q$top\E/gone/context instead}m, 'and is saved where the directory went';
    is_deeply [glob "$top/state/*"], [], 'nothing is where it may not write';
    is_deeply [map { s{.*/}{}r } glob "$top/gone/*.journal*"], [], 'no journal that says what was before';
    rmdir "$top/state" or die;
    rename "$top/gone", "$top/state" or die;
    start($daemon);
    is ask(asker($daemon->{port}), query("192.0.2.$_", 'a@x', 'b@y')), '02', "192.0.2.$_ is known to wait" for 1 .. 3;
    is end($daemon), 0;
};

subtest 'what cannot be given up stops the start' => sub {
    my @cases = (["the kernel's Landlock fails", "$restrict_self:$ENOMEM", qr/Landlock.*Cannot allocate memory/],
        ['a rule of it is refused', "$add_rule:$EINVAL", qr/keep access to .*: Invalid argument/],
        ['seccomp fails', "$seccomp:$ENOMEM", qr/seccomp.*Cannot allocate memory/]);
    for (@cases) {
        my ($name, $calls, $text) = @$_;
        next if $name !~ /^seccomp/ && !$landlock;
        my $top = place();
        my $environment = environment($top, FORBIDDEN_CALLS => $calls, CONTROLDIR => $top);
        my @environment = map {"$_=$environment->{$_}"} sort keys %$environment;
        my @user = $root ? ('-u', 'nobody') : ();
        my $said = `timeout $Daemon::deadline env @environment $program @user 127.0.0.1\@@{[free_port()]} $top/state/context 2>&1`;
        is $? >> 8, 111, "$name: exit 111";
        like $said, $text;
        ok !-e "$top/state/context.lock", 'the state was not touched';
    }
    SKIP: {
        skip 'only root has privilege to keep', 1 unless $root && -x '/usr/bin/setpriv';
        for my $lost ('setgid', 'setuid') {
            my $top = place();
            my $text = `env CONTROLDIR=$top setpriv --bounding-set -$lost --inh-caps -$lost $program -u nobody 127.0.0.1\@@{[free_port()]} $top/state/context 2>&1`;
            is $? >> 8, 111, "without the right to $lost: exit 111";
            like $text, qr/cannot become user nobody: Operation not permitted/;
        }
    }
} if $x86;

subtest 'what the kernel does not have is said once, and the rest is given up' => sub {
    my $top = place();
    my $daemon = daemon($top, FORBIDDEN_CALLS => "$create_ruleset:$ENOSYS");
    start($daemon);
    is scalar(() = $daemon->log =~ /^warning: sandbox: no Landlock/mg), 1, 'no Landlock';
    ok on_signal($top, $daemon->{pid}), 'it tries';
    is tries($top)->{signal}{$_}, 'EPERM', $_ for qw(exec socket-tcp setuid);
    is end($daemon), 0;
    $top = place();
    $daemon = daemon($top, FORBIDDEN_CALLS => "$seccomp:$ENOSYS");
    start($daemon);
    is scalar(() = $daemon->log =~ /^warning: sandbox: no seccomp/mg), 1, 'no seccomp';
    ok on_signal($top, $daemon->{pid}), 'it tries';
    is tries($top)->{signal}{$_}, 'EACCES', $_ for $landlock ? qw(write-theirs make-file) : ();
    is end($daemon), 0;
} if $x86;

subtest 'greyctl serve has given up all that it does not need' => sub {
    my $top = place();
    my $daemon = daemon($top, LD_PRELOAD => '');
    start($daemon);
    for my $off (0, 1) {
        unlink "$top/tries", "$top/serve.log";
        my $http = free_port();
        my $pid = fork // die;
        if ($pid == 0) {
            my $environment = environment($top);
            $ENV{$_} = $environment->{$_} for keys %$environment;
            open STDERR, '>', "$top/serve.log" or die;
            exec $greyctl, '--control', "$top/state/context.control", 'serve', $off ? ('--sandbox', 'off') : (), "127.0.0.1\@$http" or die;
        }
        push @pids, $pid;
        ok wait_until(sub { slurp("$top/serve.log") =~ /serving/ }), 'it serves' or BAIL_OUT slurp("$top/serve.log");
        ok on_signal($top, $pid), 'it tries';
        if ($off) {
            like slurp("$top/serve.log"), qr/^warning: --sandbox=off/m, 'off is said';
            works(tries($top), 'signal', qw(read-passwd socket-tcp connect));
        } else {
            for my $when ('thread', 'signal') {
                forbidden(tries($top), $when, 'socket-unix' => 1, 'own-rename-out' => 1);
                isnt tries($top)->{$when}{'own-make'}, 'done', 'no file is made' if $landlock;
            }
            has_no_privilege($pid);
        }
        my $client = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $http, Type => SOCK_STREAM) // die;
        print $client "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
        my $answer = do { local $/; <$client> };
        like $answer, qr/^HTTP\/1\.\d 200 .*^greyd_up 1$/ms, 'it shows the figures';
        kill TERM => $pid;
        waitpid $pid, 0;
        is $?, 0, 'TERM: exit 0';
        @pids = grep { $_ != $pid } @pids;
    }
    is end($daemon), 0;
};

done_testing;
