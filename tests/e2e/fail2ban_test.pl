# The filter and the jail for fail2ban, by fail2ban's own programs, on what the daemon has logged and
# multilog has written.
# usage: perl fail2ban_test.pl PATH-OF-QMAIL-GREYD TOP-OF-THE-TREE
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient qw(free_port);
use File::Temp qw(tempdir);
use Test::More;

my $program = abs_path(shift // die "usage: fail2ban_test.pl PATH-OF-QMAIL-GREYD TOP\n");
my $top = abs_path(shift // die "usage: fail2ban_test.pl PATH-OF-QMAIL-GREYD TOP\n");
for my $needed (qw(fail2ban-regex fail2ban-client multilog)) {
    next if grep { -x "$_/$needed" } split /:/, $ENV{PATH};
    print "skipped: $needed is not installed\n";
    exit 77;
}
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
# A directory of fail2ban's as it is, with filter and jail copied into it.
mkdir "$dir/$_" for qw(f f/filter.d f/jail.d f/action.d);
for my $place (qw(filter.d jail.d)) {
    system('cp', "$top/etc/fail2ban/$place/qmail-greyd.conf", "$dir/f/$place/") == 0 or die;
}
for my $file (qw(fail2ban.conf jail.conf paths-common.conf paths-debian.conf filter.d/common.conf)) {
    system('cp', '-L', "/etc/fail2ban/$file", "$dir/f/$file") == 0 or die;
}
system("cp -L /etc/fail2ban/action.d/* $dir/f/action.d/") == 0 or die;
my $filter = "$dir/f/filter.d/qmail-greyd.conf";

# Clients that the filter takes from these lines, as it counts them.
sub taken { my ($file) = @_;
    my $out = `fail2ban-regex -c $dir/f -o ip $file $filter 2>&1`;
    is $?, 0, 'fail2ban-regex runs' or diag $out;
    my %count;
    $count{$_}++ for split /\n/, $out;
    return \%count }

# What clients of every kind do, among them ones that would have others banned.
my %early = ('192.0.2.2' => 3, '2001:db8::2' => 2, '192.0.2.3' => 1, '192.0.2.4' => 1);
sub written { my ($name, @text) = @_; spit("$dir/$name", join '', map {"$_\n"} @text); return "$dir/$name" }
for my $format (qw(plain logfmt json)) {
    unlink glob "$dir/context*";
    $daemon->start('-m', 1, '-w', '', "--log-format=$format", "127.0.0.1\@$port", 'context');
    my $socket = asker($port);
    my $hostile = "a client=198.51.100.9 reason=early \@x.org";
    my $forged = '"}' . "\n" . '{"level":"info","verdict":"defer","reason":"early","client":"198.51.100.7","sender":"a","source":"b"}';
    ask($socket, query('192.0.2.1', 'once@x.org', 'b@y.net'));
    ask($socket, query('192.0.2.2', 'often@x.org', 'b@y.net')) for 1 .. 4;
    ask($socket, query('2001:db8::2', $hostile, 'b@y.net')) for 1 .. 3;
    ask($socket, query('192.0.2.3', 'x@x.org', "b\nverdict=defer reason=early client=198.51.100.8 source=\@y.net")) for 1 .. 2;
    ask($socket, query('192.0.2.4', $forged, $forged)) for 1 .. 2;
    ok wait_until(sub { (() = $daemon->log =~ /^[^\n]*verdict\b/mg) == 12 }), "$format: all are logged" or diag $daemon->log;
    $daemon->stop('TERM');

    my @lines = split /\n/, $daemon->log;
    system('rm', '-rf', "$dir/main") == 0 or die;
    open my $multilog, '|-', 'multilog', 't', "$dir/main" or die;
    print $multilog "$_\n" for @lines;
    close $multilog;
    is_deeply taken("$dir/main/current"), \%early, "$format: early retries in the log of multilog, and nobody else";

    for my $form ('Nov 26 03:06:40 mx-1 qmail-greyd[123]: ', '2026-11-26T03:56:40.123456+01:00 mx.example.net greylist.1999[7]: ') {
        is_deeply taken(written('syslog', map {"$form$_"} @lines)), \%early, "$format: and in syslog: $form";
    }
}

spit("$dir/f/jail.local", "[qmail-greyd]\nenabled = true\nlogpath = $dir/main/current\nbackend = polling\n");
my $dump = `fail2ban-client -c $dir/f -d 2>&1`;
is $?, 0, 'fail2ban takes filter and jail' or diag $dump;
like $dump, qr/'set', 'qmail-greyd', 'maxretry', 50/, 'with what the jail says';
like $dump, qr/'multi-set', 'qmail-greyd', 'addfailregex'|'set', 'qmail-greyd', 'addfailregex'/, 'and the filter';
done_testing();
