# Three hundred sign-ins wait on four threads, and nobody notices.
# Once: it counts the threads of a child
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $N = 300;
my $wechat = WxLogin::Test::FakeWeChat->new;
my $httpd = waiting_httpd($wechat, threads => 4, timeout => 5)->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my ($child) = $httpd->children;
post_json($httpd, '/api/login/', { code => $wechat->code });
my $before = load($child);

for my $round (1, 2) {
    my $already = $wechat->asked_in_all;
    my @codes = $wechat->codes($N, openid => 'oMany', hold => 1);
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes);
    is asked($wechat, $already + $N), $already + $N, "$N wait";
    my $during = load($child);
    is $during->{threads}, $before->{threads}, "on $before->{threads} threads, as before";
    cmp_ok $during->{fds} - $before->{fds}, '<=', 4 * $N + 8, 'four descriptors each';
    cmp_ok $during->{kb} - $before->{kb}, '<', 100 * $N, "less than 100 KB each" if !$ENV{WX_REPORTS};
    my ($worst, $n) = slowest(sub { get($httpd, '/index.html') }, 0.7);
    cmp_ok $worst, '<', WxLogin::Test::Process::slow(200), "$n static pages meanwhile: the slowest took $worst ms";
    $wechat->release(@codes);
    my @res = $waiting->answers(30);
    is_deeply statuses(@res), { 200 => $N }, 'all are answered';
    is load_back($child, $before, 8, $N + 8), '', 'but for connections to WeChat, nothing of them stays';
    is scalar(grep { $wechat->last_request($_)->{reused} } @codes[ 0 .. 49 ]), 50, 'which served again' if $round == 2;
}
my $after;
ok until_true(sub { $after = load($child); $after->{fds} <= $before->{fds} + 12 }, 40), 'nobody asks: they are closed, all but those to the data base'
    or diag "descriptors $before->{fds} -> $after->{fds}";
cmp_ok $after->{kb} - $before->{kb}, '<', 3000 + 10 * $N, "memory is given back: $before->{kb} KB -> $after->{kb} KB" if !$ENV{WX_REPORTS};
login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'and it goes on');
is_deeply [ $httpd->children ], [$child], 'the same child';
$log->done;
done_testing;
