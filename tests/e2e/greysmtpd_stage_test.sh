#!/bin/bash
# greysmtpd --stage=connect and rcpt, and those whom the environment decides about: real tcpserver
# and mailfront, swaks from several addresses, and a client by hand.
# usage: greysmtpd_stage_test.sh /path/to/greysmtpd /path/to/qmail-greyd
# shellcheck disable=SC2317,SC2016,SC2154 # through `ok`; texts for other shells; set by serve
set -u
greysmtpd=$(realpath "$1")
greyd=$(realpath "$2")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/smtp.sh"

start_daemon
export GREYIP=$daemon GREYTIMEOUT=30
serve connect "$greysmtpd" --stage=connect smtpfront-echo accept
serve rcpt "$greysmtpd" --stage rcpt smtpfront-echo accept

asked() { grep -cxF "$1" "$work/queries"; }
# Replaces this (sub)shell: the server's parent is us when it takes greysmtpd's place.
parent_of_server() { # variable=value... greysmtpd...
  exec env TCPREMOTEIP=192.0.2.1 "$@" bash -c 'echo $PPID' 2>"$work/err" </dev/null
}

test_connect() {
  : >"$work/queries"
  swaks_to "$port_connect" good@example.org
  ok "connect: swaks is deferred at RCPT" test $? = 24
  ok "with 450" heard_by_swaks '450 4.7.1 Greylisted'
  ok "though its sender would be accepted: the client alone was asked about" \
    test "$(asked 'I127.0.0.1|F*|T*||')" = 1
  swaks_to "$port_connect" bad@example.org --pipeline
  ok "connect: pipelined, too" heard_by_swaks '450 4.7.1 Greylisted'
  ok "another client delivers" swaks_to "$port_connect" bad@example.org --local-interface 127.0.0.2
  ok "after one question" test "$(asked 'I127.0.0.2|F*|T*||')" = 1
  ok "a deferral is logged with the daemon's reason" grep -qx \
    'greysmtpd: verdict=defer reason=new client=127.0.0.1 sender=\* recipients=\*' "$work/connect.log"
  ok "and all questions were about clients" test "$(wc -l <"$work/queries")" = 3

  out=$(parent_of_server TCPREMOTEIP=192.0.2.2 "$greysmtpd" --stage=connect)
  ok "connect: the server of an accepted client takes greysmtpd's place" test "$out" = $$
  ok "connect: with SIGPIPE as it was" test \
    "$(TCPREMOTEIP=192.0.2.2 "$greysmtpd" --stage=connect grep SigIgn /proc/self/status)" = \
    "$(grep SigIgn /proc/self/status)"
}

test_connect_session() {
  dial "$port_connect"
  ok "a refused client is greeted" hear 220
  say 'EHLO me\r\nMAIL FROM:<a@x> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>'
  ok "and told at each RCPT" hear 250 250 450 450
  say 'DATA\r\nRSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>'
  ok "the session goes on" hear 450 250 250 450
  say 'BDAT 6 LAST\r\nQUIT\r\nNOOP'
  ok "a chunk is swallowed" hear 450 250
  perl -e 'print "X" x 1_000_000, "\r\n"' >&3
  ok "a line of 1 MB is answered" hear 502
  say QUIT
  ok "QUIT" hear 221
  ok "and the connection ends" nothing_more
  hang_up
}

test_connect_ipv6() {
  : >"$work/queries"
  tcpserver -1 -v -R -H -l 0 ::1 0 "$greysmtpd" --stage=connect smtpfront-echo accept \
    >"$work/v6.port" 2>"$work/v6.log" &
  pids+=($!)
  until_true test -s "$work/v6.port"
  exec 3<>"/dev/tcp/::1/$(cat "$work/v6.port")"
  say 'EHLO me\r\nMAIL FROM:<good@example.org>\r\nRCPT TO:<r@x.org>'
  ok "connect: an IPv6 client is deferred" hear 220 250 250 450
  hang_up
  ok "under its address" test "$(asked 'I::1|F*|T*||')" = 1
}

