# shellcheck shell=bash
# For scripts/fresh: makes a minimal Debian 12 from the package source that apt has on this machine, and
# a clone of this tree in it. What goes wrong is a text in $why.
# shellcheck disable=SC2154 # suite, top, store, work, root, home, log, proxies: the reader's

# ---- what this machine has to have

get_tools() {
    local missing='' program
    for program in debootstrap wget slirp4netns git; do
        command -v $program >/dev/null || missing="$missing $program"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    run env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1
    # shellcheck disable=SC2086 # a list of words
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1 ||
        command -v debootstrap wget git >/dev/null || fails "cannot install$missing:"
}

# ---- the package source: apt's own, with a state of ours, and no hooks of what is installed here

find_sources() { # sets architecture, sources, packages
    local targets debian
    architecture=$(dpkg --print-architecture)
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    cat >"$work/apt.conf" <<END
#clear APT::Update;
#clear DPkg;
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
END
    run apt-get -c "$work/apt.conf" -q update >"$log" 2>&1
    # shellcheck disable=SC2016
    targets=$(apt-get -c "$work/apt.conf" indextargets 'Created-By: Packages' --format \
        '$(CODENAME)|$(COMPONENT)|$(ARCHITECTURE)|$(FILENAME)|$(SOURCESENTRY)|$(ORIGIN)' |
        grep -E "^$suite(-updates|-security)?\|main\|$architecture\|")
    # Others have suites of that name, too.
    ! debian=$(echo "$targets" | grep '|Debian$') || targets=$debian
    packages=$(echo "$targets" | sed -n "s/^$suite|[^|]*|[^|]*|\([^|]*\)|.*/\1/p" | head -n 1)
    mapfile -t sources < <(echo "$targets" | cut -d '|' -f 5 | sed 's/:[0-9]*$//' | sort -u)
    [ -s "$packages" ] || fails "apt has no package source of Debian 12 ($suite) that it can read:"
}

# Names in the sources, and what apt's configuration says about how to get there.
named_in_sources() { # pattern...: what matches, without "file:" and the like before it
    cat "${sources[@]}" | sed '/^ *#/d' | grep -oE "$1" | sed -E 's/^[a-z+]*:(\/\/)?//' | sort -u
}
acquire_settings() {
    apt-config dump --format '%F "%v";%n' Acquire | grep -v -e ^Acquire::IndexTargets -i -e Proxy-Auto-Detect
    apt-config dump --format '%F "%v";%n' APT::Sandbox
    apt-config dump --format '%F "%v";%n' APT::Get::AllowUnauthenticated
    local uri proxy
    for uri in $(named_uris); do # a program of this machine may say which proxy
        proxy=$(/usr/lib/apt/apt-helper auto-detect-proxy "$uri" 2>/dev/null | sed -n "s/^Using proxy '\(.*\)' for URL.*/\1/p")
        [ -z "$proxy" ] || echo "$uri" | sed -E "s|^(https?)://([^/@]*@)?([^/:]*).*|Acquire::\1::Proxy::\3 \"$proxy\";|"
    done
}
named_uris() { cat "${sources[@]}" | sed '/^ *#/d' | grep -oE 'https?://[^] ]*' | sort -u; }
# A network of our own does not reach what listens on this machine's loopback.
source_is_here() {
    local name
    {
        named_uris
        acquire_settings
        for name in "${proxies[@]}"; do [[ $name == [nN][oO]_* ]] || echo "${!name-}"; done
    } | grep -qE '(://|@)(localhost|127\.|\[::1\])'
}
copy_in() { # file...: under the same names
    local file
    for file; do
        [ ! -e "$file" ] || { mkdir -p "$root${file%/*}" && cp -aL "$file" "$root${file%/*}/"; }
    done
}
configure_apt() {
    local etc=/etc/apt
    : >"$root$etc/sources.list"
    cp -L "${sources[@]}" "$root$etc/sources.list.d"
    copy_in $etc/trusted.gpg $etc/trusted.gpg.d $etc/keyrings $etc/auth.conf $etc/auth.conf.d
    acquire_settings >"$root$etc/apt.conf.d/00fresh"
    # shellcheck disable=SC2046 # paths
    copy_in $(sed -En 's/.*[Ss]igned-[Bb]y[:=] *//p' "${sources[@]}" | tr ',]' '  ' | grep -oE '(^| )/[^ ]+') \
        $(grep -v Proxy "$root$etc/apt.conf.d/00fresh" | sed -n 's|.* "\(/.*\)";$|\1|p') \
        $(named_in_sources 'mirror\+file:[^] ]*')
    ! { named_uris | grep -q ^https: || grep -q '"https:' "$root$etc/apt.conf.d/00fresh"; } ||
        copy_in /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates
    for path in $(named_in_sources '\b(file|copy):/[^] ]*'); do [ ! -d "$path" ] || echo "$path"; done \
        >"$work/directories"
}

# ---- the root

