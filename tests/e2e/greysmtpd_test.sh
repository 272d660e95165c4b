#!/bin/bash
# greysmtpd between a real tcpserver and a real mailfront, spoken to by swaks and by hand.
# usage: greysmtpd_test.sh /path/to/greysmtpd
#
# The greylisting daemon is that of smtp.sh. Sessions with the real daemon are a test of their own.
# Functions are called through `ok` and traps, and `...` texts are for other shells or Perl.
# shellcheck disable=SC2317,SC2016,SC2154
set -u
here=$(cd "$(dirname "$0")" && pwd)
greysmtpd=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR
. "$here/smtp.sh"

# mailfront, with a qmail-queue that keeps message and envelope in files.
qmail_home=$work/qmail
make_qmail_home "$qmail_home"
mailfront=(env "QMAILHOME=$qmail_home" /usr/sbin/mailfront smtp qmail qmail-validate)

queued() { # the number of messages
  find "$qmail_home/queue" -name '*.envelope' | wc -l
}
empty_queue() { rm -f "$qmail_home/queue"/*; }
start_daemon
export GREYIP=$daemon GREYTIMEOUT=30
serve echo "$greysmtpd" smtpfront-echo accept
serve direct "${mailfront[@]}"
serve grey "$greysmtpd" "${mailfront[@]}"

ports="$port_echo $port_direct $port_grey"

# ---- tests

test_swaks() {
  # swaks exits with 25 when DATA is refused
  swaks_to "$port_echo" bad@example.org
  ok "swaks is deferred at DATA" test $? = 25
  ok "with 450" heard_by_swaks '450 4.7.1 Greylisted'
  ok "swaks delivers" swaks_to "$port_echo" good@example.org
  ok "swaks delivers pipelined" swaks_to "$port_grey" good@example.org --pipeline
  swaks_to "$port_grey" bad@example.org --pipeline
  ok "swaks pipelined is deferred" heard_by_swaks '450 4.7.1'
}

test_session_goes_on() {
  empty_queue
  dial "$port_grey"
  ok "greeting" hear 220
  say 'EHLO me'
  hear 250
  say 'MAIL FROM:<bad@example.org>'
  say 'RCPT TO:<a@example.net>'
  ok "envelope" hear 250 250
  say DATA
  ok "deferred" hear 450
  say 'MAIL FROM:<good@example.org>'
  ok "the next message needs no RSET" hear 250
  say 'RCPT TO:<b@example.net>'
  say DATA
  ok "another sender is accepted in the same session" hear 250 354
  say 'hello'
  say .
  ok "and queued" hear 250
  say 'mail from: <>'
  say 'RCPT TO:<c@example.net>'
  say data
  ok "a null sender is asked about" hear 250 250 450
  say RSET
  ok "RSET after a deferral" hear 250
  say DATA
  ok "DATA without an envelope is refused" hear 503
  say QUIT
  ok "QUIT" hear 221
  ok "and the connection ends" nothing_more
  hang_up
  ok "one message arrived" test "$(queued)" = 1
  ok "for its recipient alone" grep -q 'Tb@example.net' "$qmail_home"/queue/*.envelope
}

test_pipelined() {
  empty_queue
  : >"$work/queries"
  dial "$port_grey"
  say 'EHLO me\r\nMAIL FROM:<bad@example.org>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<no@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA'
  ok "one packet up to DATA" hear 220 250 250 250 550 250 450
  ok "only accepted recipients are asked about" \
    grep -qx 'I127.0.0.1|Fbad@example.org|Ta@example.net|Tb@example.net||' "$work/queries"
  say 'MAIL FROM:<good@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA'
  ok "the next one" hear 250 250 354
  say 'one\r\n.\r\nMAIL FROM:<bad2@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA\r\nMAIL FROM:<good2@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\ntwo\r\n.\r\nQUIT'
  ok "even what must not be pipelined" hear 250 250 250 450 250 250 354 250 221
  hang_up
  ok "two messages arrived" test "$(queued)" = 2
}

# The content of test_bytes: every octet, dots, bare CR and LF, an over-long line.
content() {
  perl -e 'binmode STDOUT; my $all = join "", map { chr } 0 .. 255;
    print "Subject: x\r\n\r\n..\r\n..stuffed\r\n.lone\r\nbare\nlf\rcr\r\r\n\n\r\n$all$all\r\n";
    print "l" x 1_000_000, "\r\n", ("m" x 75 . "\r\n") x 20_000, ".\r\n"'
}

test_bytes() {
  local port
  for port in "$port_direct" "$port_grey"; do
    empty_queue
    dial "$port"
    say 'EHLO me\r\nMAIL FROM:<good@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA'
    ok "ready for a message" hear 220 250 250 250 354
    content >&3
    ok "which is taken" hear 250
    say QUIT
    hear 221
    hang_up
    mv "$qmail_home"/queue/*.message "$work/bytes.$port"
  done
  ok "a message arrives as it does without greysmtpd" \
    cmp "$work/bytes.$port_direct" "$work/bytes.$port_grey"
  ok "and it is the whole" test "$(wc -c <"$work/bytes.$port_grey")" -gt 2500000
}

test_smuggling() {
  empty_queue
  dial "$port_grey"
  say 'EHLO me\r\nMAIL FROM:<good@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA'
  hear 220 250 250 250 354
  # mailfront takes LF . LF for the end: what follows is another message, which must be asked about.
  say 'x\n.\nMAIL FROM:<bad@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA\r\nsmuggled\r\n.'
  ok "a message behind a bare LF is greylisted" hear 250 250 250 450
  hang_up
  ok "only the first arrived" test "$(queued)" = 1

  empty_queue
  dial "$port_grey"
  say 'EHLO me\r\nMAIL FROM:<bad@example.org>\r\nRCPT TO:<a@example.net>\r\nHELO me\r\nDATA'
  ok "HELO does not lose the envelope that mailfront keeps" hear 220 250 250 250 250 450
  hang_up
}

test_long_lines() {
  dial "$port_grey"
  hear 220
  perl -e 'print "X" x 1_000_000, "\r\n"' >&3
  ok "a line of 1 MB is answered" hear 500
  say 'MAIL FROM:<good@example.org>'
  ok "and the session goes on" hear 250
  hang_up
}

test_exempt() {
  local variable out
  # A server that took greysmtpd's place is our own child.
  for variable in RELAYCLIENT= WHITELISTED= GREYIP=; do
    out=$(exec env TCPREMOTEIP=192.0.2.1 "$variable" "$greysmtpd" bash -c 'echo $PPID')
    ok "$variable: the server takes greysmtpd's place" test "$out" = $$
  done
  out=$(exec env TCPREMOTEIP=192.0.2.1 "$greysmtpd" bash -c 'echo $PPID')
  ok "otherwise it does not" test "$out" != $$
  out=$(exec env -u TCPREMOTEIP "$greysmtpd" bash -c 'echo $PPID' 2>"$work/err")
  ok "no TCPREMOTEIP: it does again" test "$out" = $$
  ok "and a line about it" grep -q TCPREMOTEIP "$work/err"
}

open_descriptors() { # [wrapper]: those a program run by it has
  "$@" perl -e 'print join " ", grep { -e "/proc/self/fd/$_" } 0 .. 100' </dev/null
}

test_server_surroundings() {
  export TCPREMOTEIP=192.0.2.1
  ok "the server's environment is unchanged" cmp <(env | grep -v '^_=' | sort) \
    <("$greysmtpd" env </dev/null | grep -v '^_=' | sort)
  ok "SIGPIPE is as it was" test "$("$greysmtpd" grep SigIgn /proc/self/status </dev/null)" = \
    "$(grep SigIgn /proc/self/status)"
  ok "the server gets no other descriptors" test "$(open_descriptors)" = "$(open_descriptors "$greysmtpd")"
  "$greysmtpd" bash -c 'exit 37' </dev/null
  ok "its exit code is ours" test $? = 37
  "$greysmtpd" "$work/nothing" </dev/null 2>"$work/err"
  ok "a server that cannot be run: 111" test $? = 111
  ok "and one line" test "$(wc -l <"$work/err")" = 1
  "$greysmtpd" bash -c 'kill -9 $$' </dev/null 2>"$work/err"
  ok "a server that is killed: 111" test $? = 111
  "$greysmtpd" 2>"$work/err"
  ok "no program: 100" test $? = 100
  ok "and one line" test "$(wc -l <"$work/err")" = 1
  "$greysmtpd" --nonsense true 2>"$work/err"
  ok "an unknown option: 100" test $? = 100
  ok "--help" test -n "$("$greysmtpd" --help)"
  ok "--version" grep -q '^greysmtpd [0-9]' <("$greysmtpd" --version)
  unset TCPREMOTEIP
}

child_left() { grep -q "$1" /proc/[0-9]*/environ 2>/dev/null; }
no_child_left() { ! child_left "$1"; }

