#!/bin/sh
# svctool on a machine that refuses: a full disk, no permission, something in the way, paths that are
# hard to quote. Whatever is asked for, what was there before stays, and one line names the path.
#
# usage: svctool_fault_test.sh SVCTOOL        exit 77: skipped, as something it needs is not there
set -u
svctool=${1:?usage: svctool_fault_test.sh SVCTOOL}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, to mount and to be nobody'; exit 77; }
for program in tcprules setpriv mount; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

# One of each kind below $1.
make_all() {
  mkdir -p "$1/smtp/variables" "$1/plain" "$1/tcp"
  printf '#!/bin/sh\nexec envdir variables ./server\n' >"$1/smtp/run"
  printf '#!/bin/sh\nexec ./server\n' >"$1/plain/run"
  chmod 755 "$1/smtp/run" "$1/plain/run"
  printf ':allow,A="1"\n' >"$1/tcp/tcp.smtp"
  (cd "$1/tcp" && tcprules tcp.smtp.cdb tcp.smtp.tmp <tcp.smtp)
  ok --greylist=1 --servicedir="$1/service" --cntrldir="$1/control" --logdir="$1/log" \
    --user=daemon --loguser=nobody
  echo '# older' >"$1/service/greylist.1/run"
}

# refuses_all CODE TEXT BASE: every form that writes something below BASE does.
refuses_all() {
  all_code=$1 all_text=$2 all_base=$3
  refuses "$all_code" "$all_base/smtp/variables/GREYIP: $all_text" --greyip=127.0.0.1@1 --service="$all_base/smtp"
  refuses "$all_code" "$all_base/plain/run: $all_text" --greyip=127.0.0.1@1 --service="$all_base/plain" --run
  refuses "$all_code" "$all_text" --greyip=127.0.0.1@1 --tcprules="$all_base/tcp/tcp.smtp"
  contains "$top/err" "$all_base/tcp/tcp.smtp" || fail 'the rules are not named'
  refuses "$all_code" "$all_base/service/greylist.1/run: $all_text" \
    --refreshsvc="$all_base/service/greylist.1"
  refuses "$all_code" "$all_text" --autorefresh=0 "$all_base/service/greylist.1"
  refuses "$all_code" "$all_text" --set VERBOSITY=1 --set=MAX_RECORDS=9 --unset SAVE_INTERVAL \
    --service="$all_base/service/greylist.1"
  refuses "$all_code" "$all_text" --greylist=1 --servicedir="$all_base/service" \
    --cntrldir="$all_base/control" --logdir="$all_base/log" --user=daemon --loguser=nobody
  refuses "$all_code" "$all_text" --greylist=2 --servicedir="$all_base/service" \
    --cntrldir="$all_base/control" --logdir="$all_base/log" --user=daemon --loguser=nobody
}

say 'paths with spaces, quotes, a dollar, a backslash and a newline'
odd="$top/a b'c\"d\$e\\f
g"
mkdir -p "$odd"
ok --greylist=1 --servicedir="$top/s" --cntrldir="$top/c" --logdir="$top/l" --user=daemon --loguser=nobody
for option in servicedir cntrldir logdir prefix context-file whitelist; do
  refuses 100 "--$option: the value contains a control character" --greylist=1 "--$option=$odd"
done
mv "$top/s/greylist.1" "$odd/grey"
printf '#!/bin/sh\nexec envdir variables ./server\n' >"$odd/run"
mkdir "$odd/variables"
ok --greyip=127.0.0.1@1 --service="$odd"
[ "$(cat "$odd/variables/GREYIP")" = 127.0.0.1@1 ] || fail 'no GREYIP'
refuses 111 'f\ng/variables/GREYIP is ' --greyip=127.0.0.1@2 --service="$odd"
ok --no-greyip --service="$odd"
printf '#!/bin/sh\nexec ./server\n' >"$odd/run"
ok --greyip=127.0.0.1@1 --service="$odd" --run
ok --no-greyip --service="$odd"
[ "$(cat "$odd/run")" = "$(printf '#!/bin/sh\nexec ./server')" ] || fail 'run is not what it was'
printf ':allow\n' >"$odd/tcp.smtp"
ok --greyip=127.0.0.1@1 --tcprules="$odd/tcp.smtp"
[ "$(TCPREMOTEIP=1.2.3.4 tcprulescheck "$odd/tcp.smtp.cdb" | grep -c GREYIP=127.0.0.1@1)" = 1 ] || fail 'no cdb'
refuses 111 'f\ng/tcp.smtp: line 1: another GREYIP' --greyip=127.0.0.1@2 --tcprules="$odd/tcp.smtp"
echo '# older' >"$odd/grey/run"
ok --refreshsvc="$odd/grey"
nothing_to_change --refreshsvc="$odd/grey"
ok --autorefresh=0 "$odd/grey"
ok --remove --service="$odd/grey"
[ ! -e "$odd/grey" ] || fail 'not removed'

