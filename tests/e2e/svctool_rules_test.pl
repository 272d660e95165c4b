#!/usr/bin/perl
# What svctool makes of rules, as the real tcprules and tcprulescheck see it: for every client GREYIP
# may be another than before, and nothing else; and nobody is let in who was not.
#
# usage: svctool_rules_test.pl SVCTOOL        exit 77: skipped, as something it needs is not there
use strict;
use warnings;
use File::Temp 'tempdir';

my $svctool = shift or die "usage: svctool_rules_test.pl SVCTOOL\n";
for my $program ('tcprules', 'tcprulescheck') {
  next if grep { -x "$_/$program" } split /:/, $ENV{PATH};
  print "skipped: $program is not installed\n";
  exit 77;
}
my $top = tempdir(CLEANUP => 1);
my $rules = "$top/tcp.smtp";

sub fail { print "FAILED: @_\n"; system "cat '$rules'"; exit 1 }
sub spill { my ($file, $text) = @_; open my $to, '>', $file or die; print $to $text; close $to or die }
sub slurp { my ($file) = @_; open my $from, '<', $file or die "$file: $!"; local $/; <$from> }

# What tcpserver does with a client: "deny", or its variables.
sub outcome {
  my ($cdb, $ip, $host, $info) = @_;
  local %ENV = (PATH => $ENV{PATH}, TCPREMOTEIP => $ip);
  $ENV{TCPREMOTEHOST} = $host if defined $host;
  $ENV{TCPREMOTEINFO} = $info if defined $info;
  my $said = `tcprulescheck '$cdb'`;
  fail("tcprulescheck: $?") if $?;
  return 'deny' if $said =~ /^deny connection$/m;
  my %variables = $said =~ /^set environment variable (\w+)=(.*)$/mg;
  return \%variables;
}
sub in_words {
  my ($outcome, $without) = @_;
  return $outcome unless ref $outcome;
  return join ' ', 'allow', map { $_ eq $without ? () : "$_=$outcome->{$_}" } sort keys %$outcome;
}

my @clients;
for my $ip ('10.1.2.3', '10.1.2.4', '10.2.0.1', '11.1.1.1', '2001:db8::1', '::1') {
  for my $host (undef, 'mx.example.org', 'example.org', 'other.net') {
    push @clients, [$ip, $host, $_] for undef, 'joe';
  }
}
sub outcomes { my ($cdb) = @_; map { outcome($cdb, @$_) } @clients }

# Returns the exit code and what was said.
sub svctool { my $said = `'$svctool' @_ 2>&1`; return ($? >> 8, $said) }

# Tries an edit of the rules; returns how many clients are greylisted by it, or undef when it is
# refused.
sub try_edit {
  my ($text, $match) = @_;
  spill($rules, $text);
  system("tcprules '$rules.cdb' '$rules.tmp' <'$rules'") == 0 or fail('tcprules');
  my @before = outcomes("$rules.cdb");
  my $cdb = slurp("$rules.cdb");
  my $option = $match eq '' ? '' : "'--match=$match'";
  my ($code, $said) = svctool("--greyip=127.0.0.1\@1999 '--tcprules=$rules' $option");
  if ($code) {
    fail("exit $code of --match=$match: $said") if $code != 111;
    fail("rules or cdb of a refused edit differ") if slurp($rules) ne $text || slurp("$rules.cdb") ne $cdb;
    return (undef, $said);
  }
  my @after = outcomes("$rules.cdb");
  my $greylisted = 0;
  for my $i (0 .. $#clients) {
    my $client = join ' ', map { $_ // '-' } @{$clients[$i]};
    my ($was, $is) = map { in_words($_, 'GREYIP') } $before[$i], $after[$i];
    fail("--match=$match: client $client: '$was' has become '$is'") if $was ne $is;
    $greylisted++ if ref $after[$i] && ($after[$i]{GREYIP} // '') eq '127.0.0.1@1999';
  }
  my $edited = slurp($rules);
  ($code, my $undone) = svctool("--no-greyip '--tcprules=$rules' $option");
  fail("exit $code of --no-greyip --match=$match: $undone") if $code;
  fail("--no-greyip --match=$match does not restore the rules:\n$text") if slurp($rules) ne $text;
  spill($rules, $edited);
  return ($greylisted, $said);
}

print "- rules as they are found\n";
for my $row (
  # rules, match, how many of the clients are greylisted; or the refusal
  ["10.1.:deny\n:allow\n", '10.1.2.3', qr/line 1: a new rule would let 10\.1\.2\.3 in/],
  ["10.0-1.:deny\n:allow\n", '10.1.2.3', qr/line 1: a new rule would let 10\.1\.2\.3 in/],
  ["10.1.:deny\n10.1.:allow\n:allow\n", '10.1.2.3', qr/line 1: a new rule would let/],
  ["2001:db8::deny\n:allow\n", '2001:db8::1', qr/line 1: a new rule would let/],
  ["=:allow\n:deny\n", '10.1.2.3', qr/line 2: a new rule would let/],
  ["10.1.:allow,RELAYCLIENT=\"\",A=\"b\"\n:allow\n", '10.1.2.3', 8],
  ["2001::allow,A=\"b\"\n:allow\n", '2001:db8::1', 8],
  ["2001:db8::1:deny\n:allow\n", '2001:', 0],
  ["=:allow,A=\"b\"\n:allow\n", '', 48],
  ["=:allow\n:deny\n", '', 36],
  ["=.org:allow,A=\"b\"\n:allow\n", '', 24],
) {
  my ($text, $match, $expected) = @$row;
  my ($greylisted, $said) = try_edit($text, $match);
  if (ref $expected) {
    fail("--match=$match is not refused in\n$text") if defined $greylisted;
    fail("--match=$match: $said") if $said !~ $expected;
  } else {
    fail("--match=$match is refused: $said") if !defined $greylisted;
    fail("--match=$match: $greylisted clients, not $expected") if $greylisted != $expected;
  }
}
my (undef, $said) = try_edit("=.org:allow,A=\"b\"\n:allow\n", '');
fail("clients that are left out are not named: $said")
  if $said !~ /line 1: without GREYIP, so clients of that name are not greylisted: =\.org:allow/;

print "- any rules, any address\n";
my @addresses = ('', '=', '=.org', '=.example.org', '=mx.example.org', '=example.org', '10.', '10.1.',
  '10.1.2.', '10.1.2.3', '10.1-2.', '10.1.2.3-4', '11.', '2001:', '2001:db8:', '2001:db8::', '2001:db8::1',
  ':', '::1', 'joe@10.1.2.3', 'joe@=mx.example.org');
my @variables = ('', '', ',A="b"', ',C=/d/,A="x"', ',GREYIP="127.0.0.1@1999"');
srand 21;
my ($done, $refused) = (0, 0);
for (1 .. 70) {
  my $text = '';
  for (0 .. rand 5) {
    my $verdict = rand() < 0.25 ? 'deny' : 'allow' . $variables[rand @variables];
    $text .= "$addresses[rand @addresses]:$verdict\n";
  }
  my $match = $addresses[rand @addresses];
  next if $match ne '' && $text =~ /^\Q$match\E:.*GREYIP/m; # taken out again, it would not be as it was
  next if $match eq '' && $text =~ /^=?:.*GREYIP/m;
  my ($greylisted) = try_edit($text, $match);
  defined $greylisted ? $done++ : $refused++;
}
fail("only $done edits and $refused refusals") if $done < 10 || $refused < 10;

print "all passed\n";
