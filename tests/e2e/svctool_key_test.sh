#!/bin/sh
# svctool --key: a file of keys that its user and group alone can read, told to daemon, SMTP server
# and rules; a change of keys by steps; and what --check says of keys that do not fit.
#
# usage: svctool_key_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
set -u
svctool=${1:?usage: svctool_key_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_key_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, to be others'; exit 77; }
command -v tcprules >/dev/null || { echo 'skipped: tcprules is not installed'; exit 77; }
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

prefix=$top/prefix
mkdir -p "$prefix/sbin" "$top/service" "$top/smtp/variables" "$top/etc"
cp "$daemon" "$prefix/sbin/qmail-greyd"
keys=$top/etc/keys
service=$top/service/greylist.1
group=$(id -gn daemon)
ok --greylist=1 --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
  --prefix="$prefix" --user=daemon --loguser=nobody

say 'a key that is made is told to the daemon, and nobody else reads it'
ok --key="$keys" --service="$service"
[ "$(stat -c '%U:%G %a' "$keys")" = "root:$group 440" ] || fail "$(stat -c '%U:%G %a' "$keys")"
[ "$(head -n 1 "$service/variables/KEY_FILE")" = "$keys" ] || fail 'the daemon does not know it'
grep -Eqx '[0-9]{8}-[0-9a-f]{4} [0-9a-f]{32}' "$keys" || fail 'no key'
first=$(grep -v '^#' "$keys")
cp -p "$keys" "$top/before"
ok --key="$keys" --service="$service"
cmp -s "$keys" "$top/before" || fail 'another key'
grep -qF "${first#* }" "$top/out" "$top/err" && fail 'the key is told'
ok --key="$top/etc/more"
[ "$(grep -v '^#' "$top/etc/more" | cut -d' ' -f2)" != "${first#* }" ] || fail 'the same key twice'

say 'it is told to an SMTP server and to rules, and goes with GREYIP'
printf '#!/bin/sh\nexec envdir ./variables tcpserver -u 65534 -g 65534 0 25 greysmtpd true\n' >"$top/smtp/run"
ok --greyip=127.0.0.1@1 --service="$top/smtp"
ok --key="$keys" --service="$top/smtp"
[ "$(cat "$top/smtp/variables/GREYKEYFILE")" = "$keys" ] || fail 'GREYKEYFILE'
printf '127.:allow,RELAYCLIENT=""\n:allow\n' >"$top/tcp.smtp"
cp "$top/tcp.smtp" "$top/tcp.before"
ok --greyip=127.0.0.1@1 --tcprules="$top/tcp.smtp"
ok --key="$keys" --tcprules="$top/tcp.smtp"
contains "$top/tcp.smtp" "GREYKEYFILE=\"$keys\"" || fail 'no GREYKEYFILE in the rules'
ok --no-greyip --tcprules="$top/tcp.smtp"
cmp -s "$top/tcp.smtp" "$top/tcp.before" || fail 'the rules are not what they were'

say 'a check says who cannot read it, and which keys do not fit'
check() { "$svctool" --check --service="$top/smtp" >"$top/out" 2>"$top/err"; }
check
says "$keys: uid 65534 with gid 65534, which runs the SMTP server, cannot read it"
cp "$top/smtp/run" "$top/run"
sed -i 's/-u 65534/-u 99999999999999999999/' "$top/smtp/run"
check
says_not 'cannot read it'
says 'daemon at 127.0.0.1@1: Connection refused'
cp "$top/run" "$top/smtp/run"
chmod 444 "$keys"
check
says "$keys: anybody may use it"
ok --key="$keys" --key-owner=daemon:"$(id -gn nobody)"
[ "$(stat -c '%U %a' "$keys")" = 'daemon 440' ] || fail 'not closed again'
check
says_not 'anybody may use it'
rm "$keys"
check
says "$keys: No such file or directory"
cp -p "$top/before" "$keys"

say 'a change of keys by its steps'
ok --key="$keys" --key-change=add
[ "$(grep -vc '^#' "$keys")" = 2 ] || fail 'no second key'
[ "$(grep -v '^#' "$keys" | head -n 1)" = "$first" ] || fail 'the new one is first'
refuses 111 'a change is under way' --key="$keys" --key-change=add
ok --key="$keys" --key-change=use
[ "$(grep -v '^#' "$keys" | tail -n 1)" = "$first" ] || fail 'the old one is not last'
ok --key="$keys" --key-change=drop
[ "$(grep -vc '^#' "$keys")" = 1 ] || fail 'not one key'
grep -qF "$first" "$keys" && fail 'the old one stays'
refuses 111 'no change is under way' --key="$keys" --key-change=use
[ "$(stat -c '%U:%G %a' "$keys")" = "root:$group 440" ] || fail 'owner or mode are others now'
refuses 111 'is not there' --key="$top/etc/none" --key-change=add
refuses 100 'does not start with a slash' --key=keys

echo 'all passed'
