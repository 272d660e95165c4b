# What a power cut leaves: from a trace of the daemon's calls (fault_injection.c) the disk is built
# as it is at its worst, with nothing but what was synced, at every moment; a daemon started on it must
# know whatever --sync promises. (A file is there by the last sync of its directory, and has the
# content of its own last sync.)
# usage: perl power_test.pl PATH-OF-QMAIL-GREYD PATH-OF-FAULT-INJECTION
use strict;
use warnings;
use Errno qw(EIO);
use File::Basename;
use lib dirname(__FILE__);
use Daemon;
use File::Temp qw(tempdir);
use Test::More;

my ($program, $library) = @ARGV;
die "usage: power_test.pl PATH-OF-QMAIL-GREYD PATH-OF-FAULT-INJECTION\n" unless $library;
my $port = first_port();

# The disk after the first `count` lines of the trace: what is on it for good, by name.
package Disk {
    sub new { return bless { at => 0, now => {}, file_of => {}, durable => {}, answers => 0 }, shift }
    sub apply {
        my ($self, $line) = @_;
        my ($call, @words) = split / /, $line;
        my ($now, $files) = @$self{qw(now file_of)};
        if ($call eq 'create') {
            my ($inode, $path) = @words;
            # A number that was another file's before is a new file.
            $now->{$path} = $files->{$inode} = { content => '', synced => '' } unless $now->{$path};
            $files->{$inode} = $now->{$path};
        } elsif ($call eq 'write') {
            $files->{ $words[0] }{content} .= pack 'H*', $words[1];
        } elsif ($call eq 'truncate') {
            my $file = $files->{ $words[0] };
            $file->{content} = substr $file->{content}, 0, $words[1];
        } elsif ($call eq 'sync') {
            my $file = $files->{ $words[0] };
            $file->{synced} = $file->{content};
        } elsif ($call eq 'syncdir') {
            $self->{durable} = {%$now};
        } elsif ($call eq 'rename') {
            $now->{ $words[1] } = delete $now->{ $words[0] };
        } elsif ($call eq 'link') {
            $now->{ $words[1] } = $now->{ $words[0] };
        } elsif ($call eq 'unlink') {
            delete $now->{ $words[0] };
        } elsif ($call eq 'answer') {
            $self->{answers}++;
        }
    }
    sub build {
        my ($self, $directory) = @_;
        for my $path (keys %{ $self->{durable} }) {
            main::spit($directory . '/' . $path =~ s{.*/}{}r, $self->{durable}{$path}{synced});
        }
    }
}

