# A child ends while sign-ins are parked: in good order every one of them is answered first; on a hard
# stop nothing keeps it for a second.
# Once: it ends httpd in every way
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;
# fewer under valgrind: the module waits for the data base for 3 s, however slow all is
my $N = ($ENV{WX_SLOW} // 1) > 3 ? 40 : 100;

sub parked {
    my ($httpd, $n, %order) = @_;
    my $already = $wechat->asked_in_all;
    my @codes = $wechat->codes($n, openid => 'oTheEnd', %order);
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_, Connection => 'keep-alive') } @codes);
    is asked($wechat, $already + $n), $already + $n, "$n sign-ins are parked";
    return ($waiting, @codes);
}

sub all_answered {
    my ($waiting, $n, $name) = @_;
    my @res = $waiting->answers(20);
    is_deeply statuses(@res), { 200 => $n }, "$name: every one is answered";
    is_deeply [ grep { ($_->{headers}{connection} // '') ne 'close' } @res ], [], '... and told that the connection ends';
    return;
}

sub gone {
    my ($seconds, @pids) = @_;
    return until_true(sub { !grep { kill 0, $_ } @pids }, $seconds);
}

subtest 'graceful restart' => sub {
    my $httpd = waiting_httpd($wechat, children => 2, threads => 8, timeout => 5)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL053[01]/);
    my @old = $httpd->children;
    my ($waiting, @codes) = parked($httpd, $N, hold => 1);
    $httpd->graceful;
    login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'the new children serve meanwhile');
    $wechat->release(@codes);
    all_answered($waiting, $N, 'graceful');
    ok gone(4, @old), 'the old children are gone';
    is $httpd->children, 2, 'there are two new ones';
    $log->done;
};

subtest 'graceful stop' => sub {
    my $httpd = waiting_httpd($wechat, children => 2, threads => 8, timeout => 5)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my @old = $httpd->children;
    my ($waiting, @codes) = parked($httpd, $N, hold => 1);
    $httpd->signal('WINCH');
    ok until_true(sub { $httpd->log =~ /AH00492|caught SIGWINCH/ }, 10), 'httpd knows';
    $wechat->release(@codes);
    all_answered($waiting, $N, 'graceful-stop');
    ok gone(4, @old), 'the children are gone';
    ok defined $httpd->{process}->wait(WxLogin::Test::Process::slow(4)), 'and so is httpd';
    $log->done;
};

subtest 'MaxConnectionsPerChild' => sub {
    my $httpd = waiting_httpd($wechat, children => 2, threads => 8, timeout => 5, more => 'MaxConnectionsPerChild 20')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my @old = $httpd->children;
    my $already = $wechat->asked_in_all;
    my @codes = $wechat->codes($N, openid => 'oTheEnd', latency => 1500);
    my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes)->answers(25);
    is_deeply statuses(@res), { 200 => $N }, 'every one is answered';
    is $wechat->asked_in_all - $already, $N, 'each was asked about once';
    ok gone(5, @old), 'the old children are gone';
    is get($httpd, '/index.html')->{status}, 200, 'others serve';
    $log->done;
};

for my $mode ('stop', 'restart') {
    subtest "hard $mode" => sub {
        my $httpd = waiting_httpd($wechat, children => 2, threads => 8, timeout => 5)->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL053[01]/);
        my @old = $httpd->children;
        my ($waiting) = parked($httpd, 50, cut => 'silence');
        my $began = time;
        $httpd->signal($mode eq 'stop' ? 'TERM' : 'HUP');
        ok gone(10, @old), 'the children are gone';
        cmp_ok time - $began, '<', WxLogin::Test::Process::slow(1.2), 'within a second';
        my @res = $waiting->answers(5);
        is scalar(grep { ($_->{error} // '') eq 'timeout' } @res), 0, 'no client is left hanging';
        if ($mode eq 'restart') {
            ok until_true(sub { get($httpd, '/index.html')->{status} == 200 }, 5), 'it serves again';
            login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'and signs in');
        }
        $log->done;
    };
}

# Graceful every half second while sign-ins come and go; the soak test does this for longer.
subtest 'graceful again and again' => sub {
    my $httpd = waiting_httpd($wechat, children => 1, threads => 8, timeout => 5)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL053[01]/);
    my ($sent, %sum) = (0);
    my @old = $httpd->children;
    for my $round (1 .. 6) {
        my @codes = $wechat->codes(30, openid => 'oTheEnd', latency => 700);
        my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes);
        $httpd->signal('USR1');
        sleep 0.3;
        my $count = statuses($waiting->answers(20));
        $sum{$_} += $count->{$_} for keys %$count;
    }
    is_deeply \%sum, { 200 => 180 }, 'none is lost';
    ok gone(6, @old), 'the first child is gone';
    ok until_true(sub { my @now = $httpd->children; @now == 1 }, 6), 'one child is left';
    $log->done;
};

done_testing;
