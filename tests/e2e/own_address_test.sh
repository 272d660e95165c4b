#!/bin/bash
# A neighbour pretends to be this host: its datagrams have an address of the daemon's own host as
# their source, which --allow takes by default. The system takes such datagrams for IPv6.
# usage: own_address_test.sh QMAIL-GREYD
# shellcheck disable=SC2317  # functions are called through `ok` and traps
set -u

if [ -z "${GREY_OWN_NETWORK-}" ]; then
  own=(unshare --net --mount --pid --fork --kill-child --mount-proc)
  [ "$(id -u)" = 0 ] || own+=(--map-root-user)
  "${own[@]}" true || { echo 'FAILED: network namespaces need root here'; exit 1; }
  GREY_OWN_NETWORK=1 exec "${own[@]}" "$0" "$@"
fi
# faketime names what it shares by process ids, and ours are others' too.
mount -t tmpfs none /dev/shm || exit 1
greyd=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
work_in_a_directory

explain() { tail -n 50 "$work"/log; }
mount -t tmpfs none /run && mkdir /run/netns || exit 1
# The host has two addresses; its neighbour has one of them too, and asks the other.
must 'a neighbour' ip netns add neighbour
ip link set lo up
ip -n neighbour link set lo up
must 'a cable' ip link add inside type veth peer name outside netns neighbour
for address in fd77::1/64 fd77::11/64; do ip addr add $address dev inside nodad; done
for address in 10.77.0.1/24 10.77.0.11/24; do ip addr add $address dev inside; done
ip link set inside up
ip -n neighbour addr add fd77::2/64 dev outside nodad
ip -n neighbour addr add 10.77.0.2/24 dev outside
ip -n neighbour link set outside up
ip -n neighbour addr add fd77::11/128 dev lo nodad
ip -n neighbour addr add 10.77.0.11/32 dev lo
# So that IPv4 has the same hole: the system drops its martians otherwise.
sysctl -q net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.inside.rp_filter=0 net.ipv4.conf.inside.accept_local=1

# Sends one query and waits a moment for an answer, which forged ones get on another host anyway.
send_from() { # source destination client
  perl -MIO::Socket::IP -MIO::Select -e '
    my ($source, $host, $client) = @ARGV;
    my $s = IO::Socket::IP->new(Proto => "udp", PeerHost => $host, PeerPort => 1999, LocalHost => $source) or die "$@";
    $s->send("I$client\0Fa\@x\0Tb\@y\0\0");
    print IO::Select->new($s)->can_read(1) && defined $s->recv(my $a, 9) ? "answered\n" : "silent\n"' "$@"
}
recorded() { # client: whether the daemon has stored anything of it
  kill -USR1 "$greyd_pid"
  # A query that is answered after the signal was taken shows that what came before was handled.
  send_from 127.0.0.1 127.0.0.1 192.0.2.99 >/dev/null
  until_true grep -q ' 192.0.2.99 ' "$work/context" "$work/context.journal" 2>/dev/null
  grep -q " $1 " "$work/context" "$work/context.journal" "$work/context.journal.old" 2>/dev/null
}
is() { # expected command...
  local expected=$1
  shift
  test "$("$@")" = "$expected"
}
export -f send_from
neighbour_sends() { ip netns exec neighbour bash -c 'send_from "$@"' - "$@"; }

start_greyd "$greyd" "$work" '*@1999'
ok 'the host asks itself: fd77::11' is answered send_from fd77::11 fd77::1 192.0.2.1
ok 'the host asks itself: 10.77.0.11' is answered send_from 10.77.0.11 10.77.0.1 192.0.2.1
ok 'a neighbour with its own address is refused' is silent neighbour_sends fd77::2 fd77::1 192.0.2.2
until_true grep -q 'query refused source=fd77::2@' "$work/log"
ok 'and said to be (so that its datagrams do arrive)' grep -q 'query refused source=fd77::2@' "$work/log"
ok 'one with an IPv6 address of ours gets no answer' is silent neighbour_sends fd77::11 fd77::1 192.0.2.3
ok 'and leaves nothing in the state' eval '! recorded 192.0.2.3'
ok 'one with an IPv4 address of ours gets no answer' is silent neighbour_sends 10.77.0.11 10.77.0.1 192.0.2.4
ok 'and leaves nothing in the state' eval '! recorded 192.0.2.4'
until_true grep -q 'dropped by the system' "$work/log"
ok 'what was dropped is counted' grep -q 'dropped by the system' "$work/log"
stop_greyd

# Which addresses are this host's cannot be asked for in the sandbox.
printf 'one 00112233445566778899aabbccddeeff\n' >"$work/keys"
chmod 400 "$work/keys"
start_greyd "$greyd" "$work" "--key-file=$work/keys" '*@1999'
ok 'with keys the host needs none: fd77::11' is answered send_from fd77::11 fd77::1 192.0.2.5
ok 'with keys the host needs none: 10.77.0.11' is answered send_from 10.77.0.11 10.77.0.1 192.0.2.5
stop_greyd
start_greyd "$greyd" "$work" "--key-file=$work/keys" --allow=10.77.0.0/24 '*@1999'
ok 'nor where who may ask is named' is answered send_from 10.77.0.11 10.77.0.1 192.0.2.5
ok 'a neighbour needs one' is silent neighbour_sends 10.77.0.2 10.77.0.1 192.0.2.6
stop_greyd
exit $((failures > 0))
