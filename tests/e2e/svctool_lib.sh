# shellcheck shell=sh
# For the end-to-end tests of svctool: a directory of their own in $top, svscan, and what svctool must
# do or must refuse to do. Whoever reads this in has set `svctool` to the program.
# shellcheck disable=SC2154 # that is `svctool`

top=$(mktemp -d "${TMPDIR:-/tmp}/svctool-test.XXXXXX") || exit 1
chmod 755 "$top" # the services' users pass through
svscan_pid=
services=

# Polls; a machine that is slow is not a failure.
wait_for() {
  tries=600
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}
is_down() { ! svok "$1"; }

# svscan first, so that it starts nothing again.
stop_services() {
  [ -z "$svscan_pid" ] || { kill "$svscan_pid"; wait "$svscan_pid" 2>/dev/null; }
  svscan_pid=
  [ -n "$services" ] || return 0
  for service in "$services"/*; do
    for part in "$service" "$service/log"; do
      [ -d "$part/supervise" ] || continue
      svc -dx "$part"
      wait_for is_down "$part" || echo "supervise in $part does not end"
    done
  done
  services=
}

cleanup() {
  stop_services
  command -v chattr >/dev/null && chattr -R -i "$top" 2>/dev/null
  umount "$top/small" 2>/dev/null
  rm -rf "$top"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

fail() {
  echo "FAILED: $*" >&2
  for file in "$top/out" "$top/err"; do
    [ ! -s "$file" ] || sed "s/^/  ${file##*/}: /" "$file" >&2
  done
  exit 1
}
say() { echo "- $*"; }
contains() { grep -qF -e "$2" "$1"; }
# What svctool has said on standard output.
says() { contains "$top/out" "$1" || fail "no '$1'"; }
says_not() { ! contains "$top/out" "$1" || fail "'$1' is said"; }

# Everything about every file below $top but the outputs of svctool itself and of svscan, the log of a daemon that
# was asked just before, and what supervise writes whenever something is started again (the size of a
# directory tells of that too, where it counts the names).
snapshot() {
  find "$top" -mindepth 1 ! -path "$top/out" ! -path "$top/err" ! -name current ! -path "$top/svscan.out" \
    ! -path '*/supervise/status*' -printf '%P %y %m %u %g %i ' \( -type d -printf '\n' -o -printf '%s\n' \) | sort
}
# nothing_written BEFORE WHAT: a snapshot now is that one
nothing_written() {
  after=$(snapshot)
  [ "$after" = "$1" ] && return
  echo "$1" >"$top/before"
  echo "$after" | diff "$top/before" -
  fail "something was written by $2"
}

# ok ARGS: svctool succeeds.
ok() {
  "$svctool" "$@" >"$top/out" 2>"$top/err" || fail "exit $? of svctool $*"
}

# finds CODE ARGS: svctool ends with CODE, and has said it on standard output.
finds() {
  code=$1
  shift
  "$svctool" "$@" >"$top/out" 2>"$top/err"
  got=$?
  [ $got = "$code" ] || fail "exit $got instead of $code of svctool $*"
}

# nothing_to_change ARGS: svctool says so, and it is so.
nothing_to_change() {
  before=$(snapshot)
  ok "$@"
  contains "$top/out" 'nothing to change' || fail "no word of 'nothing to change' from svctool $*"
  nothing_written "$before" "svctool $*"
}

# refuses CODE TEXT ARGS: svctool fails with CODE and one line that contains TEXT, and nothing that
# was there has changed, come or gone.
refuses() {
  code=$1 text=$2
  shift 2
  before=$(snapshot)
  "$svctool" "$@" >"$top/out" 2>"$top/err"
  got=$?
  [ $got = "$code" ] || fail "exit $got instead of $code of svctool $*"
  [ "$(wc -l <"$top/err")" = 1 ] || fail "not one line from svctool $*"
  contains "$top/err" "$text" || fail "no '$text' from svctool $*"
  nothing_written "$before" "svctool $*"
}


start_svscan() {
  services=$1
  # What svscan was started with must not become a setting.
  WHITELIST=/leak LEAK=leaked svscan "$services" >"$top/svscan.out" 2>&1 &
  svscan_pid=$!
}
