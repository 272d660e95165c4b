#!/bin/bash
# scripts/release, in a small repository of its own with the scripts of this tree; and of this tree
# itself: what a tarball of it would have builds without git, and has the same sources.
# usage: release_test.sh
# shellcheck disable=SC2317 # functions are called through `ok`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
top=$(realpath "$here/../..")
command -v git >/dev/null || { echo 'skipped: no git' && exit 77; }
work_in_a_directory
export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org \
  GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
unset GIT_DIR GIT_WORK_TREE
fails() { ! "$@"; }
tree=$work/tree
in_tree() { git -C "$tree" "$@" >>"$work/git.log" 2>&1; }
commit_all() { in_tree add -A && in_tree commit -q -m "$1"; }
release() { (cd "$work" && umask "${mask-022}" && "$tree/scripts/release" "$@" >"$work/out" 2>"$work/said"); }
explain() { cat "$work/said"; }
refused() { # text [exit-code]: in one line, and nothing is made
  release --without-tests
  [ $? = "${2-111}" ] && [ "$(wc -l <"$work/said")" = 1 ] && grep -qF -e "$1" "$work/said" &&
    [ -z "$(ls "$tree/build" 2>/dev/null)" ]
}

# ---- a repository with what the script looks at, and tests that say where they are

mkdir -p "$tree/scripts/lib"
cp "$top/scripts/release" "$tree/scripts"
cp "$top/scripts/lib/usage.sh" "$tree/scripts/lib"
cat >"$tree/scripts/fresh" <<'END'
#!/bin/sh
cd "$(dirname "$0")/.." && echo "fresh $*" >&2 && exec "$@"
END
cat >"$tree/scripts/test" <<'END'
#!/bin/sh
[ ! -e .git ] && [ ! -e fails ]
END
chmod 755 "$tree"/scripts/{fresh,test}
echo /build/ >"$tree/.gitignore"
echo 'project(some VERSION 1.2.3 LANGUAGES C)' >"$tree/CMakeLists.txt"
printf '# Changelog\n\n## 1.2.3\n\nText.\n\n## 1.2.2\n' >"$tree/CHANGELOG.md"
mkdir "$tree/sub"
echo odd >"$tree/sub/an odd näme"
ln -s CHANGELOG.md "$tree/sub/link"

ok 'where nothing is a repository' refused 'no repository'
in_tree init -q -b main
ok 'where nothing is committed' refused 'nothing is committed'
must 'a commit' commit_all one
touch "$tree/added"
ok 'what is not added' refused 'not everything is committed: added,'
rm "$tree/added"
echo more >>"$tree/CHANGELOG.md"
ok 'what is changed' refused 'not everything is committed: CHANGELOG.md,'
in_tree checkout CHANGELOG.md
version_of() { # file pattern text version: refused with it
  sed -i "s/$2/$3/" "$tree/$1" && commit_all two && refused "CMakeLists.txt says 1.2.3, and $1 '$4'" &&
    in_tree reset -q --hard HEAD^
}
ok 'a changelog that is open' version_of CHANGELOG.md '^## 1.2.3' '## Unreleased' Unreleased
ok 'one of another version' version_of CHANGELOG.md '^## 1.2.3' '## 1.2.4' 1.2.4
mkdir "$tree/debian"
printf 'some (1.2.3-1) unstable; urgency=medium\n' >"$tree/debian/changelog"
must 'with debian/' commit_all three
ok 'a package of another version' version_of debian/changelog '1\.2\.3-1' 1.2.2-4 1.2.2
in_tree tag v1.2.3 HEAD^
ok 'a tag of another commit' refused 'the tag v1.2.3 is commit '
in_tree tag -d v1.2.3
is_misuse() { release "$@"; [ $? = 100 ] && [ "$(wc -l <"$work/said")" = 1 ]; }
ok 'an argument that is none' is_misuse --with-tests

# ---- the tarball

made=$tree/build/release-1.2.3
tarball=$made/qmail-greyd-1.2.3.tar.gz
must 'with all in order there is one' release --without-tests
ok 'it is named' grep -qxF build/release-1.2.3/qmail-greyd-1.2.3.tar.gz "$work/out"
ok 'that its tests were left out is said' grep -q 'tests were left out' "$work/said"
ok 'and how to tag it' grep -qx "release: to tag it: git tag -s v1.2.3 $(git -C "$tree" rev-parse HEAD)" "$work/said"
nothing_else() { [ "$(ls "$made")" = $'qmail-greyd-1.2.3.tar.gz\nqmail-greyd-1.2.3.tar.gz.sha256' ]; }
ok 'with its checksum, and nothing else' nothing_else
checksum_fits() { (cd "$made" && sha256sum -c --quiet ./*.sha256); }
ok 'which fits' checksum_fits
cp "$tarball" "$work/first"
same_again() { # from another clone and directory, by another user's umask, at another time
  git clone -q "$tree" "$work/other" 2>>"$work/git.log" && find "$work/other" -exec touch -h -d 2001-01-01 {} + &&
    (umask 077 && cd / && "$work/other/scripts/release" --without-tests >/dev/null 2>&1) &&
    cmp "$work/first" "$work/other/build/release-1.2.3/qmail-greyd-1.2.3.tar.gz"
}
ok 'from another clone it is the same, octet by octet' same_again
mkdir "$work/unpacked"
must 'it is unpacked' tar -xzf "$work/first" -C "$work/unpacked"
same_files() { diff -r --no-dereference --exclude=.git --exclude=build "$tree" "$work/unpacked/qmail-greyd-1.2.3"; }
ok 'it has what is committed, and nothing else' same_files
ok 'nobody else can write to it' test -z "$(find "$work/unpacked/qmail-greyd-1.2.3" ! -type l -perm /022)"
ok 'it has no git' test ! -e "$work/unpacked/qmail-greyd-1.2.3/.git"

in_tree tag v1.2.3
must 'with the tag, and its tests' release
ok 'they run in a fresh root' grep -qx 'fresh scripts/test' "$work/said"
ok 'nothing is left to do' fails grep -q '^release:' "$work/said"
ok 'nothing else is there' nothing_else
in_tree tag -d v1.2.3
touch "$tree/fails"
must 'where the tests fail' commit_all four
ok 'there is none' fails release
ok 'that is said' grep -q '^release: the tests of qmail-greyd-1.2.3 fail' "$work/said"
ok 'and that of before is gone' test -z "$(ls "$made")"

# ---- this tree

if [ -e "$top/.git" ]; then
  copy=$work/copy
  mkdir "$copy"
  files() { (cd "$1" && . scripts/lib/sources.sh && sources '*' | sed 's|^\./||' | sort); }
  (cd "$top" && git -c safe.directory='*' ls-files -z | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar -cf - --null --files-from=-) | tar -xf - -C "$copy"
  ok 'without git the scripts find the same sources' test \
    "$(files "$copy")" = "$(cd "$top" && git -c safe.directory='*' ls-files | while read -r file; do [ ! -e "$file" ] || echo "$file"; done | sort)"
  builds() {
    cmake --preset release -S "$copy" -B "$copy/build/some" -DGREY_TESTS=OFF &&
      ninja -C "$copy/build/some" grey_wire
  } >"$work/build.log" 2>&1
  ok 'and it builds' builds
fi
((failures == 0)) && echo 'release_test: all passed'
exit $((failures > 0))
