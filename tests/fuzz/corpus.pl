# Inputs of a fuzz target as a text: one a line, printable ASCII as it is but for \\, else \xHH; the
# shortest first, as many as fit into 24 KiB.
# usage: corpus.pl pack DIRECTORY >TEXT; corpus.pl unpack DIRECTORY <TEXT
use strict;
use warnings;

my ($verb, $directory) = @ARGV;
die "usage: corpus.pl pack|unpack DIRECTORY\n" unless @ARGV == 2 && $verb =~ /^(?:un)?pack$/;
my $most = 24 << 10;

if ($verb eq 'unpack') {
    while (my $input = <STDIN>) {
        chomp $input;
        $input =~ s/\\(?:\\|x(..))/defined $1 ? chr hex $1 : '\\'/ge;
        open my $file, '>:raw', "$directory/kept.$." or die "$directory/kept.$.: $!\n";
        print $file $input;
    }
    exit 0;
}

my %lines;
for my $path (glob "'$directory'/*") {
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $input = do { local $/; <$file> } // '';
    $input =~ s/([^\x20-\x7e]|\\)/$1 eq '\\' ? '\\\\' : sprintf '\\x%02x', ord $1/ge;
    $lines{$input} = 1;
}
my $size = 0;
for my $line (sort { length $a <=> length $b || $a cmp $b } keys %lines) {
    $size += 1 + length $line;
    last if $size > $most;
    print "$line\n";
}
