#!/usr/bin/perl
# What the shared object shows to the process it is loaded into.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my $module = '.libs/mod_wxlogin.so';
plan skip_all => "$module is not built" if !-e $module;
my @lines = qx(nm -D $module);
plan skip_all => 'nm is not installed' if $? == -1;

my @own = map { (split)[2] } grep { /^[0-9a-f]+ [A-TV-Z] / } @lines;
my @wanted = map { (split)[-1] } grep { / [Uw] / } @lines;
found(scalar @wanted, 50, 'symbols it takes from others');
rule('it exports its module record', (grep { $_ eq 'wxlogin_module' } @own) ? () : 'wxlogin_module is missing');
rule('it exports nothing else', grep { $_ ne 'wxlogin_module' } @own);
rule('it takes no symbol of ours from others', grep { /^wxl_/ } @wanted);
rule('it does not log or exit behind httpd\'s back', grep { /^(?:printf|puts|perror|syslog|exit|abort)(?:@|$)/ } @wanted);

my @needed = qx(readelf -d $module) ;
SKIP: {
    skip 'readelf is not installed', 1 if !@needed;
    my @twice = grep { /libapr|libaprutil|libpq|libsqlite/ } @needed;
    rule('it loads no library that httpd or a driver brings', @twice);
}

done_testing;
