#!/bin/sh
# The floors of greyd/DESIGN.md, section 8: who may include and link whom. Fails on an arrow up.
# usage: floors.sh [--all-moved] TREE [TARGETS]
#
# TARGETS is what floors.cmake has written of a configured build: each target's sources and what it
# links. A file that has no folder of its own yet is passed over; with --all-moved that is an error.
set -eu

# A folder, and those that it stands on: it may use them, and what they may use.
floors='
greyd/wire:
greyd/base:               greyd/wire
greyd/sandbox:            greyd/base
greyd/lists:              greyd/base
greyd/spf:                greyd/lists
greyd/core:               greyd/lists
greyd/pools:              greyd/core
greyd/state:              greyd/core greyd/spf
greyd/imports:            greyd/state
greyd/report:             greyd/state
greyd/service:            greyd/state
greyd/net:                greyd/base
greyd/http:               greyd/net
greyd/metrics:            greyd/base
greyd/store:              greyd/core greyd/net
greyd/shared:             greyd/service greyd/store
greyd/lookups:            greyd/core greyd/net greyd/spf
greyd/lookup_helper:      greyd/spf greyd/sandbox
greyd/fronts:             greyd/state greyd/net
greyd/control:            greyd/service greyd/fronts greyd/imports greyd/lookups
greyd:                    greyd/sandbox greyd/pools greyd/control greyd/imports greyd/shared greyd/lookups
greyd/greyctl:            greyd greyd/http greyd/metrics greyd/report
svctool/util:             greyd/base
svctool/plan:             svctool/util greyd/lists
svctool/cli:              svctool/plan
svctool/disk:             svctool/util
svctool/files:            svctool/cli svctool/disk
svctool/daemon:           svctool/files
svctool/verbs:            svctool/daemon
svctool:                  svctool/verbs
etc/completion:           greyd/greyctl svctool/cli
smtpd-glue:
smtpd-glue/libgreylist:   greyd/wire
smtpd-glue/greysmtpd:     smtpd-glue smtpd-glue/libgreylist greyd/base
smtpd-glue/greyspp:       smtpd-glue smtpd-glue/libgreylist
smtpd-glue/mailfront:     smtpd-glue/libgreylist
smtpd-glue/qmail:         smtpd-glue/libgreylist
'
# What belongs to greyd, svctool and smtpd-glue themselves.
top='greyd/main greyd/options greyd/control_socket greyd/daemon greyd/few_descriptors greyd/upkeep greyd/confine greyd/front_settings greyd/lookup_spawner greyd/privileges greyd/sharing greyd/start_check greyd/startup greyd/store_report greyd/supervisor_report
svctool/main smtpd-glue/small_runtime smtpd-glue/musl'
# Who alone includes a header from elsewhere.
only='ev.h greyd/net/event_loop.cc httplib.h greyd/http/http_engine.cc hiredis.h greyd/store/redis_protocol.cc seccomp.h greyd/sandbox/system_calls.cc libpsl.h greyd/pools/name_parents.cc unbound.h greyd/lookup_helper/resolver.cc'

all_moved=0
[ "${1-}" != --all-moved ] || { all_moved=1; shift; }
case $# in
    1 | 2) ;;
    *) echo 'usage: floors.sh [--all-moved] TREE [TARGETS]' >&2; exit 100 ;;
esac
for needed in "$1/greyd" "$1/svctool" "$1/smtpd-glue" ${2+"$2"}; do
    [ -e "$needed" ] || { echo "floors: not there: $needed" >&2; exit 111; }
done
targets=${2-}
[ -z "$targets" ] || targets=$(cd "$(dirname "$targets")" && pwd)/$(basename "$targets")
cd "$1"

