#!/bin/bash
# etc/check_greylist, as a monitor runs it: with an svctool that says what a test wants it to.
# usage: check_greylist_test.sh
# shellcheck disable=SC2317  # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
work_in_a_directory
plugin=$here/../../etc/check_greylist

says() { # code text: svctool ends with that code after that text
  printf '%s' "$2" >"$work/said"
  printf '#!/bin/sh\nprintf "%%s " "$@" >"%s/arguments"\ncat "%s/said"\nexit %s\n' "$work" "$work" "$1" >"$work/svctool"
  chmod 755 "$work/svctool"
}
plugin_says() { # code first-line [option...]
  local code=$1 line=$2
  shift 2
  "$plugin" --svctool="$work/svctool" "$@" >"$work/out" 2>&1
  [ $? = "$code" ] && [ "$(head -n 1 "$work/out")" = "$line" ]
}

says 0 $'note: daemon at 127.0.0.1@1999: answers (new)\n/service/greylist.1999: good\n'
ok 'good is OK' plugin_says 0 'GREYLIST OK - 1 service is good|services=1 wrong=0;;0 warnings=0;0 unseen=0'
ok 'with what was found below' grep -qx 'note: daemon at 127.0.0.1@1999: answers (new)' "$work/out"
ok 'it asked for a check' grep -qx -- '--check ' "$work/arguments"
ok 'of this service' plugin_says 0 'GREYLIST OK - 1 service is good|services=1 wrong=0;;0 warnings=0;0 unseen=0' '--service=/a b'
ok 'as it was named' grep -qx -- '--check --service=/a b ' "$work/arguments"
says 0 $'/service/a: good\nwarning: /x: a file; to do: look at it\n/service/b: good, with 1 warning\n'
ok 'a warning is one' plugin_says 1 'GREYLIST WARNING - /x: a file; to do: look at it|services=2 wrong=0;;0 warnings=1;0 unseen=0'
says 1 $'warning: /x: a file\nwrong: /y: down | up; to do: svc -u\nwrong: /z\n/service/b: not as it should be\n'
ok 'something wrong is critical, and a bar no number' \
  plugin_says 2 'GREYLIST CRITICAL - /y: down / up; to do: svc -u|services=1 wrong=2;;0 warnings=1;0 unseen=0'
says 1 $'unseen: /x: only root can see it\n/service/b: nothing is seen to be wrong, but\n'
ok 'what cannot be looked at is unknown' \
  plugin_says 3 'GREYLIST UNKNOWN - /x: only root can see it|services=1 wrong=0;;0 warnings=0;0 unseen=1'
says 1 $'unseen: /x\nwarning: /y\nwrong: /z\n/service/b: not as it should be\n'
ok 'what is wrong comes first' plugin_says 2 'GREYLIST CRITICAL - /z|services=1 wrong=1;;0 warnings=1;0 unseen=1'
says 1 $'svctool: warning: x\nwrong: no service\nservices: not as it should be\n'
ok 'none is none' plugin_says 2 'GREYLIST CRITICAL - no service|services=0 wrong=1;;0 warnings=0;0 unseen=0'
says 100 $'svctool: --what: unknown\n'
ok 'misuse is unknown' plugin_says 3 'GREYLIST UNKNOWN - svctool: --what: unknown' --what
says 111 $'svctool: cannot read /x\n'
ok 'so is a failure' plugin_says 3 'GREYLIST UNKNOWN - svctool: cannot read /x'
says 1 ''
ok 'and a code that nothing explains' \
  plugin_says 3 'GREYLIST UNKNOWN - svctool --check says no more|services=0 wrong=0;;0 warnings=0;0 unseen=0'
printf '#!/bin/sh\nexec sleep 100\n' >"$work/svctool"
ok 'one that hangs is given up' plugin_says 3 'GREYLIST UNKNOWN - svctool --check did not end within 1 seconds' --timeout=1
rm "$work/svctool"
ok 'one that is not there' plugin_says 3 "GREYLIST UNKNOWN - $work/svctool is not there"
ok 'a bad number' plugin_says 3 'GREYLIST UNKNOWN - --timeout=1x: not a number of seconds' --timeout=1x
"$plugin" --help >"$work/out"
ok 'it has a help' grep -q '^usage: check_greylist ' "$work/out"
exit $((failures > 0))
