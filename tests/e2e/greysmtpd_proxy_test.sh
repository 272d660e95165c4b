#!/bin/bash
# greysmtpd behind a proxy that says for whom it connects: real haproxy (PROXY protocol 1 and 2, with
# health checks), nginx where it is, swaks, and headers by hand.
# usage: greysmtpd_proxy_test.sh /path/to/greysmtpd
# shellcheck disable=SC2317,SC2016,SC2154 # through `ok`; texts for other shells; set by serve
set -u
greysmtpd=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/smtp.sh"
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) || {
  echo 'haproxy is not installed'
  exit 77
}
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) && [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] ||
  nginx=

start_daemon
export GREYIP=$daemon GREYTIMEOUT=30
asked() { grep -cxF "$1" "$work/queries"; }
settle() { until_true grep -q "$1" "$work/queries"; }

# The server says what its environment is, then serves.
cat >"$work/server" <<'END'
#!/bin/bash
env | grep -E '^(TCP|RELAYCLIENT|WHITELISTED|GREYPROXY)' | sort >"$ENVIRONMENT.new"
mv "$ENVIRONMENT.new" "$ENVIRONMENT"
exec smtpfront-echo accept
END
chmod 755 "$work/server"
export ENVIRONMENT=$work/environment
has() { grep -qx "$1" "$ENVIRONMENT"; }
has_no() { ! grep -q "^$1" "$ENVIRONMENT"; }

# A tcp.smtp that lets the proxy relay, as is usual for hosts of one's own.
granted=(env RELAYCLIENT= WHITELISTED= TCPREMOTEHOST=proxy.example.net TCPREMOTEINFO=root)
for stage in data rcpt connect; do
  serve $stage env GREYPROXY=192.0.2.0/24,127.0.0.1 "${granted[@]}" "$greysmtpd" --stage=$stage "$work/server"
done
serve off env GREYPROXY=127.0.0.1 GREYIP= "${granted[@]}" "$greysmtpd" "$work/server"
serve bad env GREYPROXY=127.0.0.1/99 "$greysmtpd" smtpfront-echo accept

proxies=$work/haproxy.cfg
cat >"$proxies" <<END
defaults
  mode tcp
  timeout connect 30s
  timeout client 60s
  timeout server 60s
END
declare -A front
behind_haproxy() { # name port-of-server how...: its port goes to ${front[name]}
  local name=$1 server=$2
  shift 2
  front[$name]=$(free_port)
  cat >>"$proxies" <<END
listen $name
  bind 127.0.0.1:${front[$name]}
  server one 127.0.0.1:$server $*
END
}
for stage in data rcpt connect off; do
  port=port_$stage
  behind_haproxy "v1_$stage" "${!port}" send-proxy
  behind_haproxy "v2_$stage" "${!port}" send-proxy-v2
done
behind_haproxy v2_tlv "$port_data" send-proxy-v2 proxy-v2-options crc32c,unique-id
behind_haproxy none "$port_data"
"$haproxy" -db -f "$proxies" >"$work/haproxy.log" 2>&1 &
pids+=($!)
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
until_true is_open "${front[none]}" # where no header comes, as this connection has none of ours

test_clients() { # name: what the daemon is asked, and what the server is told
  local name=$1 client query
  : >"$work/queries"
  for client in 127.0.0.5 127.0.0.6; do
    query="I$client|Fnew@$name|Tr@example.net||"
    [[ $name != *_connect ]] || query="I$client|F*|T*||"
    swaks_to "${front[$name]}" "new@$name" --local-interface $client
    ok "$name: the client $client is deferred" heard_by_swaks 450
    ok "and is whom the daemon is asked about" test "$(asked "$query")" -ge 1
  done
  ok "$name: another delivers" swaks_to "${front[$name]}" "good@$name" --local-interface 127.0.0.2
  ok "the proxy is not asked about" test "$(grep -c 'I127.0.0.1|' "$work/queries")" = 0
  test_environment "$name"
}

