# DNS servers for tests: unbound with zones of one's own, and one that lies. Everything happens in a
# network namespace of the test's own.
package NameServer;
use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(own_network unbound liar silent);

# Begins again in namespaces that end with it; 77 where they cannot be had, or there is no unbound.
sub own_network {
    unless (-x '/usr/sbin/unbound') { print "skip: needs unbound\n"; exit 77 }
    return if $ENV{GREY_OWN_NETWORK};
    my @own = (qw(unshare --net --mount --pid --fork --kill-child --mount-proc), $> == 0 ? () : '--map-root-user');
    if (system(@own, 'true') != 0) { print "skip: namespaces need root here\n"; exit 77 }
    $ENV{GREY_OWN_NETWORK} = 1;
    exec @own, $^X, $0, @_;
}

# unbound(DIRECTORY, PORT, [ZONE...], 'NAME TYPE DATA'...): its process, which answers when this
# returns. What is not in the zones is refused, or not there.
sub unbound {
    my ($dir, $port, $zones, @lines) = @_;
    open my $conf, '>', "$dir/unbound.conf" or die;
    print $conf <<"END";
server:
  directory: "$dir"
  chroot: ""
  username: ""
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  logfile: "$dir/unbound.log"
  interface: 127.0.0.1\@$port
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  num-threads: 1
END
    print $conf "  local-zone: \"$_.\" static\n" for @$zones;
    print $conf "  local-data: '$_. 3600 IN SOA ns.$_. root.$_. 1 3600 3600 3600 3600'\n" for @$zones;
    for (@lines) {
        my ($name, $type, $data) = split ' ', $_, 3;
        my $ttl = $type =~ s/^(\d+)\/// ? $1 : 3600;
        if ($type eq 'TXT') { my @parts = $data =~ /(.{1,250})/g; $data = join ' ', map {"\"$_\""} @parts }
        print $conf "  local-data: '$name. $ttl IN $type $data'\n";
    }
    print $conf "remote-control:\n  control-enable: no\n";
    close $conf;
    my $pid = fork // die;
    if ($pid == 0) { open STDERR, '>', "$dir/unbound.err"; exec '/usr/sbin/unbound', '-d', '-c', "$dir/unbound.conf" or die }
    for (1 .. 3000) {
        my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Proto => 'udp') // die;
        $socket->send(question(7, 'there.example', 16));
        return $pid if IO::Select->new($socket)->can_read(0.01) && defined $socket->recv(my $answer, 512);
        sleep 0.01;
    }
    die "unbound does not answer\n";
}

sub name_of { return join('', map { pack('C/a', $_) } split /\./, $_[0]) . "\0" }
sub question { my ($id, $name, $type) = @_; return pack('n6', $id, 0x100, 1, 0, 0, 0) . name_of($name) . pack('nn', $type, 1) }

# liar(PORT, sub { my ($name, $type, $protocol) = @_; return \@rdata or undef or a whole answer behind its id }):
# by UDP and TCP; undef is no answer. An answer that is too long for UDP is cut there.
sub liar {
    my ($port, $answer) = @_;
    my $udp = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Proto => 'udp') // die "$!";
    my $tcp = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Proto => 'tcp', Listen => 64, ReuseAddr => 1) // die "$!";
    my $pid = fork // die;
    return $pid if $pid;
    $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($udp, $tcp);
    while (1) {
        for my $ready ($select->can_read) {
            if ($ready == $udp) {
                my $from = $udp->recv(my $query, 4096);
                my $text = reply($query, $answer, 'udp') // next;
                $text = substr($text, 0, 2) . pack('n', 0x8780) . substr($text, 4, 2) . pack('n3', 0, 0, 0) . substr($query, 12, index($query, "\0", 12) - 12 + 5)
                    if length $text > 1200;
                $udp->send($text, 0, $from);
            } elsif ($ready == $tcp) {
                my $client = $tcp->accept or next;
                $client->blocking(1);
                sysread($client, my $head, 2) == 2 or next;
                sysread $client, my $query, unpack('n', $head);
                my $text = reply($query, $answer, 'tcp') // next;
                syswrite $client, pack('n', length $text) . $text;
            }
        }
    }
}
sub reply {
    my ($query, $answer, $protocol) = @_;
    return undef if length $query < 17;
    my ($name, $at) = ('', 12);
    while (my $size = ord substr $query, $at, 1) { $name .= '.' if length $name; $name .= lc substr $query, $at + 1, $size; $at += $size + 1 }
    my $type = unpack 'n', substr $query, $at + 1, 2;
    my $data = $answer->($name, $type, $protocol) // return undef;
    my $id = substr $query, 0, 2;
    return $id . $$data if ref $data eq 'SCALAR';
    return $id . pack('n5', 0x8580, 1, scalar @$data, 0, 0) . substr($query, 12, $at + 5 - 12)
        . join '', map { "\xc0\x0c" . pack('nnNn/a', $type, 1, 3600, $_) } @$data;
}

# A server that answers nothing: its socket, to be kept.
sub silent { my ($port) = @_; return IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Proto => 'udp') // die "$!" }
1;
