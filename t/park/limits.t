# Too many wait for WeChat: the next one hears at once when to come again, and everything else is
# served as if nothing were.
# Once: it starts httpd with limits of its own
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;
my @BUSY = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'wait', retry_after => 1);

# They wait until they are released
sub hold {
    my ($httpd, $n) = @_;
    my $already = $wechat->asked_in_all;
    my @codes = $wechat->codes($n, openid => 'oLimits', hold => 1);
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes);
    is asked($wechat, $already + $n), $already + $n, "$n wait";
    return ($waiting, @codes);
}

# $room of them wait, the next is refused; then the room is free again. The log is told that there are too
# many, and in detail only who asks for it.
sub full {
    my ($httpd, $room, $log, $several) = @_;
    my ($waiting, @codes) = hold($httpd, $room);
    my @late = $wechat->codes(3);
    for my $code (@late) {
        my $res = post_json($httpd, '/api/login/', { code => $code });
        error_ok($res, @BUSY, name => 'one more');
        cmp_ok $res->{took}, '<', WxLogin::Test::Process::slow(0.5), 'at once';
        is $wechat->asked($code), 0, 'WeChat was not asked';
    }
    my ($worst) = slowest(sub { get($httpd, '/index.html') }, 0.5);
    cmp_ok $worst, '<', WxLogin::Test::Process::slow(700), "static pages meanwhile: $worst ms at most";
    $wechat->release(@codes);
    is_deeply statuses($waiting->answers(10)), { 200 => $room }, 'those who wait are answered';
    login_ok(post_json($httpd, '/api/login/', { code => $late[0] }), name => 'the refused code, later');
    ($waiting, @codes) = hold($httpd, $room);
    $wechat->release(@codes);
    is_deeply statuses($waiting->answers(10)), { 200 => $room }, 'all the room is there again';
    my @told = $log->lines(qr/:warn\].*WXL0535: as many sign-ins wait for WeChat in this child as may: 1 more/);
    ok @told >= 1 && @told <= ($several || $ENV{WX_SLOW} ? 3 : 1), 'it is told once in each child';
    $log->announce(qr/WXL0535/);
    is scalar(() = $log->lines(qr/:debug\].*WXL0203.*too many sign-ins wait/)), 3, 'a line for each, for debugging';
    return;
}

subtest 'parked' => sub {
    my $httpd = waiting_httpd($wechat, threads => 4, more => 'WxLoginExchangeLimit 12')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd, 12, $log);
    $log->done;
};

subtest 'of a virtual host' => sub {
    my $httpd = waiting_httpd($wechat, threads => 4, ports => 2, more => <<'CONF')->start;
WxLoginExchangeLimit 30
Listen 127.0.0.1:@PORT2@
<VirtualHost 127.0.0.1:@PORT2@>
    WxLoginExchangeLimit 5
    @ENDPOINTS@
</VirtualHost>
CONF
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd->at(2), 5, $log);
    my ($waiting, @codes) = hold($httpd, 20);
    error_ok(post_json($httpd->at(2), '/api/login/', { code => $wechat->code }), @BUSY, name => 'it counts all of the child');
    $wechat->release(@codes);
    is_deeply statuses($waiting->answers(10)), { 200 => 20 }, 'the other has room';
    $log->done;
};

# Whoever joins waits as well, and takes a place.
subtest 'joining' => sub {
    my $httpd = waiting_httpd($wechat, threads => 4, more => 'WxLoginExchangeLimit 5')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $code = $wechat->code(hold => 1);
    my $joining = WxLogin::Test::Waiting->send($httpd, map { login($code) } 1 .. 12);
    $joining->first(7, 10);
    $wechat->release($code);
    my @res = $joining->answers(10);
    is_deeply statuses(@res), { 200 => 5, 503 => 7 }, 'five of twelve with the same code';
    error_ok($_, @BUSY) for grep { $_->{status} == 503 } @res;
    $log->announce(qr/WXL0535/, 1);
    is $wechat->asked($code), 1, 'asked once';
    login_ok(post_json($httpd, '/api/login/', { code => $code }), name => 'later it is known');
    $log->done;
};