{
    for folder in greyd svctool smtpd-glue etc/completion; do
        [ ! -d "$folder" ] || find "$folder" -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -exec \
            grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' {} +
    done | sed 's/^\([^:]*\):[^"<]*\(.*\)$/include \1 \2/'
    [ -z "$targets" ] || cat "$targets"
} | awk -v floors="$(echo "$floors" | tr '\n' ';')" -v top="$(echo "$top" | tr '\n' ' ')" -v only="$only" -v all_moved="$all_moved" '
function fail(text) { print "FAILED: " text; failures++ }
# The folder of a file, "" when it has none yet.
function room_of(path,    folder, stem) {
    if (path in room_cache) return room_cache[path]
    folder = path
    while (sub(/\/[^\/]*$/, "", folder)) if (folder in is_room) break
    stem = path
    sub(/\.[a-z]+$/, "", stem)
    if (folder !~ /\// && !(stem in is_top)) folder = ""
    return room_cache[path] = folder
}
function may_use(room, other) { return room == other || (room SUBSEP other) in uses }
function lacks_room(path) {
    if (path in told) return
    told[path] = 1
    without++
    if (all_moved) fail(path " is in no folder of the table")
}
BEGIN {
    count = split(floors, lines, ";")
    for (i = 1; i <= count; i++) {
        if (lines[i] !~ /:/) continue
        room = lines[i]; sub(/:.*/, "", room)
        is_room[room] = 1
        rest = lines[i]; sub(/^[^:]*:/, "", rest)
        n = split(rest, below)
        for (j = 1; j <= n; j++) {
            if (!(below[j] in is_room)) fail("the table: " room " stands on " below[j] ", which is not above it there")
            uses[room, below[j]] = 1
            for (other in is_room) if ((below[j] SUBSEP other) in uses) uses[room, other] = 1
        }
    }
    count = split(top, names); for (i = 1; i <= count; i++) is_top[names[i]] = 1
    count = split(only, names); for (i = 1; i < count; i += 2) alone[names[i]] = names[i + 1]
}
$1 == "include" {
    from = $2
    header = $3
    if (header ~ /^</ || header !~ /"(greyd|svctool|smtpd-glue|etc\/completion)\//) {
        gsub(/[<">]/, "", header)
        if (!(header in alone)) next
        includers[header] = includers[header] " " from
        next
    }
    gsub(/"/, "", header)
    includes++
    room = room_of(from); other = room_of(header)
    if (room == "") lacks_room(from)
    if (other == "") lacks_room(header)
    if (room == "" || other == "") next
    checked++
    if (!may_use(room, other)) fail(from " includes " header ": " room " does not stand on " other)
}
$1 == "source" { # target file
    room = room_of($3)
    if (room == "") lacks_room($3); else if (!(($2 SUBSEP room) in has)) { has[$2, room] = 1; rooms[$2] = rooms[$2] " " room }
    is_target[$2] = 1
}
$1 == "link" { if (!(($2 SUBSEP $3) in linked)) { linked[$2, $3] = 1; links[++link_count] = $2 " " $3 } }
END {
    for (i = 1; i <= link_count; i++) {
        split(links[i], pair)
        if (!(pair[2] in is_target)) continue
        n = split(rooms[pair[1]], mine); m = split(rooms[pair[2]], theirs)
        for (j = 1; j <= n; j++) for (k = 1; k <= m; k++) {
            checked_links++
            if (!may_use(mine[j], theirs[k]))
                fail("target " pair[1] " links " pair[2] ": " mine[j] " does not stand on " theirs[k])
        }
    }
    for (header in alone) {
        # Where it stands before it has its folder.
        flat = alone[header]; sub(/\/[^\/]*\//, "/", flat)
        n = split(includers[header], who)
        there = 0
        for (i = 1; i <= n; i++) if (who[i] == alone[header] || who[i] == flat) there = 1
        if (!there && !all_moved) { print "not looked at: who includes " header ", as " alone[header] " does not yet"; continue }
        for (i = 1; i <= n; i++) if (who[i] != alone[header] && (all_moved || who[i] != flat))
            fail(who[i] " includes " header ", which is for " alone[header] " alone")
        if (!there) fail(alone[header] " does not include " header)
    }
    if (includes == 0) fail("no include lines were found")
    printf "floors: %d of %d include lines and %d links between folders looked at; %d files have no folder yet\n", checked, includes, checked_links, without
    exit failures > 0
}'