test_deaths() {
  local mark=GREY_TEST_MARK=$$
  export TCPREMOTEIP=192.0.2.1
  serve mortal env "$mark=client" "$greysmtpd" "${mailfront[@]}"
  # shellcheck disable=SC2154
  dial "$port_mortal"
  say 'EHLO me\r\nMAIL FROM:<good@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA'
  ok "a session is in DATA" hear 220 250 250 250 354
  ok "with its processes" child_left "$mark=client"
  empty_queue
  say 'the beginning of a message'
  hang_up
  ok "a client that dies in DATA takes the server with it" until_true no_child_left "$mark=client"
  ok "and no message is queued" test "$(find "$qmail_home/queue" -size +0 -name '*.envelope' | wc -l)" = 0

  serve abort "$greysmtpd" bash -c 'printf "220 hi\r\n"; read -r _; printf "421 bye\r\n"'
  # shellcheck disable=SC2154
  dial "$port_abort"
  hear 220
  say 'EHLO me\r\nMAIL FROM:<good@example.org>'
  ok "the last words of a server that dies reach the client" hear 421
  ok "whose connection ends" nothing_more
  hang_up

  ok "a client that sends all and half-closes gets all replies" test \
    "$(printf 'EHLO me\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<r@x.org>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n' |
      "$greysmtpd" smtpfront-echo accept 2>/dev/null | grep -c '^[235][0-9][0-9] ')" = 7
  unset TCPREMOTEIP
}

