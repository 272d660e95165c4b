# `greyctl report`: a daemon whose clients come back after known times, and what is told of it as text,
# as JSON, and by a browser that opens the page.
# usage: perl report_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use MtaClient qw(free_port mta_tcp request receive);
use POSIX qw(strftime);
use Test::More;

my ($program, $greyctl) = @ARGV;
die "usage: report_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL\n" unless @ARGV == 2;
my ($browser) = grep {-x} map {"$_/chromium"} split /:/, $ENV{PATH};
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $port = free_port();
my $policy_port = $port + 1;
@ENV{qw(TZ LC_ALL)} = ('UTC', 'C');

# The daemon's wall clock stands at the time in this file. greyctl's is right: it asks the daemon's.
my $clock;
sub set_clock { $clock = shift;
    spit("$dir/clock.new", strftime("%Y-%m-%d %H:%M:%S\n", gmtime $clock));
    rename "$dir/clock.new", "$dir/clock" or die }
my $daemon = Daemon->new(program => $program, dir => $dir, port => $port, env => {
    LD_PRELOAD => faketime(), FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1, ASAN_OPTIONS => 'verify_asan_link_order=0'});
END { local $?; $daemon->stop('KILL') if $daemon && $daemon->{pid} }

# What a program prints of both kinds, and its exit code.
sub run { my (@command) = @_;
    my $pid = open my $out, '-|' // die;
    if ($pid == 0) { open STDERR, '>&', \*STDOUT; exec @command or die }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($text, $? >> 8) }
