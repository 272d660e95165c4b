#!/bin/bash
# scripts/install: into a scratch tree, and for real in throw-away copies of this machine.
# usage: install_test.sh BUILD-DIRECTORY
#        install_test.sh svscan|indimail|neither BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=20
top=$(realpath "$here/../..")

# ---- outside

if [ $# = 1 ]; then
  build=$(realpath "$1")
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  refused() { # code text argument...
    local code=$1 text=$2
    shift 2
    "$top/scripts/install" --build="$build" "$@" >"$work/out" 2>&1
    [ $? = "$code" ] && grep -qF -e "$text" "$work/out"
  }
  ok 'a mistyped option is refused' refused 100 'unknown option: --prefx' --prefx /opt
  ok 'a relative prefix is refused' refused 100 'local does not start with a slash' --prefix=local
  ok 'an empty prefix is refused' refused 100 '--prefix: the value is empty' --prefix=
  ok 'into a scratch tree' "$top/scripts/install" --build="$build" --destdir="$work/tree" --prefix=/opt/grey
  for file in sbin/qmail-greyd sbin/greydaemon sbin/svctool bin/greysmtpd lib/libgreylist.a \
    include/greylist.h share/man/man8/svctool.8 share/qmail-greyd/greylist.whitelist; do
    ok "it has $file" test -s "$work/tree/opt/grey/$file"
  done
  ok 'nothing else is there' test "$(ls "$work/tree")" = opt
  ok 'its svctool knows its prefix' grep -q "$work/tree/opt/grey" <("$work/tree/opt/grey/sbin/svctool" --help)
  in_copies 120 "$here/install_test.sh" "$build" svscan indimail neither
fi

# ---- inside

scene=$1
build=$2
install() { "$top/scripts/install" --build="$build" "$@" >/tmp/install.out 2>&1; }
said() { grep -qF -e "$1" /tmp/install.out; }
explain() { cat /tmp/install.out; }
answers() { [ "$(ask 1999 "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
fails() { ! "$@"; }

if [ "$scene" = neither ]; then
  must 'with nothing that supervises, it fails' fails install
  must 'says so' said 'no service is set up'
  must 'and what to do' said 'apt-get install daemontools-run'
  must 'but the programs are there' test -x /usr/local/sbin/qmail-greyd
  must 'who wants just these is served' install --no-service
  exit 0
fi

mkdir /service
svscan /service >/tmp/scan.out 2>&1 &
user=_greylist control=/etc/greylist
if [ "$scene" = indimail ]; then
  useradd --system indimail
  useradd --system qmaill
  user=indimail control=/etc/indimail/control
fi
service=/service/greylist.1999
must 'it installs' install --min-resend-min=2
must 'and says what is next' said 'svctool --greyip=127.0.0.1@1999 --tcprules='
must 'the daemon answers' until_true answers 01 192.0.2.1
must 'as the right user' test "$(ps -o user:20= -p "$(pgrep -x qmail-greyd)" | tr -d ' ')" = $user
must 'with its lists in the right place' test -s $control/greylist.whitelist
must 'svctool finds all as it should be' /usr/local/sbin/svctool --check --service=$service
must 'the setting arrived' grep -qx 2 $service/variables/MIN_RESEND_MIN
echo 3 >$service/variables/MIN_RESEND_MIN
find $service /etc -path '*/supervise' -prune -o -type f -printf '%p %C@ %s\n' | sort >/tmp/before
must 'it installs again' install --min-resend-min=2
must 'and says that the service is there' said 'its settings stay'
find $service /etc -path '*/supervise' -prune -o -type f -printf '%p %C@ %s\n' | sort >/tmp/after
must 'whose files are what they were' diff <(grep -v ld.so.cache /tmp/before) <(grep -v ld.so.cache /tmp/after)
must 'the edited one too' grep -qx 3 $service/variables/MIN_RESEND_MIN
exit 0
