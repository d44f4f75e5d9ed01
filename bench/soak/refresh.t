# Two hundred rounds of fifty refreshes at the same moment, on Postgres and SQLite; two hundred
# expiries of the original's client.  t/session/parallel.t is the short form of it.
# Once: it takes its time
use strict;
use warnings;
use Test::More;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Postgres;
use WxLogin::Test::Sessions;

my $rounds = 200;
my $own = $ENV{WX_PG_HOST} || WxLogin::Test::Postgres->missing ? undef : WxLogin::Test::Postgres->new->start;
@ENV{qw(WX_PG_HOST WX_PG_PORT)} = ($own->host, $own->port) if $own;
for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift);
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    $site->chains($_, $rounds) for qw(tolerant strict off);
    for my $mode (qw(off tolerant)) {
        is_deeply $site->original_client($mode, $rounds),
            { 'sign-ins' => 1, 'expired 401' => $rounds, 'refresh 200' => $rounds, 'repeated 200' => $rounds },
            "$mode: $rounds expiries of the original's client";
    }
    $log->done;
};
done_testing;
