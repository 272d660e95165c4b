#!/bin/bash
# The Debian packages of a build: the same bytes each time, and nothing for lintian to say. They stay
# in build/deb for package_test.sh and readme_test.sh, with two of later versions and those of 0.1.0.
# usage: make_packages_test.sh BUILD-DIRECTORY
# $PACKAGES_BEFORE may have a directory with the packages of 0.1.0, from before there was debian/, to
# upgrade from. Else they are made from those of today.
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"

build=$(realpath "${1:?usage: make_packages_test.sh BUILD-DIRECTORY}")
top=$(realpath "$here/../..")
packages=$top/build/deb
sums() { (cd "$packages" && sha256sum ./*_*.deb ./*.dsc); }
"$top/scripts/package" "$build" >/dev/null || exit 1
first=$(sums)
# At another time; what umask and clock say is in no package.
(umask 077 && "$top/scripts/package" "$build" >/dev/null) || exit 1
ok 'one tree gives the same bytes each time' test "$(sums)" = "$first"
times() { for each in "$packages"/*_*.deb; do TZ=UTC dpkg-deb -c "$each"; done | awk '{ print $4, $5 }' | sort -u; }
ok 'what is in them has one time, whatever the tree says' test "$(times)" = \
  "$(date -u -d "$(dpkg-parsechangelog -l "$top/debian/changelog" -S Date)" '+%F %H:%M')"
ok 'lintian has nothing to say' lintian --allow-root --pedantic --fail-on error,warning,pedantic "$packages"/*.changes
build_depends() { # what scripts/setup installs for a build, but for tests and what each build has
  local needed
  needed=$(sed -n '/^build="/,/"$/p' "$top/scripts/setup" | tr -d '"' | sed 's/^build=//' | tr ' ' '\n' | grep -vx -e doctest-dev -e g++ -e '')
  [ -n "$needed" ] &&
    ! grep -qvxF -f <(sed -n '/^Build-Depends:/,/^Standards-Version/p' "$top/debian/control" | grep -oE '[a-z0-9.+-]+') <<<"$needed"
}
ok 'what the build needs is in Build-Depends' build_depends
# Of the next version, which differs in nothing else; and of one after it, with another list.
(
  cd "$packages" && dpkg-deb -R qmail-greyd_*.deb next &&
    sed -i 's/^Version: .*/&.1/' next/DEBIAN/control &&
    dpkg-deb -Zgzip -z1 --root-owner-group -b next next.deb >/dev/null &&
    sed -i 's/^Version: .*/&.2/' next/DEBIAN/control && echo 192.0.2.88 >>next/etc/greylist/greylist.whitelist &&
    dpkg-deb -Zgzip -z1 --root-owner-group -b next changed.deb >/dev/null && rm -r next
) || exit 1
# As 0.1.0 had them: no users before there was a service, and the plugin with all else.
mkdir "$packages/before"
if [ -n "${PACKAGES_BEFORE-}" ]; then
  cp "$PACKAGES_BEFORE"/*.deb "$packages/before"
else
  (
    cd "$packages" && dpkg-deb -R qmail-greyd_*.deb old && dpkg-deb -x mailfront-plugin-greylist_*.deb old &&
      rm -r old/usr/lib/sysusers.d old/usr/lib/tmpfiles.d old/usr/share/doc/mailfront-plugin-greylist &&
      sed -i 's/^Version: .*/Version: 0.1.0/' old/DEBIAN/control &&
      sed -i '/service users$/d; s/^.*systemd-tmpfiles .*--create.*$/:/' old/DEBIAN/postinst &&
      sed -i 's/systemd-sysusers/none-of-systemd/' old/usr/lib/qmail-greyd/service &&
      dpkg-deb -Zgzip -z1 --root-owner-group -b old before >/dev/null && rm -r old &&
      dpkg-deb -R libgreylist-dev_*.deb old && rm old/usr/lib/*/libgreylist.so &&
      sed -i 's/^Version: .*/Version: 0.1.0/; /^Depends:/d' old/DEBIAN/control &&
      dpkg-deb -Zgzip -z1 --root-owner-group -b old before >/dev/null && rm -r old
  ) || exit 1
fi
exit $((failures > 0))
