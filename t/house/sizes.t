#!/usr/bin/perl
# Short files, short functions, short lists of arguments, and how a line may look.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my %LIMIT = (function => 60, report => 40, file => 400, parameters => 5, columns => 100);
# Whose list of arguments is somebody else's.
my %THEIRS = (on_request => 'CURLOPT_PREREQFUNCTION of libcurl');

my @files = (modules_files(), tests_files());
my @functions = map { functions($_) } @files;
found(scalar @files, 60, 'C files');
found(scalar @functions, 200, 'functions');
found(scalar(grep { $_->{file} =~ m{^modules/} } @functions), 120, 'functions of the module');

sub parameters {
    my ($signature, $name) = @_;
    my ($list) = $signature =~ /\b\Q$name\E\s*\((.*)\)/s or return 0;
    1 while $list =~ s/\([^()]*\)//g;    # pointers to functions
    $list =~ s/,\s*\.\.\.//;
    return $list =~ /^\s*(?:void)?\s*$/ ? 0 : 1 + ($list =~ tr/,//);
}
sub at { return "$_[0]{file}:$_[0]{line}: $_[0]{name}" }

rule("a function has $LIMIT{function} lines at most", map { at($_) . " has $_->{length}" } grep { $_->{length} > $LIMIT{function} } @functions);
diag('longer than we like: ' . at($_) . " has $_->{length} lines")
    for grep { $_->{length} > $LIMIT{report} && $_->{file} !~ m{^t/} } @functions;
rule("a function takes $LIMIT{parameters} arguments at most",
     map { at($_) . ' takes ' . parameters($_->{signature}, $_->{name}) }
         grep { parameters($_->{signature}, $_->{name}) > $LIMIT{parameters} && !$THEIRS{ $_->{name} } } @functions);

my (%broken, %count);
for my $file (@files) {
    my $text = slurp($file);
    my @lines = lines_of($text);
    my @code = lines_of(code($text, 1));
    push @{ $broken{file} }, "$file has $#lines" if $#lines > $LIMIT{file};
    push @{ $broken{end} }, $file if $text !~ /[^\n]\n\z/;
    for my $i (0 .. $#lines) {
        my $at = "$file:" . ($i + 1);
        push @{ $broken{columns} }, "$at has " . length $lines[$i] if length($lines[$i]) > $LIMIT{columns};
        push @{ $broken{blank} }, $at if $lines[$i] =~ /[ \t\r]$/;
        push @{ $broken{tab} }, $at if $lines[$i] =~ /\t/;
        push @{ $broken{goto} }, $at if $code[$i] =~ /\bgoto\b/;
        push @{ $broken{aplogno} }, $at if $code[$i] =~ /\bAPLOGNO\b/;
        push @{ $broken{unsafe} }, "$at: $&" if $code[$i] =~ /\b(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|alloca|rand)\s*\(/
            && $file !~ m{^t/};
        push @{ $broken{todo} }, $at if $lines[$i] =~ /\b(?:TODO|FIXME|XXX)\b/ && $file !~ m{^t/};
        $count{lines}++;
    }
}
found($count{lines}, 4000, 'lines');
rule("a file has $LIMIT{file} lines at most", @{ $broken{file} || [] });
rule('a file ends with one line end', @{ $broken{end} || [] });
rule("a line has $LIMIT{columns} columns at most", @{ $broken{columns} || [] });
rule('no blank ends a line', @{ $broken{blank} || [] });
rule('no tab', @{ $broken{tab} || [] });
rule('no goto', @{ $broken{goto} || [] });
rule('no APLOGNO: our tags are WXLnnnn', @{ $broken{aplogno} || [] });
rule('no function of C that is known to hurt', @{ $broken{unsafe} || [] });
rule('no note to come back later', @{ $broken{todo} || [] });

done_testing;
