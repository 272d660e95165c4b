#!/bin/sh
# svctool runs as root: what changes the file system by a path, or follows one that a user could
# exchange, is in svctool/disk and greyd/base/place.cc alone, which work by descriptors.
# usage: svctool_room.sh TREE
set -eu
cd "${1:?usage: svctool_room.sh TREE}/svctool"

failed=0
# may EXTENDED-REGULAR-EXPRESSION WHERE-IT-MAY-STAND WHAT
may() {
    found=$(grep -rnE --include='*.cc' --include='*.h' "$1" . | grep -vE "^\./($2):" |
        grep -vE '^[^:]*:[0-9]*: *//' || true)
    [ -z "$found" ] || { echo "FAILED: $3, outside its room:"; echo "$found"; failed=1; }
}
change='(f?chown|lchown|f?chownat|f?chmod|fchmodat|mkdir|mkdirat|mkdtemp|mkn?ost?emps?|mkfifo|mknod|rename|renameat2?|link|linkat|symlink|symlinkat|unlink|unlinkat|rmdir|truncate|ftruncate|utimens?a?t?)'
may "::$change *\\(" 'disk/[a-z_]*\.cc' 'a change of the file system'
may '(ofstream|fopen|freopen|replace_file|NewFile) *[({<: ]' none 'a file written by its path'
may '(fs|filesystem)::(create_|remove|rename|copy|permissions|resize|last_write)' none 'a change by a path'
may '::openat *\(' 'disk/[a-z_]*\.cc' 'a descriptor to write by'
# What a program reads and says goes to files that are its own or nobody's.
may '::(open|creat) *\(' 'util/process\.cc|daemon/processes\.cc' 'a file opened by its path'
# What is there decides what is written, so it is looked at as it is written.
may '::(l?stat|access|opendir) *\(|directory_iterator' 'daemon/[a-z_]*\.cc|verbs/check(_smtp)?\.cc|files/(accounts|compare)\.cc' \
    'a look by a path'
# In disk itself a path is only gone by open_place() and its like.
if grep -nE '::(open|creat|mkdir|chown|lchown|chmod|rename|link|symlink|unlink|rmdir|truncate|stat|lstat|access|opendir) *\(' disk/*.cc; then
    echo 'FAILED: svctool/disk works by descriptors'
    failed=1
fi
[ $failed = 0 ] && echo 'all passed'
exit $failed
