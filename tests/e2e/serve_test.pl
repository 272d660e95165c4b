# greyctl serve and a running daemon: what Prometheus, a browser and a supervisor get, and what nobody
# should be able to do to either by it.
# usage: perl serve_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL SOURCE
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use Digest::SHA 'sha256';
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use JSON::PP;
use MIME::Base64 'encode_base64';
use MtaClient 'free_port';
use POSIX ();
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(sleep time);

my ($program, $greyctl, $source) = @ARGV;
die "usage: serve_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL SOURCE\n" unless @ARGV == 3;
$SIG{PIPE} = 'IGNORE';
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $root = $> == 0;
my ($nobody, $nogroup) = (getpwnam 'nobody')[2, 3];
my $port = free_port();
our $http;
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port);
my $control = "$dir/context.control";
my ($server, $socket);
END { local $?; kill KILL => $server if $server; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# Who serves as root would: so the daemon is somebody else's, where there is somebody else.
sub start { my (@more) = @_;
    if ($root) { chown $nobody, $nogroup, $dir, glob "$dir/context*"; push @more, '-u', 'nobody' }
    $daemon->start('-v', 1, '-m', 0, @more, "127.0.0.1\@$port", "$dir/context"); $socket = asker($port) }
sub serve { my (@arguments) = @_;
    unlink "$dir/serve.log";
    $server = fork // die;
    if ($server == 0) {
        open STDERR, '>', "$dir/serve.log" or die;
        exec $greyctl, '--control', $control, 'serve', @arguments or die;
    }
    wait_until(sub { slurp("$dir/serve.log") =~ /serving http/ }) or die 'no start: ' . slurp("$dir/serve.log") }
# The exit code of one that ends by itself, and all that it says.
sub ends { my (@arguments) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec 'timeout', 20, $greyctl, @arguments or die }
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? >> 8, $text) }
sub connected { return IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $http, Type => SOCK_STREAM) // die "connect: $!" }
# What comes until the end of the connection, or for so long.
sub all_of { my ($peer, $for) = @_;
    my ($text, $end) = ('', time + ($for // $Daemon::deadline));
    while (time < $end) {
        IO::Select->new($peer)->can_read($end - time) or last;
        sysread $peer, $text, 65536, length $text or last;
    }
    return $text }
sub exchange { my ($octets) = @_; my $peer = connected(); print $peer $octets; $peer->flush; return all_of($peer) }
# status, headers, body
sub get { my ($path, %with) = @_;
    my $method = $with{method} // 'GET';
    my $text = exchange("$method $path HTTP/1.1\r\nHost: " . ($with{host} // 'localhost') . "\r\n"
        . ($with{accept} ? "Accept: $with{accept}\r\n" : '') . "Connection: close\r\n\r\n");
    $text =~ /\AHTTP\/1\.1 (\d+) [^\r]*\r\n(.*?\r\n)\r\n(.*)\z/s or return (0, '', $text);
    return ($1, $2, $3) }
sub metrics { return (get('/metrics', @_))[2] }
# Figures as they are now: those of a second ago are gone.
sub fresh { sleep 1.1; return metrics(@_) }
sub value { my ($text, $sample) = @_; return $text =~ /^\Q$sample\E (\d+)$/m ? $1 : 'none' }
sub stats { my (undef, $text) = ends('--control', $control, 'stats', '--json'); return decode_json($text) }
sub checked { my ($command, $text) = @_;
    spit("$dir/exposition", $text);
    my $said = qx{$command < $dir/exposition 2>&1};
    return $? == 0 ? $said || 'good' : "failed: $said" }
sub save_state { ends('--control', $control, 'save') }
sub mail { return ask($socket, query(@_)) }
my $accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

subtest 'what is no place to serve at' => sub {
    for ('nothing', '127.0.0.1', '127.0.0.1@', '127.0.0.1@0', '127.0.0.1@70000', '::1@x', '') {
        my ($code, $text) = ends('--control', $control, 'serve', $_);
        is $code, 100, "'$_'";
        like $text, qr/\Agreyctl: [^\n]+\n\z/, 'is said in a line' }
    my ($code, $text) = ends('--context', "$dir/context", 'serve', '127.0.0.1@1');
    is $code, 100, 'files without a daemon';
};

start();
$http = free_port();
serve("127.0.0.1\@$http");

subtest 'Prometheus gets figures, and they are those of greyctl stats' => sub {
    is mail('192.0.2.7', 'a@x.example', 'b@y.example'), '01', 'a first attempt';
    sleep 1.1;
    $socket = asker($port); # from the same port it would be the same attempt
    is mail('192.0.2.7', 'a@x.example', 'b@y.example'), '13', 'that comes back';
    mail('192.0.2.8', 'c@x.example', "d$_\@y.example") for 1 .. 5;
    $socket->send('rubbish');
    mail('192.0.2.9', 'e@x.example', 'f@y.example'); # and what was sent before it has been counted
    my ($text, $stats) = (fresh(), stats());
    my %counters = %{ $stats->{counters} };
    my $compared = 0;
    for my $front ('udp', 'policy') {
        for (sort keys %counters) {
            /^$front\.decided\.(.+)/ and ++$compared and is value($text, qq(greyd_decisions_total{reason="$1",front="$front"})), $counters{$_}, $_;
            /^$front\.faults\.(.+)/ and $1 ne 'none' and ++$compared and is value($text, qq(greyd_faults_total{kind="$1",front="$front"})), $counters{$_}, $_;
        }
    }
    cmp_ok $compared, '>', 25, 'all of them are there from the start';
    is value($text, 'greyd_decisions_total{reason="new",front="udp"}'), 7, 'new';
    is value($text, 'greyd_faults_total{kind="no-client",front="udp"}'), 1, 'no query';
    is value($text, 'greyd_first_attempts_total'), $counters{'attempts.first'}, 'first attempts';
    is value($text, 'greyd_retry_delay_seconds_count'), 1, 'one has come back';
    is value($text, 'greyd_retry_delay_seconds_bucket{le="30"}'), 1, 'soon';
    is value($text, 'greyd_retry_delay_seconds_sum'), $counters{'attempts.waited'}, 'and how long it had waited';
    is value($text, 'greyd_records{state="waiting"}'), 6, 'records';
    is value($text, 'greyd_up'), 1, 'it is up';
    unlike $text, qr/192\.0\.2|example/, 'no address is in them';
};

subtest 'both forms are what they say' => sub {
    my ($text, $open) = (fresh(), metrics(accept => $accept));
    like((get('/metrics'))[1], qr/^Content-Type: text\/plain; version=0\.0\.4; charset=utf-8\r$/m, 'text');
    like((get('/metrics', accept => $accept))[1], qr/^Content-Type: application\/openmetrics-text; version=1\.0\.0; charset=utf-8\r$/m, 'OpenMetrics');
    like $open, qr/\n# EOF\n\z/, 'which has an end';
    my $sans = sub { my ($form) = @_; $form =~ s/^#.*\n//mg; $form =~ s/\.0"/"/g; return $form };
    is $sans->($open), $sans->($text), 'the samples are the same';
    SKIP: {
        skip 'no promtool (scripts/setup test)', 1 if system 'promtool --version >/dev/null 2>&1';
        is checked('promtool check metrics', $text), 'good', 'promtool finds nothing in the text';
    }
    SKIP: {
        skip 'no prometheus_client (scripts/setup test)', 2 if system '/usr/bin/python3 -c "import prometheus_client.openmetrics.parser" 2>/dev/null';
        my $parse = q{/usr/bin/python3 -c 'import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as f; print(len(list(f(sys.stdin.read()))))'};
        cmp_ok checked($parse, $open), '>', 20, 'a strict reader reads OpenMetrics';
        like checked($parse, $open =~ s/# EOF\n//r), qr/^failed: /, 'and would say so';
    }
    SKIP: {
        skip 'no curl (scripts/setup test)', 2 if system 'curl --version >/dev/null 2>&1';
        like qx{curl -s -H 'Accept: $accept' http://127.0.0.1:$http/metrics}, qr/# EOF$/, 'curl gets what it asks for';
        unlike qx{curl -s --compressed http://127.0.0.1:$http/metrics}, qr/# EOF/, 'and text else';
    }
};

subtest 'the manual has all figures, with their labels, and no other' => sub {
    my ($section) = slurp("$source/greyd/greyctl/greyctl.8") =~ /^\.Sh METRICS\n(.*?)^\.Sh /ms;
    my @told = sort map { split / , /, s/^\.It Li //r } $section =~ /^(\.It .*)$/mg;
    # With a store, which is away.
    open my $key, '>', "$dir/key" or die;
    print $key '0123456789abcdef0123456789abcdef', "\n" or die;
    close $key or die;
    chmod 0600, "$dir/key";
    chown $nobody, $nogroup, "$dir/key" if $root;
    $daemon->stop;
    start('--store=redis://127.0.0.1:1', "--store-key-file=$dir/key");
    my %served;
    save_state();
    for (grep { !/^#/ } split /\n/, fresh()) {
        my ($name, $labels) = /^(\w+)(?:\{(.*)\})? \d+$/ or fail("a line: $_"), next;
        $name =~ s/^(greyd_retry_delay_seconds)_\w+$/$1/;
        my @labels = grep { $_ ne 'le' } ($labels // '') =~ /(\w+)=/g;
        $served{$name . (@labels ? '{' . join(',', @labels) . '}' : '')} = 1;
    }
    is_deeply \@told, [sort keys %served], 'they are the same';
    $daemon->stop;
    start();
    wait_until(sub { (get('/healthz'))[0] == 200 });
};

subtest 'a browser gets the report of now, and a supervisor whether all is well' => sub {
    my ($status, $headers, $body) = get('/');
    is $status, 200, 'the report';
    like $headers, qr/^Content-Type: text\/html; charset=utf-8\r$/m, 'is a page';
    like $headers, qr/^Content-Security-Policy: default-src 'none';/m, 'that loads nothing';
    like $body, qr/<meta http-equiv="refresh" content="\d+">/, 'but itself, again';
    like $body, qr/First attempts/, 'it is the report';
    my ($script) = $body =~ /<script>(.*?)<\/script>/s;
    my $hash = encode_base64(sha256($script // ''), '');
    like $headers, qr/; script-src 'sha256-\Q$hash\E'\r$/m, 'whose script is the only one that may run';
    unlike $body, qr/(?:src|href)="?(?:https?:)?\/\//, 'and stands alone';
    is_deeply [(get('/healthz'))[0, 2]], [200, "ok\n"], 'all is well';
    ($status, $headers, $body) = get('/metrics', method => 'HEAD');
    is "$status $body", '200 ', 'HEAD has no body';
    cmp_ok +($headers =~ /Content-Length: (\d+)/)[0], '>', 1000, 'and says how long it were';
    is((get($_))[0], 404, "$_ is not there") for '/etc/passwd', '/../../etc/passwd', '/%2e%2e/etc/passwd', '/metrics/';
    for (qw(POST PUT DELETE OPTIONS)) {
        ($status, $headers) = get('/metrics', method => $_);
        is $status, 405, "$_ is not taken";
        like $headers, qr/^Allow: GET, HEAD\r$/m, 'which are taken is said' }
};

subtest 'a name that leads here gets figures, and no addresses' => sub {
    for my $name ('evil.example', "evil.example:$http", "127.0.0.1.evil.example:$http", '') {
        my ($status, undef, $body) = get('/', host => $name);
        is $status, 421, "'$name' gets no page";
        like $body, qr/\A[^\n]*--host[^\n]*\n\z/, 'and a line that says why';
        is((get($_, host => $name))[0], 200, "it gets $_") for '/metrics', '/healthz' }
    is((get('/', host => $_))[0], 200, "'$_' gets it") for "127.0.0.1:$http", '[::1]', 'LOCALHOST';
    like exchange("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), qr/\AHTTP\/1\.1 421 /, 'in the target, too';
    like exchange("GET / HTTP/1.0\r\n\r\n"), qr/\AHTTP\/1\.1 421 /, 'who says no name gets none';
    like exchange("GET / HTTP/1.1\r\n$_\r\n"), qr/\AHTTP\/1\.1 400 /, 'not one name' for '', "Host: localhost\r\nHost: localhost\r\n";
    local $http = free_port();
    my $pid = fork // die;
    if ($pid == 0) {
        open STDERR, '>', "$dir/named.log" or die;
        exec $greyctl, '--control', $control, 'serve', '--host', 'grey.example', '--host', 'mail', "127.0.0.1\@$http" or die;
    }
    ok wait_until(sub { slurp("$dir/named.log") =~ /serving http/ }), 'one with names serves';
    is((get('/', host => $_))[0], 200, "$_ gets the page") for "grey.example:$http", 'Mail', 'localhost';
    is((get('/', host => 'other.example'))[0], 421, 'another does not');
    kill TERM => $pid;
    waitpid $pid, 0;
    my ($code, $text) = ends('--control', $control, 'serve', '127.0.0.1@1', '--host', 'a:80');
    is $code, 100, 'a name has no port';
    like $text, qr/\Agreyctl: [^\n]+\n\z/, 'which is said in a line';
};

subtest 'whoever asks, the daemon is asked once' => sub {
    sleep 1.1;
    my $before = value(metrics(), 'greyd_connections_total{event="accepted",socket="control"}');
    my $end = time + 0.5;
    my $asked = 0;
    while (time < $end) { get('/metrics'); get('/'); ++$asked }
    cmp_ok $asked, '>', 5, 'often';
    my $after = value(fresh(), 'greyd_connections_total{event="accepted",socket="control"}');
    cmp_ok $after - $before, '<=', 3, 'and it has seen next to nothing of it';
};

subtest 'it has no privilege' => sub {
    my $status = slurp("/proc/$server/status");
    like $status, qr/^NoNewPrivs:\s+1$/m, 'and gets none';
    like $status, qr/^Cap$_:\s+0+$/m, "no capability: $_" for 'Prm', 'Eff';
    SKIP: {
        skip 'not root', 5 unless $root;
        like $status, qr/^Uid:\s+$nobody\s+$nobody\s+$nobody\s+$nobody$/m, 'root has become the owner of the socket';
        like $status, qr/^Groups:\s*$/m, 'in no other group';
        my ($code, $text) = ends('--control', $control, 'serve', '127.0.0.1@' . free_port(), '--user', 'root');
        is $code, 111, 'as root it does not serve';
        my $own = tempdir(CLEANUP => 1);
        ($code, $text) = ends('--control', "$own/none", 'serve', '127.0.0.1@' . free_port());
        is $code, 111, 'nor for what is root\'s';
        like $text, qr/\Agreyctl: [^\n]*--user[^\n]*\n\z/, 'and says what to do';
    }
};

subtest 'a port that is taken' => sub {
    my ($code, $text) = ends('--control', $control, 'serve', "127.0.0.1\@$http");
    is $code, 111, 'is an error';
    like $text, qr/\Agreyctl: cannot listen [^\n]*127\.0\.0\.1[^\n]*in use\n\z/, 'said in a line';
};

subtest 'a thousand connections that say nothing, or little' => sub {
    my @idle = map { connected() } 1 .. 500;
    my @slow = map { my $peer = connected(); print $peer 'GET /metrics HTTP'; $peer->flush; $peer } 1 .. 500;
    my $begin = time;
    is mail('192.0.2.10', 'a@x.example', 'b@y.example'), '01', 'the daemon answers';
    cmp_ok time - $begin, '<', 2, 'at once';
    is((get('/healthz'))[0], 200, 'and so does the page');
    like fresh(), qr/^greyd_up 1$/m, 'with figures';
    cmp_ok scalar(my @open = glob "/proc/$server/fd/*"), '<', 300, 'most are closed';
    cmp_ok +(slurp("/proc/$server/status") =~ /^Threads:\s+(\d+)/m)[0], '<', 5, 'no threads for them';
};

subtest 'readers that do not read' => sub {
    my @deaf = map { my $peer = connected(); print $peer "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" x 20; $peer->flush; $peer } 1 .. 200;
    is((get('/healthz'))[0], 200, 'do not keep others waiting');
    is mail('192.0.2.11', 'a@x.example', 'b@y.example'), '01', 'nor the daemon';
};

subtest 'requests that are too long, have a body, or are none' => sub {
    my $megabyte = 'x' x 1_000_000;
    like exchange("GET /$megabyte HTTP/1.1\r\n\r\n"), qr/\AHTTP\/1\.1 414 /, 'a path of a megabyte';
    like exchange("GET / HTTP/1.1\r\nA: $megabyte\r\n\r\n"), qr/\AHTTP\/1\.1 431 /, 'a header of a megabyte';
    like exchange("GET / HTTP/1.1\r\n" . "A: b\r\n" x 150_000 . "\r\n"), qr/\AHTTP\/1\.1 431 /, 'many';
    like exchange("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n$megabyte"), qr/\AHTTP\/1\.1 405 .*\r\nConnection: close\r\n/s, 'a body of a megabyte';
    like exchange("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nf4240\r\n$megabyte\r\n0\r\n\r\n"), qr/\AHTTP\/1\.1 405 /, 'in chunks';
    like exchange("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"), qr/\AHTTP\/1\.1 413 /, 'one that is only announced';
    for ("\x16\x03\x01\x02\x00\x01\x00", "\0" x 5000, "QUIT\r\n\r\n", "GET /metrics\r\n\r\n", "\r\n\r\n", "GET / HTTP/1.1\n\n") {
        like exchange($_), qr/\AHTTP\/1\.1 400 /, 'what is no request' }
    srand 1;
    for (1 .. 50) { my $peer = connected(); print $peer join '', map { chr int rand 256 } 1 .. 1 + int rand 3000; close $peer }
    is((get('/healthz'))[0], 200, 'it is still there');
    my $bound = slurp("/proc/$server/maps") =~ /asan/ ? 400_000 : 60_000; # that keeps what is freed
    cmp_ok +(slurp("/proc/$server/status") =~ /^VmHWM:\s+(\d+)/m)[0], '<', $bound, 'and has not grown';
};

subtest 'the daemon does not answer' => sub {
    $daemon->signal('STOP');
    sleep 1.1;
    my $begin = time;
    is value(metrics(), 'greyd_up'), 0, 'it is not up';
    cmp_ok time - $begin, '<', 8, 'which is said before anybody gives up';
    is((get('/healthz'))[0], 503, 'nor well');
    $daemon->signal('CONT');
    ok wait_until(sub { (get('/healthz'))[0] == 200 }), 'and then it does';
};

subtest 'the daemon has gone' => sub {
    $daemon->stop;
    is value(fresh(), 'greyd_up'), 0, 'it is not up';
    is((get('/metrics'))[0], 200, 'which is a figure as any');
    SKIP: {
        skip 'no promtool (scripts/setup test)', 1 if system 'promtool --version >/dev/null 2>&1';
        is checked('promtool check metrics', metrics()), 'good', 'promtool finds nothing';
    }
    my ($status, undef, $text) = get('/healthz');
    is $status, 503, 'all is not well';
    like $text, qr/\A[^\n]*context\.control[^\n]*\n\z/, 'a line says why';
    ($status, undef, $text) = get('/');
    like $text, qr/The daemon does not answer/, 'the page says so, and not what was before';
    like $text, qr/<meta http-equiv="refresh" content="\d">/, 'and tries again soon';
    $daemon->{pid} = undef;
    start();
    ok wait_until(sub { value(metrics(), 'greyd_up') eq '1' }), 'it is found again when it is back';
    is((get('/healthz'))[0], 200, 'and all is well');
};

subtest 'where descriptors are few' => sub {
    my $few = free_port();
    my $pid = fork // die;
    if ($pid == 0) {
        open STDERR, '>', "$dir/few.log" or die;
        exec 'sh', '-c', 'ulimit -n 30; exec "$@"', 'sh', $greyctl, '--control', $control, 'serve', "127.0.0.1\@$few" or die;
    }
    ok wait_until(sub { slurp("$dir/few.log") =~ /serving http/ }), 'it serves';
    local $http = $few;
    my @idle = map { connected() } 1 .. 100;
    is((get('/healthz'))[0], 200, 'and the daemon is asked, whoever is connected');
    kill TERM => $pid;
    waitpid $pid, 0;
    is $?, 0, 'to its end';
};

subtest 'TERM ends it at once' => sub {
    my @open = map { connected() } 1 .. 10;
    $daemon->signal('STOP');
    print { $open[0] } "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    sleep 1.2;
    my $begin = time;
    kill TERM => $server;
    waitpid $server, 0;
    my $code = $?;
    $server = undef;
    is $code, 0, 'with 0';
    cmp_ok time - $begin, '<', 1, 'also while the daemon does not answer';
    $daemon->signal('CONT');
    serve("127.0.0.1\@$http");
    is((get('/healthz'))[0], 200, 'its port is free again');
    kill KILL => $server;
    waitpid $server, 0;
    $server = undef;
};

subtest 'before there is a daemon' => sub {
    $daemon->stop;
    unlink $control;
    serve("[::1]\@$http") if -e '/proc/net/if_inet6';
    SKIP: {
        skip 'no IPv6', 3 unless $server;
        my $peer = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $http, Type => SOCK_STREAM) or skip 'no ::1', 3;
        print $peer "GET / HTTP/1.1\r\nHost: [::1]:$http\r\nConnection: close\r\n\r\n";
        my $text = all_of($peer);
        like $text, qr/\AHTTP\/1\.1 503 /, 'a page is there';
        like $text, qr/The daemon does not answer/, 'that says so';
        like $text, qr/<meta http-equiv="refresh"/, 'and tries again';
    }
};

done_testing;
