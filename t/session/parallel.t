# Fifty refreshes with one token at the same moment end in one chain, and the client of the original, who
# stores the access token alone, is served by each rotation that promises it.
# bench/soak/refresh.t does it two hundred times.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Sessions;

for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift);
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    $site->chains($_, 5) for qw(tolerant strict off);

    # off: never a sign-in but the first
    my $all = 40;
    is_deeply $site->original_client('off', $all), { 'sign-ins' => 1, 'expired 401' => $all, 'refresh 200' => $all, 'repeated 200' => $all },
        "off: $all expiries of the original's client";
    # tolerant: the first refresh token gives its successor again and again, as the client never uses that
    is_deeply $site->original_client('tolerant', $all), { 'sign-ins' => 1, 'expired 401' => $all, 'refresh 200' => $all, 'repeated 200' => $all },
        "tolerant: $all expiries of the same";
    # strict promises nothing else: it cannot tell a successor that was lost from one that was thrown away
    is_deeply $site->original_client('strict', $all), { 'sign-ins' => 1, 'expired 401' => $all, 'refresh 200' => $all, 'repeated 200' => $all },
        "strict: $all expiries of the same";
    $log->done;
};
done_testing;
