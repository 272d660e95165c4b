# `greyctl export --format relaytofrom`, loaded into a MariaDB as it is.
# usage: perl export_mariadb_test.pl PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use Test::More;

my ($greyctl) = @ARGV;
die "usage: export_mariadb_test.pl PATH-OF-GREYCTL\n" unless @ARGV == 1;
$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';
sub in_path { my ($name) = @_; my ($found) = grep { -x } map {"$_/$name"} split /:/, $ENV{PATH}; return $found }
for my $program (qw(mariadbd mariadb-install-db mariadb mariadb-dump)) {
    next if in_path($program);
    print "skipped: $program is not here (Debian: mariadb-server)\n";
    exit 77;
}

my $dir = tempdir(CLEANUP => 1);
my $server;
END { local $?; if ($server) { kill KILL => $server; waitpid $server, 0 } }
my @as = ('--no-defaults', "--socket=$dir/socket", '--user=root');

sub run { my (@command) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec @command or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? >> 8) }
sub sql { my ($text, @options) = @_; my ($out) = run('mariadb', @as, '--batch', '--skip-column-names', @options, '-e', $text); return $out }
# Loads a file as an administrator does; what is said, and the exit code.
sub load { my ($file, @options) = @_;
    return run('sh', '-c', 'file=$1; shift; exec mariadb "$@" <"$file"', 'sh', $file, @as, @options) }

my $account = $> == 0 ? 'root' : getpwuid $>;
my ($made, $code) = run('mariadb-install-db', '--no-defaults', "--user=$account", "--datadir=$dir/data",
    '--auth-root-authentication-method=normal', '--skip-test-db');
is $code, 0, 'a server of our own' or diag $made;
$server = fork // die;
if ($server == 0) {
    $ENV{TZ} = 'UTC';
    open STDOUT, '>', "$dir/log" or die;
    open STDERR, '>&', \*STDOUT;
    exec 'mariadbd', '--no-defaults', "--user=$account", "--datadir=$dir/data", "--socket=$dir/socket", '--skip-networking',
        "--pid-file=$dir/pid" or die;
}
wait_until(sub { sql('SELECT 1') =~ /^1$/ }) or die slurp("$dir/log");
$ENV{TZ} = 'UTC';

my $now = time;
my ($waits, $passed) = ($now - 1000, $now - 2000);
spit("$dir/context", join '', "qmail-greyd context 1\n",
    "W $waits 192.0.2.1 a\@x.example b\@y.example\n",
    "W $waits 192.0.2.2 o'brien\@x.example b\@y.example\n",
    "W $waits 192.0.2.3 <> b\@y.example\n",
    "W $waits 192.0.2.4 ');%20DROP%20TABLE%20relaytofrom;--\@x.example b\@y.example\n",
    "W $waits 192.0.2.5 back\\slash\\'\@x.example b\@y.example\n",
    "W $waits 192.0.2.6 %FF%C3%BC%01%0A\@x.example b\@y.example\n",
    "W $waits 2001:db8:: a\@x.example " . 'l' x 320 . "\n",
    "P $passed 192.0.2.8 a\@x.example b\@y.example\n",
    "C $passed 1 192.0.2.9\n");
# Without its end line it is read all the same, and said so; then it is whole.
run($greyctl, '--context', "$dir/context", 'save');
my ($before) = run($greyctl, '--context', "$dir/context", 'list', '--json');
is +(() = $before =~ /\n/g), 9, 'nine records' or diag $before;
my ($said, $exported) = run($greyctl, '--context', "$dir/context", 'export', '--format', 'relaytofrom', '--output', "$dir/sql");
is "$said$exported", 0, 'exported without a word';

