# Pools with a real daemon and greyctl: hosts below one name share a triplet's wait, what is remembered
# of it outlives a kill, and can be seen and forgotten.
# usage: perl pools_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use MtaClient 'free_port';
use Test::More;

my ($program, $greyctl) = map { abs_path($_) } @ARGV[0, 1];
my $dir = tempdir(CLEANUP => 1);
my $port = free_port();
my $daemon = Daemon->new(program => $program, dir => $dir);
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }
sub start { $daemon->start('-v', 2, '-m', 0, @_, "127.0.0.1\@$port", 'context') }
# With -m 0 a retry passes at once. It comes from another port: the same datagram from the same one is no retry.
sub mail { my ($client, $name, $from) = @_;
    return ask(asker($port), "I$client\0F$from\0Tb\@here.example\0" . ($name eq '' ? '' : "N$name\0") . "\0") }
sub greyctl { my $text = `$greyctl --control $dir/context.control @_ 2>&1`; return $text }

start();
is mail('192.0.2.1', 'out1.mail.example.com', 'a@x.example'), '01', 'a first attempt';
is mail('192.0.2.2', 'out2.mail.example.com', 'a@x.example'), '13', 'a retry from a neighbour is good';
log_like $daemon, qr/^verdict=accept reason=passed client=192\.0\.2\.2 name=out2\.mail\.example\.com sender=a\@x\.example recipients=b\@here\.example age=\d+ pool=name:mail\.example\.com source=/m,
    'the log says by which pool';
is mail('192.0.2.2', 'out2.mail.example.com', 'c@x.example'), '01', 'nobody is known by it';
is mail('198.51.100.1', 'ip-198-51-100-1.isp.example.com', 'a@x.example'), '01', 'a name made of the address';
is mail('198.51.100.2', 'ip-198-51-100-2.isp.example.com', 'a@x.example'), '01', 'makes no pool';
is mail('198.51.100.3', 'example.com', 'd@x.example'), '01', 'nor does a name right below a public suffix';
is mail('198.51.100.4', 'example.net', 'd@x.example'), '01', 'of another';

my $query = greyctl(qw(query 192.0.2.9 c@x.example b@here.example --name out9.mail.example.com));
like $query, qr/^accept: passed \(.*, as one of pool name:mail\.example\.com\)$/m, 'greyctl query says by which pool';
like $query, qr/^member of pool name:mail\.example\.com: nothing stored\n    triplet to b\@here\.example: waiting, first seen /m,
    'and what is stored there';
my $answer = decode_json(greyctl(qw(query --json 192.0.2.9 c@x.example b@here.example --name out9.mail.example.com)));
is $answer->{pool}, 'name:mail.example.com', 'the same for programs';
is $answer->{pools}[0]{triplets}[0]{state}, 'waiting', 'with what is stored';
like greyctl(qw(status --json)), qr/"pools":"on"/, 'status says which pools there are';
like greyctl(qw(stats)), qr/^1 +pools\.passed$/m, 'what passed by one is counted';

# What is on the disk says it in words, and is all there after a death.
like slurp("$dir/context.journal"), qr/^W \d+ name:mail\.example\.com a\@x\.example b\@here\.example$/m, 'the journal has a pool as a client';
$daemon->stop('KILL');
start();
is mail('192.0.2.3', 'out3.mail.example.com', 'c@x.example'), '13', 'after a kill the pool waits on';
is $daemon->stop, 0, 'it ends as ever';
like slurp("$dir/context"), qr/^W \d+ name:mail\.example\.com c\@x\.example b\@here\.example$/m, 'so has the context file';

# Seen, exported, imported and forgotten by its name.
start();
my $shown = greyctl(qw(show name:mail.example.com));
is scalar(() = $shown =~ /^waiting .*name:mail\.example\.com/mg), 2, 'greyctl shows a pool' or diag $shown;
like greyctl(qw(top senders)), qr/^ +1 +1 +0 +c\@x\.example$/m, 'what waits there is not counted twice';
my $export = "$dir/export.json";
greyctl('export', '--format', 'json', '--output', $export);
like slurp($export), qr/"client":"name:mail\.example\.com"/, 'an export as JSON has it';
greyctl('export', '--format', 'greydaemon', '--output', "$dir/export.gd");
unlike slurp("$dir/export.gd"), qr/mail\.example\.com/, 'one for another program has not';
like greyctl(qw(forget name:mail.example.com)), qr/\b2\b/, 'it is forgotten';
is mail('192.0.2.4', 'out4.mail.example.com', 'c@x.example'), '01', 'and a neighbour waits again';
greyctl(qw(forget name:mail.example.com));
greyctl('import', $export);
is mail('192.0.2.5', 'out5.mail.example.com', 'a@x.example'), '13', 'what is imported counts';
is $daemon->stop, 0, 'it ends as ever';

# Without pools all is as it was.
start('--pools=off');
is mail('192.0.2.6', 'out6.mail.example.com', 'off@x.example'), '01', 'without pools';
is mail('192.0.2.7', 'out7.mail.example.com', 'off@x.example'), '01', 'a neighbour waits';
is mail('192.0.2.6', 'out6.mail.example.com', 'off@x.example'), '13', 'and passes by itself';
is $daemon->stop, 0, 'it ends as ever';
is system("$program --greydaemon --pools=on 127.0.0.1\@$port context 2>/dev/null") >> 8, 100, "under greydaemon's rules there are none";
done_testing;
