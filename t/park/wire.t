# A connection whose sign-in is parked is a connection like any other: it is kept, pipelined on, half
# closed and broken, and nothing of it stays behind.
# Once: it watches the descriptors of a child
use strict;
use warnings;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;
my $httpd = waiting_httpd($wechat, threads => 8, more => "KeepAliveTimeout 10\n")->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my @KEEP = (Connection => 'keep-alive');
my $STATIC = http_request(GET => '/index.html', undef, @KEEP);

login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'the first');

subtest 'kept and pipelined' => sub {
    my @codes = $wechat->codes(3, latency => 200);
    my $res = raw($httpd, join('', login($codes[0], @KEEP), $STATIC, login($codes[1], @KEEP), $STATIC, login($codes[2])),
                  all => 1, timeout => 5);
    my @all = @{ $res->{all} };
    is_deeply [ map { $_->{status} } @all ], [ (200) x 5 ], 'five answers' or diag substr $res->{raw}, 0, 2000;
    is_deeply [ map { $_->{json}{user}{openid} } @all[ 0, 2, 4 ] ], [ map { $wechat->openid_of($_) } @codes ], 'in order';
    is $all[$_]{body}, "it works\n", 'static between them' for 1, 3;
    is $wechat->asked($_), 1, 'asked once' for @codes;
};

# One after the other on one connection, which proves that it is polled again after each
subtest 'one connection' => sub {
    my $waiting = WxLogin::Test::Waiting->send($httpd, '');
    my ($fh) = $waiting->sockets;
    for my $latency (0, 1, 50, 200, 0) {
        my $code = $wechat->code(latency => $latency);
        syswrite $fh, login($code, @KEEP);
        my $got = '';
        until_true(sub { sysread($fh, $got, 65_536, length $got); $got =~ /"user":\{.*\}\}$/s }, 5);
        like $got, qr{^HTTP/1\.1 200 .*"openid":"\Q${\$wechat->openid_of($code)}\E"}s, "after $latency ms";
    }
    syswrite $fh, http_request(GET => '/index.html');
    is +($waiting->answers)[0]{body}, "it works\n", 'and a page';
};

subtest 'Expect and chunks' => sub {
    my @codes = $wechat->codes(2, latency => 200);
    my $body = encode({ code => $codes[0] });
    my $head = "POST /api/login/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n";
    my $res = raw($httpd, "${head}Expect: 100-continue\r\nContent-Length: ${\length $body}\r\n\r\n$body");
    login_ok($res, name => 'Expect', openid => $wechat->openid_of($codes[0]));
    is_deeply $res->{interim}, [100], 'one 100';
    $body = encode({ code => $codes[1] });
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length, $_ } substr($body, 0, 9), substr $body, 9;
    $res = raw($httpd, "${head}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-Trailer: x\r\n\r\n");
    login_ok($res, name => 'chunked', openid => $wechat->openid_of($codes[1]));
    $res = raw($httpd, login($wechat->code(latency => 100)), slow => 2, chunk => 7);
    login_ok($res, name => 'slowly');
};

subtest 'half closed, and with rubbish behind' => sub {
    my $code = $wechat->code(latency => 300);
    login_ok(raw($httpd, login($code), half_close => 1), name => 'half closed', openid => $wechat->openid_of($code));
    $code = $wechat->code(latency => 300);
    my $res = raw($httpd, login($code, @KEEP) . "\x16\x03rubbish\r\n\r\n", all => 1, timeout => 5);
    login_ok($res, name => 'rubbish behind', openid => $wechat->openid_of($code));
    is $res->{all}[1]{status}, 400, 'which gets its own answer' if $res->{all}[1];
    $res = raw($httpd, login($wechat->code(latency => 300)) . 'x' x 100_000, timeout => 5);
    is $res->{status}, 200, 'a lot of rubbish behind a last request';
};

subtest 'nobody there any more' => sub {
    my ($child) = $httpd->children;
    sleep 0.3;
    my $before = load($child);
    for my $how (qw(RST FIN both-and-rubbish)) {
        my @codes = $wechat->codes(20, hold => 1);
        my $already = $wechat->asked_in_all;
        my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_, @KEEP) } @codes);
        is asked($wechat, $already + 20), $already + 20, "$how: twenty wait";
        my $during = load($child);
        cmp_ok $during->{fds}, '>=', $before->{fds} + 40, '... which costs descriptors';
        is $during->{threads}, $before->{threads}, '... and no thread';
        for my $fh ($waiting->sockets) {
            syswrite $fh, 'GET / HTTP/1.1 and then nothing' if $how =~ /rubbish/;
            setsockopt $fh, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $how ne 'FIN';
            close $fh;
        }
        undef $waiting;
        $wechat->release(@codes);
        is load_back($child, $before, 8, 40), '', "$how: all is given back";    # WeChat's are kept
        is $wechat->asked($codes[0]), 1, 'WeChat was asked once';
    }
    is_deeply [ $httpd->children ], [$child], 'the same child';
    # what it held is free: the limit is not used up
    my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } $wechat->codes(40, latency => 300))->answers(8);
    is_deeply statuses(@res), { 200 => 40 }, 'forty more';
};

$log->done;
done_testing;
