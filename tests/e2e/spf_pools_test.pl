# Pools by SPF with a real DNS server: a provider's hosts are one client, once its record is known; it
# is asked for after the first deferral, and never spares that. Trouble with the DNS means no pool, and
# no longer wait. With -m 0 a retry passes at once; it comes from another port, as the same datagram from
# the same one is no retry. (A clock that stands would be the helper's, too.)
# usage: perl spf_pools_test.pl PATH-OF-QMAIL-GREYD PATH-OF-GREYCTL
use strict;
use warnings;
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use JSON::PP;
use NameServer;
use Test::More;
use Time::HiRes qw(time);

my ($program, $greyctl) = @ARGV;
own_network(@ARGV);
system 'ip', 'link', 'set', 'lo', 'up';
my $top = tempdir(CLEANUP => 1);
my @pids;
END { local $?; kill KILL => @pids if @pids }

my ($port, $count) = (2000, 0);
sub daemon {
    my $dir = "$top/" . ++$count;
    mkdir $dir;
    return Daemon->new(program => $program, dir => $dir, port => $port++) }
sub start { my ($daemon, @arguments) = @_;
    $daemon->start('-m', 0, @arguments, "127.0.0.1\@$daemon->{port}", 'context');
    push @pids, $daemon->{pid};
    return $daemon }