refused_session() { # variable=value...: what a client of greysmtpd hears at RCPT
  printf 'EHLO me\r\nMAIL FROM:<good@x>\r\nRCPT TO:<r@x.org>\r\nQUIT\r\n' |
    env TCPREMOTEIP=192.0.2.1 GREYTIMEOUT=1 "$@" smtpfront-echo accept 2>"$work/err" |
    grep '^[2-5][0-9][0-9] ' | sed -n 4p | tr -d '\r'
}

test_connect_failing() {
  local connect=("$greysmtpd" --stage=connect)
  ok "connect: no answer, closed: 451 at RCPT" grep -q '^451 4.3.0' \
    <(refused_session GREYIP=127.0.0.1@1 GREYFAIL=closed "${connect[@]}")
  ok "and a line about it" grep -q 'client=192.0.2.1: .*GREYFAIL=closed' "$work/err"
  ok "connect: no answer, open: the server" grep -q "^250 Recipient" \
    <(refused_session GREYIP=127.0.0.1@1 "${connect[@]}")
  local form
  for form in 0 ::ffff:127.0.0.1 0:0:0:0:0:ffff:7f00:1; do # as IndiMail's client reads them, too
    ok "connect: the daemon at GREYIP=$form@port is asked" grep -q '^450 4.7.1' \
      <(refused_session "GREYIP=$form@${daemon#*@}" GREYTIMEOUT=30 "${connect[@]}")
  done
  ok "connect: GREYTEXT" test "$(refused_session 'GREYTEXT=later, please' "${connect[@]}")" = \
    '450 4.7.1 later, please'
}

test_environment() {
  local stage variable out
  for stage in data rcpt connect; do
    for variable in RELAYCLIENT= WHITELISTED= WHITELISTED=yes JGREYLIST= GREYIP=; do
      out=$(parent_of_server "$variable" JGREYLIST_NOREV=1 "$greysmtpd" --stage="$stage")
      # GREYIP alone does not free a client from jgreylist's rule
      if [ $variable = GREYIP= ]; then
        out=$(parent_of_server "$variable" "$greysmtpd" --stage="$stage")
      fi
      ok "$stage, $variable: the server takes greysmtpd's place" test "$out" = $$
    done
    ok "$stage, JGREYLIST with a text: refused with it" test \
      "$(refused_session 'JGREYLIST=come back later' "$greysmtpd" --stage=$stage)" = \
      '553 come back later'
    ok "and logged" grep -qx 'greysmtpd: client=192.0.2.1: refused by JGREYLIST' "$work/err"
  done
  ok "JGREYLIST with a text needs no daemon" grep -q '^553 later' \
    <(refused_session JGREYLIST=later GREYIP= "$greysmtpd")
  ok "RELAYCLIENT goes before JGREYLIST" grep -q '^250' \
    <(refused_session JGREYLIST=later RELAYCLIENT= "$greysmtpd")
  ok "JGREYLIST_NOREV: a client without a name is refused" grep -q '^553 no name' \
    <(refused_session 'JGREYLIST_NOREV=no name' "$greysmtpd")
  ok "JGREYLIST_NOREV=1 has a text, too" grep -q '^553 Your address 192.0.2.1 has no host name' \
    <(refused_session JGREYLIST_NOREV=1 "$greysmtpd")
  ok "JGREYLIST_NOREV: a client with a name is not" grep -q '^250 ' \
    <(refused_session JGREYLIST_NOREV=1 TCPREMOTEHOST=mx.example.org "$greysmtpd")
  ok "the first % of a text is the client's address" test \
    "$(refused_session 'JGREYLIST=% is listed, 100% sure' "$greysmtpd")" = '553 192.0.2.1 is listed, 100% sure'
  ok "an IPv6 client's, too" test "$(refused_session 'JGREYLIST_NOREV=no name for %' TCPREMOTEIP=2001:db8::1 "$greysmtpd")" = \
    '553 no name for 2001:db8::1'
  ok "JGREYLIST_NOREV, empty: nor is one without" grep -q '^250 ' \
    <(refused_session JGREYLIST_NOREV= "$greysmtpd")
}

