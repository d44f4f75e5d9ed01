# A sign-in that fails because this machine lacks something says nothing of WeChat: the breaker stays as
# it is, and the code is as good as before.
# Once: it takes the descriptors away from a child
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Waiting;

chomp(my $can = qx(prlimit --pid $$ --nofile --noheadings --output SOFT,HARD 2>/dev/null) // '');
my ($soft, $hard) = $can =~ /(\d+)\s+(\d+)/ or plan skip_all => 'no prlimit here';
plan skip_all => 'a checker has descriptors of its own' if $ENV{WX_REPORTS};

my $wechat = WxLogin::Test::FakeWeChat->new;
# httpd itself wants a descriptor where it looks for .htaccess
my $MORE = "KeepAliveTimeout 60\n<Directory />\n    AllowOverride None\n</Directory>\n";

# Waits until a child has as many clients as it should, and none that is being seen off, so that no
# descriptor comes back later; how many it has then.
sub settle {
    my ($httpd, $child, $clients) = @_;
    my $local = sprintf ':%04X', $httpd->port;
    my $now;
    until_true(sub {
        open my $tcp, '<', "/proc/$child/net/tcp" or return;
        my %inode = map { my @f = split; $f[1] =~ /$local$/ && $f[3] ne '0A' ? ($f[9] => 1) : () } <$tcp>;
        $now = load($child)->{fds};
        return $clients == grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ && $inode{$1} } glob "/proc/$child/fd/*";
    }, 10);
    return $now;
}

# $n clients are connected, then the child may open $more descriptors, and they try to sign in.  Returns
# their codes.
sub without_descriptors {
    my ($httpd, $more, $n) = @_;
    my ($child) = $httpd->children;
    local $SIG{PIPE} = 'IGNORE';
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { http_request(GET => '/index.html', undef, Connection => 'keep-alive') } 1 .. $n);
    my @fh = $waiting->sockets;
    for my $fh (@fh) {
        my $got = '';
        until_true(sub { sysread($fh, $got, 65_536, length $got); $got =~ /works/ }, 5);
    }
    settle($httpd, $child, $n);
    my %taken = map { m{/(\d+)$} ? ($1 => 1) : () } glob "/proc/$child/fd/*";
    my @free = grep { !$taken{$_} } 0 .. 2 * keys %taken;
    my @codes = $wechat->codes($n);
    system("prlimit --pid $child --nofile=$free[$more]:$hard") == 0 or die;
    for my $i (0 .. $#codes) {
        syswrite $fh[$i], login($codes[$i]);
        my $res = '';
        until_true(sub { my $n = sysread($fh[$i], $res, 65_536, length $res); defined $n && !$n }, 5);
        like $res, qr{^HTTP/1\.1 503 .*"action":"wait",.*"retry_after":1,}s, "$more descriptors: come again" or diag $res;
    }
    system("prlimit --pid $child --nofile=$soft:$hard") == 0 or die;
    is_deeply [ map { $wechat->asked($_) } @codes ], [ (0) x $n ], 'WeChat was not asked';
    return @codes;
}

for my $mode (qw(auto blocking)) {
    subtest "$mode: no descriptor" => sub {
        my $httpd = waiting_httpd($wechat, threads => 6, more => "WxLoginExchangeMode $mode\n$MORE")->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my ($child) = $httpd->children;
        my $idle = settle($httpd, $child, 0);
        for my $more ($mode eq 'auto' ? (2, 1, 0) : 0) {
            my ($code) = without_descriptors($httpd, $more, 7);
            $log->announce(qr/:error\].*WXL0203: .*WeChat was not asked: no descriptor/, $mode eq 'auto' ? 21 : 7) if !$more;
            my $res = post_json($httpd, '/api/login/', { code => $code });
            login_ok($res, name => 'the same code, with descriptors: nobody thinks that WeChat is ill');
            is $wechat->asked($code), 1, 'asked once';
            until_true(sub { load($child)->{fds} <= $idle }, 40) if $mode eq 'auto' && $more;    # connections are kept
        }
        $log->done('the breaker did not open');
    };
}

subtest 'a probe that could not ask' => sub {
    my $httpd = waiting_httpd($wechat, threads => 6, more => $MORE)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0202/)->announce(qr/WXL0203/);
    $log->announce(qr/WXL0513/, 1)->announce(qr/WXL0514/, 1);
    post_json($httpd, '/api/login/', { code => $_ }) for $wechat->codes(5, cut => 'reset');
    my $opened = time;
    error_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), 503, 'SERVICE_UNAVAILABLE', action => 'wait', retry_after => qr/^[1-5]$/, name => 'it is open');
    sleep 5.1 - (time - $opened) if time - $opened < 5.1;
    without_descriptors($httpd, 0, 2);
    login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'the next one is the probe');
    $log->done;
};

done_testing;
