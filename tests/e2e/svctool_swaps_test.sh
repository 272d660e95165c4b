#!/bin/sh
# svctool as root while the users of a service exchange files, directories and links where they can
# write, as fast as they can: each way to write is tried again and again, and whatever comes of it,
# nothing outside is made, changed or given away.
#
# usage: svctool_swaps_test.sh SVCTOOL RACER       exit 77: skipped, as something it needs is not there
set -u
svctool=${1:?usage: svctool_swaps_test.sh SVCTOOL RACER}
racer=${2:?usage: svctool_swaps_test.sh SVCTOOL RACER}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, to be others'; exit 77; }
for program in tcprules setpriv; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

rounds=10 # of 16 writes each; nothing depends on who wins

# What is root's alone, with every name in it that svctool writes.
victim=$top/victim
mkdir -m 755 "$victim" "$victim/variables"
for name in keys run .options greylist.whitelist greylist.blacklist list list.cdb tcp.smtp \
  tcp.smtp.cdb variables/GREYIP variables/GREYKEYFILE secret; do
  echo "$name of root" >"$victim/$name"
done
chmod 600 "$victim/secret"
printf ':allow,OURS="1"\n' >"$victim/tcp.smtp"
state_of_victim() { find "$victim" -printf '%P %y %m %U %G %s %n %T@\n' | sort; cat "$victim"/* 2>/dev/null; }
state_of_victim >"$top/before"

# Where a user can write, with a directory and a link of each name for the racer to exchange.
field=$top/field
mkdir "$field" && chown daemon "$field"
mkdir "$field/real" "$field/real/variables"
printf '#!/bin/sh\nexec envdir ./variables true\n' >"$field/real/run"
printf ':allow\n' >"$field/real/tcp.smtp"
echo 192.0.2.1 >"$field/real/list"
chown -R daemon "$field/real"
setpriv --reuid=daemon --regid="$(id -g daemon)" --clear-groups "$racer" "$field" "$victim" &
racing=$!
stop() { kill $racing; wait $racing 2>/dev/null; }
trap 'stop; cleanup' EXIT

try() { "$svctool" "$@" >"$top/out" 2>"$top/err" && done_=$((done_ + 1)); tries=$((tries + 1)); }
tries=0 done_=0
round=0
while [ $round -lt $rounds ]; do
  round=$((round + 1))
  kill -0 $racing || fail 'the racer has ended'
  try --greyip=@$round --force --tcprules="$field/way/tcp.smtp"
  try --no-greyip --tcprules="$field/way/tcp.smtp"
  try --greyip=@$round --force --service="$field/way"
  try --no-greyip --service="$field/way"
  try --build-cdb="$field/way/list"
  try --key="$field/way/keys" --key-owner=daemon:daemon
  try --key="$field/way/keys" --key-change=add
  try --key="$field/way/keys" --key-change=drop
  try --key="$top/keys" --key-owner=daemon --service="$field/way" --force
  try --greylist=1 --servicedir="$top/service" --cntrldir="$field/way" --logdir="$field/way/log" \
    --user=daemon --loguser=nobody
  try --greylist=2 --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
    --whitelist="$field/way/list" --user=daemon --loguser=nobody
  try --greylist=3 --servicedir="$field/way" --cntrldir="$top/control" --logdir="$top/log" \
    --user=daemon --loguser=nobody
  try --remove --service="$field/way/greylist.3"
  try --refreshsvc="$field/way"
  try --remove --service="$top/service/greylist.1"
  try --remove --service="$top/service/greylist.2"
  state_of_victim | cmp -s - "$top/before" || fail "what is root's was changed in round $round"
done
stop
trap cleanup EXIT
# Nothing of another's was given to the racer either: what belongs to it lies where it may write, or
# is what a service is to give it.
find "$top" -user daemon ! -path "$field*" ! -path "$top/control*" ! -path "$top/service*" ! -path "$top/keys*" |
  grep -q . && fail 'something outside belongs to the user now'
# With nobody in the way all of that is possible.
[ -d "$field/real" ] || mv "$field/way" "$field/real"
ok --greyip=@1 --force --tcprules="$field/real/tcp.smtp"
echo "- $tries writes were tried, of which $done_ came to an end"
echo 'all passed'
