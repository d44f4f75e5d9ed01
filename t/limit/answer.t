# Once: needs no particular MPM.
# What a refused client is told, to the letter; what the log says of it; and the defaults.
use strict;
use warnings;
use utf8;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Env;
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $more = <<'CONF';
CustomLog logs/env "%>s %{WXLOGIN_ERROR}e"
@ENDPOINTS@
<Location /soon>
    WxLoginRateLimit 1/5s
</Location>
<Location /place>
    WxLoginRateLimit 1/60s
</Location>
Listen 127.0.0.1:@PORT2@
<VirtualHost 127.0.0.1:@PORT2@>
    WxLoginEnvironment production
    WxLoginAppId wx0123456789abcdef
    WxLoginAppSecret file:@ROOT@/secret
    WxLoginSecretKey file:@ROOT@/key
    WxLoginExchangeURL http://127.0.0.1:1
</VirtualHost>
Listen 127.0.0.1:@PORT3@
<VirtualHost 127.0.0.1:@PORT3@>
    WxLoginRateLimit 2/60s
</VirtualHost>
CONF

my $httpd = WxLogin::Test::Httpd->new(ports => 3, loglevel => 'info', config => snippet($more));
$httpd->write(secret => 'a5ec2e7a5ec2e7a5ec2e7a5ec2e7a5ec');
$httpd->write(key => 'x' x 40);
chmod 0600, map { $httpd->root . "/$_" } qw(secret key);
$httpd->start;
my ($production, $limited) = ($httpd->at(2), $httpd->at(3));
my $n = 0;
sub client { return ('X-Client' => '192.0.2.' . ++$n) }
sub lines { my $pattern = shift; return grep { /$pattern/ } split /\n/, $httpd->log }

subtest 'the body' => sub {
    my @me = client();
    post_json($limited, '/api/login/', { code => 'x' }, @me) for 1 .. 2;
    my $zh = post_json($limited, '/api/login/', { code => 'x' }, @me);
    error_ok($zh, 429, 'RATE_LIMIT_EXCEEDED', message => '请求过于频繁，请稍后再试', retry_after => qr/^(?:[345]\d|60)$/);
    is_deeply [ keys_of($zh->{body}) ], [qw(success code error error_code message action retry_after request_id)], 'order of keys';
    my $en = post_json($limited, '/api/v1/login', { code => 'x' }, @me, 'Accept-Language' => 'en');
    error_ok($en, 429, 'RATE_LIMIT_EXCEEDED', lang => 'en', message => 'Too many requests. Please try again later.',
             name => 'in English, under the other path: one count for all sign-in endpoints');
    is $en->{headers}{'ratelimit-limit'}, 2, 'RateLimit-Limit';
    is $en->{headers}{'ratelimit-remaining'}, 0, 'RateLimit-Remaining';
    is $en->{headers}{'ratelimit-reset'}, $en->{headers}{'retry-after'}, 'RateLimit-Reset';
    my $place = (map { get($httpd, '/place', @me) } 1 .. 2)[1];
    error_ok($place, 429, 'RATE_LIMIT_EXCEEDED', name => 'the same at a location of somebody else');
};

subtest 'successes' => sub {
    my @me = client();
    my @told = map { post_json($limited, '/api/login/', { code => 'x' }, @me)->{headers} } 1 .. 2;
    is join(' ', map { $_->{'ratelimit-remaining'} } @told), '1 0', 'RateLimit-Remaining';
    is join(' ', map { $_->{'ratelimit-limit'} } @told), '2 2', 'RateLimit-Limit';
    like $told[1]{'ratelimit-reset'}, qr/^(?:[345]\d|60)$/, 'RateLimit-Reset: when there will be more';
    ok !grep({ exists $_->{'retry-after'} } @told), 'no Retry-After';
};

subtest 'when Retry-After is over, the next one passes' => sub {
    my @me = client();
    # when each of them was sent and answered; the server decided at some moment in between
    my @first = (now(), get($httpd, '/soon', @me), now());
    sleep 0.3;
    my @second = (now(), get($httpd, '/soon', @me), now());
    my $wait = $second[1]{headers}{'retry-after'} // 0;
    my ($least, $most) = map { POSIX::ceil(5 - $_) } $second[2] - $first[0], $second[0] - $first[2];
    ok $wait >= $least && $wait <= $most, "rounded up: $wait s, from $least to $most";
    for (1 .. 5) { sleep 0.2; get($httpd, '/soon', @me) }
    my $left = $second[2] + $wait - now();
    sleep $left if $left > 0;
    is get($httpd, '/soon', @me)->{status}, 404, 'and asking in between has not made it longer';
};

subtest 'the log' => sub {
    my @me = client();
    get($httpd, '/place', @me) for 1 .. 20;
    my @lines = lines(qr/WXL0130: .*client 192\.0\.2\.$n /);
    is @lines, 1, 'nineteen refusals, one line';
    like $lines[0], qr/\[wxlogin:warn\].*GET \/place: 429 RATE_LIMIT_EXCEEDED: .* the rate limit <Location \/place> of 1\/60s/,
        'it says who, where and which';
    open my $fh, '<', $httpd->root . '/logs/env' or die;
    is scalar(grep { /^429 RATE_LIMIT_EXCEEDED$/ } <$fh>) >= 19, 1, 'WXLOGIN_ERROR is there for every one';
};

subtest 'the defaults' => sub {
    my @me = client();
    my @codes = map { post_json($production, $_, { code => 'x' }, @me)->{status} } ('/api/login/', '/api/v1/login/') x 4;
    is "@codes", '503 503 503 503 503 429 429 429', 'production: five sign-ins a minute';
    is get($production, '/api/login/', @me)->{status}, 405, 'another method does not count';
    is request($production, OPTIONS => '/api/login/', headers => \@me)->{status}, 204, 'nor does a question for the methods';
    my @refresh = map { post_json($production, '/api/token/refresh/', { refresh => 'x' }, @me)->{status} } 1 .. 62;
    is "@refresh[0 .. 61]", join(' ', (401) x 60, 429, 429), 'sixty refreshes a minute';
    is post_json($production, '/api/token/verify/', { token => 'x' }, @me)->{status}, 401, 'verify has none';
    is join(' ', map { post_json($httpd, '/api/login/', { code => 'x' }, @me)->{status} } 1 .. 8), join(' ', (200) x 8), 'development: none';
    is scalar(lines(qr/WXL0540: rate limit (?:login 5|refresh 60)\/1m: room for 100000 clients, \d+ bytes/)), 2,
        'their size is in the log';
};
done_testing;
