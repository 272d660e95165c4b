#!/bin/sh
# svctool as root where the users of a service can write: whatever links they plant, before or while
# it runs, nothing that they could not write themselves is changed, and what is refused says why.
#
# usage: svctool_links_test.sh SVCTOOL        exit 77: skipped, as something it needs is not there
#
# shellcheck disable=SC2016 # single quotes are meant: scripts for others
set -u
svctool=${1:?usage: svctool_links_test.sh SVCTOOL}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, to be others'; exit 77; }
for program in tcprules setpriv perl; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

as() { # user command...
  user=$1
  shift
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}

# What root alone may change.
victim=$top/victim
mkdir -m 755 "$victim"
echo secret >"$victim/file"
chmod 600 "$victim/file"
echo '--greylist=1' >"$victim/.options"
printf ':allow,OURS="1"\n' >"$victim/tcp.smtp"
state_of_victim() { find "$victim" -printf '%P %y %m %U %G %s %n %T@\n' | sort; cat "$victim"/*; }
state_of_victim >"$top/err.victim"
unharmed() { state_of_victim | cmp -s - "$top/err.victim" || fail "what is root's was changed: $*"; }

service() { # log directory, control directory, option...
  log=$1 control=$2
  shift 2
  set -- --greylist=1 --servicedir="$top/service" --cntrldir="$control" --logdir="$log" --user=daemon \
    --loguser=nobody "$@"
  "$svctool" "$@" >"$top/out" 2>"$top/err"
}
refused() { # TEXT ARGS: a service is, and nothing stays
  text=$1
  shift
  service "$@"
  got=$?
  unharmed "$text"
  [ $got = 111 ] || fail "exit $got instead of 111"
  contains "$top/err" "$text" || fail "no '$text'"
  [ ! -e "$top/service/greylist.1" ] || fail 'the service is there'
}

say 'a log directory where the log user could put a link'
mkdir "$top/hers" && chown nobody "$top/hers"
refused "cannot make directory $top/hers/log: user nobody can write to $top/hers" "$top/hers/log" "$top/control"
as nobody ln -s "$victim" "$top/hers/greylist.1"
refused "user nobody can write to $top/hers" "$top/hers" "$top/control"
rm "$top/hers/greylist.1"
as nobody mkdir "$top/hers/inner"
as nobody ln -s "$victim" "$top/hers/inner/log"
refused "$top/hers/inner/log is a link, and user nobody can write to $top/hers" "$top/hers/inner/log" "$top/control"
mkdir -m 775 "$top/group" && chgrp nogroup "$top/group"
refused " can write to $top/group" "$top/group/log" "$top/control"
mkdir -m 777 "$top/open"
chmod 777 "$top/open"
refused "everyone can write to $top/open" "$top/open/log" "$top/control"
if command -v setfacl >/dev/null; then
  mkdir "$top/listed"
  setfacl -m u:nobody:rwx "$top/listed" 2>/dev/null &&
    refused "an access list lets others" "$top/listed/log" "$top/control"
fi

say 'a directory with the sticky bit is safe for what is root'\''s'
mkdir -m 1777 "$top/sticky"
chmod 1777 "$top/sticky"
as nobody ln -s "$victim" "$top/sticky/link"
# Where fs.protected_symlinks is 1 the kernel does not follow it either.
refused "$top/sticky/link" "$top/sticky/link" "$top/control"
as nobody mkdir "$top/sticky/hers"
refused "user nobody owns $top/sticky/hers" "$top/sticky/hers/log" "$top/control"
service "$top/sticky/log" "$top/sticky/control" || fail 'refused below a sticky directory'
[ "$(stat -c %U "$top/sticky/log/greylist.1")" = nobody ] || fail 'the log directory is not given'
ok --remove --service="$top/service/greylist.1"
rm -r "$top/sticky/log" "$top/sticky/control"

say 'a link of root'\''s is one that is meant'
mkdir "$top/disk"
ln -s disk "$top/way"
service "$top/way/log" "$top/way/control" || fail 'refused behind a link'
[ "$(stat -c %U "$top/disk/log/greylist.1")" = nobody ] || fail 'the log directory is not given'
ok --remove --service="$top/service/greylist.1"

say 'directories below the control directory of the daemon'\''s user'
service "$top/log" "$top/control" --whitelist=lists/white --context-file=state/context ||
  fail 'refused where nothing is yet'
[ "$(stat -c '%U %a' "$top/control" "$top/control/state" "$top/control/lists" | tr '\n' ' ')" = \
  'daemon 755 daemon 755 root 755 ' ] || fail 'owners or modes of the control directory'
ok --remove --service="$top/service/greylist.1"
refused "cannot make directory $top/control/other: user daemon can write to $top/control" \
  "$top/log" "$top/control" --whitelist=other/white
refused "cannot make directory $top/control/more: user daemon can write to $top/control" \
  "$top/log" "$top/control" --context-file=more/context
as daemon ln -s "$victim" "$top/control/planted"
refused "$top/control/planted is a link, and user daemon can write to $top/control" \
  "$top/log" "$top/control" --whitelist=planted/white
rm "$top/control/planted"
# A file there is replaced, whatever stands in its place.
as daemon ln -s "$victim/new" "$top/control/greylist.whitelist"
service "$top/log" "$top/control" || fail 'refused'
unharmed 'by a list'
[ ! -L "$top/control/greylist.whitelist" ] || fail 'no list of its own'

say 'a cdb beside a list of the user'\''s'
list=$top/control/greylist.whitelist
for name in cdb cdb.tmp; do
  as daemon ln -s "$victim/file" "$list.$name"
  ok --build-cdb="$list"
  unharmed "by a link $name"
  rm -f "$list.$name"
  ln "$victim/file" "$list.$name" # as users may where fs.protected_hardlinks is 0
  ok --build-cdb="$list"
  rm -f "$list.$name"
  [ "$(cat "$victim/file")" = secret ] || fail "written through another name: $name"
done
for mode in 600 640; do
  chown daemon:nogroup "$list"
  chmod $mode "$list"
  ok --build-cdb="$list" # over one that others may read as well
  [ "$(stat -c '%U:%G %a' "$list.cdb")" = "daemon:nogroup $mode" ] || fail "$(stat -c '%U:%G %a' "$list.cdb") of $mode"
  rm "$list.cdb"
  ok --build-cdb="$list"
  [ "$(stat -c '%U:%G %a' "$list.cdb")" = "daemon:nogroup $mode" ] || fail "$(stat -c '%U:%G %a' "$list.cdb") of $mode"
  chmod 644 "$list.cdb"
done
rm "$list.cdb"
as daemon ln -s "$victim" "$top/control/dir"
refuses 111 "$top/control/dir is a link, and user daemon can write to $top/control" --build-cdb="$top/control/dir/tcp.smtp"
rm "$top/control/dir"
as daemon mkfifo "$top/control/fifo"
refuses 111 "$top/control/fifo: not a regular file" --build-cdb="$top/control/fifo"
refuses 111 "$top/control/fifo: not a regular file" --greyip=@1 --tcprules="$top/control/fifo"
chown daemon "$list"

say 'rules in a directory of another user'\''s'
mkdir "$top/theirs" && chown daemon "$top/theirs"
as daemon mkdir "$top/theirs/etc"
as daemon sh -c 'printf ":allow\n" >"$1"' sh "$top/theirs/etc/tcp.smtp"
ok --greyip=@1 --tcprules="$top/theirs/etc/tcp.smtp"
[ "$(stat -c %U "$top/theirs/etc/tcp.smtp")" = daemon ] || fail 'the rules belong to another'
as daemon ln -sf "$victim/file" "$top/theirs/etc/tcp.smtp.cdb"
ok --greyip=@2 --force --tcprules="$top/theirs/etc/tcp.smtp"
[ ! -L "$top/theirs/etc/tcp.smtp.cdb" ] || fail 'no cdb of its own'
as daemon ln -s "$victim" "$top/theirs/link"
refuses 111 "$top/theirs/link is a link, and user daemon can write to $top/theirs" --greyip=@1 \
  --tcprules="$top/theirs/link/tcp.smtp"
as daemon ln -s "$victim/tcp.smtp" "$top/theirs/tcp.smtp"
refuses 111 "user daemon can write to $top/theirs" --greyip=@1 --tcprules="$top/theirs/tcp.smtp"
refuses 111 "user daemon can write to $top/theirs" --remove --service="$top/theirs/link"
unharmed 'by rules'

say 'the same while a user changes it all the time'
rm "$top/theirs/link"
as daemon mkdir "$top/theirs/real"
as daemon cp "$top/theirs/etc/tcp.smtp" "$top/theirs/real/"
setpriv --reuid=daemon --regid=daemon --clear-groups perl -e '
  chdir shift or die;
  my $victim = shift;
  symlink $victim, "link" or die;
  while (1) { # a directory of that name, then a link
    rename "real", "way";
    rename "way", "real";
    rename "link", "way";
    rename "way", "link";
  }' "$top/theirs" "$victim" &
swapper=$!
tries=0 edits=0 refusals=0
# Until both were seen, and often enough for the moments in between.
until { [ $tries -ge 200 ] && [ $edits -gt 0 ] && [ $refusals -gt 0 ]; } || [ $tries = 3000 ]; do
  tries=$((tries + 1))
  if "$svctool" --greyip=@$tries --force --tcprules="$top/theirs/way/tcp.smtp" >"$top/out" 2>"$top/err"; then
    edits=$((edits + 1))
  else
    refusals=$((refusals + 1))
  fi
done
kill $swapper
wait $swapper 2>/dev/null
unharmed "in $tries tries"
[ $refusals -gt 0 ] || fail 'nothing was refused'

say 'a tree for another machine, whose links would lead out of it'
staging=$top/staging
staged() { # TEXT ARGS: refused, and nothing is written anywhere
  text=$1
  shift
  refuses 111 "$text" --destdir="$staging" "$@"
  unharmed "$text"
}
mkdir -p "$staging/etc" "$staging/srv/smtp/variables" "$staging/tcp"
ln -s "$victim" "$staging/etc/indimail"
staged "--destdir: $staging/etc/indimail leads out of it, to $victim" --greylist=1 --user=daemon --loguser=nobody
rm "$staging/etc/indimail"
ln -s "$victim" "$staging/service"
staged "--destdir: $staging/service leads out of it, to $victim" --greylist=1 --user=daemon --loguser=nobody
staged "leads out of it" --set MIN_RESEND_MIN=1 --service=/service
staged "leads out of it" --remove --service=/service
staged "leads out of it" --autorefresh=0 /service
rm "$staging/service"
ln -s ../../victim "$staging/etc/indimail"
staged "--destdir: $staging/etc/indimail leads out of it, to $victim" --greylist=1 --user=daemon --loguser=nobody
rm "$staging/etc/indimail"
ln -s "$victim/tcp.smtp" "$staging/tcp/tcp.smtp"
staged "--destdir: $staging/tcp/tcp.smtp leads out of it, to $victim/tcp.smtp" --greyip=@1 --tcprules=/tcp/tcp.smtp
printf '#!/bin/sh\n' >"$victim/run"
state_of_victim >"$top/err.victim"
ln -s "$victim/run" "$staging/srv/smtp/run"
staged "leads out of it" --greyip=@1 --service=/srv/smtp --run
# Within it a link is a link.
mkdir "$staging/etc/mail"
ln -s mail "$staging/etc/indimail"
ok --destdir="$staging" --greylist=1 --user=daemon --loguser=nobody
[ -d "$staging/etc/mail/control" ] || fail 'a link within it is not followed'

echo 'all passed'