test_environment() { # name: of the last session, from 127.0.0.2
  ok "$1: the server has the client's address" has TCPREMOTEIP=127.0.0.2
  ok "and that to which it has connected" has "TCPLOCALPORT=${front[$1]}"
  ok "and not the proxy's name" has_no 'TCPREMOTE\(HOST\|INFO\)'
  ok "nor what the rules let the proxy do" has_no '\(RELAYCLIENT\|WHITELISTED\)'
  ok "nor our setting, which is about the peer" has_no GREYPROXY
}

test_no_greylisting() {
  local name
  for name in v1_off v2_off; do
    : >"$work/queries"
    ok "$name: with greylisting off the header is taken, too" \
      swaks_to "${front[$name]}" "new@$name" --local-interface 127.0.0.2
    test_environment $name
    ok "$name: nobody is asked" test ! -s "$work/queries"
  done
}

test_log() {
  ok "the log names the client, and the proxy's end as tcpserver's line does" \
    grep -qE '^greysmtpd: client=127\.0\.0\.5 proxy=127\.0\.0\.1@[0-9]+: the proxy.s RELAYCLIENT is not' \
    "$work/data.log"
}

refused() { # what reason: the peer hears 421 and the connection ends
  ok "$1: refused" hear '421 4.3.5'
  ok "and the connection ends" nothing_more
  ok "and the log says why" until_true grep -qxF "greysmtpd: client=127.0.0.1: refused: GREYPROXY names it, but $2" "$work/$3.log"
}

test_refusals() {
  swaks_to "${front[none]}" good@x
  ok 'a proxy without send-proxy: its client hears 421' heard_by_swaks '421 4.3.5'
  dial "$port_data"
  say 'EHLO me\r\nMAIL FROM:<good@x>'
  refused 'a client that is no proxy, at the address of one' 'what it sent is not a PROXY header' data
  hang_up
  dial "$port_rcpt"
  say 'PROXY TCP4 300.0.0.1 192.0.2.2 4711 25\r\nEHLO me'
  refused 'a bad address' 'its PROXY line cannot be read' rcpt
  hang_up
  dial "$port_connect"
  hang_up
  ok 'one that hangs up is logged' until_true grep -qF 'it ended the connection before its PROXY header did' \
    "$work/connect.log"
  dial "$port_bad"
  ok 'a GREYPROXY that cannot be read: nobody is served' hear '421 4.3.5'
  hang_up
  ok 'and the log says so' grep -qF 'bad value of GREYPROXY: 127.0.0.1/99' "$work/bad.log"
}

# The proxy's address is kept where it names no other. Its rights are its own when it says that it
# speaks for itself.
test_own_connections() {
  local header
  for header in 'PROXY UNKNOWN\r' 'PROXY UNKNOWN 192.0.2.1 198.51.100.2 4711 25\r' \
    '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0\c' '\r\n\r\n\0\r\nQUIT\n\x21\0\0\3abc\c'; do
    dial "$port_off"
    printf '%b' "${header%\\c}" >&3
    [[ $header == *'\c' ]] || printf '\n' >&3
    say 'EHLO me\r\nQUIT'
    ok "${header:0:20}: a session" hear 220 250 221
    hang_up
    ok "of the proxy's" has TCPREMOTEIP=127.0.0.1
    if [[ $header == *x20* ]]; then
      ok "with what its rules say" has RELAYCLIENT=
    else
      ok "without what its rules say" has_no RELAYCLIENT
    fi
  done
}

# An address that is not named is a client like any other: what it sends is for the server.
test_unnamed() {
  : >"$work/queries"
  ok 'a client that is not named is greeted' hear_from 127.0.0.7 'EHLO me\r\nMAIL FROM:<good@x>' '^250'
  ok 'and its header is no command' hear_from 127.0.0.7 'PROXY TCP4 192.0.2.2 192.0.2.3 1 2' '^50[0-9]'
  ok 'nor a new address' has TCPREMOTEIP=127.0.0.7
}
hear_from() { # local-address line pattern
  perl -MIO::Socket::INET -e '
    my ($local, $port, $line, $pattern) = @ARGV;
    my $s = IO::Socket::INET->new(LocalAddr => $local, PeerAddr => "127.0.0.1", PeerPort => $port) or die;
    alarm 60;
    $line =~ s/\\r\\n/\r\n/g;
    print $s "$line\r\nQUIT\r\n";
    my $found;
    while (<$s>) { $found = 1 if /$pattern/ }
    exit !$found' "$1" "$port_off" "$2" "$3"
}

