#!/bin/bash
# From a broken service to the cause in one command: a real daemon below the real svscan, multilog and
# tcpserver is broken in each of the ways that are known, and svctool --check names the cause and what
# to do in one line. In a throw-away copy of this machine, with disks of its own that get full.
# usage: svctool_broken_test.sh BUILD-DIRECTORY
#        svctool_broken_test.sh SCENE BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2317  # functions are called through `must`
# shellcheck disable=SC2016  # what is in single quotes is evaluated where it is waited for
# shellcheck disable=SC2086,SC2119,SC2120  # no name here has a blank
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
patience=60

if [ $# = 1 ]; then
  for program in svscan multilog tcpserver tcprules; do
    command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
  done
  in_copies 500 "$here/svctool_broken_test.sh" "$(realpath "$1")" ${SCENES:-daemon state log lists asker machine}
fi

# ---- inside: a service that is good

scene=$1
build=$2
out=/tmp/svctool.out
explain() { cat "$out" /tmp/restart.out 2>/dev/null; tail -n 20 /log/greylist.1999/current 2>/dev/null; }
mkdir -p /usr/local/sbin /usr/local/bin /service
cp "$build/svctool/svctool" "$build/greyd/qmail-greyd" /usr/local/sbin
cp "$build/smtpd-glue/greysmtpd" /usr/local/bin
svctool=/usr/local/sbin/svctool
service=/service/greylist.1999
groupadd --system _grey && useradd --system --gid _grey _grey
for directory in /state /log; do
  mkdir -p $directory
  mount -t tmpfs -o size=2m,nr_inodes=200,mode=755 tmpfs $directory
done
chown _grey /state

# The one line: it has every part, in that order.
check() { "$svctool" --check --service=$service "$@" >"$out" 2>&1; }
one_line() { # text part...: lines of $out in which all parts stand, one after the other
  local pattern='' part
  for part; do pattern="$pattern.*$(printf '%s' "$part" | sed 's/[][\.*^$]/\\&/g')"; done
  [ "$(grep -c -e "^${pattern#.\*}" "$out")" = 1 ]
}
finds() { # code part...: a check ends with that code and says that in one line
  local code=$1
  shift
  check
  [ $? = "$code" ] && one_line "$@"
}
is_good() { check && grep -qxF "$service: good" "$out"; }
is_said() { one_line "$@"; }
# --restart refuses, says why, and the daemon that was there is there.
is_left_alone() { is_not_ended --restart "$1"; }
is_not_ended() { # verb text
  local before
  before=$(pid_of "$service")
  "$svctool" "$1" --service=$service >/tmp/restart.out 2>&1
  [ $? = 111 ] && grep -qF -e "$2" /tmp/restart.out && [ "$(pid_of "$service")" = "$before" ]
}
pid_of() { svstat "$1" | sed -n 's/.* up (pid \([0-9]*\)).*/\1/p' | grep . || echo 0; }
set_to() { echo "$2" >"$service/variables/$1"; }
install() {
  "$svctool" --greylist=1999 --servicedir=/service --cntrldir=/state --logdir=/log --user=_grey \
    --loguser=_greylog --create-users --save-interval=1 "$@" >"$out" 2>&1
}
restart() { "$svctool" --restart --service=$service >"$out" 2>&1; }
records() { sed -n 's/^end \([0-9]*\) .*/\1/p' /state/greylist.1999.context; }
# So many first attempts, each of another client, all of them answered.
ask_many() { # first count
  perl -MIO::Socket::INET -e '
    my ($first, $count) = @ARGV;
    my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => 1999) or die;
    local $SIG{ALRM} = sub { die "no answer\n" };
    for my $n ($first .. $first + $count - 1) {
      alarm 20;
      $s->send("I10." . ($n >> 16) . "." . ($n >> 8 & 255) . "." . ($n & 255) .
        "\0Fsender$n\@example.org\0Tjoe\@example.net\0\0") or die;
      $s->recv(my $answer, 9) // die;
    }' "$@"
}
occupy() { # udp|tcp|unix address: sets occupant
  : >/tmp/occupied # now: the redirection below is made some time later, by the process itself
  perl -MIO::Socket::INET -MIO::Socket::UNIX -e '
    my ($protocol, $where) = @ARGV;
    $0 = "a\nwrong: b\e[2J";
    my ($address, $port) = split /@/, $where;
    my $socket = $protocol eq "unix"
      ? IO::Socket::UNIX->new(Local => $where, Listen => 1)
      : IO::Socket::INET->new(Proto => $protocol, LocalAddr => $address, LocalPort => $port,
          $protocol eq "tcp" ? (Listen => 1, ReuseAddr => 1) : ());
    die "$where: $!\n" unless $socket;
    $| = 1;
    print "listening\n";
    sleep 600' "$@" >/tmp/occupied 2>&1 &
  occupant=$!
  until_true grep -q listening /tmp/occupied
}
free() { kill "$occupant"; wait "$occupant"; }

[ "$scene" = machine ] || {
  svscan /service >/tmp/scan.out 2>&1 &
  must 'a service is installed' install
  must 'and good' until_true is_good
}

case $scene in
  # ---- who runs, and who has the ports
  daemon)
    kill -STOP "$(pid_of $service)"
    must 'a daemon that was stopped' finds 1 "wrong: $service: the daemon (process $(pid_of $service)) is paused" \
      "to do: kill -CONT $(pid_of $service)"
    command=$(sed -n 's/.*is paused; to do: //p' "$out")
    eval "$command"
    must 'that mends it' until_true is_good
    kill -STOP "$(pid_of $service)"
    must 'and it is made to go on where it is to end and start again' restart
    must 'and does' is_good

    cp /state/greylist.whitelist /tmp/whitelist
    echo 0.0.0.0/0 >>/state/greylist.whitelist
    "$svctool" --reload --service=$service >"$out"
    must 'a list that names all' until_true eval 'check; is_said "warning: daemon at 127.0.0.1@1999: accepts an address that nobody has, as whitelisted"'
    cp /tmp/whitelist /state/greylist.whitelist
    "$svctool" --reload --service=$service >"$out"
    must 'is mended' until_true is_good

    : >$service/down
    must 'one that does not come up at boot' eval 'check; is_said "warning: $service: it runs, and at the next boot it is not started" "to do: remove $service/down"'
    rm $service/down
    echo '# mine' >>$service/run
    must 'a run that was edited is said to be, and good' eval 'check && is_said "note: $service/run: edited by hand, and left so"'
    sed -i '$d' $service/run

    for places in @10024,127.0.0.1@10024 /run/a,/run/a /state/greylist.whitelist "/run/$(printf %0120d 1)"; do
      set_to POLICY "$places"
      must "POLICY that the daemon could not have" is_left_alone 'not restarted'
    done
    set_to POLICY ''
    must 'is not waited for' until_true is_good

    svc -d $service
    must 'a daemon that was put down' until_true finds 1 "wrong: $service: down, and stays so until it is started" \
      "to do: svc -u $service"
    must 'another program takes its port, and says nothing' occupy udp 127.0.0.1@1999
    must 'who that is' finds 1 "wrong: $service: UDP port 127.0.0.1@1999 is taken by process $occupant (" 'to do: end that one'
    must 'what it calls itself makes no line of its own' test "$(grep -c '^wrong: b' "$out")" = 0
    must 'and no control character' test "$(tr -d '\n' <"$out" | LC_ALL=C grep -c '[[:cntrl:]]')" = 0
    svc -u $service
    must 'and why the daemon ends' until_true finds 1 "wrong: $service: the daemon ends and is started again and again, saying 'qmail-greyd: fatal: cannot listen on" \
      'to do: mend what it says in /log/greylist.1999/current'
    free
    must 'that one ended, it is good' until_true is_good

    must 'the port of every address is taken' occupy udp 0.0.0.0@2999
    set_to LISTEN 127.0.0.1@2999
    must 'is one of them, too' finds 1 "wrong: $service: UDP port 127.0.0.1@2999 is taken by process $occupant ("
    must 'no restart for that' is_left_alone "process $occupant ("
    set_to LISTEN '*@2999'
    must 'nor for all of them' is_left_alone "process $occupant ("
    free
    set_to LISTEN 127.0.0.1@1999
    must 'it is good' is_good

    must 'another program has the TCP port' occupy tcp 127.0.0.1@10023
    set_to POLICY 127.0.0.1@10023
    must 'is named' finds 1 "wrong: $service: POLICY 127.0.0.1@10023 is taken by process $occupant (" 'to do: end that one'
    must 'no restart for that' is_left_alone "process $occupant ("
    set_to POLICY /state/elsewhere,0.0.0.0@10023
    must 'nor for that of every address' is_left_alone "process $occupant ("
    free
    must 'or a socket of that name' occupy unix /state/policy
    set_to POLICY /state/policy
    must 'is named as well' finds 1 "wrong: $service: POLICY /state/policy is taken by process $occupant ("
    must 'no restart for that' is_left_alone "process $occupant ("
    free
    rm /state/policy
    set_to POLICY /state/policy,127.0.0.1@10023
    must 'a setting that is not yet in force' finds 0 "warning: $service: POLICY is '/state/policy,127.0.0.1@10023' now" \
      "to do: svctool --restart --service=$service"
    must 'it is restarted' restart
    must 'mail servers are answered' finds 0 "note: $service: POLICY /state/policy: answers"
    must 'by TCP as well' is_said "note: $service: POLICY 127.0.0.1@10023: answers"
    must 'nothing of that is stored' test "$(kill -USR1 "$(pid_of $service)"; sleep 1; grep -c 192.0.2.1 /state/greylist.1999.context)" = 0
    rm /state/policy
    must 'one whose socket has gone' finds 1 "wrong: $service: POLICY /state/policy: No such file or directory" 'to do: see what'
    must 'a restart mends it' restart
    must 'all is good' is_good
    ;;

  # ---- whether its state is saved
  state)
    # What it answers is not logged: where the log is slow lines would be lost, and that is a warning.
    set_to VERBOSITY 0
    must 'it says little' restart
    ask_many 0 800
    for mode in 0500 0300 0000; do
      chmod $mode /state
      must "mode $mode" finds 1 'wrong: user _grey cannot save files in /state: Permission denied (make it writable for that user'
      must 'no restart for that' is_left_alone ' /state'
      chmod 755 /state
    done
    # It may have found out by itself; that it tries again is a minute later, or now.
    kill -USR1 "$(pid_of $service)"
    must 'all is good' until_true is_good
    chown nobody /state
    must 'another owner' finds 1 'wrong: user _grey cannot save files in /state: Permission denied'
    chown _grey /state

    mount --bind /state /state
    mount -o remount,bind,ro /state
    must 'a disk that is read-only' finds 1 'wrong: /state: the file system is read-only for the daemon' 'to do: mount it writable'
    must 'no restart for that' is_left_alone '/state'
    umount /state

    # Nearly full: what the daemon has learnt is in its journal, and there is no room for a snapshot.
    dd if=/dev/zero of=/state/filler bs=1k 2>/dev/null
    truncate -s -16k /state/filler
    must 'a disk that is nearly full' finds 1 'wrong: /state: ' 'are free there, and the next save takes ' 'to do: make room on that disk before the daemon is restarted'
    must 'no restart for that' is_left_alone 'are free there, and the next save takes'
    # Full: from now on it learns by heart.
    ask_many 800 1200
    must 'a daemon that answers from memory' until_true finds 1 'wrong: /state/greylist.1999.context.journal: the daemon does not write it and answers from memory' \
      'to do: mend what it says in /log/greylist.1999/current'
    must 'no restart for that' is_left_alone 'are free there'
    truncate -s 100k /state/filler
    for verb in --stop --remove; do
      must "nor $verb" is_not_ended $verb 'answers from memory'
    done
    must 'nor when there is room, and it is still the only one that knows' is_left_alone 'answers from memory'
    kill -USR1 "$(pid_of $service)" # or in a minute by itself
    rm /state/filler
    must 'it saves, and is good' until_true is_good
    must 'it is restarted' restart
    kill -USR1 "$(pid_of $service)"
    must 'and nothing was lost' until_true eval '[ "$(records)" = 2000 ]'

    # An hour later, by the clock of who looks.
    later=$(faketime_library)
    late() { LD_PRELOAD=$later FAKETIME=+1h NO_FAKE_STAT=1 check; [ $? = 1 ] && is_said "wrong: /state/greylist.1999.context: last saved " ' ago, and it is to be every 1 minute' 'to do: mend what the daemon says in /log/greylist.1999/current'; }
    must 'a save that is long due' late
    must 'is due no more than it is' is_good

    n=0
    while touch /state/inode.$n 2>/dev/null; do n=$((n + 1)); done
    must 'a disk without inodes' finds 1 'wrong: /state: no more files can be made on that disk (inodes)' 'to do: remove files there'
    must 'no restart for that' is_left_alone 'inodes'
    rm /state/inode.*

    svc -d $service
    is_down() { [ "$(pid_of $service)" = 0 ]; }
    until_true is_down
    sed -i '3s/.*/garbage/' /state/greylist.1999.context
    svc -u $service
    set_aside() { finds 0 "warning: /state/greylist.1999.context.damaged." 'set aside by the daemon, as it was damaged' 'to do: look at it, then move it away'; }
    must 'a damaged file that nobody has looked at' until_true set_aside
    must 'is not simply good' is_said "$service: good, with 1 warning"
    rm /state/*.damaged.*
    must 'looked at, it is good' is_good
    must 'and says when it was saved' is_said 'note: /state/greylist.1999.context: saved ' ' ago'
    ;;

  # ---- where its log goes
  log)
    logger=$service/log
    logs=/log/greylist.1999
    kill -STOP "$(pid_of $logger)"
    must 'multilog that was stopped' finds 1 "wrong: $logger: what writes the log (process $(pid_of $logger)) is paused" "to do: kill -CONT $(pid_of $logger)"
    ask_many 0 2000 # more than its pipe holds
    kill -CONT "$(pid_of $logger)"
    ask_many 0 1 # a line that has room again
    lost() { finds 0 "warning: $service: at least " ' log lines were lost within a day' "to do: see $logs/current"; }
    must 'lines that were lost by it' until_true lost
    svc -d $logger
    until_true eval '[ "$(pid_of $logger)" = 0 ]'
    must 'multilog that was put down' finds 1 "wrong: $logger: what writes the log is down, and stays so until it is started" "to do: svc -u $logger"
    rm -f $logs/*
    mkfifo -m 666 $logs/current
    svc -u $logger
    until_true eval '[ "$(pid_of $logger)" != 0 ]'
    must 'a fifo in the place of its file' finds 1 "wrong: $logs/current: a fifo, and no file, so the log cannot be written" 'to do: move it away'
    rm $logs/current
    # multilog waits for ever then.
    eval "$(sed -n 's/.*move it away, then \(kill -KILL [0-9]*\),.*/\1/p' "$out")"
    must 'that mends it' until_true is_good

    dd if=/dev/zero of=/log/filler bs=1k 2>/dev/null
    must 'a log disk that is full' finds 1 "wrong: $logs: 0 bytes are free there, so the log cannot be written" 'to do: make room on that disk'
    rm /log/filler
    must 'that was it' until_true is_good
    svc -d $logger
    until_true eval '[ "$(pid_of $logger)" = 0 ]'
    chown root:root $logs/current
    chmod 600 $logs/current
    svc -u $logger
    must "another user's file" finds 1 "wrong: user _greylog cannot write to $logs/current: Permission denied (give that user"
    chown _greylog $logs/current
    must 'that was it' until_true is_good

    # One that runs and reads nothing.
    cp $logger/run /tmp/run
    printf '#!/bin/sh\nexec setuidgid _greylog sleep 1000\n' >$logger/run
    svc -t $logger
    until_true eval '[ "$(pid_of $logger)" != 0 ] && grep -q sleep /proc/$(pid_of $logger)/comm'
    ask_many 0 10
    must 'a logger that reads nothing' until_true finds 1 "wrong: $logger: " 'that the daemon has said are waiting, and nobody reads them' 'to do: see why what writes the log hangs, then kill -KILL'
    cp /tmp/run $logger/run
    svc -t $logger
    must 'that was it' until_true is_good
    ;;

  # ---- what it was started with
  lists)
    list=/state/greylist.whitelist
    echo 192.0.2.99 >>$list
    must 'a list that was edited' finds 0 "warning: $list: changed since the daemon has read it, so it is not in force" "to do: svc -h $service"
    svc -h $service
    must 'is good when it was read' until_true is_good
    cp $list /tmp/list
    echo 192.0.2.0/99 >>$list
    svc -h $service
    refused() { finds 1 "wrong: $list: the daemon has refused it, so that the one before is in force: $list:" 'to do: mend that line, then svc -h'; }
    must 'a list that was refused' until_true refused
    must 'with which it could not start either' is_said "wrong: $service: the daemon could not start now: $list:"
    cp /tmp/list $list
    svc -h $service
    must 'that was it' until_true is_good

    set_to MIN_RESEND_MIN 7
    must 'a setting that is not in force' finds 0 "warning: $service: MIN_RESEND_MIN is '7' now, and the daemon that runs was started with '1'" "to do: svctool --restart --service=$service"
    must 'a restart puts it in force' restart
    must 'that was it' finds 0 "note: $service/variables/MIN_RESEND_MIN: set by hand to '7'"
    must 'it is good' is_good
    ;;

  # ---- who asks
  asker)
    smtp=/service/smtp
    mkdir -p /tmp/smtp/variables
    rules=/etc/tcp.smtp
    server() { # word...
      printf '#!/bin/sh\nexec envdir variables tcpserver -RHl0 %s\n' "$*" >/tmp/run
      chmod 755 /tmp/run
      mv /tmp/run $smtp/run 2>/dev/null || mv /tmp/run /tmp/smtp/run
      svc -t $smtp 2>/dev/null
    }
    check_smtp() { "$svctool" --check --service=$smtp >"$out" 2>&1; }
    finds_smtp() { local code=$1; shift; check_smtp; [ $? = "$code" ] && is_said "$@"; }
    finds_rules() { local code=$1; shift; "$svctool" --check --tcprules=$rules >"$out" 2>&1; [ $? = "$code" ] && is_said "$@"; }
    server 127.0.0.1 2525 /bin/cat
    mv /tmp/smtp $smtp
    must 'a server without GREYIP' finds_smtp 1 "wrong: $smtp/variables/GREYIP: no GREYIP, so greylisting is off" "to do: svctool --greyip=127.0.0.1@1999 --service=$smtp"
    eval "$(sed -n 's/.*greylisting is off; to do: //p' "$out")" >/dev/null
    must 'a run in which nothing asks' finds_smtp 1 "wrong: $smtp/run: nothing in it asks a greylisting daemon" 'to do: put greysmtpd before the SMTP server there'
    server 127.0.0.1 2525 greysmtpd /bin/cat
    must 'greysmtpd asks' finds_smtp 0 "$smtp: good"
    must 'and whom it asks' is_said 'note: daemon at 127.0.0.1@1999: answers'
    "$svctool" --no-greyip --service=$smtp >"$out"

    printf '127.:allow,RELAYCLIENT=""\n10.0.0.5:allow\n=.example.org:allow\n:allow,GREYIP="127.0.0.1@1999"\n' >$rules
    tcprules $rules.cdb $rules.tmp <$rules
    printf ':allow\n' >/etc/other
    tcprules /etc/other.cdb /etc/other.tmp </etc/other
    server -x /etc/other.cdb 127.0.0.1 2525 greysmtpd /bin/cat
    must 'GREYIP in another cdb than the one that is read' finds_rules 1 "wrong: $rules.cdb: no tcpserver that asks reads it (-x); they read /etc/other.cdb ($smtp)" 'to do: set GREYIP there'
    must 'seen from the service' finds_smtp 1 'wrong: /etc/other, line 1, rule for everyone else: no GREYIP, so greylisting is off' 'to do: svctool --greyip=127.0.0.1@1999 --tcprules=/etc/other'
    server -x $rules.cdb 127.0.0.1 2525 greysmtpd /bin/cat
    must 'rules that let clients past by their address' finds_smtp 0 "warning: $rules, line 2: clients of that address are not greylisted: 10.0.0.5:allow" 'to do: if they are to be'
    must 'and by their name' is_said "warning: $rules, line 3: clients of that name are not greylisted: =.example.org:allow"
    must 'the same of the rules alone' finds_rules 0 "warning: $rules, line 2: clients of that address"
    echo '10.0.0.6:deny' >>$rules
    must 'a cdb that is older than its text' finds_smtp 1 "wrong: $rules.cdb: not what tcprules makes of the rules" "to do: tcprules $rules.cdb $rules.cdb.tmp <$rules"
    eval "$(sed -n 's/.*tcpserver reads; to do: //p' "$out")"
    must 'that mends it' finds_smtp 0 "$smtp: good, with 2 warnings"

    must 'without arguments both are checked' "$svctool" --check
    "$svctool" --check >"$out"
    must 'the daemon' is_said "$service: good"
    must 'and who asks it' is_said "$smtp: good, with 2 warnings"
    "$svctool" --check --json >"$out"
    json() { perl -MJSON::PP -0777 -e 'my $c = decode_json(<STDIN>); exit !eval $ARGV[0]' "$1" <"$out"; }
    # shellcheck disable=SC2016 # perl's
    must 'as JSON' json '$c->{status} eq "warning" && @{$c->{services}} == 2 && (grep { $_->{id} eq "rule-off" && $_->{severity} eq "warning" && $_->{todo} && $_->{path} } @{$c->{services}[1]{findings}}) == 2'
    plugin() { "$here/../../etc/check_greylist" >"$out" 2>&1; }
    plugin
    must 'a monitor is told of warnings' test $? = 1
    must 'by a plugin' is_said "GREYLIST WARNING - $rules, line 2: clients of that address" '|services=2 wrong=0;;0 warnings=2;0 unseen=0'
    svc -d $service
    broken() { ! "$svctool" --check >"$out" && is_said "wrong: $service: down"; }
    must 'one that is broken makes the code' until_true broken
    plugin
    must 'which is critical' test $? = 2
    must 'and why' is_said "GREYLIST CRITICAL - $service: down, and stays so until it is started; to do: svc -u $service"
    ;;

  # ---- what there is at all
  machine)
    "$svctool" --check >"$out" 2>&1
    must 'without a service' is_said 'wrong: no greylisting service is found; looked in /service, /etc/service' 'to do: name one with --service, or make one'
    must 'that is code 1' eval '! "$svctool" --check >/dev/null'
    must 'an empty directory' eval '! "$svctool" --check --servicedir=/tmp >"$out" && is_said "wrong: no greylisting service is found; looked in /tmp"'
    must 'a service is installed' install
    must 'one that nothing has started' finds 1 "wrong: $service: no supervise runs here, and none ever has: no svscan watches it" 'to do: start svscan'
    must 'is not restarted, with the same words' eval '! "$svctool" --restart --service=$service >"$out" 2>&1 && grep -q "none ever has: no svscan watches it; to do: start svscan" "$out"'
    svscan /service >/tmp/scan.out 2>&1 &
    scan=$!
    must 'it is started' until_true is_good
    must 'a first check waits until a new one is' eval 'install --servicetag=new --localip=127.0.0.2 && "$svctool" --check --service=/service/greylist.new >"$out"'
    # It watches, and does not look.
    kill -STOP $scan
    install --servicetag=newer --localip=127.0.0.3
    "$svctool" --check --service=/service/greylist.newer >"$out"
    must 'a new one, and one that never ran, are told apart' is_said 'wrong: /service/greylist.newer: new in /service: no supervise runs here yet, as svscan looks every five seconds' 'to do: check again'
    kill -CONT $scan
    must 'it is started' until_true eval '"$svctool" --check --service=/service/greylist.newer >"$out"'
    mkdir /etc/greylist
    mv /service/greylist.newer /etc/greylist
    svc -dx /etc/greylist/greylist.newer /etc/greylist/greylist.newer/log
    until_true eval '! svok /etc/greylist/greylist.newer'
    "$svctool" --check --service=/etc/greylist/greylist.newer >"$out"
    must 'one that ran before' is_said 'wrong: /etc/greylist/greylist.newer: no supervise runs here any more, and no svscan watches it' 'to do: start svscan'
    ln -s /etc/greylist/greylist.newer /service
    must 'a link is all it takes' until_true eval '"$svctool" --check --service=/etc/greylist/greylist.newer >"$out"'
    must 'another one has its state' "$svctool" --set CONTEXT_FILE=/state/greylist.newer.context --service=$service
    must 'which is looked for before a restart' is_left_alone 'context file /state/greylist.newer.context is in use by another daemon'
    "$svctool" --set CONTEXT_FILE=greylist.1999.context --service=$service >"$out"
    must 'all are found, each once' eval '"$svctool" --check >"$out"; [ "$(grep -c ": good\$" "$out")" = 3 ]'

    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$svctool" "$@" >"$out" 2>&1; }
    must 'an ordinary user is told what he cannot look at' eval '! as_nobody --check --service=$service && is_said "unseen: $service: only root can see whether a supervisor runs here" "to do: run svctool as root"'
    must 'which is not good' is_said "$service: nothing is seen to be wrong, but not all could be looked at"
    must 'nor with all of them' eval '! as_nobody --check'
    must 'and known to programs' eval 'as_nobody --check --service=$service --json; grep -q "\"status\": \"unknown\"" "$out"'
    ;;
esac
kill %1 2>/dev/null
exit $((failures > 0))