sub triplet { return query('192.0.2.1', 'a@x', "$_[0]\@y") }
sub read_trace { my ($file) = @_; return map { s/\n//r } grep {/\n/} split /^/, slurp($file) }

# Starts a daemon on that disk; those of the names that it does not know.
sub unknown {
    my ($disk, @names) = @_;
    my $dir = tempdir(CLEANUP => 1);
    $disk->build($dir);
    my $daemon = Daemon->new(program => $program, dir => $dir);
    $daemon->start('-v', 2, '127.0.0.1@' . ($port + 1), 'context');
    my $socket = asker($port + 1);
    my @unknown = grep { ask($socket, triplet($_)) ne '02' } @names;
    push @unknown, 'log: ' . $daemon->log if $daemon->log =~ /damaged|lost/;
    $daemon->stop('KILL');
    return @unknown;
}

# A daemon whose calls are traced; asks `names` one after another.
sub traced {
    my ($dir, @options) = @_;
    my %env = (LD_PRELOAD => $library, ASAN_OPTIONS => 'verify_asan_link_order=0',
        TRACE_FILE => "$dir/state/own/trace", FAULT_FILE => "$dir/state/own/fault");
    my $daemon = Daemon->new(program => $program, dir => $dir, env => \%env);
    mkdir "$dir/state";
    mkdir "$dir/state/own";    # within its reach
    $daemon->start('-v', 2, @options, "127.0.0.1\@$port", "$dir/state/context");
    return $daemon;
}
sub saves { my ($daemon, $count) = @_;
    $daemon->signal('USR1');
    return wait_until(sub { (() = $daemon->log =~ /^info: saved/mg) >= $count }) }

subtest 'always: what was answered is there, wherever the power is cut' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my $daemon = traced($dir, '--sync=always');
    my $socket = asker($port);
    my @asked;
    my $ask = sub { for (1 .. 3) { push @asked, 'n' . @asked; ask($socket, triplet($asked[-1])) } };
    $ask->();
    ok saves($daemon, 1);
    $ask->();
    spit("$dir/state/own/fault", 'fsync ' . EIO . " context.new\n");
    $daemon->signal('USR1');
    ok wait_until(sub { $daemon->log =~ /^error/m }), 'a save that fails leaves a journal behind';
    $ask->();
    unlink "$dir/state/own/fault";
    ok saves($daemon, 2);
    $ask->();
    # (The line of an answer comes after it.)
    ok wait_until(sub { @asked == grep {/^answer/} read_trace("$dir/state/own/trace") }), 'every answer is in the trace';
    $daemon->stop('KILL');
    $daemon->start('-v', 2, '--sync=always', "127.0.0.1\@$port", "$dir/state/context");
    $socket = asker($port);
    $ask->();
    is $daemon->stop, 0;

    my $disk = Disk->new;
    my $cuts = 0;
    my $last = '';
    for my $line (read_trace("$dir/state/own/trace")) {
        # At an answer, and before and after each sync and change of a name: nothing else matters.
        if ("$last $line" =~ /answer|sync|rename|unlink/ && $disk->{answers} > 0) {
            my @unknown = unknown($disk, @asked[0 .. $disk->{answers} - 1]);
            is "@unknown", '', "$disk->{answers} answers, then $line" if @unknown;
            $cuts++;
        }
        $disk->apply($line);
        $last = substr $line, 0, 12;
    }
    is join(' ', unknown($disk, @asked)), '', 'at the end';
    cmp_ok $cuts, '>', 20, "$cuts cuts";
};

subtest 'second: what was answered is there a little later, also in a journal that was turned away' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my $daemon = traced($dir, '--sync=second');
    my $socket = asker($port);
    my @asked;
    # Snapshots never end, so that the journals have it all.
    spit("$dir/state/own/fault", 'fsync ' . EIO . " context.new\n");
    for my $round (1, 2) {
        for (1 .. 5) { push @asked, 'n' . @asked; ask($socket, triplet($asked[-1])) }
        $daemon->signal('USR1');    # before the second is over: the journal goes unsynced
        for (1 .. 5) { push @asked, 'n' . @asked; ask($socket, triplet($asked[-1])) }
        my @unknown;
        ok wait_until(sub {
            my $disk = Disk->new;
            $disk->apply($_) for read_trace("$dir/state/own/trace");
            @unknown = unknown($disk, @asked);
            return !@unknown;
        }), 'all is on the disk' or diag "@unknown";
    }
    $daemon->stop('KILL');
};

subtest 'what is set aside is there before its name is another\'s' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my $daemon = traced($dir);
    my $socket = asker($port);
    my @names = map {"n$_"} 1 .. 5;
    ask($socket, triplet($_)) for @names;
    is $daemon->stop, 0;
    my $context = slurp("$dir/state/context") =~ s/^W/X/mr;
    spit("$dir/state/context", $context);
    unlink "$dir/state/own/trace";
    $daemon->start('-v', 2, "127.0.0.1\@$port", "$dir/state/context");
    $daemon->stop('KILL');

    # This disk began with the damaged file on it.
    my $disk = Disk->new;
    my $path = "$dir/state/context";
    $disk->{durable}{$path} = $disk->{now}{$path} = { content => $context, synced => $context };
    for my $line (read_trace("$dir/state/own/trace")) {
        $disk->apply($line);
        next unless $line =~ /^(?:sync|rename|link|unlink)/;
        my $kept = grep { $_->{synced} eq $context } values %{ $disk->{durable} };
        ok $kept, "the damaged file is there after: $line" or last;
        my $there = $disk->{durable}{$path} // { synced => '' };
        like $there->{synced}, qr/ n5\@y\n(?:.*\n)*end /, 'and its name has what could be read';
    }
    isnt $disk->{durable}{$path}{synced}, $context, 'in the end another file';
};

done_testing;
