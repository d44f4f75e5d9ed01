# TimeOut governs a parked connection, so it must be longer than an exchange: httpd does not start
# otherwise. Where the virtual host's own is not what counts, nobody is hurt.
# Once: it starts httpd with settings of its own
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Httpd;
use WxLogin::Test::Waiting;

my $COMMON = <<'CONF';
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
@SQLITE@
@ENDPOINTS@
CONF
my $CREDENTIALS = "WxLoginAppId \${WX_APP_ID}\nWxLoginAppSecret env:WX_APP_SECRET\n";

# TimeOut, timeout of an exchange, starts?
for my $row ([ 10, undef, 0 ], [ 11, undef, 1 ], [ 5, 5, 0 ], [ 5, 6, 0 ], [ 6, 5, 1 ], [ 60, 60, 0 ], [ 61, 60, 1 ]) {
    my ($timeout, $exchange, $starts) = @$row;
    my $name = "TimeOut $timeout, exchange " . ($exchange // 'as usual (10)');
    my ($status, $said) = WxLogin::Test::Httpd->configtest(
        "$COMMON$CREDENTIALS\nTimeOut $timeout\n" . ($exchange ? "WxLoginExchangeTimeout $exchange connect=1\n" : ''),
        loglevel => 'warn');
    if ($starts) {
        is $status, 0, $name or diag $said;
        next;
    }
    isnt $status, 0, $name;
    $exchange //= 10;
    like $said, qr/WXL0515: .*TimeOut $timeout is not longer than WxLoginExchangeTimeout $exchange: write TimeOut ${\($exchange + 5)} or more/,
        '... with a sentence that says what to write';
}
my ($status, $said) = WxLogin::Test::Httpd->configtest("$COMMON\nTimeOut 1\n", loglevel => 'warn');
is $status, 0, 'without credentials nobody waits, and any TimeOut will do' or diag $said;
($status, $said) = WxLogin::Test::Httpd->configtest(
    "$COMMON$CREDENTIALS\nListen 127.0.0.1:\@PORT2\@\n<VirtualHost 127.0.0.1:\@PORT2\@>\nTimeOut 3\n</VirtualHost>\n",
    ports => 2, loglevel => 'warn');
isnt $status, 0, 'TimeOut of a virtual host';
like $said, qr/WXL0515/, '... has its sentence, too';

# An exchange that ends when the other one's patience does: the answer is one of the two, and
# whatever comes late is thrown away.
subtest 'at the very end' => sub {
    my $wechat = WxLogin::Test::FakeWeChat->new;
    my $httpd = waiting_httpd($wechat, threads => 8, timeout => 1, exact => 1, more => "TimeOut 10\n")->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my ($child) = $httpd->children;
    my @codes = map { $wechat->code(latency => 960 + 5 * $_) } 0 .. 19;
    my $began = time;
    my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes)->answers(8);
    my $count = statuses(@res);
    is +($count->{200} // 0) + ($count->{503} // 0), 20, 'twenty at the edge: in time, or not' or diag explain $count;
    error_ok($_, 503, 'SERVICE_UNAVAILABLE') for grep { $_->{status} == 503 } @res;
    $log->announce(qr/WXL051[34]/);
    sleep 1;
    is_deeply [ $httpd->children ], [$child], 'the child lives';
    is get($httpd, '/index.html')->{status}, 200, 'and serves';
    $log->done;
};

# The MPM takes the patience of a connection from the first server of its address: it may be too little
# for another server there, whose sign-ins then wait in a thread.
subtest 'another server of the same address' => sub {
    my $wechat = WxLogin::Test::FakeWeChat->new;
    my $httpd = waiting_httpd($wechat, threads => 8, timeout => 6, exact => 1, ports => 2, more => <<'CONF')->start;
Listen 127.0.0.1:@PORT2@
<VirtualHost 127.0.0.1:@PORT2@>
    ServerName first
    TimeOut 2
    WxLoginExchangeTimeout 1 connect=1
    @ENDPOINTS@
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT2@>
    ServerName second
    TimeOut 20
    @ENDPOINTS@
</VirtualHost>
CONF
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my @codes = $wechat->codes(3, latency => 3000, openid => 'oPatient');
    my @res = parallel($httpd->at(2), map { login($_) =~ s/^Host: .*?\r$/Host: second\r/mr } @codes);
    is_deeply statuses(@res), { 200 => 3 }, 'three have the time of their own server';
    is scalar(grep { $wechat->asked($_) != 1 } @codes), 0, 'each was asked once';
    $log->done;
};

done_testing;
