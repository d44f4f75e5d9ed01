# WeChat fails five times in a row: then nobody asks it for five seconds, in no child; one sign-in
# tries, and by how that ends the others are let in, or wait again.
# Once: it makes WeChat fail for the whole server
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;
my @BUSY = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'wait', retry_after => qr/^[1-5]$/);
my $NOONE = "Listen 127.0.0.1:\@PORT2\@\n<VirtualHost 127.0.0.1:\@PORT2\@>\n    WxLoginExchangeURL http://127.0.0.1:1\n"
    . "    \@ENDPOINTS\@\n</VirtualHost>\n";

sub failures {
    my ($target, $n, @order) = @_;
    return map { post_json($target, '/api/login/', { code => $_ }) } $wechat->codes($n, @order);
}

# Refused without a question.
sub is_open {
    my ($httpd, $name) = @_;
    my $code = $wechat->code;
    my $res = post_json($httpd, '/api/login/', { code => $code });
    my $fine = error_ok($res, @BUSY, name => $name);
    is $wechat->asked($code), 0, '... WeChat is not asked';
    cmp_ok $res->{took}, '<', WxLogin::Test::Process::slow(0.5), '... told at once';
    return $fine;
}

my %SICK = (
    'status 502'   => [ status => 502, html => 1 ],
    'no JSON'      => [ say => 'text' ],
    'errcode -1'   => [ errcode => -1 ],
    'reset'        => [ cut => 'reset' ],
    'silence'      => [ cut => 'silence' ],
    'refused'      => undef,
);
for my $kind (sort keys %SICK) {
    for my $mode ($kind eq 'silence' || $kind eq 'status 502' ? qw(auto blocking) : 'auto') {
        subtest "$kind, $mode" => sub {
            my @patience = $kind eq 'silence' ? (timeout => 2, exact => 1) : ();
            my $httpd = waiting_httpd($wechat, @patience, threads => 12, ports => 2, more => "WxLoginExchangeMode $mode\n$NOONE")->start;
            my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0513: WeChat failed 5 times in a row/, 1);
            my $target = $SICK{$kind} ? $httpd : $httpd->at(2);
            my @order = @{ $SICK{$kind} || [] };
            my $four = sub { $kind eq 'silence' ? parallel($target, map { login($_) } $wechat->codes(4, @order)) : failures($target, 4, @order) };
            my @res = $four->();
            error_ok($_, $kind eq 'errcode -1' ? (400, 'WECHAT_API_ERROR', errcode => -1) : (503, 'SERVICE_UNAVAILABLE', action => 'relogin')) for @res;
            login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'four are not enough');
            @res = $four->();
            error_ok($_, $_->{status}, $_->{json}{error_code}) for @res, failures($target, 1, @order);
            is_open($target, 'after five in a row');
            login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'who asks another host is not concerned') if !$SICK{$kind};
            $log->done;
        };
    }
}

subtest 'what the client did wrong does not count' => sub {
    my $httpd = waiting_httpd($wechat)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    for my $errcode (40029, 40163, 42003, 45011, 40226, 50002, 40013, 40125, 40164) {
        error_ok($_, 400, 'WECHAT_API_ERROR', errcode => $errcode) for failures($httpd, 2, errcode => $errcode);
    }
    error_ok($_, 500, 'INTERNAL_ERROR') for failures($httpd, 6, say => 'empty_object');
    error_ok(post_json($httpd, '/api/login/', {}), 400, 'BAD_REQUEST') for 1 .. 6;
    login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'open to all');
    $log->done;
};

subtest 'the whole story, for all children' => sub {
    my $httpd = waiting_httpd($wechat, children => 3, threads => 6, timeout => 3)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0513/, 1)->announce(qr/WXL0514: WeChat answers again/, 1)
        ->announce(qr/WXL020[23]|WXL053[01]/);
    my @res = failures($httpd, 4, cut => 'reset');
    my $closed = time;
    push @res, failures($httpd, 1, cut => 'reset');
    my $opened = time;
    my $asked = $wechat->asked_in_all;
    @res = parallel($httpd, map { login($_) } $wechat->codes(40));
    is_deeply statuses(@res), { 503 => 40 }, 'forty on three children: none may';
    my %pids = map { /\[pid (\d+):.*WXL0203/ ? ($1 => 1) : () } $log->lines(qr/WXL0203/);
    cmp_ok scalar keys %pids, '>', 1, 'several children said so';
    is_deeply [ grep { !/:debug\]/ } $log->lines(qr/WXL0203/) ], [], '... only to those who debug: the log was told when it opened';
    is $wechat->asked_in_all, $asked, 'WeChat was not asked';
    # it opened, and was asked, at some moment between these
    my $before = time;
    my $wait = post_json($httpd, '/api/login/', { code => $wechat->code })->{json}{retry_after};
    my ($least, $most) = map { POSIX::ceil(5 - $_) } time - $closed, $before - $opened;
    ok $wait >= $least && $wait <= $most, "come back in $wait s, of $least to $most that are left";

    # where a restart takes longer than the pause, another pause is made by a probe that fails
    for (1 .. 5) {
        $httpd->graceful;
        last if time - $opened < 4;
        sleep 5.1 - (time - $opened) if time - $opened < 5.1;
        failures($httpd, 1, cut => 'reset');
        $opened = time;
    }
    is_open($httpd, 'the new children know');
    $asked = $wechat->asked_in_all;

    sleep 5.1 - (time - $opened) if time - $opened < 5.1;
    my ($failing) = failures($httpd, 1, cut => 'reset');
    error_ok($failing, 503, 'SERVICE_UNAVAILABLE', action => 'relogin', name => 'the probe asks, in vain');
    is $wechat->asked_in_all, $asked + 1, 'one question';
    my $again = time;
    is_open($httpd, 'another pause');

    sleep 5.1 - (time - $again) if time - $again < 5.1;
    $asked = $wechat->asked_in_all;
    my @codes = $wechat->codes(20, hold => 1);
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes);
    $waiting->first(19, 10);
    $wechat->release(@codes);
    @res = $waiting->answers(10);
    is_deeply statuses(@res), { 200 => 1, 503 => 19 }, 'of twenty at once one is the probe';
    is $wechat->asked_in_all, $asked + 1, 'WeChat was asked once';
    error_ok($_, @BUSY) for grep { $_->{status} == 503 } @res;
    @res = parallel($httpd, map { login($_) } $wechat->codes(20));
    is_deeply statuses(@res), { 200 => 20 }, 'then all are let in';
    $log->done('each change was told once');
};

done_testing;
