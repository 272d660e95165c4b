#!/bin/bash
# Several MX hosts ask one daemon across a network that loses every fifth datagram each way. Hosts
# are network namespaces joined by veth, loss is nftables', fronts, servers and the daemon are real:
# greysmtpd before mailfront, the plugin in mailfront, and many more questions by a small program
# over libgreylist.
# usage: network_test.sh BUILD-DIRECTORY [SANITIZER-RUNTIME]
#
# What must hold: every attempt gets the answer that is right, whichever MX host it comes to; none
# waits longer than GREYTIMEOUT says; without a daemon GREYFAIL decides.
# shellcheck disable=SC2317  # functions are called through `ok` and traps
set -u

# In namespaces of its own, which end with it: nothing is left behind, nothing of the machine is
# touched. Without root that takes a kernel that lets users have namespaces.
if [ -z "${GREY_OWN_NETWORK-}" ]; then
  own=(unshare --net --mount --pid --fork --kill-child --mount-proc)
  [ "$(id -u)" = 0 ] || own+=(--map-root-user)
  "${own[@]}" true || { echo 'FAILED: network namespaces need root here'; exit 1; }
  GREY_OWN_NETWORK=1 exec "${own[@]}" "$0" "$@"
fi
build=$(realpath "$1")
sanitizer=${2-}
greyd=$build/greyd/qmail-greyd
greysmtpd=$build/smtpd-glue/greysmtpd
ask_many=$build/tests/ask_many
work=$(mktemp -d)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

