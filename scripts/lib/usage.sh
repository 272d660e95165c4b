# shellcheck shell=sh
# For the scripts beside this directory, read in before anything else: with --help a script prints the
# comment at its head, and does nothing.

case ${1-} in
    --help | -h)
        sed -n '2,${/^#/!q;s/^# \{0,1\}//;p;}' "$0"
        exit
        ;;
esac

misuse() { # what is wrong
    echo "${0##*/}: $1 (see --help)" >&2
    exit 100
}
takes_no_arguments() { # "$@"
    [ $# = 0 ] || misuse "it takes no arguments: $1"
}
