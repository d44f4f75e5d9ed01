#!/usr/bin/perl
# What is written for people fits what the code does.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my @FIELDS = qw(Description Syntax Default Context);

# -- directives: code, docs, sample configuration
my $names = code(slurp('modules/web/directives.h'));
my %name_of = $names =~ /^#define (WXL_D_\w+) "(\w+)"/mg;
my @in_code = map { $name_of{$_} // $_ } code(slurp('modules/web/directives.c')) =~ /\bAP_INIT_\w+\(\s*"?(\w+)"?/g;
my $manual = -e 'docs/directives.md' ? slurp('docs/directives.md') : '';
my %section = $manual =~ /^## (WxLogin\w+)[^\n]*\n(.*?)(?=^## |\z)/msg;
found(scalar @in_code, 10, 'directives in the code');
found(scalar keys %section, 10, 'directives in docs/directives.md');
rule('every directive is documented', grep { !exists $section{$_} } @in_code);
rule('every directive that is documented exists', grep { my $n = $_; !grep { $_ eq $n } @in_code } sort keys %section);
rule("the manual gives its $_", do { my $field = $_; grep { $section{$_} !~ /^\W*$field:?\W*\S/m } sort keys %section }) for @FIELDS;
rule('its Syntax begins with its name', grep { $section{$_} !~ /^\W*Syntax\W*\Q$_\E\b/m } sort keys %section);

my @configurations = grep { -e } sort glob 'conf/*.conf t/conf/*.conf t/conf/*.conf.in';
my (@unknown, $uses);
my $roof = code(slurp('mod_wxlogin.c'));
my ($table) = $roof =~ /endpoints\[\] = \{(.*?)\n\};/s;
my @handlers = ($table // '') =~ /\{\s*"(wxlogin-[\w-]+)"/g;
for my $file (@configurations) {
    my $number = 0;
    for (lines_of(slurp($file))) {
        $number++;
        if (/^\s*#?\s*(WxLogin\w+)\s/ && !/^\s*#\s+\w+ \w+ \w+ [a-z]+ [a-z]+/) {
            $uses++;
            push @unknown, "$file:$number: $1" if !grep { lc eq lc $1 } @in_code;
        }
        if (/^\s*SetHandler\s+"?(wxlogin-[\w-]+)/) {
            $uses++;
            push @unknown, "$file:$number: $1" if !grep { $_ eq $1 } @handlers;
        }
    }
}
found(scalar @handlers, 3, 'handlers in the roof');
found($uses, 12, 'directives and handlers in configurations');
rule('every directive and handler of a configuration exists', @unknown);
my $sample = join '', map { slurp($_) } glob 'conf/*.conf';
rule('the sample configuration mounts every handler', grep { $sample !~ /SetHandler\s+\Q$_\E\b/ } @handlers);
rule('the sample configuration shows every directive', grep { $sample !~ /\b\Q$_\E\b/ } @in_code);
rule('docs name every handler', grep { $manual !~ /\Q$_\E/ } @handlers);

# -- the README and what it leads to
my @readmes = grep { -e } qw(README README.md README.zh-CN.md);
found(scalar @readmes, 2, 'READMEs');
for my $file (@readmes) {
    my $text = slurp($file);
    rule("$file names both commands", grep { $text !~ /^\W*make \Q$_\E\b/m } qw(run test));
}
my (@dead, $links);
for my $file (@readmes, glob 'docs/*.md') {
    my ($folder) = $file =~ m{^(.*/)};
    my $text = slurp($file);
    while ($text =~ /\]\((?!https?:|mailto:)([^)#\s]*)(?:#[^)]*)?\)/g) {
        next if $1 eq '';
        $links++;
        push @dead, "$file: $1" if !-e ($folder // '') . $1;
    }
}
rule('links between documents lead somewhere', @dead);
my %target = map { $_ => 1 } map { split } slurp('Makefile.apxs') =~ /^([a-z][a-z -]*):/mg;
found(scalar keys %target, 8, 'targets of make');
rule('a make command that a document names exists',
     map { my $f = $_; map { "$f: make $_" } grep { !$target{$_} } slurp($f) =~ /(?:^\s*|`|\$ )make ([a-z][a-z-]*)(?![a-z-])(?!\s+[a-z])/mg }
         @readmes, glob 'docs/*.md');

# -- codes and log tags that people look up
my $api = -e 'docs/api.md' ? slurp('docs/api.md') : '';
my %code = map { $_ => 1 } code(slurp('modules/base/problem.c')) =~ /"([A-Z]+(?:_[A-Z]+)+)"/g;
found(scalar keys %code, 10, 'error codes');
rule('docs/api.md names every error code', grep { $api !~ /\b$_\b/ } sort keys %code);

# -- words that belong to a workplace and not to the project
my (@words, $files);
my $word = join '|', '/work' . '/', 'fa' . 'rm-', '/tmp' . '/bash_jobs';
for my $file (grep { !/\.(?:so|o|png|gz)$/ && !m{^t/fuzz/corpus/} } below('.')) {
    open my $fh, '<:raw', $file or next;
    $files++;
    while (<$fh>) { push @words, "$file:$.: $&" if /(?:$word)/ }
}
found($files, 80, 'files of the project');
rule('nothing speaks of the place where it was written', @words);

done_testing;