test_backpressure() {
  # A server that writes without end, to a client that does not read: memory must not grow.
  TCPREMOTEIP=192.0.2.1 "$greysmtpd" perl -e '$| = 1; open my $count, ">", $ARGV[0];
    my $line = "250-" . "x" x 996 . "\r\n";
    for (1 .. 100_000) { syswrite STDOUT, $line or exit 0; syswrite $count, "." }' \
    "$work/written" < <(sleep 1000 & echo $! >"$work/sleeper"; wait) > >(
      sleep 1000 & echo $! >"$work/reader"
      wait
    ) &
  local pid=$!
  pids+=("$pid")
  settled() {
    local before
    before=$(wc -c <"$work/written")
    sleep 0.3
    ((before > 0 && before == $(wc -c <"$work/written")))
  }
  until_true test -s "$work/written"
  ok "a server whose client does not read is made to wait" until_true settled
  ok "with less than 1 MB in between" test "$(wc -c <"$work/written")" -lt 1000
  kill "$pid" "$(cat "$work/sleeper")" "$(cat "$work/reader")"
  wait "$pid" 2>/dev/null
}

one_message() { # sender variable=value...: the reply to DATA
  local sender=$1
  shift
  printf 'EHLO me\r\nMAIL FROM:<%s>\r\nRCPT TO:<r@x.org>\r\nDATA\r\n' "$sender" |
    env TCPREMOTEIP=192.0.2.1 GREYTIMEOUT=1 "$@" "$greysmtpd" smtpfront-echo accept \
      2>"$work/err" | tail -n 1 | tr -d '\r'
}

