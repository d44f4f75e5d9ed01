# A code is sent two, ten, a hundred times at once: WeChat is asked once, and everybody is signed in.
# Once: it starts an httpd for each MPM
use strict;
use warnings;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Token;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;

# The sids of all sessions of the one who got this answer.
sub sessions_of {
    my ($httpd, $res) = @_;
    my $list = request($httpd, GET => '/api/sessions/', headers => [ Authorization => "Bearer $res->{json}{access}" ]);
    return map { $_->{id} } @{ $list->{json}{sessions} };
}

# All signed in as the same user, each with an access token of its own, in one session.
sub one_user {
    my ($httpd, $name, $code, @res) = @_;
    is_deeply statuses(@res), { 200 => scalar @res }, "$name: all are signed in" or return;
    login_ok($res[-1], name => "$name: the last one", openid => $wechat->openid_of($code));
    my %ids = map { $_->{json}{user}{id} => 1 } @res;
    is keys %ids, 1, "$name: the same user";
    my %tokens = map { $_->{json}{access} => 1 } @res;
    is keys %tokens, @res, "$name: access tokens of their own";
    my %sessions = map { (jwt_claims($_->{json}{access})->{sid} => 1, jwt_claims($_->{json}{refresh})->{sid} => 1) } @res;
    is keys %sessions, 1, "$name: of one session";
    my %refresh = map { jwt_claims($_->{json}{refresh})->{jti} => 1 } @res;
    is keys %refresh, 1, "$name: with one refresh token";
    is_deeply [ sessions_of($httpd, $res[0]) ], [ keys %sessions ], "$name: the user has this session and no other";
    is $wechat->asked($code), 1, "$name: WeChat was asked once";
    return (keys %ids)[0];
}

my %SETUP = (
    'event, parked'   => [ mpm => 'event', children => 3, threads => 8 ],
    'event, blocking' => [ mpm => 'event', children => 2, threads => 220, more => 'WxLoginExchangeMode blocking' ],
    worker            => [ mpm => 'worker', children => 2, threads => 220 ],
    prefork           => [ mpm => 'prefork', children => 1, threads => 220, more => "StartServers 20\nMaxSpareServers 220" ],
);
for my $setup (sort keys %SETUP) {
    subtest $setup => sub {
        my $httpd = waiting_httpd($wechat, timeout => 5, @{ $SETUP{$setup} })->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        for my $n (2, 10, 100) {
            my $code = $wechat->code(latency => 500);
            my $id = one_user($httpd, "$n times", $code, parallel($httpd, map { login($code) } 1 .. $n));
            my $again = one_user($httpd, "$n times, later", $code, map { post_json($httpd, '/api/login/', { code => $code }) } 1 .. 3);
            is $again, $id, "$n times, later: the same user as before";
        }
        my $refused = $wechat->code(errcode => 40029, latency => 500, errmsg => 'invalid code, rid: 1');
        my @res = parallel($httpd, map { login($refused) } 1 .. 10);
        error_ok($_, 400, 'WECHAT_API_ERROR', errcode => 40029, errmsg => 'invalid code, rid: 1') for @res;
        is $wechat->asked($refused), 1, 'a refusal is shared: WeChat was asked once';
        my $other = $wechat->code(latency => 200, say => 'empty_object');
        error_ok($_, 500, 'INTERNAL_ERROR', error => 'Invalid WeChat response') for parallel($httpd, map { login($other) } 1 .. 5);
        is $wechat->asked($other), 1, 'what is no answer is shared, too';
        my $cut = $wechat->code(latency => 200, cut => 'reset');
        error_ok($_, 503, 'SERVICE_UNAVAILABLE', action => 'relogin') for parallel($httpd, map { login($cut) } 1 .. 5);
        is $wechat->asked($cut), 1, 'a failure counts once, for the breaker as well';
        login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'which is closed');
        $log->done;
    };
}

my $httpd = waiting_httpd($wechat, children => 3, threads => 8, timeout => 5)->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);

