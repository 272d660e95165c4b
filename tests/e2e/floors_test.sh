#!/bin/bash
# floors.sh finds an arrow up wherever one is planted, and none in the tree.
# usage: floors_test.sh TREE TARGETS
# shellcheck disable=SC2317 # called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
work_in_a_directory
floors=$here/../floors.sh

put() { # file line...: in the scratch tree
  mkdir -p "$work/tree/$(dirname "$1")"
  printf '%s\n' "${@:2}" >"$work/tree/$1"
}
# A tree with all in its place.
plant_tree() {
  rm -rf "$work/tree"
  put greyd/wire/ip.h '#pragma once'
  put greyd/wire/wire.cc '#include "greyd/wire/ip.h"' '#include <string.h>'
  put greyd/base/files.cc '#include "greyd/wire/ip.h"'
  put greyd/core/table.h '#include "greyd/wire/ip.h"'
  put greyd/core/rules.cc '#include "greyd/core/table.h"'
  put greyd/state/journal.h '#include "greyd/core/table.h"'
  put greyd/net/event_loop.h '#pragma once'
  put greyd/net/event_loop.cc '#include <ev.h>'
  put greyd/http/http_engine.cc '#include <httplib.h>'
  put greyd/store/redis_protocol.cc '#include <hiredis.h>'
  put greyd/sandbox/system_calls.cc '#include <seccomp.h>'
  put greyd/lookup_helper/resolver.cc '#include <unbound.h>'
  put greyd/pools/name_parents.cc '#include <libpsl.h>'
  put greyd/fronts/udp_front.h '#include "greyd/net/event_loop.h"' '#include "greyd/state/journal.h"'
  put greyd/options.h '#include "greyd/core/table.h"'
  put greyd/main.cc '#include "greyd/options.h"' '#include "greyd/fronts/udp_front.h"'
  put svctool/util/output.h '#pragma once'
  put svctool/plan/plan.h '#include "svctool/util/output.h"'
  put svctool/files/apply.h '#include "svctool/plan/plan.h"'
  put svctool/main.cc '#include "svctool/verbs/commands.h"'
  put smtpd-glue/libgreylist/greylist.h '#include "greyd/wire/ip.h"'
  put smtpd-glue/greysmtpd/relay.cc '#include "smtpd-glue/libgreylist/greylist.h"'
  put smtpd-glue/greyspp/greyspp.c '#include "smtpd-glue/libgreylist/greylist.h"'
  printf '%s\n' 'source grey_core greyd/core/rules.cc' 'source grey_state greyd/state/journal.cc' \
    'source qmail-greyd greyd/main.cc' 'link grey_state grey_core' 'link qmail-greyd grey_state' \
    'link grey_state PkgConfig::xxhash' >"$work/targets"
}
passes() { "$floors" "$@" "$work/tree" "$work/targets" >"$work/out" 2>&1; }
fails_with() { # text
  ! passes --all-moved && grep -qF "FAILED: $1" "$work/out" && [ "$(grep -c ^FAILED: "$work/out")" = 1 ]
}

plant_tree
ok 'a tree with all in its place passes' passes --all-moved
ok 'and was looked at' grep -q '^floors: 16 of 16 include lines and 2 links' "$work/out"

arrow_up() { # from to
  plant_tree
  echo "#include \"$2\"" >>"$work/tree/$1"
  ok "$1 -> $2 is found" fails_with "$1 includes $2: "
}
arrow_up greyd/wire/wire.cc greyd/base/files.h
arrow_up greyd/core/rules.cc greyd/state/journal.h
arrow_up greyd/core/table.h greyd/options.h
arrow_up greyd/net/event_loop.h greyd/core/table.h
arrow_up greyd/state/journal.h greyd/net/event_loop.h
arrow_up greyd/state/journal.h greyd/fronts/udp_front.h
arrow_up svctool/plan/plan.h svctool/files/apply.h
arrow_up svctool/util/output.h greyd/core/table.h
arrow_up smtpd-glue/libgreylist/greylist.h smtpd-glue/greysmtpd/session.h
arrow_up smtpd-glue/libgreylist/greylist.h greyd/base/files.h
arrow_up smtpd-glue/greyspp/greyspp.c smtpd-glue/greysmtpd/session.h
plant_tree
put greyd/core/key.h '  #  include   "greyd/fronts/udp_front.h"  // somehow'
ok 'however the line is written' fails_with 'greyd/core/key.h includes greyd/fronts/udp_front.h: '

plant_tree
echo '#include "ev.h"' >>"$work/tree/greyd/fronts/udp_front.h"
ok "libev in another file is found" fails_with 'greyd/fronts/udp_front.h includes ev.h, '
plant_tree
echo '#include <hiredis.h>' >>"$work/tree/greyd/fronts/udp_front.h"
ok "hiredis in another file is found" fails_with 'greyd/fronts/udp_front.h includes hiredis.h, '
plant_tree
echo 'link grey_core grey_state' >>"$work/targets"
ok 'a target that links one above it is found' fails_with 'target grey_core links grey_state: '

plant_tree
put greyd/homeless.h '#include "greyd/state/journal.h"'
echo '#include "greyd/homeless.h"' >>"$work/tree/greyd/core/rules.cc"
ok 'a file without a folder is passed over' passes
ok 'and told' grep -q '; 1 files have no folder yet$' "$work/out"
ok 'but not when all are to have one' fails_with 'greyd/homeless.h is in no folder of the table'
rm -rf "$work/tree"
mkdir -p "$work/tree/greyd" "$work/tree/svctool" "$work/tree/smtpd-glue"
passes
ok 'a tree without an include line is none that was looked at' grep -qF 'FAILED: no include lines were found' "$work/out"

"$floors" --all-moved "$1" "$2"
ok 'the tree has no arrow up' test $? = 0
exit $((failures > 0))
