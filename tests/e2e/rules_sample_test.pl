# What an administrator is given to begin with: the sample of rules, the one that svctool makes where
# none is installed, and the examples of greylist.rules(5). As they stand the samples change nothing;
# whichever examples are taken out of their comments, the daemon takes them, and they do what they say.
# usage: perl rules_sample_test.pl TOP-OF-THE-TREE PATH-OF-QMAIL-GREYD PATH-OF-SVCTOOL
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use Test::More;

@ARGV == 3 or die "usage: rules_sample_test.pl TOP PATH-OF-QMAIL-GREYD PATH-OF-SVCTOOL\n";
my ($top, $program, $svctool) = map { abs_path($_) } @ARGV;
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

# What `qmail-greyd --check` says of these rules, and its exit code.
sub check { my ($rules, @options) = @_;
    spit("$dir/rules", $rules);
    local $ENV{CONTROLDIR} = $dir;
    my $pid = open my $said, '-|';
    if (!$pid) { open STDERR, '>&', \*STDOUT; exec $program, '--check', '--rules=rules', @options, '127.0.0.1', 'context' or die }
    my $text = join '', <$said>;
    close $said;
    return ($? >> 8, $text) }
sub is_taken { my ($rules, $what, @options) = @_;
    my ($code, $said) = check($rules, @options);
    ok $code == 0 && $said eq '', $what or diag "exit $code: $said" }

# An example is a comment that begins without a blank.
sub examples { return $_[0] =~ /^#[^ \n].*/mg }
sub uncommented { return $_[0] =~ s/^#(?=[^ \n])//mgr }

my $sample = slurp("$top/etc/greylist.rules");
my @examples = examples($sample);

subtest 'the sample changes nothing as it stands' => sub {
    cmp_ok @examples, '>', 10, 'it has examples';
    is_deeply [grep {!/^(#|$)/} split /\n/, $sample], [], 'all is a comment';
    is_taken $sample, 'the daemon takes it', @$_ for [], ['--greydaemon'];
};

subtest 'each example can be taken, by itself and with all others' => sub {
    is_taken uncommented($sample), 'all of them';
    is_taken uncommented($_), "alone: $_" for @examples;
    for my $removed (@examples) {
        (my $rest = $sample) =~ s/^\Q$removed\E\n//m;
        is_taken uncommented($rest), "all but: $removed";
    }
};

subtest 'as greydaemon all but the one that says so' => sub {
    my @passes = grep {/ passes /} @examples;
    is @passes, 1, 'there is one';
    (my $rest = $sample) =~ s/^\Q$passes[0]\E\n//m;
    is_taken uncommented($rest), 'the others are taken', '--greydaemon';
    my ($code, $said) = check(uncommented($sample), '--greydaemon');
    my $line = 1 + (substr($sample, 0, index $sample, $passes[0]) =~ tr/\n//);
    is $code, 111, 'that one is not';
    like $said, qr{/rules:$line: .*passes}, 'and its line is told';
};

subtest 'the wishes that the sample is for are all there' => sub {
    my $all = join '', map {"$_\n"} @examples;
    like $all, $_->[0], $_->[1]
        for [qr/^#to:postmaster\@ off$/m, 'postmaster@ never'], [qr/^#to:abuse\@ off$/m, 'abuse@ never'],
            [qr/^#to:\@\S+ off$/m, 'a domain that opts out'], [qr/^#to:\w+\@\S+ on$/m, 'a user that opts in'],
            [qr/^#\* off\n\z/m, 'and off for all others, at the end'],
            [qr/^#[\d.]+\/\d+ min-resend 1m$/m, 'a shorter wait for a network'], [qr/^#[\d.]+\/\d+ min-resend 30m window /m, 'a longer one'],
            [qr/^#\S+ text "[^"]*%t"$/m, 'another text'], [qr/^#\@\S+ to:\@\S+ off$/m, 'a sender\'s domain at a domain of ours'],
            [qr/ passes \d+$/m, 'passes'];
};

subtest 'in force they do what they say' => sub {
    my $port = free_port();
    my $daemon = Daemon->new(program => $program, dir => $dir);
    spit("$dir/greylist.rules", $sample);
    $daemon->start('--rules=greylist.rules', "127.0.0.1\@$port", 'context');
    my $socket = asker($port);
    my $answer = sub { my ($ip, $from, @to) = @_; return ask($socket, query($ip, $from, @to)) };
    is $answer->('192.0.2.77', 'a@x.example', 'postmaster@example.net'), '01', 'commented out: new';
    spit("$dir/greylist.rules", uncommented($sample));
    $daemon->signal('HUP');
    ok wait_until(sub { $daemon->log =~ /lists reloaded, \d+ entries/ }), 'reloaded' or diag $daemon->log;
    is $answer->('192.0.2.77', 'a@x.example', 'postmaster@example.net'), '11', 'postmaster@ is off';
    is $answer->('192.0.2.77', 'a@x.example', 'joe@example.com'), '11', 'a domain opts out';
    is $answer->('203.0.113.9', 'a@partner.example', 'ann@example.net'), '11', 'a partner to one domain';
    is $answer->('203.0.113.9', 'a@x.example', 'joe@example.net'), '01', 'a network of which passes are asked';
    is $answer->('10.1.2.3', 'a@x.example', 'joe@example.net'), '01', 'who opts in is greylisted';
    is $answer->('10.1.2.3', 'a@x.example', 'ann@example.net'), '11', 'and no other';
    is $answer->('10.1.2.3', 'b@x.example', 'ann@example.net', 'joe@example.net'), '01', 'who is off does not free who is on';
    my ($last) = (uncommented($sample) =~ tr/\n//);
    log_like $daemon, qr/^verdict=accept reason=rule client=10\.1\.2\.3 .* rule=greylist\.rules:$last source=/m, 'the log names the line';
    $daemon->stop;
};

subtest 'what svctool makes without an installed sample is one, too' => sub {
    my $who = getpwuid $>;
    my $said = `'$svctool' --greylist=1999 --user=$who --loguser=$who --supervise=daemontools --destdir=$dir/tree --prefix=/none --rules=mine --cntrldir=/control --servicedir=/service --logdir=/log 2>&1`;
    is $?, 0, 'it is made' or diag $said;
    my $made = slurp("$dir/tree/control/mine");
    is_deeply [grep {!/^(#|$)/} split /\n/, $made], [], 'all is a comment';
    is_taken $made, 'the daemon takes it';
    cmp_ok scalar(() = examples($made)), '>', 1, 'it has examples';
    is_taken uncommented($made), 'which are good';
    like $made, qr/SIGHUP/, 'it says how it is read again';
};

subtest 'so are the examples of greylist.rules(5)' => sub {
    my $page = slurp("$top/greyd/greylist.rules.5");
    my @blocks = grep {/ (off|on|min-resend)\b/ && !/verdict=/} $page =~ /^\.Bd -literal[^\n]*\n(.*?)^\.Ed$/msg;
    is @blocks, 4, 'the description\'s, and three';
    is_taken $blocks[$_] =~ s/^\\&//mgr, "block $_" for 0 .. $#blocks;
};

done_testing;
