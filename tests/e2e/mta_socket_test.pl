# The unix socket of policy requests, where others may write to its directory or lead the way to it
# elsewhere. usage: perl mta_socket_test.pl PATH-OF-QMAIL-GREYD PATH-OF-PLANTED-LINK
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

my ($program, $planted_link) = @ARGV;
die "usage: mta_socket_test.pl PATH-OF-QMAIL-GREYD PATH-OF-PLANTED-LINK\n" unless defined $planted_link;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
my $plants;
END { local $?; kill KILL => $plants if $plants; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

my (undef, undef, $uid, $gid) = getpwnam 'nobody';
sub refused { my ($path, $why, $name) = @_;
    my $out = `CONTROLDIR=$dir timeout 20 $program --policy=$path 127.0.0.1\@$port other 2>&1`;
    is $? >> 8, 111, $name;
    like $out, qr/^qmail-greyd: fatal: cannot listen on \Q$path\E: $why$/, 'and says why' }

subtest 'root changes no file that a link points to, whoever owns the directory' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $theirs = "$dir/theirs";
    mkdir $theirs;
    chown $uid, $gid, $theirs;
    spit("$dir/secret", 'secret');
    chmod 0600, "$dir/secret";
    my $socket = "$theirs/policy";
    # Another user puts a link in the socket's place whenever there is one, or nothing.
    $plants = fork // die;
    if ($plants == 0) { POSIX::setgid($gid); POSIX::setuid($uid); while (1) { unlink $socket; symlink "$dir/secret", $socket; rename $socket, "$theirs/old" } }
    my $started = 0;
    for my $n (1 .. 60) {
        my $pid = fork // die;
        if ($pid == 0) { $ENV{CONTROLDIR} = $dir; open STDERR, '>', "$dir/log.plants"; exec $program, '--policy', $socket, "127.0.0.1\@$port", 'planted' or die }
        wait_until(sub { slurp("$dir/log.plants") =~ /listening on|fatal/ });
        ++$started if slurp("$dir/log.plants") =~ /listening on/;
        kill TERM => $pid;
        waitpid $pid, 0;
    }
    kill KILL => $plants;
    waitpid $plants, 0;
    $plants = 0;
    is((stat "$dir/secret")[2] & 07777, 0600, "a file of root's keeps its mode ($started of 60 starts)");
    is slurp("$dir/secret"), 'secret', 'and its content';
    unlink glob "$theirs/*";
    {
        # The worst moment is hard to meet; here the link is always there when the socket has been made.
        local $ENV{LD_PRELOAD} = $planted_link;
        local $ENV{PLANTED_LINK} = "$dir/secret";
        local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';
        refused($socket, 'File exists', 'planted just behind it');
        is((stat "$dir/secret")[2] & 07777, 0600, 'it keeps its mode then, too');
    }
    unlink glob "$theirs/*";
    symlink "$dir/secret", $socket;
    refused($socket, 'File exists', 'a link is in the way');
    unlink $socket;
    symlink "$dir/nothing", $socket;
    refused($socket, 'File exists', 'a link to nothing');
    ok !-e "$dir/nothing", 'which is still nothing';
    unlink $socket;
    # (In the sandbox root has no right to remove it from another's directory.)
    $daemon->start('--sandbox=off', '--policy', $socket, "127.0.0.1\@$port", 'planted');
    is((stat $socket)[2] & 07777, 0666, 'left alone it is served there');
    $daemon->stop;
    ok !-e $socket, 'and goes';
};

subtest 'root takes no path that others can lead elsewhere' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $way = 'the way to its directory is not safe for root: ';
    my $open = 'others may write to its directory, which is not safe for root';
    mkdir "$dir/$_" for 'open', 'group', 'sticky', 'user', 'user/below', 'sticky/theirs', 'sticky/ours';
    chmod 0777, "$dir/open";
    chmod 0775, "$dir/group";
    chmod 01777, "$dir/sticky";
    chown $uid, $gid, "$dir/user", "$dir/sticky/theirs";
    refused("$dir/open/s", $open, 'everybody may write');
    refused("$dir/group/s", $open, 'a group may write');
    refused("$dir/user/below/s", $way . "the directory that has below in it belongs to user $uid", 'a directory below that of a user');
    refused("$dir/sticky/theirs/../ours/s", $way . "theirs belongs to user $uid, in a directory that others may write to", 'a step that a user can swap');
    symlink "$dir/sticky", "$dir/user/link";
    refused("$dir/user/link/s", $way . "the directory that has link in it belongs to user $uid", 'a link of a user');
    symlink 'loop', "$dir/loop";
    refused("$dir/loop/s", 'Too many levels of symbolic links', 'a loop');
    spit("$dir/file", '');
    refused("$dir/file/s", 'Not a directory', 'a file');
    symlink 'sticky/ours', "$dir/link";
    for my $path ("$dir/sticky/s", "$dir/link/s", "$dir/user/s", "$dir/link/../ours/s") {
        $daemon->start('--sandbox=off', '--policy', $path, "127.0.0.1\@$port", 'safe');
        says(mta_unix($path), request(sender => $path), $defer, "served at $path");
        $daemon->stop;
        ok !-e $path, 'and gone';
    }
};

subtest 'the directory is where it was when the socket was made, and the umask is set back' => sub {
    unlink glob "$dir/context*";
    mkdir "$dir/place";
    { my $mask = umask 027; $daemon->start('--policy', "$dir/place/s", "127.0.0.1\@$port", 'context'); umask $mask }
    is((stat "$dir/place/s")[2] & 07777, 0666, 'mode of the socket');
    is((stat "$dir/context.lock")[2] & 037, 0, 'of other files');
    is readlink("/proc/$daemon->{pid}/cwd"), readlink('/proc/self/cwd'), 'it works where it was started';
    rename "$dir/place", "$dir/moved";
    $daemon->stop;
    ok !-e "$dir/moved/s", 'its file is found where it is now';
};

done_testing;
