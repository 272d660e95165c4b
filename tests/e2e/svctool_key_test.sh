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
# The sanitizer needs more address space than any limit.
memory=
! ldd "$daemon" | grep -q libasan || memory=0
ok --greylist=1 --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
  --prefix="$prefix" --user=daemon --loguser=nobody ${memory:+--memory="$memory"}

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

say 'keys of other hosts stay'
mx=$top/etc/mx
for host in mx1 mx2 mx3; do echo "$host $(printf '%032d' "${host#mx}")"; done >"$mx"
chmod 400 "$mx"
cp "$mx" "$top/mx"
refuses 111 'no change is under way' --key="$mx" --key-change=drop
ok --key="$mx" --key-change=add
refuses 111 'a change is under way, of key mx1: finish it with --key-change=use' --key="$mx" --key-change=add
ok --key="$mx" --key-change=drop
cmp -s "$mx" "$top/mx" || fail 'not what it was'
ok --key="$mx" --key-change=add
ok --key="$mx" --key-change=use
refuses 111 'is used already' --key="$mx" --key-change=use
ok --key="$mx" --key-change=drop
[ "$(sed 1d "$mx")" = "$(sed 1d "$top/mx")" ] || fail 'others than the first have changed'
[ "$(wc -l <"$mx")" = 3 ] || fail 'the comment stays'
! grep -q mx1 "$mx" || fail 'the first has not'

say 'all is done or nothing: no key file is left where who was to be told is not'
half=$top/etc/half
refuses 111 'is no service directory' --key="$half" --greylist=33333 --servicedir="$top/service"
refuses 111 "$top/nosuch" --key="$half" --tcprules="$top/nosuch"
mkdir "$top/bare"
printf '#!/bin/sh\nexec true\n' >"$top/bare/run"
refuses 111 'has no variables/ for GREYKEYFILE' --key="$half" --service="$top/bare"
rm "$keys" # for what follows nobody has one yet
ok --unset KEY_FILE --service="$service"
refuses 111 'nothing is changed' --key="$half" --key-owner=root:root --service="$service"
ok --key="$half" --service="$service" --dry-run
says "KEY_FILE would be $half"
[ ! -e "$half" ] || fail 'a dry run has made it'
mkdir -m 700 "$top/closed"
refuses 111 'nothing is changed' --key="$top/closed/keys" --service="$service"
cp "$mx" "$half"
chmod 440 "$half"
refuses 111 "$top/nosuch" --key="$half" --key-change=add --tcprules="$top/nosuch"
cmp -s "$half" "$mx" || fail 'the file has changed'
rm "$half"

say 'another value stays, and without GREYIP nothing is set'
cp -p "$top/before" "$keys"
cp -p "$top/before" "$top/etc/other"
ok --key="$keys" --service="$service"
nothing_to_change --key="$keys" --service="$service"
refuses 111 "KEY_FILE is '$keys', which --force would replace" --key="$top/etc/other" --service="$service"
ok --key="$top/etc/other" --service="$service" --force
[ "$(head -n 1 "$service/variables/KEY_FILE")" = "$top/etc/other" ] || fail 'not replaced'
refuses 111 'line 2: :allow: sets no GREYIP' --key="$keys" --tcprules="$top/tcp.smtp"
ok --greyip=127.0.0.1@1 --tcprules="$top/tcp.smtp" --match=10.
refuses 111 'line 2: :allow: sets no GREYIP' --key="$keys" --tcprules="$top/tcp.smtp"
refuses 111 'line 1: 127.:allow,RELAYCLIENT="": sets no GREYIP' --key="$keys" --tcprules="$top/tcp.smtp" --match=127.
ok --key="$keys" --tcprules="$top/tcp.smtp" --match=10.
ok --no-greyip --service="$top/smtp"
refuses 111 'has no GREYIP' --key="$keys" --service="$top/smtp"

say 'no keys where another user could have put them, or could take them'
mkdir "$top/theirs" "$top/daemons"
chown games "$top/theirs"
chown daemon "$top/daemons"
refuses 111 "no keys are put into $top/theirs: user games can write to $top/theirs" --key="$top/theirs/keys"
refuses 111 "user games can write to $top/theirs" --key="$top/theirs/keys" --service="$service" --force
cp "$mx" "$top/theirs/keys"
chown games:"$group" "$top/theirs/keys"
chmod 440 "$top/theirs/keys"
refuses 111 "user games can write to $top/theirs" --key="$top/theirs/keys" --key-change=add
cp -p "$top/theirs/keys" "$top/etc/planted"
refuses 111 'user games owns it, who is neither root nor the daemon' --key="$top/etc/planted" --service="$service" --force
ok --key="$top/daemons/keys" --service="$service" --force
chown daemon "$top/daemons/keys"
nothing_to_change --key="$top/daemons/keys" --service="$service"
refuses 111 "user daemon can write to $top/daemons" --key="$top/daemons/keys" --key-change=add

say 'what is missing in a call is said'
refuses 100 '--key-change needs --key=FILE' --key-change=add
refuses 100 '--key-owner needs --key=FILE' --key-owner=daemon
refuses 100 ', --key=FILE,'
refuses 100 '--key-change needs a value: add|use|drop' --key="$keys" --key-change
refuses 100 '--key-owner needs a value: USER:GROUP' --key="$keys" --key-owner
refuses 100 "--key-change: 'more' is not one of add|use|drop" --key="$keys" --key-change=more
printf ':allow,GREYIP="192.0.2.1@7"\n10.:allow\n' >"$top/tcp.smtp"
finds 1 --check --tcprules="$top/tcp.smtp" --match=10.
says "svctool --greyip='192.0.2.1@7' --tcprules=$top/tcp.smtp"
chmod 444 "$top/daemons/keys"
finds 1 --check --service="$service"
says "svctool --key=$top/daemons/keys --key-owner=daemon:"
ok --key="$top/daemons/keys" --key-owner=daemon: --service="$service"
[ "$(stat -c '%U:%G %a' "$top/daemons/keys")" = "daemon:$group 440" ] || fail 'not of the user and his group'
echo 'all passed'
