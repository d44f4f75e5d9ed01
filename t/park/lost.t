# The MPM gives a parked connection up after an error of its own, and closes the descriptor that it polls.
# That number may belong to another by the time WeChat answers.
# Once: it starts httpd with a kernel of its own
use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Waiting;

plan skip_all => 'a checker is preloaded already' if $ENV{WX_REPORTS};

my $wechat = WxLogin::Test::FakeWeChat->new;
my $httpd = waiting_httpd($wechat, threads => 4, timeout => 5);
my $so = $httpd->root . '/lost_bell.so';
my $c = dirname(__FILE__) . '/lost_bell.c';
plan skip_all => 'no C compiler' if system("cc -shared -fPIC -o '$so' '$c' -ldl 2>/dev/null") != 0;
my $dir = $httpd->root . '/lost';
mkdir $dir;
$httpd->{env} = { LD_PRELOAD => $so, WX_LOST => $dir };
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my ($child) = $httpd->children;
login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'a sign-in');

sub seen {
    open my $fh, '<', "$dir/seen" or return '';
    return join '', readline $fh;
}

my $asked = $wechat->asked_in_all;
my @codes = $wechat->codes(3, hold => 1, openid => 'oLost');
my $others = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes[ 1, 2 ]);
is asked($wechat, $asked + 2), $asked + 2, 'two wait';
$httpd->write('lost/fail', '');
my $lost = WxLogin::Test::Waiting->send($httpd, login($codes[0]));
ok until_true(sub { seen() =~ /^closed$/m }, 10), 'the third cannot be polled, and its descriptor has been closed';
like $httpd->log, qr/apr_pollset_add failure in CONN_STATE_ASYNC_WAITIO/, '... by the MPM';
my $answered = $wechat->answered_in_all;
$wechat->release(@codes);
ok until_true(sub { $wechat->answered_in_all >= $answered + 3 }, 10), 'WeChat answers';
is_deeply statuses($others->answers(10)), { 200 => 2 }, 'those who wait are woken';
$httpd->write('lost/on', '');
ok until_true(sub { seen() =~ /^(?:rung|silent)$/m }, 10), 'the MPM goes on';
is_deeply statuses($lost->answers(10)), { closed => 1 }, 'the third client finds its connection closed';
is seen(), "closed\nsilent\n", 'who has the number now was not rung for, nor closed';
# the MPM ends such a child, in good order
ok until_true(sub { !kill 0, $child }, 10), 'the child ends';
login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'another one goes on');
$log->done;

done_testing;
