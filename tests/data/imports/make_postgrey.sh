#!/bin/sh
# Makes the samples postgrey*.db_dump beside it: a real postgrey is asked, and its databases dumped.
# usage: make_postgrey.sh        needs postgrey, db5.3-util and perl
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
chmod 755 "$work"
postgrey=
cleanup() {
    [ -z "$postgrey" ] || kill "$postgrey" || :
    wait
    rm -rf "$work"
}
trap cleanup EXIT
owner=$(id -un)
group=$(id -gn)

start() { # directory option...
    directory=$work/$1
    shift
    mkdir "$directory"
    postgrey --unix="$directory/socket" --dbdir="$directory" --user="$owner" --group="$group" --delay=300 \
        "$@" >"$directory.log" 2>&1 &
    postgrey=$!
    until [ -S "$directory/socket" ]; do
        kill -0 "$postgrey" || { cat "$directory.log" >&2; exit 111; }
        sleep 0.2
    done
}
stop() {
    kill "$postgrey"
    wait "$postgrey" || :
    postgrey=
}
ask() { # directory time client sender recipient
    perl -MIO::Socket::UNIX -e '
        my ($socket, $time, $client, $sender, $recipient) = @ARGV;
        my $server = IO::Socket::UNIX->new($socket) or die "no postgrey: $!\n";
        print $server "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=$client\nclient_name=unknown\n",
            "sender=$sender\nrecipient=$recipient\npolicy_test_time=$time\n\n";
        <$server> =~ /^action=/ or die "no answer\n";' "$work/$1/socket" "$2" "$3" "$4" "$5"
}

start by_subnet
t=1795680000
for client in 192.0.2.1 198.51.100.77 2001:db8:1:2::3; do
    ask by_subnet $t $client a@b.example joe@example.net
done
ask by_subnet $((t + 400)) 192.0.2.2 A@b.example Joe@example.net # another host of the network: passes
ask by_subnet $((t + 410)) 198.51.100.77 a@b.example joe@example.net
ask by_subnet $((t + 100)) 2001:db8:1:2::3 a@b.example joe@example.net # early
ask by_subnet $((t + 10)) 192.0.2.1 '' joe@example.net
ask by_subnet $((t + 11)) 192.0.2.1 'x/y+news-17@b.example' 'a/b@example.net'
ask by_subnet $((t + 12)) 192.0.2.1 'back\slash@b.example' "$(printf 'caf\303\251@example.net')"
ask by_subnet $((t + 13)) 192.0.2.1 nobody joe@example.net
ask by_subnet $((t + 14)) 192.0.2.1 'news-17-x@b.example' joe@example.net
# A client that is known after five good retries.
for n in 1 2 3 4 5; do
    ask by_subnet $((t + 7200 * n)) 203.0.113.5 "u$n@b.example" joe@example.net
    ask by_subnet $((t + 7200 * n + 3600)) 203.0.113.5 "u$n@b.example" joe@example.net
done
stop
(cd "$work/by_subnet" && db5.3_dump -p postgrey.db && db5.3_dump postgrey_clients.db) >postgrey.db_dump

start by_host --lookup-by-host
ask by_host $t 192.0.2.1 a@b.example joe@example.net
ask by_host $((t + 400)) 192.0.2.1 a@b.example joe@example.net
ask by_host $t 2001:db8:1:2::3 a@b.example joe@example.net
stop
(cd "$work/by_host" && db5.3_dump -p postgrey.db) >postgrey_by_host.db_dump

start hashed --privacy
ask hashed $t 192.0.2.1 a@b.example joe@example.net
stop
(cd "$work/hashed" && db5.3_dump -p postgrey.db) >postgrey_privacy.db_dump
