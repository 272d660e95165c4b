# What sslserver (ucspi-ssl, not in Debian) is to a server that knows UCSPI-TLS: it keeps the
# client's connection, and when the server says so on SSLCTLFD, speaks TLS on it and hands the
# server plain text through SSLREADFD and SSLWRITEFD. Runs under tcpserver.
# usage: perl ucspi_tls.pl CERTIFICATE KEY program [argument ...]
use strict;
use warnings;
use IO::Select;
use Net::SSLeay;

my ($certificate, $key, @program) = @ARGV;
$^F = 1000;    # descriptors stay open in the program
pipe my $control, my $program_control or die;
pipe my $program_in, my $to_program or die;
pipe my $from_program, my $program_out or die;
my $pid = fork // die;
if (!$pid) {
    close $_ for $control, $to_program, $from_program;
    @ENV{qw(UCSPITLS SSLCTLFD SSLREADFD SSLWRITEFD)} = (1, map { fileno $_ } $program_control, $program_in, $program_out);
    exec @program or die;
}
close $_ for $program_control, $program_in, $program_out;
sysread $control, my $order, 1 or exit 0;    # the program has ended
$order =~ /y/i or die "not an order: $order\n";

Net::SSLeay::initialize();
my $context = Net::SSLeay::CTX_new() or die;
Net::SSLeay::set_cert_and_key($context, $certificate, $key) or die;
my $ssl = Net::SSLeay::new($context) or die;
Net::SSLeay::set_rfd($ssl, 0);
Net::SSLeay::set_wfd($ssl, 1);
Net::SSLeay::accept($ssl) > 0 or die "no TLS\n";
my $select = IO::Select->new(\*STDIN, $from_program);
while (1) {
    my @ready = Net::SSLeay::pending($ssl) ? \*STDIN : $select->can_read;
    for my $from (@ready) {
        if ($from == $from_program) {
            sysread $from, my $bytes, 16384 or exit 0;
            Net::SSLeay::ssl_write_all($ssl, $bytes);
        } else {
            my $bytes = Net::SSLeay::read($ssl) // '';
            if ($bytes eq '') { close $to_program; $select->remove(\*STDIN); next }
            syswrite $to_program, $bytes;
        }
    }
}