sub greyctl { return run($greyctl, '--control', "$dir/context.control", @_) }
sub mail { my ($client, $from, $to) = @_; return ask(asker($port), query($client, $from, $to // 'b@y.example')) }
sub report_json { return decode_json((greyctl('report', '--json', @_))[0]) }

my $start = 1_700_000_000; # 2023-11-14 22:13:20 UTC
set_clock($start);
$daemon->start('-v', 1, "--policy=127.0.0.1\@$policy_port", "127.0.0.1\@$port", 'context');

subtest 'a daemon that has just started' => sub {
    my ($text, $code) = greyctl('report');
    is $code, 0;
    like $text, qr/^Greylisting, 2023-11-07 22:00 to 2023-11-14 22:13$/m, 'the last seven days, by the daemon\'s clock';
    like $text, qr/^  Nothing has been asked in this time\./m, 'it says so';
    is +(greyctl('report', '--html', "$dir/empty.html"))[1], 0;
    like slurp("$dir/empty.html"), qr/Nothing has been asked in this time\./;
    unlike $text . slurp("$dir/empty.html"), qr/\bnan\b|\binf\b/i;
};

my $evil = '<script>alert(1)</script>@evil.example';
subtest 'who comes back when' => sub {
    is mail("192.0.2.$_", 'a@x.example'), '01', "$_ comes" for 1 .. 10;
    is mail('192.0.2.1', 'other@x.example'), '01', 'one of them with another message, too';
    is mail('198.51.100.1', $evil), '01', 'and one who means ill';
    set_clock($start + 130);
    is mail("192.0.2.$_", 'a@x.example'), '02', "$_ is early" for 1 .. 4;
    set_clock($start + 330);
    is mail("192.0.2.$_", 'a@x.example'), '13', "$_ is accepted" for 1, 2, 5, 6;
    set_clock($start + 700);
    is mail('192.0.2.7', 'a@x.example'), '13', '7 is accepted';
    is mail('192.0.2.7', 'a@x.example'), '12', 'and known';
    set_clock($start + 800);
    is mail('198.51.100.1', $evil), '13', 'so is the other, and later';
    ask_nothing();
    my $mta = mta_tcp($policy_port);
    syswrite $mta, request(client_address => '203.0.113.1', sender => 'p@x.example', recipient => 'q@y.example');
    like receive($mta, 20), qr/^action=DEFER/, 'by another front';
    set_clock($start + 13 * 3600);
    is mail('203.0.113.9', 'late@x.example', 'c@y.example'), '01', 'and much later one who may come back yet';
};
sub ask_nothing { asker($port)->send("no query") }

my %expected = (first => 14, passed => 6, trusted => 1, held => 6, open => 1, left => 0);

subtest 'as JSON, and as `stats` has it' => sub {
    my $report = report_json();
    my $stats = decode_json((greyctl('stats', '--json'))[0]);
    is_deeply $report->{attempts}, \%expected, 'what became of first attempts';
    my $counters = $stats->{counters};
    for my $front ('udp', 'policy') {
        is_deeply $report->{decided}{$front},
            {map { /^\Q$front\E\.decided\.(.*)/ ? ($1 => $counters->{$_}) : () } keys %$counters}, "decisions by $front";
    }
    is $report->{decided}{udp}{new}, 13;
    is $report->{attempts}{first}, $counters->{'attempts.first'}, 'first attempts';
    is_deeply $report->{delay}{passed}, $stats->{attempts}{passed}, 'how long they waited, by class';
    is_deeply $report->{delay}{bounds}, $stats->{attempts}{bounds};
    is $report->{delay}{waited}, $counters->{'attempts.waited'}, 'together';
    is $report->{delay}{waited}, 4 * 330 + 700 + 800;
    is $report->{delay}{longest}, 800;
    # Of six the third is in 5m-7m, which holds four.
    is $report->{delay}{median}, 300 + 120 * 3 / 4, 'the median lies within its class';
    is $report->{delay}{p90}, 600 + 200 * (5.4 - 4) / 2, 'p90 too, and nobody waited longer than 800 seconds';
    my %resend = map { $_->{min_resend} => $_ } @{ $report->{min_resends} };
    is_deeply $resend{120}, {min_resend => 120, let_in => 2, sooner => 2, saved => 2 * (330 - 180)}, 'two minutes would have let in two';
    is_deeply $resend{180}, {min_resend => 180, let_in => 0, sooner => 0, saved => 0}, 'three nobody';
    is $resend{300}{now}, JSON::PP::true;
    is $resend{600}{again}, 4, 'ten would have cost four another retry';
    is $resend{900}{again}, 6;
    is $report->{faults}{$_}, 1, "a fault: $_" for keys %{ $report->{faults} };
    is scalar keys %{ $report->{faults} }, 1;
    is_deeply $report->{several}[0], {network => '192.0.2.0/24', messages => 1, clients => 10, sender => 'a@x.example', recipient => 'b@y.example'},
        'one message by several addresses';
    is_deeply [map { $_->{deferred} } grep { $_->{name} eq 'x.example' } @{ $report->{domains}{first} }], [8], 'deferrals of a domain';
    my ($hour) = grep { $_->{hour} == 22 } @{ $report->{hours} };
    is $hour->{first}, 13, 'by hour';
    is +(grep { $_->{begin} == 1_699_920_000 } @{ $report->{days} })[0]{first}, 13, 'by day';
};

subtest 'a shorter time' => sub {
    my $report = report_json('--since', '1h');
    is $report->{attempts}{first}, 1;
    is $report->{domains}{first}[0]{deferred}, 1;
    is scalar @{ $report->{longest} }, 0;
    for my $bad (['--since', '7'], ['--since', ''], ['--html', ''], ['--html', $dir], ['more']) {
        my ($text, $code) = greyctl('report', @$bad);
        is $code, 100, "misuse: @$bad" or diag $text }
};

subtest 'as text' => sub {
    my ($text, $code) = greyctl('report');
    is $code, 0;
    like $text, qr/^  held back for good +6   42\.9 %/m;
    like $text, qr/^  came back +6   42\.9 %/m;
    like $text, qr/^  client became known +1    7\.1 %/m;
    like $text, qr/^  still open +1    7\.1 %/m;
    like $text, qr/^  median 6m 30s, p90 12m 20s, mean 7m 50s, longest 13m 20s$/m;
    like $text, qr/^  5m-7m +4   66\.7 %  #+$/m, 'bars, of ASCII where the locale has no more';
    like $text, qr/^ +13m 20s  198\.51\.100\.1 +%3Cscript>/m, 'who waited longest';
    unlike $text, qr/\033/, 'no colour where nobody looks';
    unlike $text, qr/^.{81}/m, 'as wide as a terminal';
    local $ENV{LC_ALL} = 'C.UTF-8';
    like +(greyctl('report'))[0], qr/\xe2\x96\x88/, 'blocks where it has';
};

subtest 'the file' => sub {
    spit("$dir/victim", 'untouched');
    symlink 'victim', "$dir/page.html" or die;
    is_deeply [greyctl('report', '--html', "$dir/page.html")], ['', 0], 'without a word';
    ok !-l "$dir/page.html", 'a planted link is replaced';
    is slurp("$dir/victim"), 'untouched', 'and not followed';
    is +(stat "$dir/page.html")[2] & 07777, 0600, 'for its owner alone';
    chmod 0644, "$dir/page.html";
    greyctl('report', '--html', "$dir/page.html");
    is +(stat "$dir/page.html")[2] & 07777, 0644, 'unless its owner has said otherwise';
    is +(greyctl('report', '--html', "$dir/none/page.html"))[1], 111, 'no directory';
    is join(' ', glob "$dir/*.tmp*"), '', 'nothing is left beside it';
};

# The page after its scripts have run. `add`: one more of ours, which the page itself would not let be.
sub browse { my ($add) = @_;
    my $page = slurp("$dir/page.html");
    if ($add) {
        $page =~ s/<meta http-equiv="Content-Security-Policy"[^>]*>//;
        $page =~ s{</body>}{<script>$add</script></body>};
    }
    spit("$dir/browsed.html", $page);
    return dump_dom("$dir/browsed.html") }
sub dump_dom { my ($page) = @_;
    my $profile = tempdir(CLEANUP => 1);
    my ($dom) = run('timeout', 100, $browser, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars --window-size=1100,900),
        "--user-data-dir=$profile", '--dump-dom', "file://$page");
    return $dom }

if ($browser) {
    subtest 'a browser shows the same numbers' => sub {
        my $counters = decode_json((greyctl('stats', '--json'))[0])->{counters};
        my $dom = browse();
        my ($first) = $dom =~ m{<b id="first">([\d,]+)</b>};
        is $first, $counters->{'attempts.first'}, 'first attempts';
        my %all;
        for my $name (keys %$counters) { $all{$1} += $counters->{$name} if $name =~ /^(?:udp|policy)\.decided\.(.*)/ && $counters->{$name} }
        my %shown = $dom =~ m{<tr data-reason="(\w+)"><td>\w+</td><td class="wide">\w+</td><td class="n" data-v="(\d+)"}g;
        is_deeply \%shown, \%all, 'decisions by reason';
        my %fates = $dom =~ m{<tr data-fate="(\w+)">.*?<td class="n" data-v="(\d+)"}g;
        is_deeply {%fates, first => 14}, \%expected, 'what became of first attempts';
        like $dom, qr{<b id="median">6m 30s</b>};
        like $dom, qr{<th scope="col"><button type="button">reason</button></th>}, 'its own script may run';
        like $dom, qr{%3Cscript&gt;alert\(1\)%3C/script&gt;<wbr>\@evil<wbr>\.example}, 'no other does: it is text';
        is +(() = $dom =~ /<script/g), 1, 'there is one';
        like $dom, qr{<svg[^>]*role="img"><title>[^<]+}, 'charts have titles';
    };
    subtest 'its tables sort, and a phone needs no scrolling aside' => sub {
        my $click = 'const t=[...document.querySelectorAll("table.sort")].find(t=>t.querySelector("[data-reason]"));' .
            'const b=t.querySelectorAll("th button");b[2].click();document.title=[...t.tBodies[0].rows].map(r=>r.dataset.reason).join(" ");' .
            'b[2].click();document.title+="|"+[...t.tBodies[0].rows].map(r=>r.dataset.reason).join(" ");';
        my ($most_first, $least_first) = split /\|/, +(browse($click) =~ m{<title>(new[^<]*)})[0] // '';
        is $most_first, 'new passed early known', 'by number, the most first';
        is $least_first, 'known early passed new', 'and the other way round';
        # A window has a least width, a frame has not.
        browse('parent.postMessage(document.documentElement.scrollWidth+" of "+innerWidth,"*")');
        spit("$dir/phone.html", '<script>onmessage=e=>document.title=e.data</script><iframe width="360" height="800" frameborder="0" src="browsed.html"></iframe>');
        like dump_dom("$dir/phone.html"), qr{<title>360 of 360</title>}, 'as wide as the screen';
    };
}

# Answers requests one after another with what stands there for each command, and then ends.
sub greyctl_of { my ($answers, @command) = @_;
    my $listener = IO::Socket::UNIX->new(Local => "$dir/liar", Listen => 1) or die;
    my $liar = fork // die;
    if ($liar == 0) {
        my $peer = $listener->accept;
        while (my $line = <$peer>) {
            my $command = decode_json($line)->{command};
            print $peer $answers->{$command} // last;
            $peer->flush;
            last if $command eq 'list' }
        POSIX::_exit(0);
    }
    close $listener;
    my @result = run($greyctl, '--control', "$dir/liar", @command);
    waitpid $liar, 0;
    unlink "$dir/liar";
    return @result }

subtest 'a daemon of before, and one that lies or goes away' => sub {
    my ($status) = greyctl('status', '--json');
    my %old = (status => $status, totals => qq({"error":"no such command: totals","exit_code":100}\n),
        list => qq({"state":"waiting","client":"192.0.2.7","sender":"a\@x.example","recipient":"b\@y.example","first_seen":$clock}\n{"done":true,"count":1,"more":false}\n));
    my ($text, $code) = greyctl_of(\%old, 'report');
    is $code, 0, 'one that keeps no totals yet';
    like $text, qr/keeps no totals: restart it/, 'it says so';
    like $text, qr/^  x\.example +1  #/m, 'and what it can tell';
    my $hour = $clock - $clock % 3600;
    for my $case ([totals => qq({"hour":$hour,"first":-1}\n{"done":true}\n), 'no count'], [totals => qq({"hour":1}\n), 'no hour'],
        [totals => "\n", 'nothing'], [list => qq({"state":"waiting","client":{}}\n), 'no record'],
        [list => qq({"state":"waiting","client":"\033[31m","first_seen":1}\n), 'an order to the terminal'],
        [list => qq({"state":"waiting"}\n), 'half an answer'], [list => undef, 'no answer'],
        [status => qq({"done":true}\n), 'no policy']) {
        my ($command, $answer, $name) = @$case;
        my ($text, $code) = greyctl_of({%old, totals => qq({"done":true,"now":$clock,"from":0}\n), $command => $answer}, 'report', '--html', "$dir/lies.html");
        is $code, 111, $name;
        like $text, qr/^greyctl: (?:the answer is none of a daemon's|the daemon has gone before|the daemon does not say)[ -~]*\n\z/, "$name: said";
    }
    ok !-e "$dir/lies.html", 'and no page is made of it';
};

subtest 'the daemon ends' => sub {
    is $daemon->stop, 0;
    delete $daemon->{pid};
    my ($text, $code) = greyctl('report', '--html', "$dir/page.html");
    is $code, 111;
    like $text, qr/^greyctl: cannot connect to /;
    like slurp("$dir/page.html"), qr/Held back for good/, 'the page is as it was';
};
done_testing;
exit 77 if !$browser && Test::More->builder->is_passing;