for my $mode ('default', 'ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES') {
    subtest "loaded under sql_mode $mode" => sub {
        sql('DROP DATABASE IF EXISTS greylist; CREATE DATABASE greylist');
        sql("SET GLOBAL sql_mode = '$mode'") unless $mode eq 'default';
        my @character_set = $mode eq 'default' ? () : ('--default-character-set=latin1');
        my ($text, $loaded) = load("$dir/sql", @character_set, 'greylist');
        is "$text$loaded", 0, 'as it is';
        is sql("SELECT COUNT(*), SUM(passed_count), SUM(origin_type = 'MANUAL') FROM relaytofrom", 'greylist'),
            "9\t1\t1\n", 'a row for each record';
        is sql("SELECT COUNT(*) FROM relaytofrom WHERE mail_from = x'" . unpack('H*', "<\xff\xc3\xbc\x01\n" . '@x.example>') . "'", 'greylist'),
            "1\n", 'octets as they are';
        is sql("SELECT UNIX_TIMESTAMP(create_time), UNIX_TIMESTAMP(block_expires) - UNIX_TIMESTAMP(create_time) FROM relaytofrom WHERE relay_ip = '192.0.2.1'", 'greylist'),
            "$waits\t300\n", 'times of its zone';
        is sql('SELECT COUNT(*) FROM relaytofrom WHERE mail_from IS NULL AND rcpt_to IS NULL AND block_expires < NOW() AND record_expires > NOW()', 'greylist'),
            "1\n", 'who is known is one that relaydelay lets in';
    };
}

subtest 'a text that has been cut changes nothing' => sub {
    sql('DROP DATABASE greylist; CREATE DATABASE greylist');
    my $text = slurp("$dir/sql");
    spit("$dir/cut", substr $text, 0, index $text, 'COMMIT');
    load("$dir/cut", 'greylist');
    is sql('SELECT COUNT(*) FROM relaytofrom', 'greylist'), "0\n", 'it has no COMMIT';
};

subtest 'into a table of relaydelay that is there already' => sub {
    sql("DROP DATABASE greylist; CREATE DATABASE greylist; USE greylist; SET sql_mode = '';
CREATE TABLE relaytofrom (id bigint NOT NULL auto_increment, relay_ip char(16), mail_from varchar(255), rcpt_to varchar(255),
block_expires datetime NOT NULL, record_expires datetime NOT NULL, blocked_count bigint default 0 NOT NULL,
passed_count bigint default 0 NOT NULL, aborted_count bigint default 0 NOT NULL, origin_type enum('MANUAL','AUTO') NOT NULL,
create_time datetime NOT NULL, last_update timestamp NOT NULL, primary key(id)) DEFAULT CHARSET=latin1");
    spit("$dir/short", join '', "qmail-greyd context 1\n", "W $waits 192.0.2.1 a\@x.example b\@y.example\n", "C $passed 1 192.0.2.9\n");
    run($greyctl, '--context', "$dir/short", 'save');
    run($greyctl, '--context', "$dir/short", 'export', '--format', 'relaytofrom', '--output', "$dir/short.sql");
    my ($text, $loaded) = load("$dir/short.sql", 'greylist');
    is "$text$loaded", 0, 'what fits goes in';
    is sql('SELECT relay_ip, mail_from, rcpt_to FROM relaytofrom ORDER BY id', 'greylist'),
        "192.0.2.1\t<a\@x.example>\t<b\@y.example>\n192.0.2.9\tNULL\tNULL\n", 'as relaydelay writes it';
};

# For who reads the dump: its name is handed on.
sql('DROP DATABASE greylist; CREATE DATABASE greylist');
load("$dir/sql", 'greylist');
my ($dump) = run('mariadb-dump', @as, 'greylist');
like $dump, qr/INSERT INTO ["`]relaytofrom["`]/, 'it is dumped';
spit("$dir/dump.sql", $dump);
my ($read, $imported) = run($greyctl, '--context', "$dir/again", 'import', "$dir/dump.sql");
is $imported, 0, 'the dump is imported' or diag $read;
my ($after) = run($greyctl, '--context', "$dir/again", 'list', '--json');
my $wanted = join '', sort grep { !/"known"/ } split /^/, $before;
is join('', sort split /^/, $after), $wanted, 'as the same triplets';
like((run($greyctl, '--context', "$dir/again", 'entries'))[0], qr/192\.0\.2\.9/, 'and who was known is allowed');
done_testing;
