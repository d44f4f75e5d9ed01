#!/usr/bin/perl
# Log tags and problems: each tag means one thing, each problem speaks every language.
use strict;
use warnings;
use utf8;
use lib 't/house';
use Test::More;
use House;

my (%tag, @untagged);    # number => [places]
my $calls = 0;
for my $file (modules_files()) {
    my $text = code(slurp($file));
    my $line = sub { 1 + (substr($text, 0, $_[0]) =~ tr/\n//) };
    while ($text =~ /"WXL(\d{4}): /g) { push @{ $tag{ $1 + 0 } }, "$file:" . $line->($-[0]) }
    while ($text =~ /\b(?:fault|warn)\s*\(\s*\w+\s*,\s*(\d+)\s*,/g) { push @{ $tag{ $1 + 0 } }, "$file:" . $line->($-[0]) }
    while ($text =~ /\bap_log_\w*error\s*\((.*?)\)\s*;/gs) {
        $calls++;
        my $place = "$file:" . $line->($-[0]);
        push @untagged, $place if $1 !~ /"WXL(?:\d{4}|%04d): /;
    }
}
found($calls, 5, 'log lines');
rule('every log line has a tag', @untagged);

my $table = code(slurp('modules/base/problem.c'));
my ($enum) = code(slurp('modules/base/problem.h')) =~ /typedef enum \{(.*?)\} wxl_problem_t;/s;
my @problems = grep { !/^WXL_(?:OK|PROBLEMS)$/ } $enum =~ /\b(WXL_\w+)/g;
my %row;
while ($table =~ /(?<!\w)\[(WXL_\w+)\]\s*=\s*\{(.*?)\},?\n(?=\s*\n|\s*\[|\};)/gs) { $row{$1} = $2 }
for my $problem (grep { exists $row{$_} } @problems) {
    my ($number) = $row{$problem} =~ /\A\s*(?:\.tag\s*=\s*)?(\d+)\s*,/;
    push @{ $tag{$number} }, "problem $problem" if defined $number;
}
found(scalar @problems, 25, 'problems');
found(scalar keys %tag, 35, 'tags');
rule('every problem has its row in the table', grep { !$row{$_} } @problems);
rule('every row of the table is a problem', grep { my $n = $_; !grep { $_ eq $n } @problems, 'WXL_OK' } sort keys %row);
rule('every problem has a tag', grep { my $n = $_; !grep { grep { $_ eq "problem $n" } @$_ } values %tag } @problems);
rule('no tag is used twice', map { sprintf 'WXL%04d: %s', $_, join ', ', @{ $tag{$_} } } grep { @{ $tag{$_} } > 1 } sort { $a <=> $b } keys %tag);

my (@silent, $pairs);
for my $problem (@problems) {
    my @pair = map { [/"((?:\\.|[^"\\])*)"/g] } ($row{$problem} // '') =~ /\{((?:\s*"(?:\\.|[^"\\])*"\s*,?)+)\}/g;
    $pairs += @pair;
    push @silent, $problem if !@pair;
    for (@pair) {
        # adjacent strings are one: the Chinese part is what has a Han letter
        my @han = grep { /\p{Han}/ } @$_;
        my @english = grep { !/\p{Han}/ && /[a-z]/ } @$_;
        push @silent, "$problem: " . join ' | ', @$_ if !@han || !@english;
    }
}
rule('every problem speaks Chinese and English', @silent);
found($pairs, 30, 'texts in two languages');
my @used = grep { my $n = $_; grep { code(slurp($_), 1) =~ /\b$n\b/ } grep { !m{base/problem\.} } modules_files() } @problems;
rule('every problem can happen: some room names it',
     grep { my $n = $_; $n ne 'WXL_WECHAT_BUSY' && !grep { $_ eq $n } @used } @problems);

done_testing;
