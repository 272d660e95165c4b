# What another greylister has remembered, taken by a running daemon and by the files of one that does not
# run: nothing is lost by a kill -9, half of it twice is once, and what is bad changes nothing.
# usage: perl import_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL TREE
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Select;
use MtaClient 'free_port';
use POSIX ();
use Test::More;

my ($program, $greyctl, $tree) = @ARGV;
die "usage: import_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL TREE\n" unless @ARGV == 3;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
my $importing;
END {
    local $?;
    kill KILL => $importing if $importing;
    $daemon->stop('KILL') if $daemon && $daemon->{pid};
}
my $socket;
my $now = time;

sub start { $daemon->start('-v', 1, @_, "127.0.0.1\@$port", 'context'); $socket = asker($port) }
sub killed { $daemon->stop('KILL'); delete $daemon->{pid} }
# What is printed, and the exit code.
sub run_at { my ($place, @command) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec $greyctl, @$place, @command or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? >> 8) }
my $running = ['--control', "$dir/context.control"];
sub greyctl { return run_at($running, @_) }
sub says { my ($name, $command, $pattern, $code, $place) = @_;
    my ($text, $got) = run_at($place // $running, @$command);
    like $text, $pattern, $name;
    is $got, $code // 0, "$name: exit code" }
sub mail { return ask($socket, query(@_)) }
# All that is stored, without an order.
sub state { my ($place) = @_;
    return join '', sort map { (run_at($place // $running, $_, '--json'))[0] =~ /^.*\n/mg } 'list', 'entries' }
sub known { my ($n) = @_;
    return sprintf qq({"state":"known","client":"10.%d.%d.%d","last_seen":$now,"passes":1}\n), $n >> 16, $n >> 8 & 255, $n & 255 }

# A sample of each form, and whom it lets in, where it is new enough for that still.
spit "$dir/spamdb", "WHITE|192.0.2.1|||$now|$now|" . ($now + 999) . "|3|4\nTRAPPED|192.0.2.2|" . ($now + 99999) . "\n"
    . "GREY|192.0.2.3|h|<a\@x>|<b\@y>|" . ($now - 600) . "|$now|" . ($now + 9999) . "|1|0\n";
spit "$dir/greydaemon", "I $now 192.0.2.11\nG $now 192.0.2.12 . b\@y\n";
spit "$dir/json", qq({"state":"known","client":"192.0.2.21","last_seen":$now,"passes":1}\n);
mkdir "$dir/$_" or die for 'jgreylist', 'jgreylist/192', 'jgreylist/192/000', 'jgreylist/192/000/002', 'cqgreylist', 'cqgreylist/192';
spit "$dir/jgreylist/192/000/002/031", '';
utime $now, $now - 1000, "$dir/jgreylist/192/000/002/031";
spit "$dir/cqgreylist/192/192.0.2.41", '';
utime $now - 1000, $now - 1000, "$dir/cqgreylist/192/192.0.2.41";
my @samples = (
    [spamdb => '192.0.2.1'], [greydaemon => '192.0.2.11'], [json => '192.0.2.21'],
    [jgreylist => '192.0.2.31'], [cqgreylist => '192.0.2.41'],
);
my $data = "$tree/tests/data/imports";
my @others = ("$tree/tests/data/indimail-context-all-statuses.bin",
    grep { !/\.(?:sh|md)\z/ } glob "$data/*");

subtest 'each form, into a running daemon' => sub {
    start();
    for (@samples) {
        my ($file, $client) = @$_;
        is mail($client, 'new@x.example', 'b@y.example'), '01', "$client is unknown";
        says $file, ['import', "$dir/$file"], qr/^taken: [1-9]\d* records, \d+ entries\nnewer here: 0\n/;
        is mail($client, 'other@x.example', 'b@y.example'), '12', "$client is known";
    }
    says basename($_), ['import', $_], qr/^taken: \d+ records, \d+ entries$/m for @others;
    cmp_ok scalar(@others), '>', 10, 'the samples are there';
    is mail('192.0.2.2', 'a@x', 'b@y'), '05', 'who was trapped is blocked';
    is mail('192.0.2.3', 'a@x', 'b@y'), '12', 'who has waited long enough need not wait again';
    # (When a known client was last seen is journaled by the thousandth of the timeout.)
    my $known = sub { return state() =~ s/("state":"known".*"last_seen":)\d+/$1/gr };
    my $before = $known->();
    killed();
    start();
    is $known->(), $before, 'a kill -9 behind it loses nothing';
    says 'twice is once', ['import', map { "$dir/$_->[0]" } grep { $_->[0] ne 'cqgreylist' } @samples],
        qr/^taken: 0 records, 0 entries\nnewer here: [1-9]/;
};

subtest 'a dry run changes nothing' => sub {
    spit "$dir/more", known(70000) . known(70001);
    my $before = state();
    says 'it says what would be', ['import', '--dry-run', "$dir/more"],
        qr/^nothing is changed; it would be\ntaken: 2 records, 0 entries\n/;
    is state(), $before, 'and it is not';
};

subtest 'what is bad changes nothing, and is named' => sub {
    my $before = state();
    spit "$dir/bad", join('', map { known($_) } 1 .. 1000) . "{\n";
    says 'by its line', ['import', "$dir/more", "$dir/bad"], qr/^greyctl: \S*bad:1001: /, 111;
    says 'cut', ['import', cut("$data/mysqldump.sql")], qr/^greyctl: \S*cut:\d+: /, 111;
    says 'none of the forms', ['import', $0], qr/^greyctl: \S+ is none of the forms/, 111;
    says 'of another form than is said', ['import', '--format', 'spamdb', "$dir/more"], qr/^greyctl: \S+more:1: /, 111;
    says 'no form', ['import', '--format', 'spamd', "$dir/more"], qr/^greyctl: .*'spamd' is none of context, json/, 100;
    says 'not there', ['import', "$dir/none"], qr/^greyctl: cannot open \S+none: No such file/, 111;
    says 'nothing', ['import'], qr/^greyctl: /, 100;
    POSIX::mkfifo("$dir/pipe", 0600) or die;
    says 'a pipe', ['import', "$dir/pipe"], qr/^greyctl: \S+pipe is no regular file/, 111;
    symlink 'loop', "$dir/loop" or die;
    says 'a link to itself', ['import', "$dir/loop"], qr/^greyctl: cannot open \S+loop: /, 111;
    is state(), $before, 'all is as before';
};
sub cut { my ($file) = @_; spit "$dir/cut", substr slurp($file), 0, 3500; return "$dir/cut" }

subtest 'what an administrator has said stands' => sub {
    greyctl('allow', '203.0.113.9');
    spit "$dir/trapped", "TRAPPED|203.0.113.9|" . ($now + 9999999) . "\n";
    says 'it is newer here', ['import', "$dir/trapped"], qr/^taken: 0 records, 0 entries\nnewer here: 1\n/;
    is mail('203.0.113.9', 'a@x', 'b@y'), '11', 'and goes on';
};

subtest 'a million while mail is answered, and half of it twice is once' => sub {
    open my $out, '>', "$dir/million" or die;
    print $out known($_) for 1 .. 1_000_000;
    close $out or die;
    my $import = sub {
        $importing = fork // die;
        return if $importing;
        open STDOUT, '>', "$dir/said" or die;
        open STDERR, '>&', \*STDOUT;
        exec $greyctl, @$running, 'import', "$dir/million" or die;
    };
    my $stored = sub { return (greyctl('status', '--json'))[0] =~ /"known":(\d+)/ ? $1 : die };
    my $before = $stored->();
    $import->();
    my ($asked, $answered) = (0, 0);
    until ($stored->() > $before + 1000) {
        $asked++;
        $answered++ if mail('198.51.100.1', "s$asked\@x", 'b@y') eq '01';
    }
    kill KILL => $importing;
    waitpid $importing, 0;
    my $half = $stored->();
    cmp_ok $half, '<', $before + 1_000_000, 'half of it is there';
    killed();
    start();
    is $stored->(), $half, 'and is there after a kill -9';
    $import->();
    until (waitpid $importing, POSIX::WNOHANG()) {
        $asked++;
        $answered++ if mail('198.51.100.1', "s$asked\@x", 'b@y') eq '01';
    }
    is $?, 0, 'again, all of it';
    $importing = undef;
    is $answered, $asked, "$asked times mail was answered meanwhile";
    cmp_ok $asked, '>', 10, 'many times';
    my ($taken, $had) = slurp("$dir/said") =~ /^taken: (\d+) records, 0 entries\nnewer here: (\d+)$/m;
    is $taken + $had, 1_000_000, 'each is counted';
    is $had, $half - $before, 'those of the first half are there already';
    is $stored->(), $before + 1_000_000, 'each is there once';
    killed();
    start();
    is $stored->(), $before + 1_000_000, 'and is there after a kill -9 right behind it';
};

subtest 'offline' => sub {
    my @of = ('--context', "$dir/context");
    says 'not while a daemon runs', ['import', "$dir/json"], qr/^greyctl: \S*context\S* .*(?:another|lock|daemon)/i, 111, \@of;
    $daemon->stop;
    delete $daemon->{pid};
    # Where a state is shared, what it has told of it is told anew after an import, and only then.
    spit "$dir/context.store", "qmail-greyd store 1\n";
    run_at(\@of, 'list');
    run_at(\@of, 'import', '--dry-run', "$dir/json");
    ok -e "$dir/context.store", 'what was told to a store is known';
    spit "$dir/news", qq({"state":"known","client":"198.51.100.77","last_seen":$now,"passes":1}\n);
    run_at(\@of, 'import', "$dir/news");
    ok !-e "$dir/context.store", 'until more is imported';
    @of = ('--context', "$dir/fresh");
    says 'a file that is missing is begun', ['import', "$dir/spamdb", "$dir/greydaemon"],
        qr/^taken: 4 records, 1 entries\n/, 0, \@of;
    says 'twice is once', ['import', "$dir/spamdb", "$dir/greydaemon"], qr/^taken: 0 records, 0 entries\nnewer here: 5\n/, 0, \@of;
    my $before = state(\@of);
    says 'what is bad changes nothing', ['import', "$dir/more", "$dir/bad"], qr/^greyctl: \S*bad:1001: /, 111, \@of;
    is state(\@of), $before, 'as before';
    says 'by the policy that is said', ['--ipv4-prefix', 24, 'import', "$dir/json"], qr/^taken: 1 records/, 0,
        ['--context', "$dir/other"];
    like((run_at(['--context', "$dir/other", '--ipv4-prefix', 24], 'list'))[0], qr/192\.0\.2\.0\/24/, 'a network');
    $daemon->start('-v', 1, "127.0.0.1\@$port", 'fresh');
    $socket = asker($port);
    is mail('192.0.2.1', 'any@x', 'b@y'), '12', 'a daemon that starts on it knows them';
    is mail('192.0.2.2', 'any@x', 'b@y'), '05', 'and whom it blocks';
};

subtest 'a disk that fills' => sub {
    $daemon->stop;
    delete $daemon->{pid};
    plan skip_all => 'only root may mount' if $> != 0;
    mkdir "$dir/small" or die;
    plan skip_all => 'no mount here' if system 'mount', '-t', 'tmpfs', '-o', 'mode=0755,size=256k', 'state', "$dir/small";
    my @of = ('--context', "$dir/small/context");
    says 'offline', ['import', "$dir/million"],
        qr/^(?:greyctl: [^\n]+\n)*greyctl: the disk takes no changes: \d+ records are taken in memory alone/m, 111, \@of;
    spit "$dir/few", join '', map { known($_) } 1 .. 3;
    my ($text, $code) = run_at(\@of, 'list', '--limit', 1);
    is $code, 0, 'the state that was there loads' or diag $text;
    system 'umount', "$dir/small";
};

done_testing;
