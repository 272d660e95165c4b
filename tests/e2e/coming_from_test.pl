# README.md's "Coming from": the commands of each row as they stand there, done to what that greylister
# has kept, by its own programs where they are here; who was known there is accepted, who was not is not.
# usage: perl coming_from_test.pl TREE PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SVCTOOL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Copy;
use File::Path 'make_path';
use File::Temp qw(tempdir);
use MtaClient 'free_port';
use POSIX qw(strftime);
use Test::More;

die "usage: coming_from_test.pl TREE PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL PATH-OF-SVCTOOL\n" unless @ARGV == 4;
my ($tree, $program, $greyctl, $svctool) = @ARGV;
my $data = "$tree/tests/data/imports";
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';
sub in_path { my ($name) = @_; my ($found) = grep { -x } map {"$_/$name"} split /:/, $ENV{PATH}; return $found }

# ---- README

my ($section) = slurp("$tree/README.md") =~ /^## Coming from\n(.*?)^## /ms;
my %row = $section =~ /^\| ([^|]+?) \| (.*) \|$/mg;
delete $row{from};
# What is in backquotes and begins with a program; `;` stands between two of them.
sub commands { my ($text) = @_; return grep {/^(?:svctool|greyctl|db5\.3_dump|mysqldump|spamdb) /} $text =~ /`([^`]+)`/g }
# The daemon's settings that a row names.
sub settings { my ($text) = @_; my ($all) = $text =~ /`(--(?:ipv4-prefix|client-passes|sender-key)[^`]*)`/; return split / /, $all // '' }

# ---- the programs that it names, each told where what it works on is in this test

my $shell = "$dir/programs";
mkdir $shell or die;
sub stand_in { my ($name, $text) = @_; spit("$shell/$name", "#!/bin/sh\n$text\n"); chmod 0755, "$shell/$name" }
# The paths that README names, below a directory of the test.
my $root = "$dir/root";
sub do_commands { my ($text, %words) = @_;
    $text =~ s/(?<![A-Za-z-])\Q$_\E(?![A-Za-z-])/$words{$_}/g for sort { length $b <=> length $a } keys %words;
    unlike $text, qr/\b[A-Z]{4,}\b/, 'each word in capitals has its own';
    $text =~ s{(?<=\s)/var/}{$root/var/}g;
    my $said = '';
    open my $out, '-|', 'sh', '-c', 'exec 2>&1; set -e; cd "$1"; PATH=$2:$PATH; ' . $text, 'sh', $dir, $shell or die;
    { local $/; $said = <$out> // '' }
    close $out;
    is $?, 0, $text =~ s/\Q$dir\E\/?//gr or diag $said;
    return $said }

# ---- a daemon at the time of the samples

my $then = 1_795_690_000;
$ENV{TZ} = 'Europe/Vienna';    # the database's
POSIX::tzset();
spit("$dir/clock", strftime("%Y-%m-%d %H:%M:%S\n", localtime $then));
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port, env => {
    LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0'});
my ($server, $svscan);
END {
    local $?;
    $daemon->stop('KILL') if $daemon && $daemon->{pid};
    if ($server) { kill KILL => $server; waitpid $server, 0 }
    stop_services();
}
stand_in('greyctl', qq(exec "$greyctl" --control "$dir/context.control" "\$@"));

# A row: what is there is made, the commands are done, and then these are answered. Before, nobody knew
# them.
sub moves_in { my ($from, $prepare, %rest) = @_;
    my $text = delete $row{$from};
    subtest $from => sub {
        ok defined $text, 'README names it' or return;
        my @commands = commands($text);
        ok scalar(@commands), 'with commands' or return;
        my %words = $prepare->();
        unlink glob "$dir/context*";
        $daemon->start(settings($text), "127.0.0.1\@$port", 'context');
        my $socket = asker($port);
        for (@{ $rest{answers} }) {
            is ask($socket, query(@{$_}[1 .. 3])), '01', "$_->[1] is unknown";
            forget($_->[1]);
        }
        like do_commands($_, %words), qr/^(?:taken: |\z)/m, 'says what was taken' for @commands;
        is ask($socket, query(@{$_}[1 .. 3])), $_->[0], join ' ', @$_ for @{ $rest{answers} };
        $daemon->stop;
        delete $daemon->{pid};
    } }
sub forget { system("'$shell/greyctl' forget '$_[0]' >/dev/null") == 0 or die 'forget' }
my @anybody = ('*', '*');

# ---- postgrey: its own databases

moves_in('postgrey', sub {
    in_path('db5.3_load') or die "FAILED: needs the package db5.3-util\n";
    my $at = "$root/var/lib/postgrey";
    make_path($at);
    my ($triplets, $clients) = slurp("$data/postgrey.db_dump") =~ /(VERSION=.*?DATA=END\n)/gs;
    for (['postgrey.db', $triplets], ['postgrey_clients.db', $clients]) {
        my ($name, $text) = @$_;
        open my $load, '|-', 'db5.3_load', "$at/$name" or die;
        print $load $text;
        close $load or die;
    }
    return () },
    answers => [['12', '203.0.113.77', 'any@x.example', 'joe@example.net'], ['12', '192.0.2.200', 'a@b.example', 'joe@example.net'],
        ['01', '192.0.2.200', 'b@b.example', 'joe@example.net']]);

{
    my ($readme) = $section =~ /^\| postgrey \| (.*) \|$/m;
    my $page = slurp("$tree/greyd/greylist-postgrey.7");
    like $page, qr/^\Q$_\E$/m, "greylist-postgrey(7) says it, too: $_" for map { split /; / } commands($readme // '');
}

# ---- tables, of a server that has read the samples

my $has_server = in_path('mariadbd') && in_path('mariadb-install-db') && in_path('mysqldump');
sub start_server {
    my $account = $> == 0 ? 'root' : getpwuid $>;
    system("mariadb-install-db --no-defaults --user=$account --datadir=$dir/data --auth-root-authentication-method=normal --skip-test-db >/dev/null") == 0 or die;
    $server = fork // die;
    if ($server == 0) {
        open STDOUT, '>', "$dir/server.log" or die;
        open STDERR, '>&', \*STDOUT;
        exec 'mariadbd', '--no-defaults', "--user=$account", "--datadir=$dir/data", "--socket=$dir/socket", '--skip-networking', "--pid-file=$dir/pid" or die;
    }
    my $client = "mariadb --no-defaults -u root -S '$dir/socket'";
    wait_until(sub { system("$client -e 'SELECT 1' >/dev/null 2>&1") == 0 }) or die slurp("$dir/server.log");
    system("$client --force <'$data/both_databases.sql'") == 0 or die;
}
if ($has_server) {
    start_server();
    stand_in('mysqldump', 'exec ' . in_path('mysqldump') . qq( --no-defaults -u root -S "$dir/socket" "\$@"));
} else {
    diag 'no mariadb-server here: the samples as they were dumped';
    stand_in('mysqldump', qq{case "\$*" in *relaytofrom) exec cat "$data/relaydelay_ansi.sql" ;; *) exec cat "$data/mysqldump.sql" ;; esac});
}
moves_in('qmail-spp with greylisting in MySQL', sub { return (DATABASE => 'greylisting') },
    answers => [['12', '192.0.2.39', q(o'brien@d.example), 'joe@example.net'], ['12', '192.0.2.40', q(o'brien+1@d.example), 'joe@example.net'],
        ['01', '192.0.2.39', 'other@d.example', 'joe@example.net'], ['05', '192.168.1.9', 'any@x.example', 'joe@example.net']]);
moves_in(q(Plesk's greylisting), sub { return (DATABASE => 'relaydelay') },
    answers => [['12', '192.0.2.2', 'p@b.example', 'joe@example.net'], ['11', '192.168.7.7', 'any@x.example', 'joe@example.net'],
        ['01', '192.0.2.2', 'q@b.example', 'joe@example.net']]);
# What that row says of a domain.
subtest 'a domain whose switch is off' => sub {
    my ($rule) = $section =~ /switch is a rule, `(to:\@domain off)`/ or return fail 'README has the rule';
    spit("$dir/rules", ($rule =~ s/\@domain/\@example.net/r) . "\n");
    $daemon->start('--rules', 'rules', "127.0.0.1\@$port", 'off');
    is ask(asker($port), query('192.0.2.1', 'a@x', 'b@example.net')), '11', 'is not greylisted';
    is ask(asker($port), query('192.0.2.1', 'a@x', 'b@example.org')), '01', 'others are';
    $daemon->stop;
    delete $daemon->{pid};
};

# ---- trees: files of no octets, with two times

sub leaf { my ($path, $seen, $first) = @_;
    make_path(dirname("$dir/$path"));
    spit("$dir/$path", '');
    utime $seen, $first, "$dir/$path" or die }
moves_in('cqGreylist', sub {
    leaf('folder/192/192.0.2.61', $then - 400, $then - 400);
    leaf('folder/192/192.0.2.62', $then - 10, $then - 10);
    return (FOLDER => "$dir/folder") },
    answers => [['12', '192.0.2.61', @anybody], ['02', '192.0.2.62', @anybody], ['01', '192.0.2.63', @anybody]]);
moves_in('jgreylist', sub {
    leaf('jgreylist/192/000/002', $then - 100, $then - 1000);
    leaf('jgreylist/198/051/100', $then - 100, $then - 100);
    return (JGREYLIST_DIR => "$dir/jgreylist") },
    answers => [['12', '192.0.2.200', @anybody], ['02', '198.51.100.200', @anybody], ['01', '192.0.3.1', @anybody]]);

# ---- texts

# spamdb runs on OpenBSD; this is what it has printed there.
stand_in('spamdb', qq(exec cat "$data/spamdb.txt"));
moves_in('spamd (OpenBSD)', sub { return () },
    answers => [['12', '192.0.2.1', 'any@x.example', 'joe@example.net'], ['05', '203.0.113.1', 'any@x.example', 'joe@example.net'],
        ['01', '192.0.2.99', 'any@x.example', 'joe@example.net']]);
moves_in(q(a list made of qmail-smtpd's logs each night), sub {
    make_path("$root/var/log/qmail/smtpd");
    copy($_, "$root/var/log/qmail/smtpd") or die for glob "$data/multilog/*";
    return () },
    answers => [['12', '192.0.2.1', 'any@x.example', 'joe@example.net'], ['01', '192.0.2.69', 'any@x.example', 'joe@example.net']]);

# ---- those whose files are read as they are, by a service that takes their place

# With the clock of this machine, as svscan starts it.
my $now = time;
my $svscan_port = free_port();
my $services = "$dir/service";
my $can_serve = $> == 0 && !grep { !in_path($_) } qw(svscan svc svok envdir setuidgid multilog);
sub stop_services {
    return unless $svscan;
    kill TERM => $svscan;
    waitpid $svscan, 0;
    for my $service (glob "$services/*") { system('svc', '-dx', $_) for grep { -d "$_/supervise" } $service, "$service/log" }
    wait_until(sub { !grep { system("svok '$_'") == 0 } map { $_, "$_/log" } glob "$services/*" });
    undef $svscan }
sub serves { my ($from, $prepare, @answers) = @_;
    my $text = delete $row{$from};
    subtest $from => sub {
        plan skip_all => 'needs root and daemontools' unless $can_serve;
        ok defined $text, 'README names it' or return;
        unless ($svscan) {
            make_path("$dir/prefix/sbin", "$dir/prefix/bin", $services);
            copy($program, "$dir/prefix/sbin/qmail-greyd") or die;
            chmod 0755, "$dir/prefix/sbin/qmail-greyd";
            symlink 'qmail-greyd', "$dir/prefix/sbin/greydaemon";
            $svscan = fork // die;
            if ($svscan == 0) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec 'svscan', $services or die }
            my $places = "--cntrldir='$dir/control' --logdir='$dir/log.d' --prefix='$dir/prefix'";
            # The sanitizer needs more address space than any limit leaves.
            $places .= ' --memory=0' if `ldd '$program'` =~ /libasan/;
            stand_in('svctool', <<"END");
case "\$*" in
    --find-supervisor) echo '--servicedir=$services' ;;
    --restart*) exec '$svctool' --servicedir='$services' "\$@" ;;
    *) exec '$svctool' --servicedir='$services' $places "\$@" ;;
esac
END
        }
        my %words = (PORT => ++$svscan_port, $prepare->());
        do_commands($_, %words) for commands($text);
        my $socket = asker($words{PORT});
        ok wait_until(sub { $socket->send(query('198.51.100.9', 'a@x', 'b@y')); IO::Select->new($socket)->can_read(0.2) && $socket->recv(my $any, 9) }), 'it answers';
        is ask($socket, query(@{$_}[1 .. 3])), $_->[0], join ' ', @$_ for @answers;
    } }
