package House;

# The source as the rules of the house see it.  Run from the top of the tree, by prove.
# Everything here counts what it found: a rule that looked at nothing must not pass.

use strict;
use warnings;
use Exporter 'import';
use File::Find ();
use Test::More ();

our @EXPORT = qw(modules_files core_files tests_files below slurp code lines_of functions rule found);

sub modules_files { return ('mod_wxlogin.c', sort glob 'modules/*/*.[ch]') }
sub core_files    { return grep { !m{^modules/web/|^mod_} } modules_files() }
sub tests_files   { return sort glob 't/unit/*.[ch] t/fuzz/*.[ch] t/fuzz/*/*.[ch]' }

# Every file below the given folders, without what is built or left behind by a run.
sub below {
    my @files;
    my $skip = qr{^(?:\.git|\.libs|build|tmp|t/logs|t/htdocs)(?:/|$)};
    File::Find::find({ no_chdir => 1, wanted => sub {
        (my $name = $_) =~ s{^\./}{};
        return $File::Find::prune = 1 if $name =~ $skip;
        push @files, $name if -f && !-l;
    } }, @_);
    return sort @files;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<:encoding(UTF-8)', $name or die "$name: $!\n";
    local $/;
    return scalar <$fh>;
}

# C without its comments; with $no_strings also without what stands in strings.  Lines keep
# their numbers.
sub code {
    my ($text, $no_strings) = @_;
    my $blank = sub { my $s = shift; $s =~ s/[^\n]/ /g; $s };
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*")|('(?:\\.|[^'\\\n])*')}
              {defined $1 ? $blank->($1) : defined $2 ? ($no_strings ? '""' : $2) : $3}gse;
    return $text;
}

sub lines_of { return split /\n/, $_[0], -1 }

# Function definitions, as .clang-format lays them out: the brace alone in the first column.
# Gives { name, signature, line, length } each; length counts from the signature to the brace.
sub functions {
    my ($name) = @_;
    my @lines = lines_of(code(slurp($name), 1));
    my @found;
    for my $open (grep { $lines[$_] eq '{' } 0 .. $#lines) {
        my $first = $open;
        $first-- while $first > 0 && $lines[$first - 1] =~ /\S/ && $lines[$first - 1] !~ /^[#}]|;\s*$/;
        my $last = $open;
        $last++ while $last < $#lines && $lines[$last] !~ /^}/;
        my $signature = join ' ', @lines[$first .. $open - 1];
        $signature =~ s/__attribute__\(\(.*?\)\)\)?//g;
        next if $signature !~ /(\w+)\s*\(/ || $signature =~ /=/;
        push @found, { file => $name, name => $1, signature => $signature, line => $first + 1,
                       length => $last - $first + 1 };
    }
    return @found;
}

# One test: the rule, and everything that breaks it.
sub rule {
    my ($name, @broken) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = Test::More::ok(!@broken, $name);
    Test::More::diag("  $_") for @broken;
    return $good;
}

# One test: enough was looked at for the rules to mean something.
sub found {
    my ($count, $least, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = Test::More::ok($count >= $least, "looked at enough: $what");
    Test::More::diag("  found $count, expected at least $least") if !$good;
    return $good;
}

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

1;
