#!/bin/bash
# What greylist-nightly(7) says, done as it stands there: the job that makes a list from the log each
# night, and the import that makes it needless. The daemon has the time of the sample.
# usage: greylist_nightly_test.sh TREE QMAIL-GREYD GREYCTL
# shellcheck disable=SC2317,SC2016 # functions are called through `ok`
set -u
usage='usage: greylist_nightly_test.sh TREE QMAIL-GREYD GREYCTL'
top=$(realpath "${1:?$usage}")
program=$(realpath "${2:?$usage}")
greyctl=$(realpath "${3:?$usage}")
here=$top/tests/e2e
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/documented.sh"
work_in_a_directory
page=greyd/greylist-nightly.7

# The paths of the page, below the test's directory; svctool is not the subject here.
mkdir -p "$work/root/var/log/qmail/smtpd" "$work/root/etc/greylist" "$work/root/etc/cron.d" "$work/programs"
log=$work/root/var/log/qmail/smtpd
list=$work/root/etc/greylist/greylist.whitelist.local
cp "$top"/tests/data/imports/multilog/* "$log"
printf '#!/bin/sh\nexec "%s" --control "%s/greyd/context.control" "$@"\n' "$greyctl" "$work" >"$work/programs/greyctl"
printf '#!/bin/sh\nexit 0\n' >"$work/programs/svctool"
chmod 755 "$work"/programs/*
PATH=$work/programs:$PATH
here_below() { sed -E "s,(^|[ >])/(var|etc)/,\1$work/root/\2/,g" <<<"$1"; }
runs() { eval "$(here_below "$1")" >"$work/out" 2>&1; }
jobs() { manual_literals "$page" | sed -n 's/^15 4 \* \* \* root //p'; }
command() { manual_literals "$page" | grep -v '^15 ' | sed -n "$1p"; }

old_job=$(jobs | head -n 1)
new_job=$(jobs | tail -n 1)
ok 'the page has a job as it is' test -n "$old_job"
ok 'it is done' runs "$old_job"
ok 'it makes a list' grep -qx 192.0.2.1 "$list"
ok 'of several' test "$(wc -l <"$list")" -ge 3

now=1795690000
mkdir "$work/greyd"
use_clock "$work/greyd/clock"
port=$(free_port)
answers() { # digits client
  test "$(perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
    alarm 30; $s->send("I$ARGV[1]\0Fnew\@x.example\0Tjoe\@example.net\0\0"); $s->recv(my $a, 9); print unpack("C*", $a)' "$port" "$2")" = "$1"
}
env "${faketime[@]}" CONTROLDIR="$work/greyd" "$program" -v 1 "127.0.0.1@$port" context 2>"$work/greyd.log" &
greyd_pid=$!
listening() { grep -q 'listening on' "$work/greyd.log"; }
must() { "$@" || { echo "FAILED: $*"; exit 1; }; }
must until_true listening

ok 'the first command shows' runs "$(command 1)"
ok 'what would be taken' grep -qE '^taken: [1-9][0-9]* records' "$work/out"
ok 'and takes nothing' test "$(greyctl list | wc -l)" = 0
ok 'the second' runs "$(command 2)"
ok 'takes it' grep -qE '^taken: [1-9][0-9]* records' "$work/out"
taken=$(greyctl list --state known | wc -l)
accepted() {
  local client
  while read -r client <&3; do
    case $client in '' | 192.0.2.67 | 203.0.113.9) continue ;; esac # a line with two addresses, which a sender has written
    answers 12 "$client" || { echo "$client"; return 1; }
  done 3<"$list"
}
ok 'whoever is on the list is accepted' accepted
ok 'but a client that a sender has named' answers 01 203.0.113.9
printf '15 4 * * * root true\n' >"$work/root/etc/cron.d/greylist"
ok 'the job' runs "$(command 3)"
ok 'is ended' test ! -e "$work/root/etc/cron.d/greylist"
ok 'the list' runs "$(command 4)"
ok 'is empty' test ! -s "$list"
ok 'and loaded' runs "$(command 5)"

ok 'the job for a while' runs "$new_job"
ok 'takes nothing twice' test "$(greyctl list --state known | wc -l)" = "$taken"
sed 's/192\.0\.2\.1 /192.0.2.88 /' "$log/@400000006b08467a14bd595c.s" >"$log/@400000006b084d8214bd595c.s"
ok 'again, with a new file' runs "$new_job"
ok 'which is taken' answers 12 192.0.2.88
greyctl forget 192.0.2.88 >/dev/null
ok 'and rotated ones by name' runs "$(command 6)"
ok 'likewise' answers 12 192.0.2.88
ok 'all commands have been done' test -z "$(command 7)"
exit $((failures > 0))