test_ipv6() {
  local port query
  : >"$work/queries"
  tcpserver -1 -v -R -H -l 0 ::1 0 "$greysmtpd" smtpfront-echo accept \
    >"$work/v6.port" 2>"$work/v6.log" &
  pids+=($!)
  until_true test -s "$work/v6.port"
  port=$(cat "$work/v6.port")
  exec 3<>"/dev/tcp/::1/$port"
  say 'EHLO me\r\nMAIL FROM:<bad@example.org>\r\nRCPT TO:<r@x.org>\r\nDATA'
  ok "an IPv6 client is deferred" hear 220 250 250 250 450
  hang_up
  query='I::1|Fbad@example.org|Tr@x.org||'
  ok "under its address" grep -qx "$query" "$work/queries"
}

test_ucspi_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.net \
    -keyout "$work/key" -out "$work/certificate" 2>"$work/openssl.out" || cat "$work/openssl.out"
  serve ucspi perl "$here/ucspi_tls.pl" "$work/certificate" "$work/key" \
    "$greysmtpd" env "QMAILHOME=$qmail_home" /usr/sbin/mailfront smtp qmail starttls-ucspi qmail-validate
  empty_queue
  # shellcheck disable=SC2154
  swaks_to "$port_ucspi" good@example.org --tls
  ok "UCSPI-TLS: a client that must wait hears 421 at STARTTLS" heard_by_swaks '421 4.7.1'
  ok "UCSPI-TLS: another client delivers" swaks_to "$port_ucspi" bad@example.org --tls \
    --local-interface 127.0.0.2
  ok "in TLS" grep -q '^=== TLS started' "$work/swaks.out"
  ok "one message arrived" test "$(queued)" = 1
  swaks_to "$port_ucspi" bad@example.org
  ok "UCSPI-TLS: without TLS, a message is asked about" heard_by_swaks '450 4.7.1'
}

test_failing() {
  local where
  for where in "$daemon" 127.0.0.1@1 nonsense "127.0.0.1@1,$daemon"; do
    ok "no answer from $where: open accepts" grep -q ^354 <(one_message mute@x "GREYIP=$where")
    ok "$where: and says so" grep -q 'GREYFAIL=open' "$work/err"
    ok "$where: closed answers 451" \
      grep -q '^451 4.3.0' <(one_message mute@x "GREYIP=$where" GREYFAIL=closed)
    ok "$where: and says so" grep -q 'GREYFAIL=closed' "$work/err"
  done
  ok "a bad GREYIP is named" grep -q 'bad value of GREYIP: x' \
    <(one_message a@x GREYIP=x >/dev/null; cat "$work/err")
  ok "a second daemon is asked when the first is not there" \
    grep -q ^450 <(one_message bad@x "GREYIP=127.0.0.1@1,$daemon" GREYTIMEOUT=30)
  ok "GREYTEXT may have an enhanced code of its own" test \
    "$(one_message bad@x GREYTIMEOUT=30 'GREYTEXT=4.2.0 come back')" = "450 4.2.0 come back"
  ok "GREYTEXT is the text" test \
    "$(one_message bad@x GREYTIMEOUT=30 $'GREYTEXT=come\r\nback later')" = "450 4.7.1 come  back later"
}

