#!/bin/bash
# The Debian source package: it builds, and at another place, by another user's habits and without a
# compiler's cache, to the same bytes as scripts/package has made of this tree. Two builds of everything
# take too long for ctest: this is run by hand, before a release.
# usage: package_source_test.sh [DIRECTORY]     of packages that scripts/package has made; default: it is run
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
top=$(realpath "$here/../..")
work_in_a_directory

if [ $# = 0 ]; then
  "$top/scripts/package" || exit 1
fi
packages=$(realpath "${1:-$top/build/deb}")
source=$(echo "$packages"/*.dsc)
ok 'there is a source package' test -s "$source"
mkdir -p "$work/some/other/place"
cd "$work/some/other/place" || exit 111
ok 'it unpacks' dpkg-source --no-check -x "$source" tree
build() {
  cd tree && umask 077 &&
    CCACHE_DISABLE=1 TZ=Pacific/Chatham LC_ALL=C.UTF-8 HOME=$work/home \
      dpkg-buildpackage --no-sign --build=binary >"$work/build.log" 2>&1
}
(build)
ok 'it builds' test $? = 0
for package in "$packages"/*_*.deb; do
  ok "${package##*/} is the same" cmp "$package" "${package##*/}"
done
ok 'these are all' test "$(find . -maxdepth 1 -name '*.deb' | wc -l)" = "$(find "$packages" -maxdepth 1 -name '*_*.deb' | wc -l)"
((failures == 0)) && echo 'package_source_test: all passed'
exit $((failures > 0))
