# shellcheck shell=bash
# For the end-to-end tests in bash: checks that are counted, and conditions that are waited for.
# shellcheck disable=SC2154 # here, work, smtp_port: the test's

patience=60 # seconds before something that must happen counts as not happening
failures=0

ok() { # what command...: the command must succeed
  local what=$1
  shift
  if "$@"; then
    echo "ok: $what"
  else
    echo "FAILED: $what ($*)"
    failures=$((failures + 1))
  fi
}

# Each step builds on the one before, so the first that fails is the last.
must() { # what command...: as ok; explain, which the test has, says more of a failure
  ok "$@"
  ((failures == 0)) && return
  explain
  exit 1
}

# The test's scenes, each in a throw-away copy of this machine; ends the test. Those of systemd have
# it as process 1.
in_copies() { # seconds test argument scene...: of each scene at most so many seconds
  local seconds=$1 test=$2 argument=$3 scene option code
  shift 3
  for scene; do
    option=
    [ "$scene" != systemd ] || option=--systemd
    echo "== $scene"
    SHARED="$(realpath "$here/../..") $argument" timeout "$seconds" "$here/throwaway.sh" \
      ${option:+"$option"} "$test" "$scene" "$argument"
    code=$?
    [ $code != 77 ] || exit 77
    ok 'all of this' test $code = 0
  done
  exit $((failures > 0))
}

# $work, a directory that goes with the test, and with it the processes ${pids[@]} and start_greyd's;
# after failures their files are shown.
work_in_a_directory() {
  work=$(mktemp -d)
  pids=()
  greyd_pid=
  trap leave_directory EXIT
}
leave_directory() {
  kill "${pids[@]}" ${greyd_pid:+"$greyd_pid"} 2>/dev/null
  wait
  ((failures == 0)) || find "$work" \( -name '*.log' -o -name log -o -name '*.err' \) -exec tail -n 50 {} +
  rm -rf "$work"
}

until_true() { # command...
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.02
  done
}

# A QMAILHOME for mailfront, with a qmail-queue that keeps message and envelope in files.
make_qmail_home() { # directory
  mkdir -p "$1/bin" "$1/control" "$1/queue"
  echo example.net >"$1/control/rcpthosts"
  echo mx.example.net >"$1/control/me"
  cat >"$1/bin/qmail-queue" <<END
#!/bin/bash
cat >"$1/queue/\$\$.message"
cat <&1 >"$1/queue/\$\$.envelope"
END
  chmod 755 "$1/bin/qmail-queue"
}

# For mailfront with our plugin: MODULE_PATH, QMAILHOME, and what env(1) is to set, in `preload`.
# shellcheck disable=SC2034 # preload: for the test
prepare_mailfront() { # plugin [sanitizer-runtime]: mailfront has no sanitizer of its own
  mkdir "$work/modules"
  ln -s /usr/lib/mailfront/*.so "$1" "$work/modules"
  make_qmail_home "$work/qmail"
  export MODULE_PATH=$work/modules QMAILHOME=$work/qmail
  preload=()
  [ -z "${2-}" ] || preload=("LD_PRELOAD=$2" ASAN_OPTIONS=detect_leaks=0)
}

# Exim starts itself anew as its own user, to whom the directory above this tree may be closed (root's
# home is).
copy_exim() { # path-of-exim4: sets exim
  exim=$work/exim4
  cp -p "$1" "$exim"
}

# A port that nobody has at any address, for UDP and TCP, and that this test was not given before. Below
# those that the system gives to who connects somewhere: such a one could take it before it is used.
free_port() {
  perl -MIO::Socket::INET -e '
    my ($first) = do { local @ARGV = "/proc/sys/net/ipv4/ip_local_port_range"; <> =~ /(\d+)/ };
    open my $given, "+>>", $ARGV[0] or die "$ARGV[0]: $!";
    seek $given, 0, 0;
    my %given = map { $_ => 1 } <$given>;
    for (1 .. 1000) {
      my $port = 10000 + int rand($first - 10000);
      next if $given{"$port\n"};
      IO::Socket::INET->new(Proto => "udp", LocalPort => $port) or next;
      IO::Socket::INET->new(Proto => "tcp", LocalPort => $port, Listen => 1, ReuseAddr => 1) or next;
      print $given "$port\n";
      print "$port\n";
      exit;
    }
    die "no free port\n"' "$([ -n "${work-}" ] && echo "$work/ports-given" || echo /dev/null)"
}

# The wall clock of a program that runs with the variables in `faketime`, held in a file; daemons that
# start_greyd has started have one each where their state is, as the sandbox lets them read that.
now=1700000000
clocks=()
# See Daemon.pm: the daemon has threads.
faketime_library() { dpkg -L libfaketime | grep '/libfaketimeMT.so.1$'; }
use_clock() { # file
  clock=$1
  clocks=("$clock")
  faketime=(
    "LD_PRELOAD=$(faketime_library)" "FAKETIME_TIMESTAMP_FILE=$clock"
    FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 ASAN_OPTIONS=verify_asan_link_order=0
  )
  pass_time 0
}
pass_time() { # seconds
  local file
  now=$((now + $1))
  for file in "${clocks[@]}"; do
    date -d "@$now" '+%Y-%m-%d %H:%M:%S' >"$file.new"
    mv "$file.new" "$file"
  done
}

# The real daemon, its state and log in a directory; its clock is ours after use_clock.
start_greyd() { # program directory address option...: sets greyd_pid
  local program=$1 directory=$2 address=$3
  shift 3
  mkdir -p "$directory"
  : >"$directory/log"
  if [ ${#clocks[@]} != 0 ]; then clocks+=("$directory/clock") && pass_time 0; fi
  env "${faketime[@]}" FAKETIME_TIMESTAMP_FILE="$directory/clock" CONTROLDIR="$directory" "$program" -v 2 "$@" "$address" context 2>"$directory/log" &
  greyd_pid=$!
  until_true grep -q 'listening on' "$directory/log" || cat "$directory/log"
}
stop_greyd() {
  kill "$greyd_pid"
  wait "$greyd_pid"
}

# Asks the daemon on a port of 127.0.0.1.
ask() { # port ip sender recipient: the answer as digits
  perl -MIO::Socket::INET -e '
    my ($port, $ip, $from, $to) = @ARGV;
    my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $port) or die;
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 30;
    $s->send("I$ip\0F$from\0T$to\0\0") or die "no daemon\n";
    defined $s->recv(my $answer, 9) or die "no daemon\n";
    print unpack("C*", $answer), "\n"' "$@"
}

# One session with the SMTP server on $smtp_port; what was said is in $work/swaks.out.
send_mail() { # client sender recipients swaks-option...
  local client=$1 sender=$2 recipients=$3 server=127.0.0.1
  shift 3
  [[ $client == *:* ]] && server='[::1]'
  swaks --server "$server:$smtp_port" --local-interface "$client" --from "$sender" \
    --to "$recipients" --helo client.example.org --timeout "$patience" "$@" >"$work/swaks.out" 2>&1
}
