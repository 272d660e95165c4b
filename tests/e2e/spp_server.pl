# Plays a qmail-smtpd with the qmail-spp patch, which Debian does not have: an SMTP server for one
# session on standard input and output that runs plugins as qmail-spp does: with standard input
# closed, before it looks at the recipient's host, and by sh what begins with a colon. It takes mail
# for example.net. Of a plugin's lines it knows E, which refuses the command with what follows, and S
# and U, which set and unset a variable. As in qmail-spp a MAIL with too big a SIZE is refused when the
# plugins' variables have its sender and count its recipients, but the message has still the sender
# and the recipients before it. The original's runs no plugin with NOSPP in its environment; with
# SPP=sagredo it is that of sagredo's qmail, which runs them with ENABLE_SPP alone, and tells how many
# recipients it has taken as soon as it has taken one.
# usage: spp_server.pl SMTPPLUGINS
use strict;
use warnings;

my $sagredo = ($ENV{SPP} // '') eq 'sagredo';
my $enabled = $sagredo ? defined $ENV{ENABLE_SPP} : !defined $ENV{NOSPP};
my %plugins = (rcpt => [], data => []);
my $into = [];
open my $file, '<', $ARGV[0] or die "$ARGV[0]: $!\n";
while (defined(my $line = <$file>)) {
    chomp $line;
    if ($line =~ /^\[(.*)\]$/) { $into = $plugins{$1} // die "unknown section $1\n" }
    else { push @$into, $line =~ /^:(.*)/ ? [qw(/bin/sh -c), $1] : [$line] }
}
close $file;
$| = 1;

# Runs a section's plugins; true when one has refused the command.
sub refused {
    my ($section) = @_;
    return 0 if !$enabled;
    for my $plugin (@{ $plugins{$section} }) {
        my $pid = open(my $output, '-|') // die "fork: $!\n";
        if (!$pid) { close STDIN; exec { $plugin->[0] } @$plugin or die "$plugin->[0]: $!\n" }
        my @lines = <$output>;
        close $output or warn "plugin failed: $?\n";
        warn "unknown line\n" if grep { !/^[ESU]/ } @lines;
        for (@lines) {
            if (/^S(.*?)=(.*)/) { $ENV{$1} = $2 }
            elsif (/^U(.*)/) { delete $ENV{$1} }
        }
        next if !grep { /^E/ } @lines;
        print map { /^E(.*)/ ? "$1\r\n" : () } @lines;
        return 1;
    }
    return 0;
}

my ($recipients, $sender);
my ($count, $count_all) = (0, 0); # as plugins are told, of recipients: taken, and all
print "220 spp\r\n";
while (defined(my $line = <STDIN>)) {
    $line =~ s/\r?\n//;
    if ($line =~ /^MAIL FROM:<(.*?)>/i) {
        $ENV{SMTPMAILFROM} = $1;
        $count = $count_all = 0;
        if ($line =~ / SIZE=\d{9}/) { print "552 too big\r\n"; next }
        $sender = $ENV{SMTPMAILFROM};
        $recipients = 0;
    } elsif ($line =~ /^RCPT TO:<(.*?)>/i) {
        if (!defined $sender) { print "503 MAIL first\r\n"; next }
        $ENV{SMTPRCPTTO} = $1;
        $ENV{SMTPRCPTCOUNT} = $count;
        $ENV{SMTPRCPTCOUNTALL} = ++$count_all;
        my $allowed = $1 !~ /@(?!example\.net$)/;
        $ENV{SMTPRCPTHOSTSOK} = $allowed ? 1 : 0;
        next if refused('rcpt');
        if (!$allowed) { print "553 not in rcpthosts\r\n"; next }
        ++$recipients;
        ++$count;
        $ENV{SMTPRCPTCOUNT} = $count if $sagredo;
    } elsif ($line =~ /^DATA/i) {
        if (!defined $sender) { print "503 MAIL first\r\n"; next }
        if (!$recipients) { print "503 RCPT first\r\n"; next }
        next if refused('data');
        $sender = undef;
        print "354 go ahead\r\n";
        while (defined(my $text = <STDIN>)) { last if $text =~ /^\.\r?\n/ }
        if (-e "$ARGV[0].full") { print "451 qq write error or disk full\r\n"; next }
    } elsif ($line =~ /^RSET/i) {
        $sender = undef;
    } elsif ($line =~ /^QUIT/i) {
        print "221 bye\r\n";
        last;
    } elsif ($line !~ /^(?:EHLO|HELO|NOOP)/i) {
        print "502 unimplemented\r\n";
        next;
    }
    print "250 ok\r\n";
}
