# Plays a qmail-smtpd with the qmail-spp patch, which Debian does not have: an SMTP server for one
# session on standard input and output that runs plugins as qmail-spp does. Of a plugin's lines it
# knows E, which refuses the command with what follows.
# usage: spp_server.pl rcpt|data PLUGIN
use strict;
use warnings;

my ($section, $plugin) = @ARGV;
$| = 1;

# Runs the plugin when it is in this section; true when it has refused the command.
sub refused {
    my ($at) = @_;
    return 0 if $at ne $section;
    my @lines = split /\n/, `$plugin`;
    warn "plugin failed: $?\n" if $?;
    my ($error) = map { /^E(.*)/ ? $1 : () } @lines;
    warn "unknown line\n" if grep { !/^E/ } @lines;
    print "$error\r\n" if defined $error;
    return defined $error;
}

my $recipients = 0;
print "220 spp\r\n";
while (defined(my $line = <STDIN>)) {
    $line =~ s/\r?\n//;
    if ($line =~ /^MAIL FROM:<(.*?)>/i) {
        $ENV{SMTPMAILFROM} = $1;
        $recipients = 0;
    } elsif ($line =~ /^RCPT TO:<(.*?)>/i) {
        $ENV{SMTPRCPTTO} = $1;
        $ENV{SMTPRCPTCOUNT} = $recipients;
        next if refused('rcpt');
        ++$recipients;
    } elsif ($line =~ /^DATA/i) {
        if (!$recipients) { print "503 RCPT first\r\n"; next }
        next if refused('data');
        print "354 go ahead\r\n";
        while (defined(my $text = <STDIN>)) { last if $text =~ /^\.\r?\n/ }
    } elsif ($line =~ /^QUIT/i) {
        print "221 bye\r\n";
        last;
    } elsif ($line !~ /^(?:EHLO|HELO|RSET|NOOP)/i) {
        print "502 unimplemented\r\n";
        next;
    }
    print "250 ok\r\n";
}
