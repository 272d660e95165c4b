# shellcheck shell=sh
# For scripts/lint and scripts/format; scripts/fresh and scripts/package have the last one.

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

# What a commit of everything here would have.
# shellcheck disable=SC2016 # for the shell inside
files_of_tree() { # each with a NUL
    if [ -e .git ]; then
        git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
    else # as .gitignore has it
        find . \( -path ./build -o -path ./var \) -prune -o ! -type d -print0
    fi | xargs -0 sh -c 'for file; do [ ! -e "$file" ] && [ ! -L "$file" ] || printf "%s\0" "$file"; done' sh
}