sub greyctl { my ($daemon, @words) = @_; return scalar `$greyctl --control $daemon->{dir}/context.control @words 2>&1` }
sub mail { my ($daemon, $client, $from, $to) = @_; return ask(asker($daemon->{port}), query($client, $from, $to // 'joe@here.example')) }
sub stored { my ($daemon) = @_; return join '', sort map { "$_\n" } map { s/ +/ /gr } grep { /spf:/ } split /\n/, greyctl($daemon, 'list') }
# What a first attempt has asked for is known, and what waited for it is noted.
sub noted { my ($daemon, $what) = @_; return wait_until(sub { index(greyctl($daemon, 'list', '--json'), $what) >= 0 }) }

mkdir "$top/dns";
my @zone = (
    'there.example TXT v=spf1',
    'provider.example TXT v=spf1 include:_spf.provider.example -all',
    '_spf.provider.example TXT v=spf1 ip4:198.51.100.0/25 ip6:2001:db8:1::/48 -all',
    'other.example TXT v=spf1 include:_spf.provider.example -all',
    'own.example TXT v=spf1 ip4:203.0.113.7 -all',
    'all.example TXT v=spf1 +all');
my $dns = unbound("$top/dns", 5301, ['example'], @zone);
push @pids, $dns;
my $resolver = '--resolver=127.0.0.1@5301';

subtest 'a provider that tries again from other addresses waits once' => sub {
    my $daemon = start(daemon(), $resolver);
    is mail($daemon, '198.51.100.1', 'ann@provider.example'), '01', 'the first attempt is deferred, as ever';
    ok noted($daemon, '"client":"spf:provider.example"'), 'its domain is looked up then, and the triplet waits for the pool, too';
    is mail($daemon, '203.0.113.1', 'ann@provider.example'), '01', 'a host that is not in the record is a stranger';
    is mail($daemon, '198.51.100.3', 'ann@provider.example'), '13', 'a third of its hosts passes: that is the good retry';
    is mail($daemon, '198.51.100.4', 'bob@provider.example', 'eve@here.example'), '12', 'the domain is known from there: other mail of it goes through';
    is mail($daemon, '2001:db8:1::1', 'bob@provider.example', 'eve@here.example'), '12', 'by IPv6 as well';
    is mail($daemon, '203.0.113.2', 'bob@provider.example', 'eve@here.example'), '01', 'and not from elsewhere';
    is mail($daemon, '198.51.100.4', 'bob@own.example'), '01', 'nor that of another domain from there';
    log_like $daemon, qr/^verdict=accept reason=passed client=198\.51\.100\.3 .*pool=spf:provider\.example /m, 'the log names the pool';
    like greyctl($daemon, qw(query 198.51.100.9 x@provider.example y@here.example)), qr/^accept: known .*spf:provider\.example/m, 'so does greyctl query';
    is $daemon->stop('KILL'), 'signal 9', 'it is killed';
    start($daemon, $resolver);
    mail($daemon, '198.51.100.5', 'cid@provider.example');  # whose networks are asked for anew
    ok wait_until(sub { mail($daemon, '198.51.100.6', 'cid@provider.example') eq '12' }), 'what it has earned is on the disk';
    is $daemon->stop, 0;
};

subtest 'who shares a provider with its victim gains nothing' => sub {
    my $daemon = start(daemon(), $resolver);
    is mail($daemon, '198.51.100.1', 'ann@provider.example'), '01', 'mail of one domain waits';
    ok noted($daemon, '"client":"spf:provider.example"'), 'as its pool';
    is mail($daemon, '198.51.100.66', 'spam@other.example'), '01', 'the neighbour of another domain waits as ever';
    ok noted($daemon, '"client":"spf:other.example"'), 'as its own pool';
    is mail($daemon, '198.51.100.66', 'forged@provider.example', 'eve@here.example'), '01', 'a forged sender is one of a domain that nothing has let in yet';
    is mail($daemon, '198.51.100.1', 'ann@provider.example'), '13', 'the first passes';
    is mail($daemon, '198.51.100.67', 'more@other.example'), '01', 'which is no pass for the other domain';
    is mail($daemon, '203.0.113.9', 'ann@provider.example', 'eve@here.example'), '01', 'a forger outside of the networks is a stranger';
    is mail($daemon, '203.0.113.9', 'any@all.example'), '01', 'who lists all of the Internet';
    is mail($daemon, '203.0.113.10', 'any@all.example'), '01', 'has no pool';
    unlike stored($daemon), qr/all\.example/, 'of it';
    is $daemon->stop, 0;
};

subtest 'the networks change between two attempts' => sub {
    my $daemon = start(daemon(), $resolver);
    is mail($daemon, '203.0.113.7', 'a@own.example'), '01', 'new';
    ok noted($daemon, '"client":"spf:own.example"'), 'as a pool';
    $daemon->stop;
    kill TERM => $dns;
    waitpid $dns, 0;
    mkdir "$top/dns2";
    push @pids, $dns = unbound("$top/dns2", 5301, ['example'], 'there.example TXT v=spf1', 'own.example TXT v=spf1 ip4:203.0.113.8 -all');
    start($daemon, $resolver);
    is mail($daemon, '203.0.113.9', 'b@own.example'), '01', 'somebody else brings the new ones';
    ok wait_until(sub { greyctl($daemon, qw(networks own.example)) =~ /203\.0\.113\.8/ }), 'which are known';
    is mail($daemon, '203.0.113.7', 'a@own.example'), '13', 'who is in them no more has its own wait to go by';
    is mail($daemon, '203.0.113.7', 'c@own.example', 'eve@here.example'), '12', 'and is known by itself';
    is $daemon->stop, 0;
};

for my $trouble (['that is not there', '--resolver=127.0.0.1@5399'], ['that is silent', '--resolver=127.0.0.1@5302'], ['that is not asked', '--look-ups=off'],
    ['that is asked for nothing', $resolver, '--pools=off']) {
    my ($what, @arguments) = @$trouble;
    my $silent = silent(5302);
    subtest "a DNS $what: no pool, and no longer wait" => sub {
        my $daemon = start(daemon(), @arguments);
        my $worst = 0;
        for my $n (1 .. 50) {
            my $begin = time;
            is mail($daemon, "198.51.100.$n", "u$n\@d$n.example"), '01', "first attempt $n";
            my $took = time - $begin;
            $worst = $took if $took > $worst;
        }
        ok $worst < 5, 'no answer waits for it';
        is mail($daemon, '198.51.100.101', 'u1@d1.example'), '01', 'another host is a stranger';
        is mail($daemon, "198.51.100.$_", "u$_\@d$_.example"), '13', "retry $_ passes" for 1 .. 50;
        is $daemon->stop, 0;
    };
}
done_testing;