# debootstrap takes a mirror of this machine, with what apt has fetched and checked: apt knows more
# of ways and keys than debootstrap does.
make_mirror() { # directory: sets names
    local index=$1/dists/$suite/main/binary-$architecture
    mkdir -p "$index"
    release() {
        cat >"$1/dists/$suite/Release" <<END
Codename: $suite
Components: main
Architectures: $architecture
SHA256:
 $(sha256sum <"$index/Packages" | cut -d ' ' -f 1) $(stat -c %s "$index/Packages") main/binary-$architecture/Packages
END
    }
    /usr/lib/apt/apt-helper cat-file "$packages" >"$index/Packages" && release "$1" || return
    names=$(debootstrap --print-debs --variant=minbase --no-check-gpg "$suite" "$work/names" "file://$1" 2>>"$log") || return
    rm -rf "$work/names"
    names=$names awk -v RS= -v ORS='\n\n' -F '\n' '
        BEGIN { count = split(ENVIRON["names"], list, /[ \n]+/); for (i = 1; i <= count; i++) wanted[list[i]] }
        {
            delete field
            for (i = 1; i <= NF; i++) if (match($i, /^[A-Za-z]+: /)) field[substr($i, 1, RLENGTH - 2)] = substr($i, RLENGTH + 1)
            if (!(field["Package"] in wanted)) next
            print field["Package"] "=" field["Version"] >"/dev/stderr"
            file = field["Package"] "_" field["Version"] "_" field["Architecture"] ".deb"
            gsub(":", "%3a", file)
            sub(/\nFilename: [^\n]*/, "\nFilename: " file)
            print
        }' "$index/Packages" >"$work/Packages" 2>"$work/versions" && mv "$work/Packages" "$index" && release "$1" || return
    # shellcheck disable=SC2046 # words
    run env -C "$1" apt-get -c "$work/apt.conf" -q download $(cat "$work/versions") >>"$log" 2>&1
}
make_base() {
    local mirror=$work/mirror own=()
    : >"$log"
    make_mirror "$mirror" || fails 'cannot fetch the packages:' || return
    ! unshare -mp --fork true 2>/dev/null || own=(unshare -mp --fork --kill-child --mount-proc)
    # What is thrown away, here and later, need not survive a power cut.
    run env -i PATH="$PATH" DPKG_FORCE=unsafe-io "${own[@]}" debootstrap --variant=minbase --no-check-gpg \
        "$suite" "$root" "file://$mirror" >>"$log" 2>&1 || fails 'debootstrap fails:' || return
    rm -rf "$mirror" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root/var/log/bootstrap.log"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/fresh"
}
# Kept as it is before anything of this tree or of apt's configuration is in it.
get_base() {
    local kept
    kept=$store/base.$({ cat "${sources[@]}" && declare -f make_mirror make_base; } | sha256sum | cut -c 1-16).tar
    find "$store" -maxdepth 1 -name 'base.*' -mmin +1440 -delete
    rm -rf --one-file-system "$root"
    mkdir "$root"
    if [ -e "$kept" ]; then
        run tar -xpf "$kept" --numeric-owner --xattrs --xattrs-include='*' -C "$root" 2>"$log" && return
        rm -f "$kept"
        fails 'the root that was kept is damaged:'
        return
    fi
    make_base || return
    find "$store" -maxdepth 1 -name 'base.*.tar' -delete
    if run tar -cf "$work/base" --numeric-owner --xattrs --xattrs-include='*' -C "$root" . 2>/dev/null; then mv "$work/base" "$kept"; fi
    rm -f "$work/base"
}

# ---- the tree

in_repository() { # git-argument...
    env -i PATH="$PATH" HOME=/ GIT_CONFIG_NOSYSTEM=1 git -c user.name=fresh -c user.email=fresh@localhost \
        -c init.defaultBranch=main -c safe.directory='*' -C "$root$home" "$@" >>"$log" 2>&1
}
make_clone() {
    : >"$log"
    mkdir -p "$root$home"
    (cd "$top" && files_of_tree | tar -cf - --no-recursion --null --files-from=-) 2>"$log" |
        tar -xf - --no-same-owner -C "$root$home" && [ -e "$root$home/scripts/setup" ] || fails 'cannot copy the tree:' || return
    chmod -R u=rwX,go=rX "$root$home" # as git checks out with a usual umask
    # Of one commit. The root itself has no git until somebody installs it.
    [ ! -e "$top/.git" ] || { in_repository init -q --template= && in_repository add -A --force &&
        in_repository commit -q -m 'The tree as it is'; } || fails 'cannot make the clone:'
}

# What a machine has from its installation.
name_machine() {
    echo fresh >"$root/etc/hostname"
    { cat /etc/hosts && printf '127.0.0.1 localhost\n127.0.1.1 fresh\n::1 localhost ip6-localhost\n'; } >"$root/etc/hosts" 2>/dev/null
    cat /etc/resolv.conf >"$root/etc/resolv.conf" 2>/dev/null
}
# A name server on this machine's loopback is reached under slirp4netns's own address.
use_own_network() {
    sed -i -E 's/^(nameserver +)(127\.|::1).*/\110.0.2.3/' "$root/etc/resolv.conf"
}
