# WeChat dies, hangs, flaps, talks rubbish, loses its name and comes back, under load: after each change the server
# serves again within the breaker's time, and in the end nothing is left behind.
# Once: it takes its time (SOAK_SECONDS, 600)
use strict;
use warnings;
use File::Basename qw(dirname);
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $seconds = $ENV{SOAK_SECONDS} || 600;
my $TIMEOUT = 2;
# the breaker's pause, an exchange that was under way before, and what a busy machine takes
my $AGAIN = 5 + $TIMEOUT + 3;

my ($port) = WxLogin::Test::Process->free_ports(1);
my $wechat = WxLogin::Test::FakeWeChat->new(port => $port);
# the second port asks the same WeChat by a name that may be gone
my $httpd = waiting_httpd($wechat, children => 2, threads => 16, timeout => $TIMEOUT, ports => 2, more => <<"CONF");
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginExchangeURL http://x.gone.test:$port
    \@ENDPOINTS\@
</VirtualHost>
CONF
my $names = $httpd->root . '/names.so';
my $c = dirname(__FILE__) . '/../../t/park/hanging_names.c';
plan skip_all => 'no C compiler' if system("cc -shared -fPIC -o '$names' '$c' -ldl 2>/dev/null") != 0;
@{ $httpd->{env} }{qw(LD_PRELOAD WX_NAME_GONE)} = ($names, $httpd->root . '/gone');
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0(?:20[1-4]|51[34])/);

# One wave of sign-ins; a few leave early, a few send the same code.
my (%sum, $waves);
sub wave {
    my (@order) = @_;
    my @codes = eval { $wechat->codes(20, openid => 'oChaos', latency => int rand 300, @order) };
    # a WeChat that is gone takes no orders: any code will do
    @codes = map { 'chaos-' . ++$waves . "-$_" } 1 .. 20 if !@codes;
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes, @codes[ 0 .. 3 ]);
    close $_ for ($waiting->sockets)[ 10, 11 ];
    $_->{fh} = undef for @{ $waiting->{jobs} }[ 10, 11 ];
    my $count = statuses($waiting->answers($TIMEOUT * 3 + 5));
    $count->{none} -= 2;
    $sum{$_} += $count->{$_} for keys %$count;
    return $count;
}

# name => what goes on for a few seconds
my %TROUBLE = (
    'it dies and comes back'  => sub { $wechat->stop; wave() for 1 .. 4; $wechat = WxLogin::Test::FakeWeChat->new(port => $port) },
    'it hangs'                => sub { $wechat->{process}->signal('STOP'); wave_blind($httpd) for 1 .. 2; $wechat->{process}->signal('CONT') },
    'its name is gone'        => sub { $httpd->write('gone', ''); wave_blind($httpd->at(2)) for 1 .. 3; unlink $httpd->{env}{WX_NAME_GONE} },
    'it says nothing'         => sub { wave(cut => 'silence') for 1 .. 2 },
    'it breaks off'           => sub { wave(cut => (qw(before reset head body))[ rand 4 ]) for 1 .. 4 },
    'it talks rubbish'        => sub { wave(say => 'text') for 1 .. 3 },
    'it is busy'              => sub { wave(errcode => -1) for 1 .. 3 },
    'it flaps'                => sub { for (1 .. 4) { wave(cut => 'reset'); wave() } },
    'it is slow'              => sub { wave(latency => 1500) for 1 .. 2 },
    'it sends a flood'        => sub { wave(size => 5_000_000) for 1 .. 2 },
    'the server is restarted' => sub { $log->announce(qr/WXL053[01]/); $httpd->signal('USR1'); wave() for 1 .. 3 },
);

# A stopped WeChat takes no orders.
sub wave_blind {
    my $target = shift;
    my $waiting = WxLogin::Test::Waiting->send($target, map { login('blind-' . ++$waves) } 1 .. 20);
    my $count = statuses($waiting->answers($TIMEOUT * 3 + 5));
    $sum{$_} += $count->{$_} for keys %$count;
    return;
}

sub total {
    my %total = (fds => 0, threads => 0, kb => 0);
    for my $pid ($httpd->children) {
        my $load = load($pid);
        $total{$_} += $load->{$_} for keys %total;
    }
    return \%total;
}

wave() for 1 .. 5;
sleep 1;
my $before = total();
my ($until, $longest, $troubles, $late) = (time + $seconds, 0, 0, 0);
while (time < $until) {
    for my $name (shuffle(sort keys %TROUBLE)) {
        last if time >= $until;
        $TROUBLE{$name}->();
        $troubles++;
        my $began = time;
        my $again = until_true(sub { 2 == grep { post_json($_, '/api/login/', { code => $wechat->code })->{status} == 200 } $httpd, $httpd->at(2) }, $AGAIN + 20);
        my $took = time - $began;
        $longest = $took if $took > $longest;
        $late++ if !$again || $took > $AGAIN * ($ENV{WX_SLOW} || 1);
        ok $again && $took <= $AGAIN * ($ENV{WX_SLOW} || 1), sprintf '%s: %.1f s afterwards it serves again', $name, $took;
        my ($page) = slowest(sub { get($httpd, '/index.html') }, 0.2);
        cmp_ok $page, '<', WxLogin::Test::Process::slow(1000), 'static pages all the time';
        is +(wave()->{200} // 0), 22, 'a whole wave is in';
    }
}
is $sum{timeout} // 0, 0, 'no client was left without an answer' or diag explain \%sum;
until_true(sub { my @now = $httpd->children; @now == 2 }, 15);
wave() for 1 .. 3;
my $after;
my $back = until_true(sub {
    $after = total();
    return $after->{threads} <= $before->{threads} && $after->{fds} <= $before->{fds};
}, 40);
ok $back, "descriptors and threads are back: $before->{fds}, $before->{threads} -> $after->{fds}, $after->{threads}";
cmp_ok $after->{kb}, '<', 1.3 * $before->{kb} + 5_000, "memory: $before->{kb} KB -> $after->{kb} KB" if !$ENV{WX_REPORTS};
diag sprintf '%d troubles, longest recovery %.1f s, answers: %s', $troubles, $longest, join ', ', map { "$_ x $sum{$_}" } grep { $sum{$_} } sort keys %sum;
$log->done('no child died');
done_testing;
