#!/bin/sh
# What compiler and linker do against a mistake in a program, read from the programs as they were
# built: position independent, its linkage read-only once it is loaded, no memory both written and
# run, stack protector, checked library calls, probed stacks, marked targets of jumps.
# usage: hardening_test.sh [FLAG...] FILE...      FLAGs and FILEs in any order; built without sanitizers
#   --no-libc   of the files that follow: their C library has no checked calls (musl)
set -u
[ $# -gt 0 ] || { echo 'usage: hardening_test.sh [--no-libc] FILE...' >&2; exit 100; }
work=$(mktemp -d) || exit 111
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# One line for each thing that a file does not have.
lacks() { # file whether-its-libc-checks
    readelf -hW "$1" | grep -q 'Type: *DYN' || echo 'is not position independent'
    readelf -lW "$1" >"$work/segments"
    readelf -dW "$1" >"$work/dynamic"
    nm "$1" >"$work/symbols" 2>/dev/null
    nm -D "$1" >>"$work/symbols" 2>/dev/null
    objdump -d --no-show-raw-insn "$1" >"$work/code"
    grep -q ' GNU_RELRO ' "$work/segments" || echo 'has no RELRO'
    grep -q 'BIND_NOW\|Flags:.*NOW' "$work/dynamic" || echo 'binds lazily'
    grep -q ' GNU_STACK ' "$work/segments" || echo 'does not say how its stack is'
    ! grep -q ' GNU_STACK .* RWE ' "$work/segments" || echo 'has a stack that can be run'
    ! grep -q ' LOAD .* RWE ' "$work/segments" || echo 'has memory that can be written and run'
    ! grep -q 'TEXTREL' "$work/dynamic" || echo 'has code that is changed when it is loaded'
    ! grep -q 'RPATH\|RUNPATH' "$work/dynamic" || echo 'names a directory of libraries'
    grep -q '__stack_chk_fail' "$work/symbols" || echo 'has no stack protector'
    [ "$2" = no ] || grep -q '_chk@' "$work/symbols" || echo 'has no checked library call'
    [ "$(uname -m)" = x86_64 ] || return 0
    # A frame of more than a page is probed page by page.
    # shellcheck disable=SC2016 # a pattern
    grep -q 'orq *\$0x0,(%rsp)\|or[lq]* *\$0x0,.*(%[re]sp' "$work/code" || echo 'has no probed stack'
    [ "$(grep -c 'endbr64' "$work/code")" -ge 20 ] || echo 'has no marked targets of jumps'
}

# A program without all this is found out.
cat >"$work/bare.c" <<'C'
#include <string.h>
int main(int argc, char** argv) { char text[70000]; strcpy(text, argv[argc - 1]); return text[70]; }
C
"${CC:-cc}" -O2 -no-pie -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none -U_FORTIFY_SOURCE \
    -Wl,-z,lazy,-z,norelro,-z,execstack -o "$work/bare" "$work/bare.c" 2>/dev/null || exit 111
found=$(lacks "$work/bare" yes | wc -l)
least=6
[ "$(uname -m)" != x86_64 ] || least=8
failed=0
if [ "$found" -lt "$least" ]; then
    echo "FAILED: of a program without any of it only $found things are found"
    failed=1
fi

checks=yes
for file; do
    case $file in
        --no-libc) checks=no && continue ;;
    esac
    lacks "$file" "$checks" >"$work/lacks"
    if [ -s "$work/lacks" ]; then
        sed "s|^|FAILED: $(basename "$file") |" "$work/lacks"
        failed=1
    else
        echo "ok: $(basename "$file")"
    fi
done
exit $failed
