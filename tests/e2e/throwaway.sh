#!/bin/bash
# Runs a program in a throw-away copy of this machine: what it writes, starts and listens on is gone
# afterwards, whatever it did. The copy has the files below / (as an overlay), an empty /run and
# /tmp, a loopback interface, and process ids of its own.
#
# usage: throwaway.sh [--systemd] PROGRAM [ARGUMENT]...
#   --systemd   systemd is its process 1, and the program one of its services
# Directories in $SHARED (separated by spaces) are the same inside. The exit code is the program's,
# or 77 when the kernel does not let us make the copy.
set -u

cannot() {
  echo "skipped: no throw-away machine: $*"
  exit 77
}

# ---- outside: namespaces, and a place for the copy

if [ -z "${throwaway_work-}" ]; then
  [ "$(id -u)" = 0 ] || cannot 'it needs root'
  throwaway_work=$(mktemp -d) || exit 1
  export throwaway_work
  trap 'rm -rf "$throwaway_work"' EXIT
  trap 'exit 1' HUP INT TERM
  why=$(unshare -mpnuiC --fork true 2>&1) || cannot "$why"
  mkdir "$throwaway_work/out" "$throwaway_work/copy"
  unshare -mpnuiC --fork --kill-child "$0" "$@"
  code=$?
  [ "$1" = --systemd ] && [ $code != 77 ] || exit $code
  cat "$throwaway_work/out/output"
  exit "$(cat "$throwaway_work/out/code" 2>/dev/null || echo 1)"
fi

# ---- inside: the copy

out=$throwaway_work/out
work=$throwaway_work/copy
unset throwaway_work
systemd=
[ "$1" != --systemd ] || { systemd=yes && shift; }
mount -t tmpfs -o mode=755 tmpfs "$work" || cannot 'no tmpfs'
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
why=$(mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$root" 2>&1) ||
  cannot "$why"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for directory in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs "$root/$directory"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/run/lock"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for directory in ${SHARED-}; do
  mkdir -p "$root/$directory"
  mount --bind "$directory" "$root/$directory"
done
ip link set lo up
# A root directory that is none of the mount namespace's would forbid user namespaces.
enter_copy() {
  mkdir "$root/outside"
  cd "$root" || exit 1
  pivot_root . outside
  umount -l /outside
}

if [ -z "$systemd" ]; then
  enter_copy
  "$@"
  exit
fi

why=$(mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" 2>&1) || cannot "$why"
mkdir "$root/out"
mount --bind "$out" "$root/out"
{
  printf '#!/bin/bash\nexport PATH=%q\n' "$PATH"
  printf '%q ' "$@"
  printf '>/out/output 2>&1\necho $? >/out/code\nsystemctl poweroff -ff\n'
} >"$root/out/program"
chmod 755 "$root/out/program"
# What is enabled on this machine is not started: only this, and what it needs.
cat >"$root/etc/systemd/system/throwaway.service" <<END
[Unit]
Wants=systemd-journald.service
After=systemd-journald.service
[Service]
ExecStart=/out/program
END
cat >"$root/etc/systemd/system/throwaway.target" <<END
[Unit]
Requires=throwaway.service
AllowIsolate=yes
END
enter_copy
exec env -i container=lxc PATH="$PATH" /lib/systemd/systemd --unit=throwaway.target \
  --log-target=null </dev/null >/dev/null 2>&1
