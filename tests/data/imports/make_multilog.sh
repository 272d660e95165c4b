#!/bin/sh
# Makes the sample directory multilog/ beside it: lines of a qmail-smtpd that logs its sessions, and of
# those around it, through daemontools' multilog, which rotates.
# usage: make_multilog.sh        needs daemontools
set -eu
cd "$(dirname "$0")"
rm -rf multilog
mkdir multilog
line() { # kind result code reason mailfrom rcptto relay client
    echo "$1: result=$2 code=$3 reason=$4 detail= helo=mx.example mailfrom=$5 rcptto=$6 relay=$7 rcpthosts=yes size= authuser= authtype= encrypted=tls sslverified=no localip=198.51.100.25 localport=25 remoteip=$8 remoteport=40712 remotehost=mx.example qp= pid=2711"
}
{
    echo 'tcpserver: status: 1/40'
    echo 'tcpserver: pid 2711 from 192.0.2.1'
    echo 'tcpserver: ok 2711 mx.example.net:198.51.100.25:25 mx.example:192.0.2.1::40712'
    line qlogenvelope accepted 250 rcptto a@b.example joe@example.net no 192.0.2.1
    line qlogreceived accepted 250 queueaccept a@b.example joe@example.net no 192.0.2.1
    line qlogenvelope rejected 553 validrcptto a@b.example nobody@example.net no 192.0.2.66
    line qlogenvelope accepted 250 rcptto '' joe@example.net no 2001:db8::25
    line qlogenvelope accepted 250 rcptto 'x remoteip=203.0.113.9' joe@example.net no 192.0.2.67
    line qlogenvelope accepted 250 rcptto a@b.example joe@example.net no ''
    line qlogenvelope accepted 2500 rcptto a@b.example joe@example.net no 192.0.2.68
    line qlogenvelope rejected 451 'greylist,result=accepted' a@b.example joe@example.net no 192.0.2.69
    echo 'qmail-smtpd: 192.0.2.70 said result=accepted code=250'
    echo 'jgreylist[2712]: 192.0.2.71: GREY first time'
    printf 'octets \001\377 that are no text, and blanks   remoteip=192.0.2.72\n'
    line qlogenvelope accepted 250 rcptto b@b.example joe@example.net no ::ffff:192.0.2.3
} | multilog t s4096 n5 ./multilog
rm -f multilog/lock multilog/state
