#!/bin/bash
# What README.md and the examples of the manual pages say, done as it stands there, in its order, in
# throw-away copies of this machine. "Try it" is fresh_test.sh's, on a machine that has nothing. The
# packages are make_packages_test.sh's, which comes before.
# usage: readme_test.sh BUILD-DIRECTORY
#        readme_test.sh packages|systemd|source|steps|manual|fronts BUILD-DIRECTORY      inside such a copy
# shellcheck disable=SC2317,SC2016 # functions are called through `ok`; backquotes are README's
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/documented.sh"
top=$(realpath "$here/../..")

# ---- outside: nothing stands there that no scene does, and nothing is named that is not there

if [ $# = 1 ]; then
  build=$(realpath "$1")
  done_somewhere() {
    diff <(readme_headings) <(printf '%s\n' 'Try it' 'Debian packages' 'From source, below /usr/local' \
      'From source, step by step' 'Postfix and Exim' 'The qmail family' 'Several mail hosts' 'Look after it' 'See into it' | sort)
  }
  ok 'commands are where a scene does them' done_somewhere
  named() { grep -oE "$1" "$top/README.md" | sort -u; } # pattern
  helps=$({ for program in greyd/qmail-greyd greyd/greyctl/greyctl svctool/svctool smtpd-glue/greysmtpd; do "$build/$program" --help; done
    for command in list top allow report import; do "$build/greyd/greyctl/greyctl" $command --help; done
    for script in "$top"/scripts/*; do [ -d "$script" ] || "$script" --help; done
    swaks --help; } 2>/dev/null)
  is_option() { grep -qE -e "(^|[^a-z-])$1([^a-z-]|\$)" <<<"$helps"; }
  for option in $(named '(^|[ `])--[a-z][a-z0-9-]+' | tr -d ' `'); do
    case $option in --hide-informational) continue ;; esac
    ok "$option is an option" is_option "$option"
  done
  set -f
  for file in $(named '(greyd|svctool|smtpd-glue|tests|scripts|etc)/[A-Za-z0-9_./*-]*[a-z*]'); do
    case $file in etc/greylist* | etc/service | etc/tcp.smtp* | etc/indimail*) continue ;; esac # of a machine
    is_there() { compgen -G "$top/$file" >/dev/null; }
    ok "$file is there" is_there
  done
  set +f
  for sample in $(named '`[a-z-]+(\.cf|\.conf)`' | tr -d '`'); do
    ok "the sample $sample is installed" grep -q "$sample" "$top/etc/CMakeLists.txt"
  done
  for page in $(named '[a-z.-]+\([1-8]\)'); do
    page=${page%)}
    page=${page/(/.}
    has_page() { [ -n "$(find "$top" -path "$top/build" -prune -o -name "$page" -print)" ]; }
    ok "$page is a page" has_page
  done
  fits() { [ "$(wc -l <"$top/README.md")" -le 260 ]; }
  ok 'README.md is short' fits
  ((failures == 0)) || exit 1
  in_copies 200 "$here/readme_test.sh" "$build" packages systemd source steps manual fronts
fi

# ---- inside

scene=$1
build=$2
explain() { tail -n 40 /tmp/*.out /var/log/greylist/*/current /var/log/svc/*/current 2>/dev/null; }
rm -f /usr/sbin/policy-rc.d # containers have one that forbids every start
cd "$top" || exit 1
export DEBIAN_FRONTEND=noninteractive

# What was built is taken, and the packages that were made of it. A supervisor may take some seconds to
# start what is new.
instead() { # command
  case $1 in
    scripts/package) echo 'test -e build/deb/qmail-greyd_*.changes' ;;
    scripts/install*) echo "$1 --build=$build >/tmp/install.out 2>&1 && hash -r" ;;
    svctool\ --check\ --service=/service/qmail-smtpd.25) echo "until_true $1 >/tmp/check.out" ;;
    apt-get\ install*) echo "$1 >/tmp/apt.out 2>&1" ;;
    *) echo "$1" ;;
  esac
}
does() { # heading
  local commands
  commands=$(readme_commands "$1")
  must "\"$1\" has commands" test -n "$commands"
  do_commands "$commands"
}
service= # README's, and set by it
answers() { [ "$(ask 1999 "$2" you@example.org joe@example.net 2>/tmp/ask.err)" = "$1" ]; }
asks_from() { # address daemon-address client: the answer as digits
  perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => $ARGV[0], PeerAddr => $ARGV[1],
      PeerPort => 1999) or die; alarm 5; $s->send("I$ARGV[2]\0Fa\@b\0Tc\@d\0\0"); $s->recv(my $a, 9); print unpack("C*", $a)' "$@"
}
start_svscan() {
  mkdir -p /service
  svscan /service >/tmp/svscan.out 2>&1 &
}

# Postfix' words, by TCP.
mta_answers() { # pattern
  perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new("127.0.0.1:10023") or exit 1; alarm 5;
    print $s "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.9\nclient_name=unknown\nsender=a\@b\nrecipient=c\@d\n\n";
    print scalar <$s>' | grep -q "$1"
}
postfix_and_exim() {
  does 'Postfix and Exim'
  must 'Postfix is answered there' until_true mta_answers '^action=DEFER_IF_PERMIT Greylisted: '
}

# A server that is there: README's run, and a qmail-smtpd.
qmail_family() {
  local smtp_port=25 mail=(you@example.org joe@example.net --helo client.example.org)
  echo ':allow' >/etc/tcp.smtp
  echo 'nameserver 127.0.0.1' >/etc/resolv.conf
  mkdir -p /var/qmail/bin /service/.new/variables
  printf '#!/bin/sh\nexec smtpfront-echo accept\n' >/var/qmail/bin/qmail-smtpd
  chmod 755 /var/qmail/bin/qmail-smtpd
  readme_file 'The qmail family' | sed "s/UID/$(id -u daemon)/; s/GID/$(id -g daemon)/" >/service/.new/run
  must 'run is there' grep -q 'greysmtpd /var/qmail/bin/qmail-smtpd' /service/.new/run
  chmod 755 /service/.new/run
  mv /service/.new /service/qmail-smtpd
  does 'The qmail family'
  work=/tmp
  supervised() { svok /service/qmail-smtpd; }
  must 'svscan starts the server' until_true supervised
  says() { send_mail 127.0.0.1 "${mail[@]}" || grep -q "$1" /tmp/swaks.out; }
  must 'its mail is deferred' until_true says '450 4.7.1 Greylisted: please try again in'
  tells() { svctool --check "$1" >/tmp/check.out 2>&1; }
  must 'the rules are good' tells --tcprules=/etc/tcp.smtp
  must 'and the server' tells --service=/service/qmail-smtpd
}

several_hosts() {
  ip address add 192.0.2.1/32 dev lo
  ip address add 192.0.2.25/32 dev lo
  [ -e /etc/tcp.smtp ] || echo ':allow' >/etc/tcp.smtp
  does 'Several mail hosts'
  for from in 192.0.2.1 192.0.2.25; do
    must "$from is answered" test "$(asks_from $from 192.0.2.1 198.51.100.${from##*.})" = 01
  done
  must 'and this host by its other address' until_true answers 01 198.51.100.3
  must 'the rules name it' grep -q 'GREYIP="192.0.2.1@1999"' /etc/tcp.smtp
}

look_after_it() {
  echo 192.0.2.77 >>"$1/greylist.whitelist.local"
  does 'Look after it'
  must 'the list beside the shipped one is in use' until_true answers 11 192.0.2.77
  must 'the setting is in force' runs_with '-m 2 '
  must 'dry run has been ended' test -z "$(cat "$service/variables/DRY_RUN" 2>/dev/null)"
  does 'See into it'
}
runs_with() { tr '\0' ' ' <"/proc/$(pgrep -x qmail-greyd)/cmdline" | grep -q -- "$1"; }

# A man page's examples, where they say: a service of IndiMail's, and its SMTP server.
manual() {
  start_svscan
  do_commands 'scripts/install --no-service'
  mkdir -p /service/qmail-smtpd.25/variables /etc/indimail/tcp
  printf '#!/bin/sh\nexec envdir variables sleep 1000\n' >/service/qmail-smtpd.25/run
  chmod 755 /service/qmail-smtpd.25/run
  echo ':allow' >/etc/indimail/tcp/tcp.smtp
  supervised() { svok /service/qmail-smtpd.25; }
  must 'svscan starts the server' until_true supervised
  examples=$(manual_examples svctool/svctool.8)
  must 'svctool(8) has examples' test -n "$examples"
  do_commands "$(sed '/--find-supervisor/,$d' <<<"$examples")"
  must 'the daemon answers' until_true answers 01 192.0.2.1
  # The last one is for a machine without a service.
  must 'what supervises is found' test "$(svctool --find-supervisor)" = '--supervise=daemontools --servicedir=/service'
  must 'the service goes' svctool --remove --service=/service/greylist.1999
  do_commands "$(sed -n '/--find-supervisor/,$p' <<<"$examples")"
  must 'the daemon answers' until_true answers 01 192.0.2.2
  must 'the service goes again' svctool --remove --service=/service/greylist.1999
  example=$(manual_examples greyd/qmail-greyd.8)
  must 'qmail-greyd(8) has an example' grep -q '^CONTROLDIR=[^ ]* qmail-greyd ' <<<"$example"
  eval "$example" 2>/tmp/greyd.out &
  must 'its daemon answers' until_true answers 01 192.0.2.3
}
# greylist-postgrey(7), on the package's service, under systemd.
from_postgrey() {
  local commands
  commands=$(manual_literals greyd/greylist-postgrey.7 | one_a_line | grep -E '^(svctool|systemctl|sed|/usr/share) *')
  must 'greylist-postgrey(7) has commands' test "$(wc -l <<<"$commands")" -ge 8
  do_commands "$(sed '/disable/,$d' <<<"$commands")"
  must 'postgrey'\''s settings are in force' until_true runs_with '-m 5 .*-g 48 .*-t 35 .*--client-passes 5 .*--ipv4-prefix 24 .*--sender-key normalized'
  must 'in dry run' runs_with --dry-run
  must 'its list, too' until_true answers 11 51.4.72.9
  do_commands "$(sed -n '/disable/,$p' <<<"$commands")"
  must 'Postfix is answered where postgrey was' until_true mta_answers '^action=DEFER_IF_PERMIT Greylisted: '
}
manual_of_fronts() {
  do_commands 'scripts/install --no-service'
  export QMAILHOME=/var/qmail
  make_qmail_home /var/qmail
  printf '#!/bin/sh\nexec smtpfront-echo accept\n' >/var/qmail/bin/qmail-smtpd
  chmod 755 /var/qmail/bin/qmail-smtpd
  PATH=/var/qmail/bin:$PATH
  mkdir -p /service/smtp/variables && cd /service/smtp || exit 1
  greets() { swaks --server 127.0.0.1:25 --quit-after RCPT --from you@example.org --to joe@example.net >/tmp/swaks.out 2>&1; }
  serves() { # command: ends with what it started
    must "$1" eval "${1#exec } >/tmp/server.out 2>&1 &"
    local server=$!
    must 'serves' until_true greets
    kill $server
    wait $server 2>/dev/null
  }
  page=smtpd-glue/greysmtpd/greysmtpd.8
  while read -r command <&3; do serves "$command"; done 3< <(manual_literals $page DESCRIPTION | one_a_line | grep '^tcpserver' | grep -vF ' ... ') # those that are whole
  page=smtpd-glue/mailfront/plugin-greylist.8
  do_commands "$(manual_literals $page DESCRIPTION | grep '^ln ')"
  serves "$(manual_literals $page DESCRIPTION | one_a_line | grep '^exec ')"
  plugins=$(manual_literals smtpd-glue/greyspp/greyspp.8 DESCRIPTION | sed -n 's/^://p')
  must 'greyspp(8) has two lines for smtpplugins' test "$(wc -l <<<"$plugins")" = 2
  do_commands "$plugins"
  # No qmail source belongs here: its stand-in, whose Makefile makes nothing but qmail-smtpd.
  tree=/usr/local/src/netqmail-1.06
  mkdir -p $tree
  cp "$here"/qmail/{Makefile,stand_in.c,stand_in.h} $tree
  cp "$here/qmail/netqmail-1.06.c" $tree/qmail-smtpd.c
  echo 'cc -O2 -w' >$tree/conf-cc
  printf 'setup check: qmail-smtpd\n' >>$tree/Makefile
  do_commands "$(manual_literals smtpd-glue/qmail/patch-qmail-smtpd.8 DESCRIPTION | grep netqmail | sed 's/make/& >\/tmp\/make.out/')"
  must 'it is built' test -x $tree/qmail-smtpd
  must 'and asks' grep -q GREYIP $tree/qmail-smtpd
  {
    printf '#include <greylist.h>\n#include <stdio.h>\n#include <stdlib.h>\n'
    printf 'struct { char* s; unsigned len; } mailfrom, rcptto;\nvoid smtp_data(void) {\n'
    manual_literals smtpd-glue/libgreylist/greylist.3 | sed -n '/^char text/,/^}$/p'
    echo '}'
  } >/tmp/example.c
  must 'the example of greylist(3) compiles' cc -Wall -Wextra -Werror -c -o /tmp/example.o /tmp/example.c
}

case $scene in
  packages)
    start_svscan
    does 'Debian packages'
    must 'the daemon answers' until_true answers 01 192.0.2.1
    postfix_and_exim
    qmail_family
    several_hosts
    look_after_it /etc/greylist
    ;;
  systemd)
    does 'Debian packages'
    must 'the daemon answers' until_true answers 01 192.0.2.1
    postfix_and_exim
    several_hosts
    echo 192.0.2.77 >>/etc/greylist/greylist.whitelist.local
    does 'Look after it'
    must 'the list beside the shipped one is in use' until_true answers 11 192.0.2.77
    must 'the setting is in force' runs_with '-m 2 '
    does 'See into it'
    from_postgrey
    ;;
  source)
    start_svscan
    does 'From source, below /usr/local'
    must 'the daemon answers' until_true answers 01 192.0.2.1
    postfix_and_exim
    qmail_family
    look_after_it /etc/greylist
    ;;
  steps)
    start_svscan
    does 'From source, step by step'
    must 'the daemon answers' until_true answers 01 192.0.2.1
    look_after_it /etc/indimail/control
    ;;
  manual) manual ;;
  fronts) manual_of_fronts ;;
esac
exit $((failures > 0))
