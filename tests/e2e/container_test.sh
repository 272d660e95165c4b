#!/bin/bash
# etc/container: a root as the last stage of the Containerfile describes it, and in it the daemon as a
# container's engine would run it: process 1 of namespaces of its own, a fixed user without a
# capability, a read-only root, one volume. Its Debian packages are those files of this machine's; no
# engine and no network is needed.
# usage: container_test.sh BUILD-DIRECTORY
# shellcheck disable=SC2317,SC2016 # functions are called through `ok`; what is for other programs
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
build=$(realpath "$1")
top=$(realpath "$here/../..")
description=$top/etc/container/Containerfile
skip() {
  echo "skipped: no container: $1"
  exit 77
}
[ "$(id -u)" = 0 ] || skip 'it needs root'
why=$(unshare -mpnuiC --fork --mount-proc true 2>&1) || skip "$why"
[ "$(. /etc/os-release && echo "$VERSION_CODENAME")" = bookworm ] || skip 'this is not Debian 12'

work_in_a_directory
root=$work/root
volume=$work/volume
mkdir "$root" "$volume"
explain() { cat "$work/log"; }
fails() { ! "$@"; }

# ---- the description: each instruction a line, comments gone

instructions() { # of the last stage
  sed -e '/^ *#/d' -e ':a' -e '/\\$/{N;s/\\\n */ /;ta' -e '}' "$description" |
    awk '/^FROM / { text = "" } { text = text $0 "\n" } END { printf "%s", text }' | sed '/^$/d'
}
said() { instructions | sed -n "s/^$1 //p"; } # instruction: what it says
packages=$(said RUN | sed -n 's/.*apt-get install -y --no-install-recommends \([^&]*\)&&.*/\1/p')
ok 'packages are named' test -n "$packages"
known() { ! instructions | grep -vE '^(FROM|RUN|COPY|USER|WORKDIR|VOLUME|EXPOSE|STOPSIGNAL|HEALTHCHECK|ENTRYPOINT) '; }
ok 'no instruction is there that this does not look at' known
ok 'both stages are of the Debian that this is' test \
  "$(grep -c '^FROM docker.io/library/debian:bookworm-slim' "$description")" = 2