# What ends a message for real servers: the scanner of ends relies on the lists.
test_ends() {
  local lists=$here/../data/smtp_ends
  make_qmail_home "$work/unread"
  printf '#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n' >"$work/unread/bin/qmail-queue"
  ok "what ends a message is in tests/data/smtp_ends/mailfront" env "QMAILHOME=$work/unread" \
    perl "$here/smtp_ends.pl" check "$lists/mailfront" 101 /usr/sbin/mailfront smtp qmail qmail-validate \
    2>"$work/ends.err"
  # There is no qmail here; the stand-in ends a message as qmail-smtpd documents it.
  mkdir "$work/stand_in"
  cp "$here"/qmail/{Makefile,stand_in.c,stand_in.h} "$work/stand_in"
  cp "$here/qmail/notqmail.c" "$work/stand_in/qmail-smtpd.c"
  echo 'cc -w' >"$work/stand_in/conf-cc"
  make -C "$work/stand_in" qmail-smtpd >"$work/make.log" 2>&1 || cat "$work/make.log"
  ok "and in tests/data/smtp_ends/qmail-smtpd" env "QUEUE=$work/stand_in/queue" \
    perl "$here/smtp_ends.pl" check "$lists/qmail-smtpd" 101 "$work/stand_in/qmail-smtpd"
}

# A message to an accepted recipient that carries another one in its content.
test_carried() {
  local end
  for end in '\r.\n' '\n\r.\n' '\r\n\r.\n' '\n.\r\n'; do
    empty_queue
    : >"$work/queries"
    dial "$port_grey"
    say "HELO me\r\nMAIL FROM:<good@x.org>\r\nRCPT TO:<a@example.net>\r\nDATA"
    hear 220 250 250 250 354
    say "${end}MAIL FROM:<bad@x.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsmuggled\r\n.\r\nQUIT"
    ok "what follows $end is not carried to the server unasked" hear 250 250 250 450
    hang_up
    ok "one message arrived" until_true test "$(queued)" = 1
    ok "and both were asked about" test "$(grep -c . "$work/queries")" = 2
  done
}

test_spelling() {
  serve spelling "$greysmtpd" --stage=rcpt smtpfront-echo accept
  ok "the recipient that is asked about is the one that mailfront reads" \
    perl "$here/smtp_spelling.pl" "$port_spelling" "$work/queries" "^250 Recipient='(.*)'"
}

# A server that takes STARTTLS whether it was asked for its offers or not.
test_starttls_unasked() {
  local server='$| = 1; print "220 hi\r\n"; while (<STDIN>) {
    if (/^STARTTLS/i) { print "220 go on\r\n"; sysread STDIN, $_, 100; print "got $_\r\n"; exit }
    print /^EHLO/i ? "250-me\r\n250 SIZE\r\n" : "250 ok\r\n"; }'
  serve unasked "$greysmtpd" perl -e "$server"
  : >"$work/queries"
  ok "STARTTLS after HELO: another client goes on in TLS" test "$(printf 'HELO me\r\nSTARTTLS\r\nhello' |
    TCPREMOTEIP=192.0.2.2 "$greysmtpd" perl -e "$server" | tail -n 1 | tr -d '\r')" = 'got hello'
  dial "$port_unasked"
  say 'HELO me\r\nSTARTTLS'
  ok "STARTTLS after HELO: a client that must wait hears 421" hear 220 250 421
  hang_up
  ok "both were asked about, alone" test "$(cat "$work/queries")" = $'I192.0.2.2|F*|T*||\nI127.0.0.1|F*|T*||'
  dial "$port_unasked"
  say 'EHLO me\r\nSTARTTLS\r\nTURN\r\nBURL imap://x LAST\r\nNOOP'
  ok "what is not offered, and what cannot be followed, does not reach the server" hear 220 250 502 502 502 250
  hang_up
}