say 'something in the way'
make_all "$top/way"
for path in smtp/variables/GREYIP service/greylist.1/.norefresh; do
  mkdir "$top/way/$path"
done
refuses 111 "$top/way/smtp/variables/GREYIP" --greyip=127.0.0.1@1 --service="$top/way/smtp"
refuses 111 "$top/way/service/greylist.1/.norefresh is in the way" \
  --autorefresh=0 "$top/way/service/greylist.1"
mv "$top/way/tcp/tcp.smtp.cdb" "$top/way/tcp/cdb"
mkdir "$top/way/tcp/tcp.smtp.cdb"
refuses 111 "$top/way/tcp/tcp.smtp.cdb" --greyip=127.0.0.1@1 --tcprules="$top/way/tcp/tcp.smtp"
rm -r "$top/way/service/greylist.1/variables"
echo file >"$top/way/service/greylist.1/variables"
refuses 111 "$top/way/service/greylist.1/variables is in the way: it is not a directory" --greylist=1 \
  --servicedir="$top/way/service" --cntrldir="$top/way/control" --logdir="$top/way/log" \
  --user=daemon --loguser=nobody
rm -r "$top/way/log"
echo file >"$top/way/log"
refuses 111 "$top/way/log is in the way: it is not a directory" --greylist=2 \
  --servicedir="$top/way/service" --cntrldir="$top/way/control" --logdir="$top/way/log" \
  --user=daemon --loguser=nobody
# A check says the same, and goes on.
"$svctool" --check --service="$top/way/service/greylist.1" >"$top/out" 2>"$top/err"
[ $? = 1 ] || fail 'a check does not find what is in the way'
contains "$top/out" "$top/way/log is in the way" || fail 'what is in the way is not named'
contains "$top/out" "$top/way/service/greylist.1/run: another content" || fail 'it does not go on'

say 'no permission'
make_all "$top/closed"
cat >"$top/as-nobody" <<'SCRIPT'
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$svctool_path" "$@"
SCRIPT
chmod 755 "$top/as-nobody"
cp "$svctool" "$top/svctool" && chmod 755 "$top/svctool"
(
  export svctool_path="$top/svctool"
  svctool=$top/as-nobody
  base=$top/closed
  refuses 111 "$base/smtp/variables/GREYIP: Permission denied" --greyip=127.0.0.1@1 --service="$base/smtp"
  refuses 111 "$base/plain/run: Permission denied" --greyip=127.0.0.1@1 --service="$base/plain" --run
  refuses 111 "$base/tcp/tcp.smtp: Permission denied" --greyip=127.0.0.1@1 --tcprules="$base/tcp/tcp.smtp"
  refuses 111 "$base/service/greylist.1/run: Permission denied" --refreshsvc="$base/service/greylist.1"
  refuses 111 "$base/service/greylist.1/.norefresh: Permission denied" \
    --autorefresh=0 "$base/service/greylist.1"
  refuses 111 "cannot remove $base/service/greylist.1: Permission denied" \
    --remove --service="$base/service/greylist.1"
) || exit 1

say 'a full disk'
mkdir "$top/small"
if mount -t tmpfs -o size=512k,mode=755 tmpfs "$top/small" 2>/dev/null; then
  make_all "$top/small"
  # Full of blocks: there are names for new files, but nothing can be written to them.
  cat /dev/zero >"$top/small/filler" 2>/dev/null
  refuses_all 111 'No space left on device' "$top/small"
  # Full of names.
  rm "$top/small/filler"
  used=$(df --output=iused "$top/small" | tail -1)
  mount -o remount,nr_inodes=$((used)) "$top/small"
  refuses_all 111 'No space left on device' "$top/small"
  mount -o remount,nr_inodes=1000,ro "$top/small"
  refuses_all 111 'Read-only file system' "$top/small"
  mount -o remount,rw "$top/small"
  ok --refreshsvc="$top/small/service/greylist.1"
  ok --greyip=127.0.0.1@1 --tcprules="$top/small/tcp/tcp.smtp"
  umount "$top/small"
else
  echo '  (not tried: no mount)'
fi

echo 'all passed'
