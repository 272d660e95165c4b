#!/bin/sh
# svctool(8) lists each id that a check gives to a finding, as programs go by them, and no other.
# usage: svctool_manual_test.sh
set -eu
cd "$(dirname "$0")/../.."
ids_in_code() {
  perl -0777 -ne '
    print "$1\n" while /\b(?:wrong|warn|note|unseen)\(\s*"([a-z]+(?:-[a-z]+)*)"/g;
    print "$1\n" while /Severity::\w+,\s*"([a-z]+(?:-[a-z]+)*)"/g' svctool/*/*.cc | sort -u
}
ids_in_manual() {
  sed -n '/^\.Sh CHECKS/,/^\.Ss Monitoring/s/^\.It Li //p' svctool/svctool.8 | sed 's/ , /\n/g' | sort -u
}
code=$(ids_in_code)
[ "$(echo "$code" | wc -l)" -gt 50 ] || { echo 'FAILED: the ids are not found in the code'; exit 1; }
manual=$(ids_in_manual)
[ "$code" = "$manual" ] && exit
echo 'FAILED: ids in the code, and those in the manual:'
{ echo "$code"; echo "$manual"; } | sort | uniq -u
exit 1
