# The log in each --log-format, of a real daemon that is asked all that a hostile client can send, read
# by Python's json and shlex: a line is what its format says, from the first to the last.
# usage: perl log_format_test.pl PATH-OF-QMAIL-GREYD
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use MtaClient;
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

my $program = abs_path(shift // die "usage: log_format_test.pl PATH-OF-QMAIL-GREYD\n");
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# Each line of `file` as an object, its fields in order as a list of [name, value]; dies on what is
# none, on more bytes than a line may have and on what is not ASCII.
my $reader = <<'END';
import json, shlex, sys
form, out = sys.argv[1], []
for line in open(sys.argv[2], 'rb').read().split(b'\n')[:-1]:
    assert len(line) < 4096, len(line)
    text = line.decode('ascii')
    assert text.isprintable(), text
    if form == 'json':
        fields = json.loads(text, object_pairs_hook=lambda pairs: [list(p) for p in pairs])
    else:
        fields = [list(word.partition('=')[::2]) for word in shlex.split(text)]
    assert len({name for name, _ in fields}) == len(fields), text
    out.append(fields)
print(json.dumps(out))
END
spit("$dir/reader.py", $reader);
sub read_log { my ($form, $file) = @_;
    my $text = `python3 $dir/reader.py $form $file 2>&1`;
    is $?, 0, "$form: every line is one" or do { diag $text; return () };
    return @{ decode_json($text) } }
sub names { my ($line) = @_; return join ' ', map { $_->[0] } @$line }
sub value { my ($line, $name) = @_; my ($field) = grep { $_->[0] eq $name } @$line; return $field && $field->[1] }
sub logged { my ($pattern) = @_;
    ok wait_until(sub { $daemon->log =~ $pattern }), "log: $pattern" or diag substr $daemon->log, -2000 }

for my $form (qw(json logfmt)) {
    subtest "$form: all that the daemon says has the form" => sub {
        unlink glob "$dir/context* $dir/white*";
        my $odd = "$dir/whi\xff te\"\\";
        spit($odd, "10.0.0.1/8\n192.0.2.9\n");
        $daemon->{log} = "$dir/log.$form";
        $daemon->start('-v', 3, "--log-format=$form", '-w', $odd, '--policy', "127.0.0.1\@$port", "127.0.0.1\@$port", 'context');
        my $socket = asker($port);
        ask($socket, query('192.0.2.1', '', 'b@y.net', 'c@y.net'));
        ask($socket, query('192.0.2.1', '', 'b@y.net', 'c@y.net')) for 1 .. 2;
        ask($socket, query('192.0.2.9', 'a@x.org', 'b@y.net'));
        # Every octet but NUL, and what would end a value, a line, an object.
        my $all = join '', map chr, 1 .. 255;
        ask($socket, query('192.0.2.2', $all, $all, reverse($all)));
        ask($socket, query('192.0.2.3', "\"}\n{\"level\":\"error\",\"client\":\"198.51.100.1\"}\n", "\\"));
        ask($socket, query('192.0.2.4', "a level=error client=198.51.100.1", "\\\" client=198.51.100.1"));
        # As long as UDP allows, of what is escaped.
        ask($socket, "I192.0.2.5\0F" . ("\"" x 30_000) . "\0T" . ("\\" x 30_000) . "\0\0");
        ask($socket, "I192.0.2.6\0F\0" . ("Tr\"\0" x 16_000) . "\0");
        my $postfix = mta_tcp($port);
        syswrite $postfix, request(client_address => '192.0.2.7', client_name => 'mx.example.com', sender => "\xff\"=\\ ");
        logged(qr/192\.0\.2\.7/);
        $socket->send($_) for '', 'nonsense', "Inonsense\n\"\0F\0T\0", "I192.0.2.1\0";
        logged(qr/no-sender|fault=no/);
        $daemon->signal('USR2');
        logged(qr/counters.*udp\.decided\.new/);
        $daemon->signal('USR1');
        spit($odd, "non\xffsense \"\\\n");
        $daemon->signal('HUP');
        logged(qr/not reloaded/);
        is $daemon->stop, 0, 'stopped';

        my @lines = read_log($form, $daemon->{log});
        cmp_ok scalar @lines, '>', 25, 'there is something to look at';
        is_deeply [grep { $_->[0][0] ne 'level' } @lines], [], 'the level is first';
        my %levels;
        $levels{ $_->[0][1] }++ for @lines;
        is join(' ', sort keys %levels), 'error info warning', 'levels';
        my @decisions = grep { defined value($_, 'verdict') } @lines;
        is scalar @decisions, 10, 'a line for each decision';
        is_deeply [grep { names($_) !~ /^level verdict reason client / } @decisions], [], 'the client has its place';
        is_deeply [sort map { value($_, 'client') } @decisions], [map {"192.0.2.$_"} 1, 1, 1, 2 .. 7, 9], 'nobody forges one';
        my ($every) = grep { value($_, 'client') eq '192.0.2.2' } @decisions;
        my $words = $form eq 'json' ? value($every, 'sender') : value($every, 'sender');
        (my $bytes = $words) =~ s/\.\.\.$//;
        $bytes =~ s/%(..)/chr hex $1/ge;
        is $bytes, substr($all, 0, 128), 'the first 128 octets can be read back';
        my ($many) = grep { value($_, 'client') eq '192.0.2.6' } @decisions;
        is value($many, 'unasked'), 15_000, 'recipients that are not asked about';
        my ($bounce) = grep { value($_, 'client') eq '192.0.2.1' } @decisions;
        if ($form eq 'json') {
            is value($many, 'others'), 15_992, 'and those that are not named';
            is value($bounce, 'sender'), '', 'the null sender';
            is_deeply value($bounce, 'recipients'), ['b@y.net', 'c@y.net'], 'recipients';
        } else {
            like value($many, 'recipients'), qr/,\+15992$/, 'and those that are not named';
            is value($bounce, 'sender'), '<>', 'the null sender';
            is value($bounce, 'recipients'), 'b@y.net,c@y.net', 'recipients';
        }
        ok +(grep { (value($_, 'state') // '') eq 'waiting' && value($_, 'client') eq '192.0.2.1' } @lines), 'records';
        my ($counted) = grep { (value($_, 'message') // '') eq 'counters' } @lines;
        my %counts = map {@$_} $form eq 'json' ? @{ value($counted, 'counters') } : @$counted;
        is $counts{'udp.decided.early'}, 2, 'counters';
        ok +(grep { value($_, 'level') eq 'error' && value($_, 'message') =~ /not reloaded.*whi%FF te"\\:1: / } @lines), 'an error';
    };

    subtest "$form: so has why a start fails, whatever is wrong" => sub {
        for my $wrong (['--nonsense'], ['127.0.0.1'], ['127.0.0.1', "none\n\xff/context"], ['-w', 'none"', '127.0.0.1', 'context'],
            ['--check', '-u', 'nobody"', '127.0.0.1', 'context']) {
            local $ENV{CONTROLDIR} = $dir;
            my $pid = fork // die;
            if ($pid == 0) { open STDERR, '>', "$dir/end" or die; exec $program, "--log-format=$form", @$wrong or die }
            waitpid $pid, 0;
            cmp_ok $? >> 8, '>=', 100, "it does not start: @$wrong";
            my @lines = read_log($form, "$dir/end");
            is scalar @lines, 1, 'one line';
            is names($lines[0]), 'level program message', 'names';
            is value($lines[0], 'level') . ' ' . value($lines[0], 'program'), 'fatal qmail-greyd', 'who says it';
        }
    };
}

done_testing;
