#!/usr/bin/perl
# Completion as a person meets it: bash and zsh at a terminal, which are typed to, with a tab. Each
# shell then says what stands on its line.
# usage: completion_test.pl DIRECTORY      of what write_completion has written
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use IPC::Open2;
use Time::HiRes 'time';

my $written = abs_path($ARGV[0]) or die "usage: completion_test.pl DIRECTORY\n";
for my $needed ('/usr/share/bash-completion/bash_completion', '/usr/bin/zsh', '/usr/bin/script') {
    next if -e $needed;
    print "skipped: $needed is missing\n";
    exit 77;
}
my $failures = 0;
my $patience = 60; # seconds

sub ok {
    my ($what, $good, $seen) = @_;
    print(($good ? 'ok' : 'FAILED') . ": $what\n");
    return if $good;
    $failures++;
    print "  seen: $seen\n" if defined $seen;
}

# Where the shells are: names that break what quotes badly. Each that is run as a command would leave a
# file of the name "harm".
my $place = tempdir(CLEANUP => 1);
for my $file ('list one', '$(touch harm)', '`touch harm`', ';touch harm', "quo'te", "two\nlines", '-dash', '[a-z]*') {
    open my $out, '>', "$place/$file" or die "$file: $!";
}
mkdir "$place/a directory";

# A shell at a terminal of its own.
package Shell {
    sub start {
        my ($class, $name, $command, $setup) = @_;
        local $ENV{TERM} = 'dumb';
        delete local $ENV{PROMPT_COMMAND};
        my $self = bless {name => $name, seen => ''}, $class;
        $self->{pid} = IPC::Open2::open2($self->{out}, $self->{in}, 'script', '-qfc', $command, '/dev/null');
        $self->type("$setup\n");
        $self->type("echo rea''dy\n");
        $self->until_seen(qr/^ready/m);
        return $self;
    }
    sub type { my ($self, $text) = @_; syswrite $self->{in}, $text; }
    sub until_seen {
        my ($self, $pattern) = @_;
        my $end = Time::HiRes::time() + $patience;
        until ($self->{seen} =~ $pattern) {
            my $ready = '';
            vec($ready, fileno $self->{out}, 1) = 1;
            my $left = $end - Time::HiRes::time();
            if ($left <= 0 || !select($ready, undef, undef, $left)) { return }
            sysread($self->{out}, $self->{seen}, 65536, length $self->{seen}) or return;
        }
        return 1;
    }
    # What stands on the line after `text` and a tab, and what was shown meanwhile.
    sub complete {
        my ($self, $text) = @_;
        $self->{seen} = '';
        $self->type("$text\t\cT");
        $self->until_seen(qr/<<<.*?>>>/s) or return ("nothing: $self->{seen}", $self->{seen});
        my ($line) = $self->{seen} =~ /<<<(.*?)>>>/s;
        my $shown = $self->{seen};
        $self->type("\cU");
        return ($line, $shown);
    }
    sub end { my ($self) = @_; $self->type("\cUexit\n"); close $self->{in}; close $self->{out}; waitpid $self->{pid}, 0; }
}

package main;

my %shells = (
    bash => sub {
        # Found by bash-completion itself, by the name of the command.
        mkdir "$place/.data"; mkdir "$place/.data/bash-completion";
        symlink "$written/bash", "$place/.data/bash-completion/completions";
        local $ENV{XDG_DATA_HOME} = "$place/.data";
        return Shell->start('bash', 'bash --norc --noprofile -i',
            "cd '$place'; PS1='> '; bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; " .
            "bind 'set completion-query-items 1000'; bind 'set page-completions off'; " .
            ". /usr/share/bash-completion/bash_completion; " .
            q{say() { printf '<<%s%s>>>' '<' "$READLINE_LINE"; }; bind -x '"\C-t": say'});
    },
    zsh => sub {
        return Shell->start('zsh', 'zsh -f -i',
            "cd '$place'; PS1='> '; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste; fpath=('$written/zsh' \$fpath); " .
            "autoload -Uz compinit; compinit -u -D; setopt auto_list no_list_ambiguous no_list_beep; LISTMAX=0; " .
            "zstyle ':completion:*' insert-unambiguous yes; bindkey -e; bindkey '^U' kill-whole-line; bindkey '^I' complete-word; " .
            q{say() { printf '<<%s%s>>>' '<' "$BUFFER"; }; zle -N say; bindkey '^T' say});
    },
);

