# Whether a server takes the recipient that greysmtpd has asked about: RCPT in many spellings, through
# `greysmtpd --stage=rcpt` to a server whose reply says what it has read.
# usage: smtp_spelling.pl PORT QUERIES PATTERN
# PORT is greysmtpd's, QUERIES the daemon's log as smtp.sh has it, and PATTERN a regular expression for
# the reply, with the address as its group. Prints the differences, and ends with 1 if there are any.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $queries, $pattern) = @ARGV;
my @spellings = (
    # plain ones
    ':<a@b.c>', ': <a@b.c>', ":\t<a\@b.c>", ' :<a@b.c>', '<a@b.c>', ' <a@b.c>', ':a@b.c', ': a@b.c', ':a', ':<a>',
    ':<A@B.C>', ':<a@b.c.>', ':<a@[192.0.2.1]>', ':<a@[IPv6:2001:db8::1]>', ':<a.x+y@b.c>', ':<a!x%y@b.c>',
    ':<=?a/b{c}d~^`$&*#-_@b.c>', q{:<o'brien@b.c>}, ":<g\xc3\xb6\@b.c>", ':<>', ':', '',
    # more than an address
    ':a@b.c <x@y.z>', ':a@b.c NOTIFY=<x@y.z>', ':a@b.c ORCPT=rfc822;x@y.z', ':<a@b.c> ORCPT=rfc822;x@y.z',
    ':(c) <a@b.c>', ':Joe <a@b.c>', ':Joe<a@b.c>', ':"Joe <x@y.z>" <a@b.c>', ':a,<x@y.z>', ': x@y.z:<a@b.c>', '=<a@b.c>',
    ':<a@b.c><x@y.z>', ':<x@y.z> <a@b.c>', ':<x@y.z>,<a@b.c>', ':<x@y.z>a@b.c', ':<x@y.z>@b.c', ':<x@y.z>.b.c', ':<a@b.c>(c)',
    ':x@y.z,a@b.c', ':x@y.z;a@b.c', ':x@y.z(a@b.c)', ':(x@y.z)a@b.c', ':"x@y.z"a@b.c', ':;<a@b.c>', ':v<x@y.z>',
    # more behind the brackets, which Postfix takes for the address
    ':<>v@b.c', ':<>,v@b.c', ':<>;v@b.c', ':<>:v@b.c', ':<>"v"@b.c', ':<>(c)v@b.c', ':<>\\v@b.c', ':<>@b.c', ':<> v@b.c',
    ':v@b.c>', ':>v@b.c', ': >v@b.c', ':v@b.c SIZE=>', ':<a@b.c> x@y.z', ':<a@b.c> SIZE', ':<a@b.c> ', '::a@b.c', '::<a@b.c>',
    ' v@b.c', '',
    # brackets
    ':<<a@b.c>>', ':<<x@y.z> a@b.c>', ':<Joe <a@b.c>>', ':<a@b.c', ':<a@b.c>>', ':<a@b.c>SIZE=1', ':<a@b.c[@y.z>', ':<a@[b.c]@y.z>',
    # blanks and control characters
    ':<a@b.c >', ':< a@b.c>', ':<a @b.c>', ':<a b@b.c>', ":<a\t\@b.c>", ":<a\@b.c\t>", ':< >', ':<a@b.c x@y.z>',
    ':<a@b.c SIZE=1>', ':< a@b.c >', ':<a@b.c SIZE=1', ':a @b.c', ':a b@b.c', ":a\@b.c\tX=1", ":\ta\@b.c", ':a@b.c X=1',
    ":<a\@b.c>\0<x\@y.z>", ":\0<a\@b.c>", ":<a\@b.c\0x.y>", ":<a\@b.c\r>", ":<a\@b.c\rx.y>", ":\x0b<a\@b.c>", ":<a\@b.c\x7f>", ":<a\@b.c>\r",
    # several addresses, groups, comments, routes
    ':<a@b.c,x@y.z>', ':<g:a@b.c;>', ':<g:a@b.c;@y.z>', ':<a:x@b.c>', ':<x@y.z:a@b.c>', ':<a@b.c:25>', ':<a;x@b.c>',
    ':<a(c)@b.c>', ':<(c)a@b.c>', ':<a@b.c(c)>', ':<a@b.c(@y.z>', ':<(x@y.z)a@b.c>',
    ':<@r.s:a@b.c>', ':<@r.s,@t.u:a@b.c>', ':<@r.s:@t.u:a@b.c>', ':@r.s:a@b.c', ':<@r.s>', ':<@x@b.c:a@y.z>',
    ':<"@x:b"@b.c>', ':<\\@x:b@b.c>', ':"@x:b"@b.c', ':<@r:"@x:b"@b.c>', ':<@"r:x":a@b.c>', ':<@r>:a@b.c>', ':<@[IPv6:::1]:a@b.c>',
    # quotes and backslashes
    ':<"a"@b.c>', ':<"a b"@b.c>', ':<"a>b"@b.c>', ':<"a\\"b"@b.c>', ':<"a\\b"@b.c>', ':<a\\b@b.c>', ':<a\\>b@b.c>', ':<a\\@x@b.c>',
    ':<"x@y.z> "@b.c>', ':<"a@b.c>', ':<a"b"c@b.c>', ':"a"@b.c', ':"a b"@b.c', ':a\\ b@b.c', ':<"">', ':<""@b.c>', ':<a@b.c"@y.z">',
    ':<"a@b.c"@y.z>', ':<a@b.c\\>', ':<a@b.c\\>@y.z>', ':<a@b.c\\',
    # no addresses
    ':<@>', ':<a@>', ':<@b.c>', ':<x@y.z@b.c>', ':<a@b..c>', ':<.a@b.c>', ':<a.@b.c>', ':<a@b_c.d>',
);
my @lines = map "RCPT TO$_", @spellings;
push @lines, map $_ . 'RCPT TO:<a@b.c>', ' ', "\t", "\x0b", "\r", "\0", '"', "\xef\xbb\xbf";
push @lines, "rcpt to:<a\@b.c>", "RCPT\x0bTO:<a\@b.c>", "RCPT\tTO:<a\@b.c>", "RCPT\0 TO:<a\@b.c>", 'RCPT TO :<a@b.c>';

$SIG{PIPE} = 'IGNORE';    # some servers hang up at some lines
my $server;
sub reply {
    my $line;
    do { $line = <$server> // return 'nothing' } while $line =~ /^...-/;
    return $line =~ s/\s+\z//r }
sub asked {    # about which recipients
    open my $log, '<', $queries or die "$queries: $!\n";
    return map { /\|T([^|]*)\|/ ? $1 : () } <$log> }
# Servers differ in what they keep of quotes and blanks, and that is no matter.
sub plain { my ($address) = @_; return lc($address =~ tr/"\\ \t//dr) }

my ($compared, $refused, $wrong) = (0, 0, 0);
for my $line (@lines) {
    $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no server: $!\n";
    $server->autoflush(1);
    my $before = () = asked();
    print $server "HELO me.example.org\r\nMAIL FROM:<good\@example.org>\r\n$line\r\n";
    reply() for 1 .. 3;
    my $reply = reply();
    print $server "DATA\r\n";    # nothing may come that was not seen
    my $data = reply();
    print $server "QUIT\r\n";
    close $server;
    my @asked = asked();
    splice @asked, 0, $before;
    ++$refused if $reply =~ /^501 5\.5\.4 Address cannot be read/;
    my $taken = $reply =~ /$pattern/ ? $1 : undef;
    next if !defined $taken && !($reply =~ /^250/ || $data =~ /^3/ && !@asked);
    ++$compared;
    my $question = @asked ? $asked[0] : undef;
    next if defined $taken && defined $question && plain($taken) eq plain($question);
    ++$wrong;
    print join(' | ', $line =~ s/([\0-\x1f\x7f])/sprintf '\\x%02x', ord $1/ger, 'asked: ' . ($question // 'nothing'), "$reply\n");
}
print "$compared compared, $refused refused by greysmtpd\n";
exit($wrong > 0 || $compared < 20);