# jgreylist's other variables: what they mean, or that they mean nothing.
test_jgreylist() {
  ok "jgreylist: what means nothing here is named" grep -q '^250' \
    <(refused_session JGREYLIST_DIR=/x JGREYLIST_HOLDTIME=120 JGREYLIST_TIMEOUT=60 JGREYLIST_BY_IP= GREYIP= "$greysmtpd")
  ok "in one line" test "$(grep ^greysmtpd: "$work/err")" = \
    'greysmtpd: ignored: JGREYLIST_DIR, JGREYLIST_HOLDTIME; greysmtpd(8) says what to use instead'
  ok "jgreylist: log lines can be switched off" grep -q '^553' \
    <(refused_session JGREYLIST=no JGREYLIST_LOG=0 JGREYLIST_LOG_PID=1 "$greysmtpd")
  ok "then there is none" test ! -s "$work/err"
  ok "jgreylist: a recipient too many ends the session" grep -q '^421' \
    <(refused_session JGREYLIST=no JGREYLIST_LIMIT=1 "$greysmtpd")
  ok "of a new client, too" grep -q '^421' <(refused_session JGREYLIST_LIMIT=1 "$greysmtpd" --stage=connect)
  ok "jgreylist: a number that is none is named" grep -q '^553' \
    <(refused_session JGREYLIST=no JGREYLIST_TIMEOUT=1m JGREYLIST_LOG=no "$greysmtpd")
  ok "with what is done" grep -qx 'greysmtpd: bad value of JGREYLIST_TIMEOUT, JGREYLIST_LOG; the default is used' "$work/err"
  local started=$SECONDS
  JGREYLIST=no JGREYLIST_TIMEOUT=5 serve slow "$greysmtpd" true
  dial "$port_slow"
  ok "jgreylist: a session ends after JGREYLIST_TIMEOUT" hear 220 421
  hang_up
  ok "neither at once nor after a minute" test $((SECONDS - started)) -ge 4 -a $((SECONDS - started)) -lt 55
}

test_rcpt() {
  : >"$work/queries"
  swaks_to "$port_rcpt" bad@example.org
  ok "rcpt: swaks is deferred at RCPT" test $? = 24
  ok "with 450" heard_by_swaks '450 4.7.1 Greylisted'
  ok "rcpt: swaks delivers" swaks_to "$port_rcpt" good@example.org
  ok "rcpt: swaks delivers pipelined" swaks_to "$port_rcpt" good@example.org --pipeline
  : >"$work/queries"
  ok "rcpt: a verification with a null sender is not deferred" swaks_to "$port_rcpt" '<>' --quit-after RCPT
  ok "nor asked about" test ! -s "$work/queries"
  swaks_to "$port_rcpt" '<>'
  ok "rcpt: a bounce is deferred at DATA" test $? = 25
  ok "after one question" test "$(cat "$work/queries")" = 'I127.0.0.1|F|Tr@example.net||'
  dial "$port_rcpt"
  say 'EHLO me\r\nMAIL FROM:<bad@x.org>\r\nRCPT TO:<a@x.org>\r\nRCPT TO:<good@x.org>\r\nDATA'
  ok "rcpt: each recipient is deferred, and DATA too" hear 220 250 250 450 450 450
  ok "after a question for each" test "$(asked 'I127.0.0.1|Fbad@x.org|Ta@x.org||')" = 1
  say 'RSET\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA'
  ok "rcpt: and accepted" hear 250 250 250 250 354
  say 'hello\r\n.\r\nQUIT'
  ok "to the end" hear 250 221
  hang_up
}