for my $name (sort keys %shells) {
    my $shell = $shells{$name}->();
    my $becomes = sub {
        my ($typed, $wanted) = @_;
        my ($line, $shown) = $shell->complete($typed);
        $line =~ s/ $// unless $wanted =~ / $/;
        ok("$name: '$typed' becomes '$wanted'", $line eq $wanted, "'$line' ($shown)");
    };
    my $offers = sub {
        my ($typed, @words) = @_;
        my ($line, $shown) = $shell->complete($typed);
        my @missing = grep { $shown !~ /(?<![\w-])\Q$_\E(?![\w-])/ } @words;
        ok("$name: '$typed' offers @words", !@missing, "without @missing: $shown");
    };
    my $stays = sub { $becomes->($_[0], $_[0]) };

    $becomes->('greyctl li', 'greyctl list');
    $becomes->('greyctl list --st', 'greyctl list --state' . ($name eq 'zsh' ? '=' : ''));
    $becomes->('greyctl list --state w', 'greyctl list --state waiting');
    $becomes->('greyctl import --format spam', 'greyctl import --format spamdb');
    $becomes->('greyctl list --state=w', 'greyctl list --state=waiting');
    $becomes->('greyctl --control /x list --state k', 'greyctl --control /x list --state known');
    $offers->('greyctl list --state ', qw(waiting bounce passed known));
    $offers->('greyctl ', qw(status stats query list show forget allow block unlist watch top save expire reload check));
    $becomes->('greyctl top n', 'greyctl top networks');
    $offers->('svctool --grey', qw(--greylist --greyip));
    $becomes->('svctool --greyl', 'svctool --greylist' . ($name eq 'zsh' ? '=' : ''));
    $becomes->('svctool --supervise ru', 'svctool --supervise runit');
    $becomes->('svctool --unset MIN', 'svctool --unset MIN_RESEND_MIN');
    $becomes->('svctool --set MIN', 'svctool --set MIN_RESEND_MIN=');
    $becomes->('svctool --set MIN_RESEND_MIN=2 --set DRY', 'svctool --set MIN_RESEND_MIN=2 --set DRY_RUN=');
    $becomes->('svctool --user roo', 'svctool --user root');
    $offers->('qmail-greyd --sync ', qw(always second never));
    $becomes->('qmail-greyd --sync=al', 'qmail-greyd --sync=always');
    $becomes->('qmail-greyd -m 5 --sync ne', 'qmail-greyd -m 5 --sync never');
    $becomes->('greydaemon --recipient-key n', 'greydaemon --recipient-key none');
    $becomes->('qmail-greyd --control-group game', 'qmail-greyd --control-group games');
    # An address has colons, which bash takes for ends of words.
    $becomes->('greyctl query 2001:db8::1 --js', 'greyctl query 2001:db8::1 --json');

    # Names of files are whole words on the line that is run.
    $becomes->('qmail-greyd --whitelist lis', 'qmail-greyd --whitelist list\ one');
    $becomes->('qmail-greyd --whitelist=lis', 'qmail-greyd --whitelist=list\ one');
    $becomes->('greyctl --service a', 'greyctl --service a\ directory/');
    $stays->('greyctl --service lis'); # no directory
    $becomes->('qmail-greyd --whitelist \$', 'qmail-greyd --whitelist \$\(touch\ harm\)');
    $becomes->('qmail-greyd --whitelist \;', 'qmail-greyd --whitelist \;touch\ harm');
    for my $hostile ('qmail-greyd --whitelist ', 'qmail-greyd $(touch harm) --sy', 'qmail-greyd `touch harm` --sy',
        'greyctl $(touch harm) li', q{greyctl "$(touch harm)" list --st}, 'svctool --user $(touch harm)',
        q{svctool --set '$(touch harm)' --unset M}, 'greyctl list --state $(touch harm)', 'greyctl list --state "wa',
        'greyctl list --state *', "greyctl 'quo", 'greyctl --', 'greyctl = ', 'greyctl :', 'svctool --=', 'svctool --whitelist==') {
        $shell->complete($hostile);
        ok("$name: '$hostile' does no harm", !-e "$place/harm" && $shell->{seen} !~ /error|not found|bad |unmatched|parse/i, $shell->{seen});
    }
    $becomes->('greyctl li', 'greyctl list'); # it goes on as before
    $shell->end;
}
exit($failures ? 1 : 0);
