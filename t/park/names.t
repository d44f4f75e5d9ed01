# The name of WeChat's host takes long to look up, or for ever: who waits for that very name waits,
# nobody else, and there are few threads for it.
# Once: it starts httpd with a look-up of its own
use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

plan skip_all => 'a checker is preloaded already' if $ENV{WX_REPORTS};

my $wechat = WxLogin::Test::FakeWeChat->new;
my $port = $wechat->port;
my @GONE = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'relogin');

# 127.0.0.1 on the first port; names on the second (for ever), third (slow), fourth (blocking) and fifth
my @NAMES = ([ 2, 'x.hang.test', '' ], [ 3, 'x.slow.test', '' ], [ 4, 'y.hang.test', 'WxLoginExchangeMode blocking' ],
             [ 5, 'x.mixed.test', '' ]);
my $more = join '', map { my ($n, $host, $line) = @$_; <<"CONF" } @NAMES;
Listen 127.0.0.1:\@PORT$n\@
<VirtualHost 127.0.0.1:\@PORT$n\@>
    WxLoginExchangeURL http://$host:$port
    $line
    \@ENDPOINTS\@
</VirtualHost>
CONF
my $httpd = waiting_httpd($wechat, threads => 8, children => 1, ports => 5, timeout => 4, connect => 2, more => $more);
my $so = $httpd->root . '/names.so';
my $c = dirname(__FILE__) . '/hanging_names.c';
plan skip_all => 'no C compiler' if system("cc -shared -fPIC -o '$so' '$c' -ldl 2>/dev/null") != 0;
$httpd->{env}{LD_PRELOAD} = $so;
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my ($child) = $httpd->children;

login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'an address needs no look-up');
my $before = load($child);

subtest 'a name that never comes' => sub {
    my @codes = $wechat->codes(20);
    my $waiting = WxLogin::Test::Waiting->send($httpd->at(2), map { login($_) } @codes);
    my ($worst, $n) = slowest(sub { post_json($httpd, '/api/login/', { code => $wechat->code(openid => 'oNames') }) }, 1.5);
    cmp_ok $worst, '<', WxLogin::Test::Process::slow(300), "$n other sign-ins meanwhile: the slowest took $worst ms";
    cmp_ok load($child)->{threads}, '<=', $before->{threads} + 6, 'few threads';
    my @res = $waiting->answers(10);
    is_deeply statuses(@res), { 503 => 20 }, 'who waited for the name hears of it';
    error_ok($_, @GONE) for @res[ 0, 19 ];
    cmp_ok $_->{took}, '<', 11, 'in the time of a connection, not of an exchange' for @res[ 0, 19 ];
    $log->announce(qr/WXL0(?:513|202|203|514)/);
};

# The breaker is open now: it takes five seconds
until_true(sub { post_json($httpd, '/api/login/', { code => $wechat->code })->{status} == 200 }, 8);

# port => a hundred sign-ins that need a name which nobody has looked up before
my %SLOW = ('a name that comes slowly' => 3, 'a name of which one look-up hangs' => 5);
for my $name (sort keys %SLOW) {
    subtest $name => sub {
        my $target = $httpd->at($SLOW{$name});
        my $already = $wechat->asked_in_all;
        my $here = load($child);    # the look-ups of those that hung may still be there
        my @codes = $wechat->codes(100, openid => 'oNames', latency => 100);
        my $waiting = WxLogin::Test::Waiting->send($target, map { login($_) } @codes);
        my $most = 0;
        until_true(sub {
            my $now = load($child)->{threads};
            $most = $now if $now > $most;
            return $wechat->asked_in_all >= $already + 100;
        }, 5);
        my @res = $waiting->answers(10);
        is_deeply statuses(@res), { 200 => 100 }, 'a hundred sign-ins';
        my ($worst) = sort { $b <=> $a } map { $_->{took} } @res;
        cmp_ok $worst, '<', 3.9, "the slowest took $worst s";
        cmp_ok $most, '<=', $here->{threads} + 4, "at most $most threads, $here->{threads} before";
        my ($best) = sort { $a <=> $b } map { post_json($target, '/api/login/', { code => $_ })->{took} } $wechat->codes(5);
        cmp_ok $best, '<', 0.25, 'then it is known';
    };
}

subtest 'blocking' => sub {
    my $res = post_json($httpd->at(4), '/api/login/', { code => $wechat->code });
    error_ok($res, @GONE);
    cmp_ok $res->{took}, '<', 11, 'no longer than a connection may take';
};
$log->done;

subtest 'a hard stop' => sub {
    my $waiting = WxLogin::Test::Waiting->send($httpd->at(2), map { login($_) } $wechat->codes(10));
    sleep 0.5;
    my $began = time;
    $httpd->signal('TERM');
    ok until_true(sub { !kill 0, $child }, 10), 'the child is gone';
    cmp_ok time - $began, '<', WxLogin::Test::Process::slow(1.2), 'within a second';
};

done_testing;
