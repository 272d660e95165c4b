# Traps with a real daemon and greyctl: from a list and by command, seen, saved, killed, exported and undone.
# usage: perl traps_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
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
my @lists = ('--blacklist', "$dir/black");
sub start { $daemon->start('-v', 2, '-m', 5, @lists, @_, "127.0.0.1\@$port", 'context') }
sub mail { my ($client, $from, $to) = @_; return ask(asker($port), "I$client\0F$from\0T$to\0\0") }
sub greyctl { my $text = `$greyctl --control $dir/context.control @_ 2>&1`; return $text }

spit("$dir/black", "# nobody has written there since 2009\ntrap:old\@here.example\n");
start();
is mail('192.0.2.1', 'a@x.example', 'user@here.example'), '01', 'a first attempt';
is mail('192.0.2.1', 'b@x.example', 'OLD@here.example'), '01', 'one to a trap is deferred as any';
is mail('192.0.2.2', 'b@x.example', 'user@here.example'), '01', 'and so is another client';
log_like $daemon, qr/reason=new client=192\.0\.2\.1 .*recipients=user\@here\.example age=0 wait=300 source=/, 'the usual wait';
log_like $daemon, qr/reason=new client=192\.0\.2\.1 .*recipients=OLD\@here\.example age=0 wait=600 traps=1 source=/, 'is doubled then, and the log says why';
log_like $daemon, qr/reason=new client=192\.0\.2\.2 .* wait=300 source=/, 'for nobody else';
like greyctl(qw(query 192.0.2.1 z@x.example user@here.example)), qr/^defer: new, wait 600 s /m, 'greyctl query';
like greyctl(qw(query 192.0.2.1 z@x.example user@here.example)), qr/trapped, messages to traps: 1/, 'shows what is stored of the client';
is decode_json(greyctl(qw(query --json 192.0.2.1 z@x.example user@here.example)))->{traps}, 1, 'the same for programs';
like greyctl(qw(list --state=trapped)), qr/^trapped .* 192\.0\.2\.1 .*messages to traps: 1$/m, 'who has been caught is listed';
like greyctl(qw(status)), qr/, 1 trapped;/, 'and counted';

# One by command, and back.
like greyctl('block', "'trap:late\@here.example'"), qr/late/, 'a trap made by command' or diag greyctl('entries');
mail('192.0.2.3', 'c@x.example', 'late@here.example');
like greyctl(qw(list --state=trapped)), qr/ 192\.0\.2\.3 /, 'springs at once';
like greyctl('allow', "'trap:late\@here.example'"), qr/a trap belongs on the blacklist/, 'none is allowed';
greyctl('unlist', "'trap:late\@here.example'");
mail('192.0.2.4', 'c@x.example', 'late@here.example');
unlike greyctl(qw(list --state=trapped)), qr/ 192\.0\.2\.4 /, 'and is none any more';

like slurp("$dir/context.journal"), qr/^T \d+ 1 192\.0\.2\.1$/m, 'the journal has it';
$daemon->stop('KILL');
start();
like greyctl(qw(list --state=trapped)), qr/ 192\.0\.2\.1 .*\n?.* 192\.0\.2\.3 /, 'after a kill all is there';
is $daemon->stop, 0, 'it ends as ever';
like slurp("$dir/context"), qr/^T \d+ 1 192\.0\.2\.3$/m, 'so has the context file';

start();
greyctl('export', '--format', 'json', '--output', "$dir/export.json");
greyctl('export', '--format', 'greydaemon', '--output', "$dir/export.gd");
unlike slurp("$dir/export.gd"), qr/192\.0\.2\.3 *$/m, "another program's file has none";
like greyctl(qw(forget 192.0.2.1)), qr/\b3\b/, 'who is forgotten';
mail('192.0.2.1', 'a@x.example', 'user@here.example');
unlike((split /\n/, $daemon->log)[-1], qr/traps=/, 'is a client like any');
greyctl('import', "$dir/export.json");
like greyctl(qw(list --state=trapped)), qr/ 192\.0\.2\.1 .*messages to traps: 1$/m, 'what is imported counts';
is $daemon->stop, 0, 'it ends as ever';

# On a whitelist it is a mistake, which is said with its place.
spit("$dir/white", "192.0.2.0/24\ntrap:old\@here.example\n");
is system("cd $dir && $program --whitelist $dir/white 127.0.0.1\@$port context 2>$dir/err") >> 8, 111, 'a trap on a whitelist';
like slurp("$dir/err"), qr/white:2: a trap belongs on the blacklist/, 'is said with its place';
spit("$dir/rules", "trap:old\@here.example off\n");
is system("cd $dir && $program --rules $dir/rules 127.0.0.1\@$port context 2>$dir/err") >> 8, 111, 'nor is it one of a rule';
done_testing;
