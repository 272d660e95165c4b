# shellcheck shell=sh
# For scripts/lint and scripts/format.

# The files of this tree that match: those of git, or, where there is no git or no clone, all that
# are not made here.
sources() { # pattern...: as git has them, where * is any number of directories, too
    if [ -e .git ] && git rev-parse 2>/dev/null; then
        git ls-files "$@"
    else
        for pattern; do
            find . \( -path ./.git -o -path ./build -o -path ./var \) -prune -o -path "./$pattern" ! -type d -print
        done
    fi
}
