#!/usr/bin/perl
# Each fuzzer runs over its seed corpus: what was once found stays found.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my @fuzzers = map { m{^t/fuzz/(\w+)\.c$} } glob 't/fuzz/*.c';
found(scalar @fuzzers, 4, 'fuzzers');
for my $name (@fuzzers) {
    my $program = "build/unit/fuzz_$name";
    my @seeds = glob "t/fuzz/corpus/$name/*";
    found(scalar @seeds, 20, "seeds of $name");
    if (!-x $program) {
        fail("$program is built (make unit)");
        next;
    }
    my $said = qx($program t/fuzz/corpus/$name 2>&1);
    my $count = @seeds;
    is($?, 0, "$name: every seed is digested") or diag(substr $said, -2000);
    like($said, qr/^replayed $count$/m, "$name: all of them were");
}
my @seeds = grep { !-d } glob 't/fuzz/corpus/*/*';
rule('a seed is small', map { "$_: " . -s } grep { -s > 16384 } @seeds);
rule('a corpus belongs to a fuzzer', grep { my ($n) = m{([^/]+)$}; !grep { $_ eq $n } @fuzzers } glob 't/fuzz/corpus/*');

done_testing;
