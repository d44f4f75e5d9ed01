# Once: needs no particular MPM.
# A table that is full: ten times as many clients as it was made for. No limit is turned off, the
# victim's slots are not freed, and afterwards everything is as before.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $SIZE = 100;

my $httpd = WxLogin::Test::Httpd->new(loglevel => 'info', config => snippet(<<"CONF"));
WxLoginRateLimitSize $SIZE
<Location /x>
    WxLoginRateLimit 3/10s name=full
</Location>
CONF
$httpd->start;
my @victims = map { [ 'X-Client' => "192.0.2.$_" ] } 1 .. 20;

my $c = WxLogin::Test::Limit->connect($httpd);
my $start = now();
for my $victim (@victims) { $c->ask('/x', @$victim) for 1 .. 3 }
is scalar(grep { $c->ask('/x', @$_)->{status} != 429 } @victims), 0, 'twenty clients have used up their limit';

my ($admitted, $attacks) = (0, 0);
for my $round (1 .. 3) {
    for my $i (0 .. 10 * $SIZE - 1) {
        $attacks++;
        $admitted++ if $c->ask('/x', 'X-Client' => sprintf '10.%d.%d.1', $i / 250, $i % 250)->{status} != 429;
    }
}
my @free = grep { $c->ask('/x', @$_)->{status} != 429 } @victims;
SKIP: {
    skip 'too slow here to say', 1 if now() - $start > 9.5;
    is scalar @free, 0, "$attacks requests of " . 10 * $SIZE . ' strangers have not freed one of them';
}
# 25 sets: each has room for eight clients and one shared row, of three events each in ten seconds
my $most = 25 * 9 * 3 * (1 + int((now() - $start) / 10));
cmp_ok $admitted, '<=', $most, "and no more than the table holds were admitted: $admitted of $most";
cmp_ok $admitted, '>', $SIZE, 'strangers who found room were served';

sleep 1 while now() < $start + 28;
is join(' ', map { statuses($httpd, '/x', 4, @{ $victims[$_] }) } 0 .. 2), join(' ', ('404 404 404 429') x 3),
    'when they have gone, everybody has a limit of their own again';
$httpd->graceful;
like $httpd->log, qr/\[wxlogin:notice\].*WXL0543: rate limit full 3\/10s goes on; so far \d+ requests were refused, [1-9]\d* came when there was no room/,
    'the log tells that there was no room';
done_testing;
