#!/usr/bin/perl
# A header says what its room is and what each function does; names tell where a thing lives.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my @headers = grep { /\.h$/ } modules_files();
my ($declared, %broken) = (0);
my %where;    # function => header

for my $file (@headers) {
    my $text = slurp($file);
    my ($floor, $room) = $file =~ m{^modules/(\w+)/(\w+)\.h$};
    my $guard = 'WXL_' . uc($room) . '_H';
    push @{ $broken{head} }, $file if $text !~ m{\A/\*\n \* \Q$floor/$room\E: \S};
    push @{ $broken{guard} }, "$file: $guard" if $text !~ /^#ifndef $guard\n#define $guard\n/m || $text !~ /\n#endif\n\z/;
    push @{ $broken{body} }, $file if $file !~ /private/ && code($text) =~ /^(?:static|inline)\b/m;
    next if $room eq 'private';

    # blocks of declarations, divided by empty lines: a comment above the first is for the block
    (my $flat = $text) =~ s/__attribute__\(\(.*?\)\)\)//gs;
    $flat =~ s/\{[^{}]*\}/{}/gs;    # members of structs are not functions
    for my $block (split /\n\s*\n/, $flat) {
        my $code = code($block);
        my @names = $code =~ /^(?!typedef|#|extern\b|struct)[^\n(]*?\b(\w+)\s*\([^*]/mg;
        next if !@names;
        $declared += @names;
        $where{$_} = $file for @names;
        push @{ $broken{comment} }, "$file: $names[0]" if $block !~ m{\A\s*/\*};
        for my $name (@names) {
            my $want = $room eq 'endpoints' ? qr/^wxl_\w+_serve$/ : qr/^wxl_(?:\Q$room\E_\w+|\Q$room\E)$/;
            push @{ $broken{name} }, "$file: $name" if $name !~ $want && $name ne 'wxl_fail' && $name ne 'wxl_fail_field';
        }
    }
}
found(scalar @headers, 20, 'headers');
found($declared, 45, 'functions declared in them');
rule('a header opens with a comment that names its room', @{ $broken{head} || [] });
rule('a header is guarded by WXL_<FILE>_H', @{ $broken{guard} || [] });
rule('a header defines no function', @{ $broken{body} || [] });
rule('what a header declares has a comment', @{ $broken{comment} || [] });
rule('a function is called wxl_<file>_<verb>', @{ $broken{name} || [] });

my @functions = map { functions($_) } grep { /\.c$/ } modules_files();
my @public = grep { $_->{signature} !~ /\bstatic\b/ } @functions;
found(scalar @public, 45, 'public functions');
rule('a function is static, or stands in a header',
     map { "$_->{file}:$_->{line}: $_->{name}" } grep { !$where{ $_->{name} } } @public);
rule('what a header declares is defined', grep { my $n = $_; !grep { $_->{name} eq $n } @public } sort keys %where);
rule('a static function has no prefix',
     map { "$_->{file}:$_->{line}: $_->{name}" } grep { $_->{signature} =~ /\bstatic\b/ && $_->{name} =~ /^wxl_/ } @functions);

# What nobody but its own file and the tests asks for is too much.
my %text = map { $_ => code(slurp($_), 1) } modules_files();
my @idle;
for my $name (sort keys %where) {
    my ($home) = map { $_->{file} } grep { $_->{name} eq $name } @public;
    push @idle, "$name of $where{$name}" if !grep { $_ ne ($home // '') && $_ ne $where{$name} && $text{$_} =~ /\b$name\b/ } keys %text;
}
rule('what a header declares is used by another file', @idle);
rule('a .c file of a room opens with a comment that names it',
     grep { m{^modules/(\w+/\w+)\.c$} && slurp($_) !~ m{\A/\*\s+(?:\*\s+)?\Q$1\E: \S} } modules_files());

done_testing;