# Fifty recipients that each wait for GREYTIMEOUT would outlast the client.
test_rcpt_silence() {
  local i codes=()
  : >"$work/queries"
  GREYTIMEOUT=1 serve silence "$greysmtpd" --stage=rcpt smtpfront-echo accept
  dial "$port_silence"
  say "EHLO me\r\nMAIL FROM:<mute@x.org>$(for i in {1..50}; do printf '\\r\\nRCPT TO:<%s@x.org>' "$i"; done)"
  for i in {1..50}; do codes+=(250); done
  ok "rcpt, no answer: all recipients of the session are accepted" hear 220 250 250 "${codes[@]}"
  hang_up
  ok "and the daemon was asked about the first alone" test \
    "$(sort -u "$work/queries")" = 'I127.0.0.1|Fmute@x.org|T1@x.org||'
  ok "which is said once" until_true grep -q 'no answer in time' "$work/silence.log"
  ok "and not again" test "$(grep -c 'no answer in time' "$work/silence.log")" = 1
}

# With the real daemon, and time that passes.
test_known_client() {
  local address stage
  address=127.0.0.1@$(free_port)
  use_clock "$work/clock"
  start_greyd "$greyd" "$work/greyd" "$address" -m 5
  pids+=("$greyd_pid")
  for stage in connect rcpt; do
    local session=("GREYIP=$address" GREYTIMEOUT=30 "TCPREMOTEIP=192.0.2.$(($(printf %s "$stage" | wc -c)))"
      "$greysmtpd" --stage="$stage")
    ok "$stage: a new client must wait" grep -q '^450 4.7.1 Greylisted: please try again in ' \
      <(refused_session "${session[@]}")
    pass_time 299
    ok "$stage: and a second less than min resend later" grep -q '^450' <(refused_session "${session[@]}")
    pass_time 1
    ok "$stage: and is then accepted" grep -q '^250 Recip' <(refused_session "${session[@]}")
    ok "$stage: for good" grep -q '^250 Recip' <(refused_session "${session[@]}")
  done
  ok "connect: the daemon knows it by its address alone" \
    grep -q 'reason=passed client=192.0.2.7 sender=\* recipients=\* ' "$work/greyd/log"
}

# What greysmtpd(8) says to set for those who come from jgreylist and from cqGreylist.
test_recipes() {
  local address recipe=jgreylist wait=120
  address=127.0.0.1@$(free_port)
  as() { refused_session "GREYIP=$address" GREYTIMEOUT=30 "TCPREMOTEIP=$1" "$greysmtpd" --stage=connect; }
  start_greyd "$greyd" "$work/jgreylist" "$address" -m 2 -g 720 -t 30 --ipv4-prefix=24
  while :; do
    pids+=("$greyd_pid")
    ok "$recipe: a new client must wait" grep -q '^450' <(as 198.51.100.1)
    ok "$recipe: and another one" grep -q '^450' <(as 203.0.113.1)
    pass_time $((wait - 1))
    ok "$recipe: a second before its time, too" grep -q '^450' <(as 198.51.100.1)
    pass_time 1
    ok "$recipe: and is then accepted" grep -q '^250 Recip' <(as 198.51.100.1)
    if [ $recipe = jgreylist ]; then
      ok "$recipe: as all of its /24 are" grep -q '^250 Recip' <(as 198.51.100.200)
    else
      ok "$recipe: but nobody else" grep -q '^450' <(as 198.51.100.200)
    fi
    pass_time $((29 * 86400))
    ok "$recipe: a client that comes again after weeks has waited" grep -q '^250 Recip' <(as 203.0.113.1)
    ok "$recipe: and one that was accepted is known" grep -q '^250 Recip' <(as 198.51.100.1)
    kill "$greyd_pid"
    wait "$greyd_pid"
    [ $recipe = jgreylist ] || break
    recipe=cqGreylist wait=60
    start_greyd "$greyd" "$work/cqgreylist" "$address" -m 1 -g 720 -t 30
  done
}

