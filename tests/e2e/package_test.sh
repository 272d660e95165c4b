#!/bin/bash
# The Debian packages that make_packages_test.sh has made: installation, upgrade, removal and purge by
# the real dpkg in throw-away copies of this machine, under each that supervises, and with none; and
# what debian/tests has, on them.
# usage: package_test.sh /DIRECTORY-OF-PACKAGES SCENE...
#        package_test.sh SCENE /DIRECTORY-OF-PACKAGES               inside such a copy
#   SCENE   svscan, runit, s6, systemd, neither, before or autopkgtest
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"

if [[ $1 == /* ]]; then
  packages=$1
  shift
  in_copies 240 "$here/package_test.sh" "$packages" "$@"
fi

# ---- inside

explain() {
  cat /tmp/dpkg.out
  log | tail -n 30
}
scene=$1
packages=$2
service=/etc/greylist/greylist.1999
export DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d # containers have one that forbids every start
systemctl mask --quiet man-db.timer apt-daily.timer 2>/dev/null

install() { dpkg --force-unsafe-io --no-triggers -i "$@" >/tmp/dpkg.out 2>&1; }
this=$(echo "$packages"/qmail-greyd_*.deb)
daemons() { pgrep -x qmail-greyd; }
none_runs() { ! daemons; }
answers() { [ "$(ask 1999 "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
if [ "$scene" = systemd ]; then
  set_variable() { sed -i "s/^$1=.*/$1=$2/" $service/environment; }
  log() { journalctl -u greylist.1999 -o cat; }
else
  set_variable() { echo "$2" >"$service/variables/$1"; }
  log() { cat /var/log/greylist/greylist.1999/current; }
fi
logged() { log | grep -q "$1"; }
runs_with() { tr '\0' ' ' <"/proc/$(daemons)/cmdline" | grep -q -- "$1"; }
# joe is a user of this machine, and in no group but his own until he is put into one.
useradd --no-create-home joe
greyctl_as() { # user argument...
  local user=$1
  shift
  setpriv --reuid="$user" --regid="$user" --init-groups greyctl "$@" >/tmp/greyctl.out 2>&1
}
group_is_there() { getent group greylist >/dev/null; }
no_group() { ! group_is_there; }
members_may() { # greyctl, and nothing else of the daemon's
  must 'joe may not use greyctl' fails greyctl_as joe status
  must 'and is told who may' grep -q 'control-group' /tmp/greyctl.out
  must 'joe is put into the group' usermod -a -G greylist joe
  must 'and may' greyctl_as joe status
  must 'he sees the daemon' grep -q '^listens 127.0.0.1@1999' /tmp/greyctl.out
  must 'he lets somebody through' greyctl_as joe allow 192.0.2.77 --for 1d
  must 'at once' answers 11 192.0.2.77
  must 'it is shown that he has' greyctl_as root entries
  must 'it is shown that he has' grep -q '192.0.2.77 .* by joe,' /tmp/greyctl.out
  must 'his group cannot read the state' fails setpriv --reuid=joe --regid=joe --init-groups \
    cat /var/lib/greylist/greylist.1999.context.journal
  must 'nor make a file there' fails setpriv --reuid=joe --regid=joe --init-groups \
    touch /var/lib/greylist/planted
}
fails() { ! "$@"; }
users_are_there() {
  [[ $(getent passwd _greylist) == *:/nonexistent:/usr/sbin/nologin ]] &&
    [[ $(getent passwd _greylog) == *:/nonexistent:/usr/sbin/nologin ]] && group_is_there
}
nothing_left() { # but what the machine itself had
  no_group &&
  [ -z "$(find /etc /var/lib /var/log /service -name '*greylist*' ! -path '/var/lib/dpkg/*' 2>/dev/null)" ]
}

if [ "$scene" = neither ]; then
  must 'with nothing that supervises, the package installs' install "$this"
  must 'it says what to do' grep -q '/usr/lib/qmail-greyd/service add' /tmp/dpkg.out
  must 'no service is set up' test ! -e $service
  must 'users and group are there' users_are_there
  must 'and where its state is to be' test "$(stat -c %U /var/lib/greylist)" = _greylist
  must 'nor by an upgrade' install "$packages/next.deb"
  must 'no service is set up' test ! -e $service
  must 'it is removed' dpkg -r qmail-greyd
  must 'it is purged' dpkg -P qmail-greyd
  must 'and leaves nothing' nothing_left
  must 'where there is a group of that name' groupadd greylist
  must 'it installs' install "$this"
  must 'it is purged' dpkg -P qmail-greyd
  must 'and leaves the group' group_is_there
  groupdel greylist
  # Where nothing of systemd's is installed.
  userdel _greylist
  userdel _greylog
  (cd /bin && chmod 000 systemd-sysusers systemd-tmpfiles && mkdir /tmp/away && mv systemd-sysusers systemd-tmpfiles /tmp/away)
  must 'it installs without the programs of systemd' install "$this"
  must 'users and group are there' users_are_there
  must 'it is purged' dpkg -P qmail-greyd
  must 'and leaves nothing' nothing_left
  # Started later, where packages must not start services.
  must 'it installs again' install "$this"
  mkdir /service
  svscan /service >/tmp/svscan.out 2>&1 &
  svscan=$!
  scans() { [ "$(readlink "/proc/$svscan/cwd")" = /service ]; }
  must 'svscan is where it looks' until_true scans
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  add() { /usr/lib/qmail-greyd/service add >/tmp/dpkg.out; }
  must 'later: add' until_true add
  must 'it says that nothing is started' grep -q 'policy-rc.d forbids starts' /tmp/dpkg.out
  supervised() { svok /service/greylist.1999; }
  must 'svscan has it' until_true supervised
  must 'but where policy-rc.d forbids a start, it is down' test -e $service/down
  must 'it is down' none_runs
  exit $((failures > 0))
fi

# From 0.1.0, whose service is up, to packages with files that were elsewhere in them.
if [ "$scene" = before ]; then
  if [ ! -d /run/systemd/system ]; then
    mkdir /service
    svscan /service >/tmp/svscan.out 2>&1 &
  fi
  plugin=/usr/lib/mailfront/plugin-greylist.so
  owned_by() { dpkg -S "$1" | grep -q "^$2:"; } # file package
  must 'the packages of 0.1.0 install' install "$packages"/before/*.deb
  must 'the daemon answers: new' until_true answers 01 192.0.2.1
  must 'the plugin is in qmail-greyd' owned_by $plugin qmail-greyd
  must 'a setting is changed' svctool --set MIN_RESEND_MIN=0 --restart --service=$service
  echo 192.0.2.99 >>/etc/greylist/greylist.whitelist
  echo '192.0.2.98 off' >>/etc/greylist/greylist.rules
  usermod -a -G greylist joe
  old=$(daemons)
  gone() { ! kill -0 "$old" 2>/dev/null; }
  # dpkg alone would not take apart what breaks what.
  upgrade() { apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@" >/tmp/dpkg.out 2>&1; }
  must 'they are upgraded, and nobody is asked' upgrade "$packages"/*_*.deb </dev/null
  must 'the daemon is a new one' until_true gone
  must 'it knows what it knew' until_true answers 13 192.0.2.1
  must 'the setting is kept' runs_with '-m 0 '
  must 'the whitelist too' answers 11 192.0.2.99
  must 'and the rules' answers 11 192.0.2.98
  must 'joe is in the group' greyctl_as joe status
  must 'what svctool checks is as it should be' svctool --check --service=$service
  must 'the plugin is in its own package' owned_by $plugin mailfront-plugin-greylist
  must 'and there' test -s $plugin
  must 'the library is in its own' owned_by '/usr/lib/*/libgreylist.so.0' libgreylist0
  must 'nothing is left to do' test -z "$(dpkg --audit)"
  must 'all is purged' dpkg -P qmail-greyd libgreylist-dev libgreylist0 mailfront-plugin-greylist
  must 'the daemon ends' until_true none_runs
  must 'and nothing is left' nothing_left
  must '0.1.0 installs' install "$packages"/before/qmail-greyd_*.deb
  must 'it is upgraded without the plugin' install "$this"
  must 'which is said' grep -q 'needs the package mailfront-plugin-greylist now' /tmp/dpkg.out
  must 'the plugin comes later' upgrade "$packages"/mailfront-plugin-greylist_*.deb
  exit 0
fi

# What autopkgtest runs, by hand: packages are there, and a directory.
if [ "$scene" = autopkgtest ]; then
  must 'all packages install' install "$packages"/*_*.deb
  cd "$here/../.." || exit 1
  for test in library mailfront delivery; do
    mkdir "/tmp/$test"
    must "debian/tests/$test passes" env AUTOPKGTEST_TMP="/tmp/$test" debian/tests/$test
  done
  exit 0
fi

# dpkg stops at the question about a file that both have changed, as nobody answers it.
stop_half_way() { # inverted: the upgrade fails
  install "$packages/changed.deb" </dev/null
}
half_way() { [ "$(dpkg-query -W -f '${Status}' qmail-greyd)" = 'install ok unpacked' ]; }
no_supervisor_left() { ! pgrep -f 'supervise.*greylist|runsv greylist|svlogd.*greylist|multilog.*greylist|s6-log.*greylist'; }
linked() { # pattern: what would start it, wherever that is
  find /service /etc/service /run/service /etc/systemd/system -name 'greylist.1999*' 2>/dev/null | grep .
}
stopped_upgrades() {
  must 'dpkg installs it' install "$this"
  must 'the daemon answers: new' until_true answers 01 192.0.2.1
  echo 192.0.2.99 >>/etc/greylist/greylist.whitelist
  must 'an upgrade stops half way' fails stop_half_way
  must 'at a question' half_way
  must 'the daemon answers all the same' answers 02 192.0.2.1
  must 'it is removed then' dpkg -r qmail-greyd
  must 'the daemon ends' until_true none_runs
  must 'nothing would start it again' fails linked
  must 'its settings stay' test -d $service
  must 'its state too' test -s /var/lib/greylist/greylist.1999.context
  must 'when it comes back' install "$this"
  must 'it knows what it knew' until_true answers 02 192.0.2.1
  must 'another upgrade stops half way' fails stop_half_way
  must 'it is purged then' dpkg -P qmail-greyd
  must 'the daemon ends' until_true none_runs
  must 'and what supervised it' until_true no_supervisor_left
  must 'nothing would start it again' fails linked
  must 'and nothing is left' nothing_left
  # A service that svctool would not touch: others can write there.
  must 'it installs again' install "$this"
  must 'the daemon answers: new' until_true answers 01 192.0.2.1
  chmod 777 $service
  must 'with a service that is not believed any more it is purged' dpkg -P qmail-greyd
  must 'the daemon ends' until_true none_runs
  must 'and nothing is left' nothing_left
  must 'it installs again' install "$this"
  must 'the daemon answers: new' until_true answers 01 192.0.2.1
  must 'an administrator removes the service' svctool --remove --service=$service
  must 'it is purged' dpkg -P qmail-greyd
  must 'and no link is left that leads nowhere' nothing_left
}

case $scene in
  svscan)
    mkdir /service
    svscan /service >/tmp/svscan.out 2>&1 &
    ;;
  runit)
    mkdir -p /etc/service
    runsvdir -P /etc/service >/tmp/svscan.out 2>&1 &
    ;;
  s6)
    mkdir -p /run/service
    s6-svscan /run/service >/tmp/svscan.out 2>&1 &
    ;;
esac
stopped_upgrades
case $scene in
  runit | s6) exit $((failures > 0)) ;;
esac

must 'dpkg installs it' install "$this"
must 'the daemon answers: new' until_true answers 01 192.0.2.1
must 'early' answers 02 192.0.2.1
for file in bin/greyctl share/man/man8/greyctl.8.gz share/bash-completion/completions/greyctl \
  share/bash-completion/completions/svctool share/bash-completion/completions/greydaemon \
  share/zsh/vendor-completions/_greyctl share/zsh/vendor-completions/_svctool \
  share/zsh/vendor-completions/_qmail-greyd share/man/man5/greylist.rules.5.gz; do
  must "it has $file" test -s /usr/$file
done
must 'it has a log' until_true logged 'verdict=defer reason=new client=192.0.2.1'
must 'it runs as _greylist' test "$(ps -o user= -p "$(daemons)")" = _greylist
must 'what svctool checks is as it should be' svctool --check --service=$service
must 'with rules' runs_with '--rules /etc/greylist/greylist.rules '
must 'that say nothing yet' fails grep -q '^[^#]' /etc/greylist/greylist.rules
members_may

set_variable MIN_RESEND_MIN 0
must 'svctool restarts it' svctool --restart --service=$service
must 'a setting is changed' until_true runs_with '-m 0 '
must 'the good retry' until_true answers 13 192.0.2.1
echo 192.0.2.99 >>/etc/greylist/greylist.whitelist
echo '192.0.2.98 off' >>/etc/greylist/greylist.rules

old=$(daemons)
must 'an upgrade' install "$packages/next.deb"
restarted() { daemons >/tmp/pid && [ "$(cat /tmp/pid)" != "$old" ]; }
must 'restarts the daemon' until_true restarted
must 'the setting is kept' until_true runs_with '-m 0 '
must 'the state too' until_true answers 12 192.0.2.1
must 'the whitelist too' answers 11 192.0.2.99
must 'and the rules' answers 11 192.0.2.98
must 'and what was allowed by command' answers 11 192.0.2.77
must 'the group has its members' greyctl_as joe status

# As a version without greyctl and rules has left it.
if [ "$scene" = systemd ]; then
  sed -i '/^CONTROL_GROUP=/d; /^RULES=/d' $service/environment
else
  rm $service/variables/CONTROL_GROUP $service/variables/RULES
fi
sed -i '/control-group/d; /rules/d' $service/.options
must 'an upgrade of a service from before greyctl' install "$packages/next.deb"
must 'lets the group in' until_true greyctl_as joe status
must 'and has rules' runs_with '--rules /etc/greylist/greylist.rules '
set_variable RULES ''
set_variable CONTROL_GROUP ''
must 'where an administrator has closed it' svctool --restart --service=$service
must 'an upgrade' install "$packages/next.deb"
must 'the daemon answers' until_true answers 12 192.0.2.1
must 'leaves it closed' fails greyctl_as joe status
must 'nor does it bring rules that he wants none of' fails runs_with --rules
must 'but for root' greyctl_as root status
if [ "$scene" = systemd ]; then
  # A unit that was written before has another group, and the daemon would not start.
  set_variable CONTROL_GROUP adm
  must 'a group that the unit has not' fails svctool --restart --service=$service
  must 'leaves the daemon as it is' answers 12 192.0.2.1
fi
set_variable CONTROL_GROUP greylist

# The service's user plants links where root might write.
plant_links() {
  for note in .package-removed .service-link; do
    setpriv --reuid=_greylist --regid=_greylist --clear-groups \
      ln -s /etc/planted "/var/lib/greylist/$note" || return 1
  done
}
must 'its user plants links' plant_links
must 'removal' dpkg -r qmail-greyd
must 'follows no link of the user' test ! -e /etc/planted
rm -f /var/lib/greylist/.package-removed /var/lib/greylist/.service-link
must 'stops the daemon' until_true none_runs
must 'nothing would start it again' test ! -e /service/greylist.1999 -a ! -e /etc/systemd/system/greylist.1999.service
must 'its state stays' test -s /var/lib/greylist/greylist.1999.context
must 'its settings stay' test -d $service
must 'when it comes back' install "$this"
must 'it starts as it was' until_true runs_with '-m 0 '
must 'and knows what it knew' until_true answers 12 192.0.2.1

must 'a service that the administrator took away' /usr/lib/qmail-greyd/service remove
must 'is gone' until_true none_runs
must 'and stays away with an upgrade' install "$packages/next.deb"
must 'it has not come back' none_runs
rm -r $service
must 'and does not come back with an upgrade' install "$packages/next.deb"
must 'it has not' none_runs
must 'until it is asked for' /usr/lib/qmail-greyd/service add
must 'then it has' until_true answers 12 192.0.2.1
must 'with the initial settings' runs_with '-m 1 -g 24 -t 36 '

must 'a purge' dpkg -P qmail-greyd
must 'stops the daemon' until_true none_runs
must 'and leaves nothing' nothing_left
exit $((failures > 0))