# A server that takes a message whatever was said before.
test_data_unasked() {
  local stage
  # shellcheck disable=SC2016
  local server='$| = 1; print "220 hi\r\n"; while (<STDIN>) {
    if (/DATA/i) { print "354 go on\r\n"; while (<STDIN>) { last if /^\.\r/ } print "250 taken\r\n"; next }
    print /no@/ ? "550 no\r\n" : "250 ok\r\n"; }'
  for stage in data rcpt; do
    : >"$work/queries"
    serve "taking_$stage" "$greysmtpd" "--stage=$stage" perl -e "$server"
    local port=port_taking_$stage
    dial "${!port}"
    say 'HELO me\r\nDATA\r\nMAIL FROM:<good@x.org>\r\nDATA\r\nRCPT TO:<no@x.org>\r\nDATA'
    ok "$stage: DATA without a recipient does not reach the server" hear 220 250 503 250 503 550 503
    say 'RCPT TO:<r@x.org>\r\nDATA\r\nx\r\n.\r\nDATA\r\nRCPT TO:<s@x.org>\r\nDATA'
    ok "$stage: nor does a second one of the same envelope" hear 250 354 250 503 250 503
    say 'MAIL FROM:<good@x.org>\r\nRCPT TO:<r@x.org>\r\nDATA\r\ny\r\n.'
    ok "$stage: after another MAIL it does" hear 250 250 354 250
    say 'SEND FROM:<bad@x.org>\r\nSOML FROM:bad@x.org\r\nsaml from:\r\nQUIT'
    ok "$stage: SEND, SOML and SAML do not" hear 502 502 502 250
    hang_up
  done
}

# Descriptors 0 to 2 are the client's and the log's, or nobody's.
test_closed_descriptors() {
  local stage fds
  for stage in data rcpt connect; do
    for fds in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '<&- >&- 2>&-'; do
      rm -f "$work/fds"
      eval "TCPREMOTEIP=192.0.2.2 \"\$greysmtpd\" --stage=$stage sh -c 'ls -l /proc/\$\$/fd >$work/fds; exit 7' $fds" \
        >"$work/out" 2>"$work/err" </dev/null
      ok "$stage, $fds: the server runs" test $? = 7
      # sh has its script from the command line, and ls the descriptors that it opens itself.
      ok "$stage, $fds: with its three descriptors" test "$(grep -c ' [012] -> ' "$work/fds")" = 3
    done
  done
  TCPREMOTEIP=192.0.2.9 JGREYLIST=later "$greysmtpd" true <&- >&- 2>&-
  ok "a refused client that is not there" test $? = 0
  # Were descriptor 2 the session's socket, the server would read the log.
  # shellcheck disable=SC2016
  local server='open my $h, ">", $ARGV[0]; $| = 1; print "220 hi\r\n";
    while (<STDIN>) { syswrite $h, $_; print /^DATA/ ? "354 go\r\n" : "250 ok\r\n" }'
  printf 'MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n' |
    TCPREMOTEIP=192.0.2.9 GREYIP=127.0.0.1@1 GREYTIMEOUT=1 "$greysmtpd" perl -e "$server" "$work/read" 2>&- >"$work/out"
  ok "lines of a log that is not there go nowhere" test "$(tr -d '\r' <"$work/read")" = \
    $'MAIL FROM:<a@x>\nRCPT TO:<b@x>\nDATA'
  ok "though there was one to write" grep -q '^greysmtpd: client=192.0.2.9: ' \
    <(one_message a@x TCPREMOTEIP=192.0.2.9 GREYIP=127.0.0.1@1 >/dev/null; cat "$work/err")
}

echo "# mailfront on ports $ports, daemon at $daemon"
test_swaks
test_session_goes_on
test_pipelined
test_bytes
test_smuggling
test_ends
test_carried
test_spelling
test_starttls_unasked
test_data_unasked
test_closed_descriptors
test_long_lines
test_exempt
test_server_surroundings
test_deaths
test_backpressure
test_ipv6
test_ucspi_tls
test_failing
echo "# $failures failed"
exit $((failures > 0))
