#!/bin/bash
# scripts/run where it must not start: said in one line, before anything is built or written. The
# services of a run that is there would otherwise be taken for its own, and stopped at its end.
# usage: run_test.sh
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
top=$(realpath "$here/../..")
work_in_a_directory

# Something else listens on 127.0.0.1, or on all addresses.
occupy() { # udp|tcp address port
  : >"$work/occupied" # now: the redirection below is made some time later, by the process itself
  perl -MIO::Socket::INET -e '
    my ($protocol, $address, $port) = @ARGV;
    my @tcp = $protocol eq "tcp" ? (Listen => 1, ReuseAddr => 1) : ();
    my $socket = IO::Socket::INET->new(Proto => $protocol, LocalAddr => $address, LocalPort => $port, @tcp)
      or die "$protocol $address $port: $!\n";
    $| = 1;
    print "listening\n";
    sleep 600' "$@" >"$work/occupied" 2>&1 &
  pids+=($!)
  until_true grep -q listening "$work/occupied"
}
refused() { # code text argument...
  local code=$1 text=$2
  shift 2
  "$top/scripts/run" "$@" >"$work/out" 2>&1
  [ $? = "$code" ] && [ "$(wc -l <"$work/out")" = 1 ] && grep -qF -e "$text" "$work/out"
}

grey=$(free_port)
smtp=$(free_port)
for address in 127.0.0.1 0.0.0.0; do
  ok "something has the UDP port of $address" occupy udp "$address" "$grey"
  ok 'so another run is refused' refused 111 "cannot listen on UDP port $grey of 127.0.0.1: " "$grey" "$smtp"
  ok 'nothing was set up' test ! -e "$top/var/$grey"
  kill "${pids[@]}"
  wait
  pids=()
  ok "something has the TCP port of $address" occupy tcp "$address" "$smtp"
  ok 'so another run is refused' refused 111 "cannot listen on TCP port $smtp of 127.0.0.1: " "$grey" "$smtp"
  ok 'nothing was set up' test ! -e "$top/var/$grey"
  kill "${pids[@]}"
  wait
  pids=()
done
for port in abc 0 70000 2525x 123456789; do
  ok "'$port' is no port" refused 100 "'$port' is not a port" "$port"
done
exit $((failures > 0))
