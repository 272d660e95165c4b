#!/bin/sh
# What libgreylist promises about itself, read from its symbols: no allocation, no signals, no
# exits, no state but which daemons send tags, and nothing of the C++ runtime.
# usage: libgreylist_symbols_test.sh LIBRARY.a...      built without sanitizers
set -u
failures=0
for library in "$@"; do
    symbols=$(nm -C "$library") || exit 1
    [ -n "$symbols" ] || exit 1
    # Undefined: what it calls. Weak and defined ones are inline functions of the C++ library.
    if called=$(echo "$symbols" | grep -E '^ +U (malloc|calloc|realloc|free|strdup|operator |__cxa_|__gxx_|std::|signal|sigaction|sigprocmask|alarm|setitimer|exit|_exit|abort|pthread_|setenv|putenv)'); then
        echo "FAILED: $library calls:" "$called"
        failures=1
    fi
    # Data that can be written: initialized, not initialized, of a thread. What the linker alone
    # writes (.data.rel.ro) is constant.
    if state=$(objdump -t "$library" | grep -E '^[0-9a-f]+ .{5}[^d][O ] (\.data|\.bss|\.tdata|\.tbss)(\.[^r]|[[:space:]])' | grep -v '[[:space:]]_ZN.*15tagging_daemonsE$'); then
        echo "FAILED: $library has state:" "$state"
        failures=1
    fi
done
exit $failures