# A message that has passed, and that the server then refuses for now, passes at each later attempt.
# In the server's directory is what it shall refuse: rcpt, data or end.
test_refused_for_now() {
  local address stage where attempt
  local server='$| = 1; my $dir = shift;
    sub out { my ($what, $good) = @_; print -e "$dir/$what" ? "451 $what later\r\n" : "$good\r\n"; !-e "$dir/$what" }
    print "220 hi\r\n";
    my $taken;
    while (<STDIN>) {
      if (/^RCPT/i) { $taken = out("rcpt", "250 taken") }
      elsif (/^DATA/i && !$taken) { print "503 no\r\n" }
      elsif (/^DATA/i) { out("data", "354 go") or next; do { $_ = <STDIN> // exit } until /^\.\r/; out("end", "250 queued") }
      elsif (/^QUIT/i) { print "221 bye\r\n"; exit }
      else { print "250 ok\r\n" }
    }'
  address=127.0.0.1@$(free_port)
  use_clock "$work/clock"
  start_greyd "$greyd" "$work/greyd2" "$address" -m 5 --client-passes=0
  pids+=("$greyd_pid")
  mkdir "$work/refuses"
  attempt() { # client: the replies to RCPT, DATA and the dot
    printf 'EHLO me\r\nMAIL FROM:<s@x.org>\r\nRCPT TO:<r@x.org>\r\nDATA\r\n.\r\nQUIT\r\n' |
      env TCPREMOTEIP="$1" GREYIP="$address" GREYTIMEOUT=30 "$greysmtpd" --stage="$stage" \
        perl -e "$server" "$work/refuses" 2>>"$work/err" | cut -c1-7 | tail -n +4 | tr -d '\r' | tr '\n' ' '
  }
  local number=0
  for stage in data rcpt; do
    for where in data end rcpt; do
      local client=192.0.2.$((++number))
      ok "$stage: a new one is deferred" grep -q '450 4.7' <(attempt "$client")
      pass_time 300
      touch "$work/refuses/$where"
      for attempt in 1 2 3; do
        ok "$stage, refused at $where: attempt $attempt gets to the server" \
          grep -q "451 $(cut -c1-3 <<<"$where")" <(attempt "$client")
        pass_time 600
      done
      rm "$work/refuses/$where"
      ok "$stage, refused at $where: and is queued as soon as it likes" grep -q '250 que' <(attempt "$client")
    done
  done
  # At RCPT only those are asked about whom the server has not seen: nothing is used up by a refusal.
  stage=data
  touch "$work/refuses/rcpt"
  attempt 192.0.2.20 >/dev/null
  ok "data: nobody is asked about a recipient that the server refuses" \
    test "$(grep -c 'client=192.0.2.20 ' "$work/greyd2/log")" = 0
  rm "$work/refuses/rcpt"
}

test_softlimit() {
  grep -q __asan_init "$greysmtpd" && return # AddressSanitizer reserves terabytes
  ok "it runs under softlimit -m 2000000" grep -q '^450 4.7.1' \
    <(refused_session softlimit -m 2000000 "$greysmtpd" --stage=connect)

  # Between a limit under which the system cannot start it and one that is enough.
  local limit said=no long
  printf -v long %120000s x
  for ((limit = 300000; limit <= 2000000; limit += 5000)); do
    { TCPREMOTEIP=192.0.2.1 TCPREMOTEHOST=$long TCPLOCALHOST=$long softlimit -a "$limit" \
      "$greysmtpd" --stage=connect true >/dev/null 2>"$work/err" </dev/null; } 2>/dev/null # "killed"
    [ $? = 111 ] && grep -qx 'greysmtpd: out of memory' "$work/err" && said=yes && break
  done
  ok "with too little memory it says so, and ends with 111" test $said = yes
}

test_options() {
  "$greysmtpd" --stage=helo true 2>"$work/err"
  ok "an unknown stage: 100" test $? = 100
  ok "and one line that names it" grep -qx 'greysmtpd: bad value of --stage: helo' "$work/err"
  "$greysmtpd" --stage 2>"$work/err"
  ok "no stage: 100" test $? = 100
}

test_connect
test_connect_session
test_connect_ipv6
test_connect_failing
test_environment
test_jgreylist
test_rcpt
test_rcpt_silence
test_known_client
test_recipes
test_refused_for_now
test_softlimit
test_options
echo "# $failures failed"
exit $((failures > 0))