# In pieces, and at once with the whole session.
test_pieces() {
  dial "$port_data"
  for piece in 'PR' 'OXY TC' 'P4 192.0.2.2 198.51' '.100.2 4711 25\r' '\nEHLO me\r\nMAIL FROM:<good@x>\r\nRCPT TO:<r@x.org>\r\nQUIT\r\n'; do
    printf %b "$piece" >&3
    sleep 0.05
  done
  ok 'a header in pieces' hear 220 250 250 250 221
  hang_up
  ok 'is one' has TCPREMOTEIP=192.0.2.2
  : >"$work/queries"
  dial "$port_data"
  printf '\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x2a\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x2\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x9\x12\x67\0\x19\x03\0\x03abcEHLO me\r\nMAIL FROM:<new@x>\r\nRCPT TO:<r@x.org>\r\nDATA\r\n' >&3
  ok 'an IPv6 client behind an IPv4 proxy, with everything in one piece' hear 220 250 250 250
  hang_up
  ok 'is asked about' settle 'I2001:db8::2|Fnew@x|'
  ok 'and is in the environment' has TCPREMOTEIP=2001:db8::2
}

test_health_checks() {
  local port log=$work/data.log before
  port=$(free_port)
  cat >"$work/checks.cfg" <<END
defaults
  mode tcp
  timeout connect 30s
  timeout client 60s
  timeout server 60s
  timeout check 30s
  option smtpchk EHLO checker.example.net
listen checked
  bind 127.0.0.1:$port
  server one 127.0.0.1:$port_data send-proxy-v2 check inter 100ms
END
  : >"$work/queries"
  before=$(grep -c 'refused' "$log")
  "$haproxy" -db -f "$work/checks.cfg" >"$work/checks.log" 2>&1 &
  local checker=$!
  pids+=("$checker")
  ok "health checks get a session of the proxy's" until_true has TCPREMOTEIP=127.0.0.1
  until_true is_open "$port"
  ok 'haproxy takes the server for up' swaks_to "$port" good@x --local-interface 127.0.0.5
  kill $checker
  ok 'nobody was asked about the checks' test "$(grep -c 'I127.0.0.1|' "$work/queries")" = 0
  ok 'nor were they refused' test "$(grep -c 'refused' "$log")" = "$before"
}

test_nginx() {
  [[ -n $nginx ]] || {
    echo 'nginx is not installed: left out'
    return
  }
  front[nginx]=$(free_port)
  cat >"$work/nginx.conf" <<END
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
events {}
stream { server { listen 127.0.0.1:${front[nginx]}; proxy_pass 127.0.0.1:$port_data; proxy_protocol on; } }
END
  "$nginx" -c "$work/nginx.conf" -e "$work/nginx.log" &
  pids+=($!)
  until_true is_open "${front[nginx]}"
  test_clients nginx
}

test_swaks() {
  local version family
  for version in 1 2; do
    family=TCP4
    [ $version = 1 ] || family=AF_INET
    : >"$work/queries"
    swaks_to "$port_data" "new@swaks$version" --proxy-version $version --proxy-family $family --proxy-source 192.0.2.77 \
      --proxy-source-port 4711 --proxy-dest 198.51.100.2 --proxy-dest-port 25
    ok "swaks, version $version: deferred" heard_by_swaks 450
    ok 'as the client that it plays' test "$(asked "I192.0.2.77|Fnew@swaks$version|Tr@example.net||")" -ge 1
  done
}

for name in v1_data v1_rcpt v1_connect v2_data v2_rcpt v2_connect v2_tlv; do
  test_clients $name
done
test_no_greylisting
test_log
test_refusals
test_own_connections
test_unnamed
test_pieces
test_swaks
test_health_checks
test_nginx
exit $((failures > 0))