cleanup() {
  ((failures == 0)) || {
    tail -n 30 "$work"/*.log "$work"/*.result "$work"/*/log
    grep -A 30 'Sanitizer' "$work"/*/log
  }
  # The service processes hold no file here that matters; they end with our process namespace.
  rm -rf "$work"
}
trap cleanup EXIT

# ---- the network: MX host i has 10.77.i.2 and fd77:i::2, the daemon .1 and ::1 on each link

mount -t tmpfs none /run && mkdir /run/netns || exit 1
# faketime names what it shares by process ids, and ours are others' too.
mount -t tmpfs none /dev/shm || exit 1
must() { "$@" || { echo "FAILED: $*"; exit 1; }; }
must ip netns add daemon
must ip -n daemon link set lo up
for i in 1 2 3 4; do
  must ip netns add "mx$i"
  must ip link add "to$i" netns daemon type veth peer name out netns "mx$i"
  must ip -n daemon addr add "10.77.$i.1/24" dev "to$i"
  must ip -n daemon addr add "fd77:$i::1/64" dev "to$i" nodad
  must ip -n daemon link set "to$i" up
  must ip -n "mx$i" addr add "10.77.$i.2/24" dev out
  must ip -n "mx$i" addr add "fd77:$i::2/64" dev out nodad
  must ip -n "mx$i" link set out up
  must ip -n "mx$i" link set lo up
  # The clients of the MX host are addresses of its own.
  must ip -n "mx$i" route add local 198.51.100.0/24 dev lo
  for client in {1..5}; do must ip -n "mx$i" addr add "2001:db8:0:$client::1/128" dev lo nodad; done
done
on() { # host command...
  local host=$1
  shift
  ip netns exec "$host" "$@"
}
lose() { # percent, of the datagrams in each direction
  local some="numgen random mod 100 < $1"
  [ "$1" != 100 ] || some=
  on daemon nft -f - <<END || { echo 'FAILED: nft'; exit 1; }
table inet loss
delete table inet loss
table inet loss {
  chain in {
    type filter hook input priority 0
    meta l4proto udp $some counter drop
  }
  chain out {
    type filter hook output priority 0
    meta l4proto udp $some counter drop
  }
}
END
}
lost() { # in|out: how many datagrams
  on daemon nft list chain inet loss "$1" | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'
}

mkdir "$work/greyd"
use_clock "$work/greyd/clock"
start_daemon() {
  : >"$work/greyd/log"
  ip netns exec daemon env "${faketime[@]}" CONTROLDIR="$work/greyd" "$greyd" -v 1 -m 5 \
    --allow 10.77.1.2,10.77.2.0/24,10.77.3.2,fd77:1::2,fd77:2::/64,fd77:3::2 :: context \
    2>"$work/greyd/log" &
  greyd_pid=$!
  until_true grep -q 'listening on' "$work/greyd/log" || why_not
  echo 'ok: the daemon listens on every address'
}
# Nothing that follows can say more than this does: the daemon does not come up.
why_not() {
  echo 'FAILED: the daemon does not listen'
  ((++failures))
  ps -ef
  head -n 200 "/proc/$greyd_pid"/{cmdline,status,wchan,stack,syscall}
  exit 1
}
stop_daemon() {
  kill "$greyd_pid"
  wait "$greyd_pid"
  ok 'the daemon ends with exit code 0' test $? = 0
}
start_daemon
lose 20

# ---- many questions

export GREYTIMEOUT=10
slack_ms=5000 # for a loaded machine, beyond GREYTIMEOUT, which is what is tested
many=300      # attempts that each host asks about, over IPv4 and as many over IPv6

where() { # host family: GREYIP there
  if [ "$2" = 4 ]; then echo "10.77.$1.1@1999"; else echo "[fd77:$1::1]@1999"; fi
}
base=0
clients() { # of the host, family: a prefix for ask_many
  if [ "$2" = 4 ]; then echo "10.$((base + $1))."; else echo "2001:db8:$((base + $1)):"; fi
}
# counts EXPECTED SECONDS FILE: ask_many's line says what is expected, and nobody waited longer
counts() {
  local result
  result=$(<"$3")
  [[ $result == "$1 longest_ms="* ]] && ((${result##*=} <= $2 * 1000 + slack_ms))
}
# Each host asks about the attempts that came to another one: they are spread over the hosts, as
# retries are.
ask_everywhere() { # round shift [sender]
  local i family other askers=()
  for i in 1 2 3; do
    other=$(((i + $2) % 3 + 1))
    for family in 4 6; do
      GREYIP=$(where "$i" "$family") on "mx$i" "$ask_many" "$(clients "$other" "$family")" "$many" \
        "${3-news@host$other.example.org}" >"$work/$1.$i.$family.result" &
      askers+=($!)
    done
  done
  wait "${askers[@]}"
}
all_count() { # round expected
  local file
  for file in "$work/$1".*.result; do counts "$2" "$GREYTIMEOUT" "$file" || return 1; done
}
for round in first second; do
  ask_everywhere $round 0
  ok "every $round attempt is deferred" all_count $round "accept=0 defer=$many unanswered=0"
  pass_time 150
done
ask_everywhere retry 1
ok 'every good retry is accepted, at another host' all_count retry "accept=$many defer=0 unanswered=0"
ask_everywhere known 2
ok 'and again' all_count known "accept=$many defer=0 unanswered=0"
base=20 # clients that have earned nothing
ask_everywhere bounces 0 ''
ok 'every bounce is deferred' all_count bounces "accept=0 defer=$many unanswered=0"
pass_time 300
ask_everywhere bounced 1 ''
ok 'every bounce is accepted when it is tried again' all_count bounced "accept=$many defer=0 unanswered=0"
base=0
ok 'queries were lost' test "$(lost in)" -gt $((many * 6 / 10))
ok 'answers were lost' test "$(lost out)" -gt $((many * 6 / 10))

ask() { # host count variable=value...: clients of no other question
  local host=$1 count=$2
  shift 2
  asked=$((${asked-100} + 1))
  on "$host" env "$@" "$ask_many" "10.$asked." "$count" a@example.org >"$work/$asked.result"
  result=$work/$asked.result
}
ask mx3 16 'GREYIP=10.77.3.1@1998,[fd77:3::1]@1999'
ok 'a port where nobody listens is passed over' counts 'accept=0 defer=16 unanswered=0' 10 "$result"
ask mx3 16 GREYIP=10.77.3.99@1999,10.77.3.1@1999
ok 'a host that does not exist is passed over' counts 'accept=0 defer=16 unanswered=0' 10 "$result"
ask mx4 16 GREYIP=10.77.4.1@1999 GREYTIMEOUT=1
ok 'a host that is not in --allow gets no answer' counts 'accept=16 defer=0 unanswered=16' 1 "$result"
ok 'and the log says so' grep -q 'query refused source=10.77.4.2@.*: not in --allow' "$work/greyd/log"

# ---- a network that loses fragments, as some firewalls do, and a message to many

fragments() { # drop|accept
  on daemon nft -f - <<END || { echo 'FAILED: nft'; exit 1; }
table inet fragments
delete table inet fragments
table inet fragments {
  chain in {
    type filter hook prerouting priority -450
    ip frag-off & 0x3fff != 0 counter $1
    exthdr frag exists counter $1
  }
}
END
}
# asks_about_many HOST FAMILY COUNTS: 16 messages to 500 recipients, of clients that were there before
asks_about_many() {
  GREYIP=$(where "$1" "$2") on "mx$1" "$ask_many" "$(base=40 clients "$1" "$2")" 16 a@example.org 500 >"$work/many.$2.result"
  counts "$3 unanswered=0" "$GREYTIMEOUT" "$work/many.$2.result"
}
fragments drop
for family in 4 6; do
  ok "IPv$family: a message to many is asked about, briefly" asks_about_many 1 $family 'accept=0 defer=16'
done
ok 'fragments were lost' test "$(on daemon nft list chain inet fragments in | grep -c 'packets [1-9]')" = 2
pass_time 300
fragments accept
lose 0
for family in 4 6; do
  ok "IPv$family: and accepted later, wholly" asks_about_many 1 $family 'accept=16 defer=0'
done
lose 20

# ---- sessions

make_qmail_home "$work/qmail"
mkdir "$work/modules"
ln -s /usr/lib/mailfront/*.so "$build/smtpd-glue/plugin-greylist.so" "$work/modules"
mailfront=(env "QMAILHOME=$work/qmail" "MODULE_PATH=$work/modules" /usr/sbin/mailfront smtp qmail)
preload=()
[ -z "$sanitizer" ] || preload=(env "LD_PRELOAD=$sanitizer" ASAN_OPTIONS=detect_leaks=0)

# Two servers on each of these ports: greysmtpd's on host 1, the plugin's on host 2.
serve() { # port variable=value...
  local port=$1
  shift
  on mx1 env GREYIP=10.77.1.1@1999 "$@" tcpserver -v -R -H -l 0 10.77.1.2 "$port" \
    "$greysmtpd" "${mailfront[@]}" qmail-validate >"$work/wrapper.$port.log" 2>&1 &
  on mx2 env 'GREYIP=[fd77:2::1]@1999' "$@" tcpserver -v -R -H -l 0 fd77:2::2 "$port" \
    "${preload[@]}" "${mailfront[@]}" qmail-validate greylist >"$work/plugin.$port.log" 2>&1 &
  until_true grep -q 'status: 0/' "$work/wrapper.$port.log"
  until_true grep -q 'status: 0/' "$work/plugin.$port.log"
}
deliver() { # host client port: client 1 to 5
  local server='10.77.1.2' from=198.51.100.$2
  [ "$1" = mx1 ] || server='[fd77:2::2]' from=2001:db8:0:$2::1
  on "$1" swaks --server "$server:$3" --local-interface "$from" --from "user$2@$1.example.org" \
    --to joe@example.net --helo client.example.org --timeout "$patience" \
    >"$work/$1.$2.swaks" 2>&1
}
# sessions PORT PATTERN: five clients at once for each host; how many heard a line like that
sessions() {
  local host client deliveries=()
  for host in mx1 mx2; do
    for client in {1..5}; do
      deliver "$host" "$client" "$1" &
      deliveries+=($!)
    done
  done
  wait "${deliveries[@]}"
  [ "$(cat "$work"/mx?.?.swaks | grep -c "$2")" = 10 ]
}
queued() { find "$work/qmail/queue" -name '*.envelope' -size +1c | wc -l; }
deferred='^<\*\* 450 4.7.1 Greylisted'
accepted='^<-  250 2.6.0 Accepted message'
serve 25
ok 'sessions: all first attempts are deferred' sessions 25 "$deferred"
pass_time 300
ok 'sessions: all good retries are accepted' sessions 25 "$accepted"
ok 'and their messages are there' until_true test "$(queued)" = 10

# ---- nothing gets through, then the daemon is stopped, then it is back

serve 26 GREYTIMEOUT=1
serve 27 GREYTIMEOUT=1 GREYFAIL=closed
without_an_answer() { # what
  local fail
  for fail in open closed; do
    ask mx1 16 GREYIP=10.77.1.1@1999 GREYTIMEOUT=1 "GREYFAIL=$fail"
    [ $fail = open ] && expected='accept=16 defer=0' || expected='accept=0 defer=16'
    ok "$1, $fail" counts "$expected unanswered=16" 1 "$result"
    ask mx2 16 'GREYIP=[fd77:2::1]@1999' GREYTIMEOUT=1 "GREYFAIL=$fail"
    ok "$1, $fail, IPv6" counts "$expected unanswered=16" 1 "$result"
  done
  ok "$1, open: all sessions are accepted" sessions 26 "$accepted"
  ok "$1, closed: none is" sessions 27 '^<\*\* 451 4.3.0 Greylisting is not available'
}
lose 100
without_an_answer 'every datagram is lost'
lose 0
stop_daemon
without_an_answer 'the daemon is stopped'
start_daemon
lose 20
ask_everywhere back 0
ok 'after a start every known client is accepted' all_count back "accept=$many defer=0 unanswered=0"
stop_daemon
ok 'no sanitizer has complained' test "$(cat "$work"/*.log "$work/greyd/log" | grep -c 'runtime error\|Sanitizer')" = 0

((failures == 0)) && echo 'network_test: all passed'
exit $((failures > 0))