ok 'one tree is copied, which make-root has made' test "$(said COPY)" = '--from=build /image/ /'
ok 'it has' grep -qx 'RUN etc/container/make-root build/image /image' "$description"
ok 'there is one volume' test "$(said VOLUME)" = /var/lib/greylist
ok 'it is stopped by TERM' test "$(said STOPSIGNAL)" = SIGTERM
IFS=: read -r uid gid <<<"$(said USER)"
list() { said "$1" | sed 's/^[^[]*//' | python3 -c 'import json, sys; print("\n".join(json.load(sys.stdin)))'; }
mapfile -t entry < <(list ENTRYPOINT)
mapfile -t health < <(list HEALTHCHECK)
ok 'it has an entry point and a health check' test ${#entry[@]} != 0 -a ${#health[@]} != 0

# ---- the root: what every Debian has, the packages that are named with what they depend on, and
# what make-root makes

required() {
  dpkg-query -W -f '${Status}\t${Essential}\t${Priority}\t${Package}\n' |
    awk -F '\t' '$1 ~ / installed$/ && ($2 == "yes" || $3 == "required") { print $4 }'
}
with_dependencies() { # package...
  apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances "$@" | grep '^[a-z0-9]' | sort -u |
    xargs dpkg-query -W -f '${Status}\t${Package}\n' 2>/dev/null | sed -n 's/.* installed\t//p'
}
make_debian() {
  local directory
  for directory in bin sbin lib lib64; do
    mkdir -p "$root/usr/$directory" && ln -s "usr/$directory" "$root/$directory" || return
  done
  # shellcheck disable=SC2046,SC2086 # lists of words
  dpkg-query -L $(with_dependencies $(required) $packages) |
    grep -vE '^/usr/share/(doc|man|info|locale|lintian|zoneinfo)/' | sort -u |
    while read -r file; do [ -d "$file" ] && [ ! -L "$file" ] || ! [ -e "$file" ] || echo "$file"; done |
    tar -cf - --no-recursion --files-from=- -C / 2>/dev/null | tar -xf - -C "$root" || return
  mkdir -p "$root"/{dev,etc,proc,run,sys,tmp,var/lib} && chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/root:/bin/bash\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
  cp /usr/share/libc-bin/nsswitch.conf "$root/etc/nsswitch.conf"
  printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
  printf 'nameserver 127.0.0.1\n' >"$root/etc/resolv.conf"
  chroot "$root" ldconfig
}
run_lines() { # in the root, but for the one that fetches packages
  local line
  while read -r line; do
    [[ $line == *apt-get* ]] || chroot "$root" /bin/sh -c "$line" || return
  done < <(said RUN)
}
must 'a Debian' make_debian
must 'programs and lists' "$top/etc/container/make-root" "$build" "$root"
must 'and what is done there besides' run_lines
at=$(said VOLUME)
ok "the volume is the user's, and nobody else's" test \
  "$(stat -c '%u:%g %a' "$root$at")" = "$uid:$gid 700"
nothing_of_others() { [ -z "$(find "$root/usr/local" "$root/etc/greylist" ! -user root -o -perm /022 ! -type l)" ]; }
ok 'the user can write to no program and no list' nothing_of_others
programs=$(cd "$root" && find usr/local -type f -perm /111 ! -name '*.so' -exec sh -c 'head -c 4 "$1" | grep -q ELF' sh {} \; -print)
linked() { # shellcheck disable=SC2086 # a list of words
  for program in $programs; do chroot "$root" ldd "/$program" 2>&1; done
}
linked >"$work/linked"
ok 'every program finds its libraries' fails grep 'not found' "$work/linked"
needed() { # package: a program is linked with something of it
  dpkg-query -L "$1" | sed 's|.*/||' | grep -qxF -f <(sed -n 's/^\t\([^ ]*\) => .*/\1/p' "$work/linked")
}
for package in $packages; do ok "$package is needed" needed "$package"; done

# ---- an engine

cat >"$work/inside" <<'END'
root=$1 volume=$2 at=$3 options=$4
shift 4
cannot() { echo "cannot $*"; exit 99; }
mount --make-rprivate / || cannot keep mounts apart
mount --bind "$root" "$root" && cd "$root" || cannot bind the root
mount --bind "$volume" "$root$at" && mount -o "remount,bind,$options" "$root$at" || cannot bind the volume
mount -t proc proc proc && mount -t tmpfs -o mode=755 tmpfs dev || cannot mount
for device in null zero random urandom; do
  : >"dev/$device" && mount --bind "/dev/$device" "dev/$device" || cannot bind "$device"
done
ip link set lo up
mount -o remount,bind,ro "$root" || cannot make the root read-only
pivot_root . run && umount -l /run || cannot change the root
exec "$@"
END
container=
engine=
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# As an engine does it with --read-only --cap-drop=ALL --security-opt=no-new-privileges.
start_container() { # rw|ro NAME=VALUE...: sets container, its process 1
  local options=$1
  shift
  : >"$work/log"
  unshare -mpnuiC --fork --kill-child bash "$work/inside" "$root" "$volume" "$at" "$options" \
    setpriv --reuid="$uid" --regid="$gid" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    env -i "PATH=$path" "$@" "${entry[@]}" >"$work/log" 2>&1 </dev/null &
  engine=$!
  has_child() { container=$(pgrep -P "$engine") || ! kill -0 "$engine" 2>/dev/null; }
  until_true has_child
}
# A new process's user changes, and with it who would end it when unshare(1) ends.
kill_container() { [ -z "$container" ] || kill -KILL "$container" 2>/dev/null; }
trap 'kill_container; leave_directory' EXIT
ends_with() { # exit-code: by itself, or as it was told
  local end=$((SECONDS + patience)) code
  while kill -0 "$engine" 2>/dev/null && ((SECONDS < end)); do sleep 0.05; done
  ((SECONDS < end)) || kill_container
  wait "$engine"
  code=$?
  container=
  [ "$code" = "$1" ] || { echo "exit code $code" && return 1; }
}
tell() { kill -s "$1" "$container"; }
run_in() { # command...: as engines do it in a container that runs
  timeout 20 nsenter --target "$container" --mount --pid --net --root --wd=/ --setuid "$uid" --setgid "$gid" \
    env -i "PATH=$path" "$@"
}
healthy() { run_in "${health[@]}" >"$work/health" 2>&1; }
answers() { # answer client
  [ "$(nsenter --target "$container" --net bash -c ". '$here/lib.sh'; ask 1999 $2 you@example.org joe@example.net" \
    2>"$work/ask.err")" = "$1" ]
}
logged() { grep -qE -e "$1" "$work/log"; }
lines() { wc -l <"$work/log"; }

# ---- a container's life

chown "$uid:$gid" "$volume" && chmod 700 "$volume" # as a new volume is what the image has there
must 'it starts' start_container rw
must 'it listens' until_true logged 'listening on .*1999'
must 'it is healthy' until_true healthy
ok 'the daemon is process 1' test "$(run_in cat /proc/1/comm)" = qmail-greyd
ok 'of the fixed user' test "$(run_in stat -c %u:%g /proc/1)" = "$uid:$gid"
ok 'its root is read-only' fails run_in touch /tmp/x
all_is_well() { ! grep -E '^(warning|error): ' "$work/log" | grep -v ' in this kernel'; }
ok 'its sandbox has all that the kernel has: nothing is a warning' all_is_well
ok 'its memory has a limit' grep -q '^Max address space  *387108864 ' <(run_in cat /proc/1/limits)
ok 'a first attempt is deferred' answers 01 192.0.2.1
ok 'its retry is early, as in a new service' answers 02 192.0.2.1
ok 'the decision is on standard error' until_true logged 'verdict=defer reason=new client=192.0.2.1 .*wait=60'
must 'HUP' tell HUP
ok 'is served by process 1, too: lists are read again' until_true logged 'lists reloaded, '
must 'TERM' tell TERM
must 'ends it, with exit code 0' ends_with 0
ok 'the state is on the volume' grep -q 192.0.2.1 "$volume/greylist.context"

must 'started again on the same volume, with other settings' start_container rw MIN_RESEND_MIN=0 VERBOSITY=0 \
  POLICY='*@10023' WHITELIST= SOFT_MEM=
ok 'it is healthy' until_true healthy
ok 'it knows what it knew, and the setting is in force: the good retry' answers 13 192.0.2.1
run_in cat /proc/1/cmdline | tr '\0' ' ' >"$work/arguments"
ok 'settings are the arguments' grep -q -- ' -m 0 .* --policy \*@10023 -v 0 ' "$work/arguments"
ok 'one that is empty is none' fails grep -q -- ' -w ' "$work/arguments"
ok 'so there is no limit of memory' grep -q '^Max address space  *unlimited ' <(run_in cat /proc/1/limits)
must 'a daemon that hangs' tell STOP
ok 'is not healthy' fails timeout 3 nsenter --target "$container" --mount --pid --net --root --wd=/ \
  --setuid "$uid" --setgid "$gid" env -i "PATH=$path" "${health[@]}"
must 'and goes on' tell CONT
ok 'it is healthy again' until_true healthy
must 'TERM' tell TERM
must 'ends it' ends_with 0

is_refused() { # text NAME=VALUE...: one line that has this, and exit code 100
  local text=$1
  shift
  start_container rw "$@"
  ends_with 100 && [ "$(lines)" = 1 ] && logged "$text"
}
ok 'a value that is none' is_refused "min-resend.*soon" MIN_RESEND_MIN=soon
ok 'one out of range' is_refused 'ipv4-prefix.*33' IPV4_PREFIX=33
entry+=(--min-resend=2)
ok 'an option' is_refused 'entry: unknown option: --min-resend=2'
unset 'entry[-1]'
entry+=(greyctl --version)
ok 'a command in its place: starts' start_container rw
ok 'and ends' ends_with 0
ok 'and says what it says' logged '^[^ ]*greyctl .*[0-9]\.[0-9]'
unset 'entry[-1]' 'entry[-1]'
ok 'a limit that is none' is_refused "SOFT_MEM: 'much'" SOFT_MEM=much

# ---- compose.yaml: what it says is what there is

# Of its service: the settings, where its volumes are; then what others need to know of it.
python3 - "$top/etc/container/compose.yaml" >"$work/compose" <<'END'
import shlex, sys, yaml
example = yaml.safe_load(open(sys.argv[1]))
daemon = example["services"]["greylist"]
settings = [f"{name}={value}" for name, value in daemon["environment"].items()]
print("settings=(" + " ".join(map(shlex.quote, settings)) + ")")
print("names=(" + " ".join(daemon["environment"]) + ")")
print("places=" + shlex.quote(" ".join(volume.split(":")[1] for volume in daemon["volumes"])))
print("description_named=" + shlex.quote(daemon["build"]["dockerfile"]))
print("checked=" + shlex.quote(" ".join(daemon["healthcheck"]["test"])))
print("allowed=" + shlex.quote(daemon["environment"]["ALLOW"]))
print("subnet=" + shlex.quote(example["networks"]["mail"]["ipam"]["config"][0]["subnet"]))
print("postfix=" + shlex.quote(example["services"]["postfix"]["build"]["dockerfile_inline"]))
END
must 'the example can be read' test -s "$work/compose"
# shellcheck source=/dev/null
. "$work/compose"
# shellcheck disable=SC2154 # of that file
{
  ok 'it builds this' test "$description_named" = etc/container/Containerfile
  for name in "${names[@]}"; do
    ok "$name is a setting" grep -q "^: \"\${$name=" "$root/usr/local/lib/qmail-greyd/defaults"
  done
  ok 'its volumes are the state and the key' test "$places" = "$at /etc/greylist/store-key"
  ok "its health check is the image's" test "$checked" = "CMD ${health[*]}"
  ok 'who is in its network may ask' grep -qF "$subnet" <<<"$allowed"
  ok "Postfix's sample names the place that is replaced" grep -qF inet:127.0.0.1:10023 "$top/etc/postfix-main.cf"
  ok 'by the one that the daemon has' grep -qF 's/inet:127.0.0.1:10023/inet:greylist:10023/' <<<"$postfix"
  printf %032x 1 >"$root/etc/greylist/store-key"
  chown "$uid:$gid" "$root/etc/greylist/store-key" && chmod 400 "$root/etc/greylist/store-key"
  must 'with its settings it starts' start_container rw "${settings[@]}"
}
ok 'and is healthy, also while there is no store' until_true healthy
ok 'which it says' until_true logged '^warning: store: down'
policy_is_asked() {
  nsenter --target "$container" --net perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:10023") or exit 1;
    print $s "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.9\n",
      "sender=you\@example.org\nrecipient=joe\@example.net\n\n";
    exit(<$s> !~ /^action=/)'
}
ok 'Postfix is answered' policy_is_asked
must 'TERM' tell TERM
ok 'ends it' ends_with 0

# ---- a volume that nobody can write to

must 'a volume that is mounted read-only' start_container ro
ok 'is said' until_true logged '^error: .*/var/lib/greylist/greylist.context.*Read-only file system'
ok 'what is known still counts' until_true answers 12 192.0.2.1
ok 'but it is not healthy' fails healthy
must 'TERM' tell TERM
ok 'ends it, with 111 as nothing could be saved' ends_with 111
chown 0:0 "$volume" && chmod 755 "$volume"
must "a volume that is another user's" start_container rw
ok 'is said' until_true logged '^error: .*/var/lib/greylist/greylist.context.*Permission denied'
must 'TERM' tell TERM
ok 'ends it' ends_with 111
chown "$uid:$gid" "$volume"
((failures == 0)) && echo 'container_test: all passed'
exit $((failures > 0))
