#!/bin/bash
# scripts/install: into a scratch tree, and for real in throw-away copies of this machine.
# usage: install_test.sh BUILD-DIRECTORY
#        install_test.sh svscan|indimail|elsewhere|neither BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
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
  untouched() { # option: names a mistake, which is said before anything is built or written
    "$top/scripts/install" --build="$work/none" --destdir="$work/tree" "$1" >"$work/out" 2>&1
    [ $? = 100 ] && [ "$(wc -l <"$work/out")" = 1 ] && grep -qF -e "${1%%=*}" "$work/out" &&
      [ ! -e "$work/none" ] && [ ! -e "$work/tree" ]
  }
  for option in --prefx=/x --min-resned-min=2 --create-users=yes --downn --greyip=@1 --dry-run; do
    ok "$option is refused before anything is done" untouched $option
  done
  ok 'so is a setting of a service that will not be there' untouched --min-resend-min=2
  ok 'and a port of one' untouched --greylist=1888
  ok 'into a scratch tree' "$top/scripts/install" --build="$build" --destdir="$work/tree" --prefix=/opt/grey
  for file in sbin/qmail-greyd sbin/greydaemon libexec/qmail-greyd-lookup sbin/svctool bin/greyctl share/man/man8/greyctl.8 bin/greysmtpd \
    share/bash-completion/completions/greyctl share/bash-completion/completions/greydaemon \
    share/zsh/site-functions/_qmail-greyd lib/libgreylist.a \
    include/greylist.h share/man/man8/svctool.8 share/qmail-greyd/greylist.whitelist share/qmail-greyd/greylist.rules \
    share/man/man5/greylist.rules.5 share/qmail-greyd/grafana/greylisting.json \
    share/qmail-greyd/prometheus/greylisting.rules.yml; do
    ok "it has $file" test -s "$work/tree/opt/grey/$file"
  done
  ok 'nothing else is there' test "$(ls "$work/tree")" = opt
  all_documented() {
    local option options
    options=$("$work/tree/opt/grey/sbin/svctool" --help |
      sed -n '/^A greylisting service/,/^Which daemon/s/^ *--\([a-z0-9-]*\).*/\1/p')
    [ -n "$options" ] || return 1
    for option in $options; do
      [ "$option" = greylist ] || # the form itself
        grep -q -e "^\.It Fl -$option\( Ns = Ns .*\)\?$" "$top/svctool/svctool.8" || return 1
    done
  }
  ok "every option for a service is in svctool(8), from where the names are taken" all_documented
  ok 'its svctool knows its prefix' grep -q "$work/tree/opt/grey" <("$work/tree/opt/grey/sbin/svctool" --help)
  in_copies 120 "$here/install_test.sh" "$build" svscan indimail elsewhere neither
fi

# ---- inside

scene=$1
build=$2
install() { "$top/scripts/install" --build="$build" "$@" >/tmp/install.out 2>&1; }
said() { grep -qF -e "$1" /tmp/install.out; }
is_not_said() { ! said "$1"; }
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

if [ "$scene" = elsewhere ]; then
  installs_at() { # service option...
    local service=$1
    shift
    must "it installs ${*:2}" install "$@"
    must 'where it says' said "set up in $service."
    must 'and the setting is there' grep -qx 2 "$service/variables/MIN_RESEND_MIN"
    echo 3 >"$service/variables/MIN_RESEND_MIN"
    must 'it installs again' install "$@"
    must 'says that the service is there' said "$service is there already"
    must 'and leaves what was edited' grep -qx 3 "$service/variables/MIN_RESEND_MIN"
  }
  must 'a value that cannot be is refused' fails install --supervise=runit --min-resend-min=soon
  must 'with its name' said "--min-resend-min: 'soon' is not a number"
  must 'before anything is installed' test ! -e /usr/local/sbin/svctool
  installs_at /etc/service/greylist.1888 --min-resend-min=2 --supervise=runit --greylist=1888
  installs_at '/srv/a "b/greylist.in' --min-resend-min=2 --servicedir='/srv/a "b' --servicetag=in \
    --localip=127.0.0.2
  must 'the daemon is named where it listens' said 'svctool --greyip=127.0.0.2@1999'
  must 'its state has a file of its own' grep -qx /var/lib/greylist/greylist.in.context \
    '/srv/a "b/greylist.in/variables/CONTEXT_FILE'
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
for words in 'root runs no' 'next: start' 'to use what has changed'; do
  must "and not '$words'" is_not_said "$words"
done
must 'the daemon answers' until_true answers 01 192.0.2.1
must 'as the right user' test "$(ps -o user:20= -p "$(pgrep -x qmail-greyd)" | tr -d ' ')" = $user
must 'with its lists in the right place' test -s $control/greylist.whitelist
must 'and its rules' cmp /usr/local/share/qmail-greyd/greylist.rules $control/greylist.rules
must 'which are in force' grep -qx greylist.rules $service/variables/RULES
as_member() { setpriv --reuid=joe --regid=joe --init-groups /usr/local/bin/greyctl "$@" >/tmp/greyctl.out 2>&1; }
useradd --no-create-home joe
must 'who is not in the group may not use greyctl' fails as_member --service=$service status
must 'a user is put into it' usermod -a -G greylist joe
must 'and may' as_member --service=$service status
must 'it shows the daemon' grep -q '^listens 127.0.0.1@1999' /tmp/greyctl.out
must 'as the installation says' said "greyctl --service=$service status"
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
