#!/bin/sh
# What libgreylist promises about itself, read from its symbols: no allocation, no signals, no
# exits, no state but which daemons send tags, and nothing of the C++ runtime.
# usage: libgreylist_symbols_test.sh LIBRARY.a...      built without sanitizers
set -u
[ $# -gt 0 ] || { echo 'usage: libgreylist_symbols_test.sh LIBRARY.a...' >&2; exit 100; }

# Undefined: what it calls. Weak and defined ones are inline functions of the C++ library.
called_by() { # file
    nm -C "$1" | grep -E '^ +U (malloc|calloc|realloc|free|strdup|operator |__cxa_|__gxx_|std::|signal|sigaction|sigprocmask|alarm|setitimer|exit|_exit|abort|pthread_|setenv|putenv)'
}
# Data that can be written: initialized, not initialized, of a thread. What the linker alone writes
# (.data.rel.ro) is constant.
state_of() { # file
    objdump -t "$1" | grep -E '^[0-9a-f]+ .{5}[^d][O ] (\.data|\.bss|\.tdata|\.tbss)(\.[^r]|[[:space:]])' | grep -v '[[:space:]]_ZN.*15tagging_daemonsE$'
}
failures=0
failed() { # text
    echo "FAILED: $1"
    failures=1
}

# One that breaks the promises is found to.
planted=$(mktemp -d) || exit 111
trap 'rm -rf "$planted"' EXIT
printf '#include <stdlib.h>\nint counter;\nstatic int set = 1;\nvoid* take(void) { set += ++counter; return malloc((size_t)set); }\n' \
    >"$planted/planted.c"
"${CC:-cc}" -c -O0 -o "$planted/planted.o" "$planted/planted.c" || exit 111
called_by "$planted/planted.o" | grep -q ' malloc$' || failed 'a call of malloc is not seen'
[ "$(state_of "$planted/planted.o" | grep -c ' counter$\| set$')" = 2 ] || failed 'state is not seen'

for library in "$@"; do
    nm "$library" | grep -q ' T greylist_ask$' || failed "$library: no greylist_ask in it"
    if called=$(called_by "$library"); then
        failed "$library calls: $called"
    fi
    if state=$(state_of "$library"); then
        failed "$library has state: $state"
    fi
done
exit $failures