subtest 'a quota has its time to wait, for all' => sub {
    my $code = $wechat->code(errcode => 45011, latency => 300);
    error_ok($_, 400, 'WECHAT_API_ERROR', errcode => 45011, action => 'wait', retry_after => 60)
        for parallel($httpd, map { login($code) } 1 .. 6);
    is $wechat->asked($code), 1, 'asked once';
};

subtest 'the first one leaves' => sub {
    for my $how (qw(RST FIN)) {
        my $code = $wechat->code(hold => 1);
        my $first = WxLogin::Test::Waiting->send($httpd, login($code));
        until_true(sub { $wechat->asked($code) }, 5);
        my $others = WxLogin::Test::Waiting->send($httpd, map { login($code) } 1 .. 5);
        my ($fh) = $first->sockets;
        setsockopt $fh, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $how eq 'RST';
        close $fh;
        $wechat->release($code);
        one_user($httpd, $how, $code, $others->answers(10));
    }
};

subtest 'across a graceful restart' => sub {
    my $code = $wechat->code(hold => 1);
    my $before = WxLogin::Test::Waiting->send($httpd, map { login($code) } 1 .. 5);
    until_true(sub { $wechat->asked($code) }, 5);
    $log->announce(qr/WXL053[01]/);
    $httpd->graceful;
    my $after = WxLogin::Test::Waiting->send($httpd, map { login($code) } 1 .. 5);
    $wechat->release($code);
    one_user($httpd, 'before and after', $code, $before->answers(20), $after->answers(20));
    $httpd->graceful;
    one_user($httpd, 'after another one', $code, post_json($httpd, '/api/login/', { code => $code }));
};

subtest 'pipelined' => sub {
    my $code = $wechat->code(latency => 300);
    my $res = raw($httpd, join('', map { login($code, Connection => 'keep-alive') } 1 .. 3) . login($code), all => 1, timeout => 6);
    one_user($httpd, 'four times', $code, @{ $res->{all} });
};

subtest 'codes that are nearly the same' => sub {
    my ($code) = $wechat->code;
    my @codes = ($code, "${code}1", lc("X$code"), uc "x$code", substr $code, 1);
    my @res = parallel($httpd, map { login($_) } @codes);
    is_deeply statuses(@res), { 200 => 5 }, 'all signed in';
    my %ids = map { $_->{json}{user}{id} => 1 } @res;
    is keys %ids, 5, 'five users';
    login_ok(post_json($httpd, '/api/login/', { code => "  $code\n" }), name => 'blanks around it do not count', openid => $wechat->openid_of($code));
    is $wechat->asked($code), 1, 'asked once';
};

subtest 'not kept in clear' => sub {
    my @codes = map { $wechat->code(latency => 300) } 1 .. 3;
    my @res = parallel($httpd, map { (login($_), login($_)) } @codes);
    is_deeply statuses(@res), { 200 => 6 }, 'signed in';
    my ($child) = $httpd->children;
    no warnings 'portable';    # addresses have 64 bits
    my ($looked, @found) = (0);
    open my $maps, '<', "/proc/$child/maps" or die;
    open my $mem, '<:raw', "/proc/$child/mem" or return plan skip_all => 'memory cannot be read';
    for my $line (grep { / rw-s / } <$maps>) {
        my ($from, $to) = map { hex } $line =~ /^([0-9a-f]+)-([0-9a-f]+)/;
        sysseek $mem, $from, 0 or next;
        sysread $mem, my $bytes, $to - $from or next;
        $looked += length $bytes;
        push @found, grep { index($bytes, $_) >= 0 } @codes, map { $wechat->session_key_of($_) } @codes;
    }
    cmp_ok $looked, '>', 10_000_000, "looked at $looked bytes of shared memory";
    is_deeply \@found, [], 'no code and no session_key in it';
    is_deeply [ grep { index($httpd->log, $_) >= 0 } @codes ], [], 'nor in the log';
};

$log->done;
done_testing;