subtest 'blocking: half the threads' => sub {
    my $httpd = waiting_httpd($wechat, threads => 8, more => 'WxLoginExchangeMode blocking')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd, 4, $log);
    $log->done;
};

subtest 'worker: half the threads' => sub {
    my $httpd = waiting_httpd($wechat, mpm => 'worker', threads => 8)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd, 4, $log);
    $log->done;
};

subtest 'prefork: half the processes' => sub {
    my $httpd = waiting_httpd($wechat, mpm => 'prefork', threads => 8, more => 'StartServers 8')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd, 4, $log, 'several children');
    # one that is killed while it waits takes no place for ever
    my %before = map { $_ => load($_)->{fds} } $httpd->children;
    my ($waiting) = hold($httpd, 1);
    my ($busy) = sort { load($b)->{fds} - $before{$b} <=> load($a)->{fds} - $before{$a} } keys %before;
    CORE::kill('KILL', $busy);
    until_true(sub { !CORE::kill(0, $busy) }, 5);    # a zombie counts until httpd has looked
    $waiting->answers(3);
    ($waiting, my @codes) = hold($httpd, 4);
    $wechat->release(@codes);
    is_deeply statuses($waiting->answers(10)), { 200 => 4 }, 'a place of one who was killed is free again';
    $log->done;
};

subtest 'connections' => sub {
    my $httpd = waiting_httpd($wechat, threads => 8, more => "AsyncRequestWorkerFactor 4\nWxLoginExchangeLimit 500")->start;
    like $httpd->log, qr/WXL0530: a child can hold 32 waiting sign-ins, not the 500 of WxLoginExchangeLimit: raise AsyncRequestWorkerFactor to 79/,
        'the warning says what to raise';
    unlike $httpd->log, qr/WXL0531/, 'and nothing else';
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    full($httpd, 32, $log);
    $log->done;
    $httpd->config($httpd->{config} =~ s/AsyncRequestWorkerFactor 4/AsyncRequestWorkerFactor 79/r);
    $httpd->graceful;
    is scalar(() = $httpd->log =~ /WXL0530/g), 1, 'and when it is raised there is no warning';
};

SKIP: {
    chomp(my $had = qx(prlimit --pid $$ --nofile --noheadings --output SOFT,HARD 2>/dev/null) // '');
    my ($soft, $hard) = $had =~ /(\d+)\s+(\d+)/ or skip 'no prlimit here', 2;
    subtest 'open files' => sub {
        system("prlimit --pid $$ --nofile=560:$hard") == 0 or die;
        my $httpd = waiting_httpd($wechat, threads => 4, more => 'WxLoginExchangeLimit 50')->start;
        system("prlimit --pid $$ --nofile=$soft:$hard");
        like $httpd->log, qr/WXL0531: a child can hold 12 waiting sign-ins, not the 50 of WxLoginExchangeLimit: raise the limit of open files \(ulimit -n\) to 712/,
            'the warning says what to raise';
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        full($httpd, 12, $log);
        $log->done;
    };
    subtest 'hardly any open files' => sub {
        system("prlimit --pid $$ --nofile=90:$hard") == 0 or die;
        my $httpd = waiting_httpd($wechat, threads => 8, more => 'WxLoginExchangeLimit 50')->start;
        system("prlimit --pid $$ --nofile=$soft:$hard");
        my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0(?:203|535)/);
        my ($child) = $httpd->children;
        my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } $wechat->codes(30, latency => 300))->answers(10);
        my $count = statuses(@res);
        is +($count->{200} // 0) + ($count->{503} // 0), 30, 'in, or told to come again' or diag explain $count;
        ok $count->{200}, 'somebody is in';
        is_deeply [ $httpd->children ], [$child], 'the child lives';
        login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'afterwards');
        $log->done;
    };
}

done_testing;