sub daemons_file { my ($path, $text) = @_;
    make_path(dirname $path);
    spit($path, $text);
    chown +(getpwnam 'daemon')[2, 3], $path, dirname $path }

serves(q(IndiMail's qmail-greyd), sub {
    # A triplet that passed there yesterday; status 5 is passed.
    daemons_file("$dir/control/greylist.context", "192.0.2.4\0s\@example.org\0" . "17\0Tjoe\@example.net\0" . ($now - 86_400) . "\0\5\n");
    # Its service, whose run starts another daemon.
    my $service = "$services/.greylist." . ($svscan_port);
    my $log = "$dir/log.d/greylist.$svscan_port";
    make_path($log);
    chown +(getpwnam 'nobody')[2, 3], $log;
    for (['', 'sleep 1000000'], ['/log', "setuidgid nobody multilog t $log"]) {
        my ($at, $command) = @$_;
        mkdir "$service$at" or die;
        spit("$service$at/run", "#!/bin/sh\nexec $command\n");
        chmod 0755, "$service$at/run";
    }
    chmod 01755, $service;
    rename $service, $service =~ s/\.(greylist\.\d+)$/$1/r or die;
    ok wait_until(sub { system("svok '$services/greylist.$svscan_port' 2>/dev/null") == 0 }), 'another daemon is there';
    return ('ITS-OPTIONS' => '--user=daemon --loguser=nobody --context-file=greylist.context --timeout-days=30') },
    ['12', '192.0.2.4', 's@example.org', 'joe@example.net'], ['01', '192.0.2.4', 't@example.org', 'joe@example.net']);
serves('greydaemon (Perl)', sub {
    daemons_file("$dir/save/greydaemon", "I $now 192.0.2.11\n");
    spit("$dir/control/white", "192.0.2.12\n");
    return ('ITS-USER' => 'daemon', 'ITS-SAVE-FILE' => "$dir/save/greydaemon", 'ITS-LIST' => "$dir/control/white") },
    ['12', '192.0.2.11', 'any@x.example', 'joe@example.net'], ['11', '192.0.2.12', 'any@x.example', 'joe@example.net'],
    ['01', '192.0.2.13', 'any@x.example', 'joe@example.net']);

is join(', ', sort keys %row), '', 'each row of README is done here';
done_testing;
