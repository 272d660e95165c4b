#!/bin/sh
# svctool --check and --restart as root with service directories in which a user of the service has
# planted something: nothing of his is run, nothing is written where he points, nothing is waited
# for that does not come, and it is said who can write where.
#
# usage: svctool_planted_test.sh SVCTOOL QMAIL-GREYD     exit 77: skipped, as something is not there
#
# shellcheck disable=SC2016 # single quotes are meant: scripts for others
set -u
svctool=${1:?usage: svctool_planted_test.sh SVCTOOL QMAIL-GREYD}
daemon=${2:?usage: svctool_planted_test.sh SVCTOOL QMAIL-GREYD}

[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, to be others'; exit 77; }
for program in setpriv timeout; do
  command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/svctool_lib.sh"

as_user() { setpriv --reuid=daemon --regid="$(id -g daemon)" --clear-groups "$@"; }

prefix=$top/prefix
mkdir -p "$prefix/sbin" "$top/service"
cp "$daemon" "$prefix/sbin/qmail-greyd"
chmod 755 "$prefix" "$prefix/sbin/qmail-greyd"
service=$top/service/greylist.1
install_service() {
  rm -rf "$top/service" "$top/control" "$top/log"
  mkdir "$top/service"
  ok --greylist=1 --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
    --prefix="$prefix" --user=daemon --loguser=nobody
}
# ends CODE ARGS: in a minute, which is long for what must not wait at all.
ends() {
  code=$1
  shift
  timeout -s KILL 60 "$svctool" "$@" >"$top/out" 2>"$top/err"
  got=$?
  [ $got != 137 ] || fail "svctool $* does not end"
  [ $got = "$code" ] || fail "exit $got instead of $code of svctool $*"
}

# What a user would have root run: each leaves a file.
mkdir "$top/evil" "$top/evil/sbin"
chmod 1777 "$top/evil"
cat >"$top/evil/sbin/qmail-greyd" <<END
#!/bin/sh
id -u >$top/evil/ran
END
chmod 755 "$top/evil/sbin/qmail-greyd"
chown -R daemon "$top/evil/sbin"
not_run() { [ ! -e "$top/evil/ran" ] || fail "run as $(cat "$top/evil/ran"): $1"; }
# exposed WHAT WHERE: neither check nor restart nor refresh believes the service.
exposed() {
  ends 1 --check --service="$service"
  not_run "--check, $1"
  says "wrong: $service: user daemon can write to $2"
  before=$(snapshot)
  for command in "--restart --service=$service" "--refreshsvc=$service" "--reload --service=$service" \
    "--start --service=$service" "--set=VERBOSITY=2 --service=$service"; do
    # shellcheck disable=SC2086
    ends 111 $command
    not_run "$command, $1"
    contains "$top/err" "user daemon can write to $2" || fail "no word of who can write where"
  done
  nothing_written "$before" "$1"
}

say 'a prefix in .options of a user'\''s'
install_service
chown daemon "$service"
as_user sh -c 'grep -v prefix "$1/.options" >"$2/o" && rm "$1/.options" && cp "$2/o" "$1/.options" &&
  echo "--prefix=$2" >>"$1/.options"' sh "$service" "$top/evil" || fail 'nothing planted'
exposed 'a prefix in a directory of his' "$service"
install_service
chown daemon "$service/.options"
as_user sh -c 'sed "s,^--prefix=.*,--prefix=$2," "$1" >"$2/o" && cat "$2/o" >"$1"' sh \
  "$service/.options" "$top/evil" || fail 'nothing planted'
exposed 'a prefix in .options of his' "$service/.options"

say 'whoever could have written .options is not believed to say what supervises it'
for command in "--stop --service=$service" "--remove --service=$service" "--autorefresh=0 $service"; do
  # shellcheck disable=SC2086
  refuses 111 "user daemon can write to $service/.options, so what it says is not believed" $command
done

say 'a program that another could exchange'
install_service
sed -i "s,^--prefix=.*,--prefix=$top/evil," "$service/.options"
ends 1 --check --service="$service"
not_run '--check, a program of his'
says "user daemon owns $top/evil/sbin, so the daemon there is not run"

say 'variables of a user'\''s'
install_service
cat >"$top/library.c" <<END
#include <stdio.h>
__attribute__((constructor)) static void run(void) {
  FILE *file = fopen("$top/evil/ran", "w");
  if (file) fputs("loaded\n", file), fclose(file);
}
END
if ${CC:-cc} -shared -fPIC -o "$top/evil/library.so" "$top/library.c" 2>/dev/null; then
  chown daemon "$service/variables"
  as_user sh -c 'echo "$2" >"$1/LD_PRELOAD"' sh "$service/variables" "$top/evil/library.so"
  exposed 'a library of his' "$service/variables"
  # Root's directory by now, with what he has left there.
  chown root "$service/variables"
  exposed 'a library that he has left' "$service/variables/LD_PRELOAD"
  # Also where it is root's: it is no setting.
  chown root "$service/variables/LD_PRELOAD"
  ends 1 --check --service="$service"
  not_run '--check, a library in the environment'
fi

say 'what root runs is the user'\''s'
for part in run variables/WHITELIST log log/run log/variables supervise; do
  install_service
  mkdir "$service/supervise"
  chown daemon "$service/$part"
  exposed "$part" "$service/$part"
done

say 'fifos to which nobody writes'
for part in .options variables/WHITELIST variables/LISTEN log/variables/LOGDIR log/variables/LOGUSER \
  supervise/status log/supervise/status; do
  install_service
  for made in "$service" "$service/log"; do
    mkdir "$made/supervise" # as a supervisor has it that runs
    mkfifo "$made/supervise/control" "$made/supervise/ok"
    { head -c 17 /dev/zero && printf d; } >"$made/supervise/status" # down, and to stay so
  done
  rm "$service/$part"
  mkfifo "$service/$part"
  chown daemon "$service/$part"
  exec 3<>"$service/supervise/ok" 4<>"$service/supervise/control" 5<>"$service/log/supervise/ok" \
    6<>"$service/log/supervise/control"
  code=1
  [ $part != .options ] || code=111
  ends $code --check --service="$service"
  for command in --restart '--remove --dry-run'; do
    # shellcheck disable=SC2086
    timeout -s KILL 60 "$svctool" $command --service="$service" >"$top/out" 2>"$top/err"
    [ $? != 137 ] || fail "$command does not end: $part"
  done
  exec 3>&- 4>&- 5>&- 6>&-
done
install_service
mkdir "$top/smtp" "$top/smtp/variables"
for part in run variables/GREYIP; do
  rm -f "$top/smtp/run"
  printf '#!/bin/sh\nexec envdir variables true\n' >"$top/smtp/run"
  rm -f "$top/smtp/$part"
  mkfifo "$top/smtp/$part"
  ends 111 --check --service="$top/smtp"
  contains "$top/err" "$top/smtp/$part: not a regular file" || fail 'no word of the fifo'
done

say 'links and files in the place of what a supervisor is told by'
echo secret >"$top/victim"
for planted in link file; do
  install_service
  mkdir "$service/supervise"
  { head -c 16 /dev/zero && printf '\000u'; } >"$service/supervise/status"
  chown daemon "$service/supervise"
  for name in ok control; do
    case $planted in
      link) as_user ln -s "$top/victim" "$service/supervise/$name" ;;
      file) as_user sh -c 'echo secret >"$1"' sh "$service/supervise/$name" ;;
    esac
  done
  ends 1 --check --service="$service"
  says "wrong: $service: no supervise runs here"
  ends 111 --restart --service="$service"
  ends 0 --stop --service="$service"
  for file in "$top/victim" "$service/supervise/control"; do
    [ "$(cat "$file")" = secret ] || fail "written to $file"
  done
done

say 'what has come to belong to a user is found, and goes back when it is installed again'
for part in . run variables variables/WHITELIST log log/run log/variables .options; do
  install_service
  chown daemon "$service/$part"
  ends 1 --check --service="$service"
  says 'owner daemon:'
  ok --greylist=1 --servicedir="$top/service" --cntrldir="$top/control" --logdir="$top/log" \
    --prefix="$prefix" --user=daemon --loguser=nobody
  [ "$(stat -c %U "$service/$part")" = root ] || fail "$part stays his"
done

echo 'all passed'
