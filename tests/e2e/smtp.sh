# shellcheck shell=bash
# For the end-to-end tests of greysmtpd: a daemon whose answers are known, tcpserver, and a client by
# hand. Everything that is started ends with the test.
# shellcheck disable=SC2317,SC2016,SC2034 # called through `ok` and traps; texts for Perl; for others
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
work_in_a_directory
chmod 755 "$work" # servers may run under another user

# ---- servers

# The greylisting daemon is played by a few lines of Perl on a UDP socket, so that each test says what
# the answer is: a sender with "good" in it is accepted, and so are $good_clients; a sender with
# "mute" is not answered, others are deferred.
good_clients=(127.0.0.2 192.0.2.2 2001:db8::2)
start_daemon() {
  perl -MIO::Socket::INET -e '
    $| = 1;
    my @good = @ARGV;
    my $socket = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die $!;
    print $socket->sockport, "\n";
    while (defined(my $peer = $socket->recv(my $query, 65535))) {
      my ($client, $sender) = $query =~ /I([^\0]*)\0F([^\0]*)/;
      (my $line = $query) =~ tr/\0/|/;
      $line =~ s/(\|H[^|]*)?(\|E)?(\|W)?(\|X)?\|Q[^|]*\|\|$/||/;    # what is asked for besides is no matter here
      print STDERR "$line\n";
      next if $sender =~ /mute/;
      $socket->send($sender =~ /good/ || grep({ $client eq $_ } @good) ? "\1\3" : "\0\1", 0, $peer);
    }' "${good_clients[@]}" >"$work/daemon.port" 2>>"$work/queries" &
  pids+=($!)
  until_true test -s "$work/daemon.port"
  daemon=127.0.0.1@$(cat "$work/daemon.port")
}

# serve NAME command...: tcpserver on a port of its own, which goes to $port_NAME.
serve() {
  local name=$1
  shift
  tcpserver -1 -v -R -H -l 0 127.0.0.1 0 "$@" >"$work/$name.port" 2>"$work/$name.log" &
  pids+=($!)
  until_true test -s "$work/$name.port"
  printf -v "port_$name" %s "$(cat "$work/$name.port")"
}

# ---- a client by hand

dial() { exec 3<>"/dev/tcp/127.0.0.1/$1"; }
hang_up() { exec 3>&-; }
# printf's format, CRLF at the end
say() {
  # shellcheck disable=SC2059
  printf "$1\r\n" >&3
}
# hear CODE...: the next replies have these codes; the last one's text is in $reply
hear() {
  local code line
  for code in "$@"; do
    while :; do
      IFS= read -r -t "$patience" line <&3 || {
        echo "no reply, instead of $code"
        return 1
      }
      [[ $line == ???-* ]] || break
    done
    reply=${line%$'\r'}
    [[ $reply == "$code"* ]] || {
      echo "heard '$reply' instead of $code"
      return 1
    }
  done
}
nothing_more() { # the connection ends without another line
  local line
  ! IFS= read -r -t "$patience" line <&3 && [[ -z $line ]]
}

swaks_to() { # port sender option...
  local port=$1 sender=$2
  shift 2
  swaks --server "127.0.0.1:$port" --helo client.example.org --from "$sender" \
    --to r@example.net --timeout "$patience" "$@" >"$work/swaks.out" 2>&1
}
heard_by_swaks() { grep -q "^<[-~ *]* $1" "$work/swaks.out"; }
