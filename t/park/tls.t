# WeChat speaks TLS, and perhaps HTTP/2: parked and blocking, with connections that are kept or shared,
# and nothing is sent to somebody whose certificate does not fit.
# Once: it starts a gateway with certificates of its own
use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Httpd;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;
# a checker makes TLS slow
my $N = $ENV{WX_SLOW} ? 4 : 20;
my @GONE = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'relogin');

# In front of the fake WeChat: TLS with HTTP/1.1, with HTTP/2, and with the certificate of another host.
my $h2 = -e WxLogin::Test::Httpd::libexecdir() . '/mod_http2.so';
my $gateway = WxLogin::Test::Httpd->new(mpm => 'event', module => 0, threads => 60, ports => 4, loglevel => 'warn', config => join '', <<'CONF',
ProxyTimeout 15
CustomLog logs/gateway "%v %H %{c}L %k"
CONF
    map { my ($n, $name, $cert, $protocols) = @$_; <<"CONF" } [ 2, 'tls', 'good', 'http/1.1' ], [ 3, 'h2', 'good', $h2 ? 'h2 http/1.1' : 'http/1.1' ], [ 4, 'other', 'other', 'http/1.1' ]);
Listen 127.0.0.1:\@PORT$n\@
<VirtualHost 127.0.0.1:\@PORT$n\@>
    ServerName $name
    SSLEngine On
    SSLCertificateFile "\@ROOT\@/$cert.pem"
    SSLCertificateKeyFile "\@ROOT\@/$cert.key"
    Protocols $protocols
    KeepAliveTimeout 20
    ProxyPass "/" "http://127.0.0.1:${\$wechat->port}/"
</VirtualHost>
CONF
my $root = $gateway->root;
for (['good', 'IP:127.0.0.1'], ['other', 'DNS:wechat.example']) {
    my ($name, $is) = @$_;
    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name -addext subjectAltName=$is"
           . " -config '$WxLogin::Test::Process::T/conf/openssl.cnf' -keyout '$root/$name.key' -out '$root/$name.pem' 2>/dev/null") == 0
        or plan skip_all => 'no openssl';
}
system("cat '$root/good.pem' '$root/other.pem' > '$root/ca.pem'") == 0 or die;
$gateway->start;

sub front {
    my ($port, %o) = @_;
    return waiting_httpd($wechat, threads => 50, url => 'https://' . $gateway->at($port), timeout => 5, connect => 3, %o,
                         more => ($o{more} // '') . "\n" . (exists $o{ca} ? '' : "WxLoginExchangeCA $root/ca.pem\n"))->start;
}

# What the gateway saw of a host since the last time: one {protocol, connection, kept} for each request
my $read = 0;
sub seen {
    my ($host, $n) = @_;
    my @lines;
    until_true(sub {
        open my $fh, '<', "$root/logs/gateway" or return;
        chomp(@lines = grep { /^\Q$host\E / } <$fh>);
        return @lines >= $n;
    }, 5);
    truncate "$root/logs/gateway", 0;
    return map { my (undef, $protocol, $connection, $kept) = split ' '; { protocol => $protocol, connection => $connection, kept => $kept } } @lines;
}

for my $mode (qw(auto blocking)) {
    subtest "TLS, $mode" => sub {
        my $httpd = front(2, more => "WxLoginExchangeMode $mode");
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        for (1 .. 5) {
            my $code = $wechat->code;
            login_ok(post_json($httpd, '/api/login/', { code => $code }), name => 'one alone', openid => $wechat->openid_of($code));
        }
        my @seen = seen('tls', 5);
        is_deeply [ map { $_->{protocol} } @seen ], [ ('HTTP/1.1') x 5 ], 'HTTP/1.1';
        my %connections = map { $_->{connection} => 1 } @seen;
        is keys %connections, 1, 'one handshake for five';
        my @codes = $wechat->codes($N, latency => 500, openid => 'oTls');
        is_deeply statuses(WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes)->answers(WxLogin::Test::Process::slow(10))), { 200 => $N }, "$N at once";
        is scalar(grep { $wechat->asked($_) != 1 } @codes), 0, 'each was asked once';
        seen('tls', $N);
        error_ok(post_json($httpd, '/api/login/', { code => $wechat->code(errcode => 40029) }), 400, 'WECHAT_API_ERROR', errcode => 40029);
        seen('tls', 1);
        $log->done;
    };
}

SKIP: {
    skip 'no HTTP/2', 2 if !$h2;
    for my $mode (qw(auto blocking)) {
        subtest "HTTP/2, $mode" => sub {
            my $httpd = front(3, more => "WxLoginExchangeMode $mode");
            my $log = WxLogin::Test::ErrorLog->watch($httpd);
            my $code = $wechat->code;
            login_ok(post_json($httpd, '/api/login/', { code => $code }), openid => $wechat->openid_of($code));
            my ($first) = seen('h2', 1);
            plan skip_all => 'this libcurl speaks no HTTP/2' if $first->{protocol} ne 'HTTP/2.0';
            my @codes = $wechat->codes($N, latency => 500, openid => 'oTls');
            is_deeply statuses(WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes)->answers(WxLogin::Test::Process::slow(10))), { 200 => $N }, "$N at once";
            is scalar(grep { $wechat->asked($_) != 1 } @codes), 0, 'each was asked once';
            my @seen = seen('h2', $N);
            is scalar(grep { $_->{protocol} ne 'HTTP/2.0' } @seen), 0, 'all over HTTP/2';
            error_ok(post_json($httpd, '/api/login/', { code => $wechat->code(errcode => 40029) }), 400, 'WECHAT_API_ERROR', errcode => 40029);
            seen('h2', 1);
            # the connection is shared: one that is cut takes none of the others with it
            my ($cut, @well) = ($wechat->code(cut => 'reset', latency => 200), $wechat->codes(5, latency => 500));
            my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } $cut, @well)->answers(WxLogin::Test::Process::slow(10));
            isnt shift(@res)->{status}, 200, 'one fails';
            is_deeply statuses(@res), { 200 => 5 }, 'the others sign in';
            $log->announce(qr/WXL0202/);
            seen('h2', 6);
            $log->done;
        };
    }
}

subtest 'a certificate that is not trusted' => sub {
    my $httpd = front(2, ca => 0, more => 'WxLoginExchangeBreaker off');
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    for my $code ($wechat->codes(2)) {
        error_ok(post_json($httpd, '/api/login/', { code => $code }), @GONE);
        is $wechat->asked($code), 0, 'nothing is sent';
    }
    is scalar(() = $log->lines(qr/its certificate could not be verified/)), 2, 'the log says why' if !$ENV{WX_SLOW};    # may be too slow to get so far
    $log->done;
};

subtest 'a certificate of another host' => sub {
    for my $mode (qw(auto blocking)) {
        my $httpd = front(4, more => "WxLoginExchangeMode $mode");
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my $code = $wechat->code;
        error_ok(post_json($httpd, '/api/login/', { code => $code }), @GONE, name => $mode);
        is $wechat->asked($code), 0, 'nothing is sent';
        $log->done;
    }
};

# One virtual host trusts the gateway and one does not: they share handles and connections of a child.
subtest 'each virtual host trusts on its own' => sub {
    for my $mode (qw(auto blocking)) {
        my $httpd = front(2, ports => 2, ca => 0, more => <<"CONF");
WxLoginExchangeMode $mode
WxLoginExchangeBreaker off
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginExchangeCA $root/ca.pem
    \@ENDPOINTS\@
</VirtualHost>
CONF
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        for (1 .. 3) {
            error_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), @GONE, name => "$mode: it does not");
            login_ok(post_json($httpd->at(2), '/api/login/', { code => $wechat->code }), name => "$mode: it does");
        }
        $log->done;
    }
};

subtest 'what is no file of certificates is refused at start' => sub {
    my $refused = sub {
        my ($value, $expect) = @_;
        my ($status, $said) = WxLogin::Test::Httpd->configtest("WxLoginExchangeCA $value\n", loglevel => 'warn');
        isnt $status, 0, $value;
        like $said, $expect, '... with a sentence that says why';
    };
    $gateway->write('empty.pem', '');
    $refused->("$root/empty.pem", qr{WxLoginExchangeCA: the file \Q$root\E/empty\.pem is empty});
    $gateway->write('broken.pem', "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    $refused->("$root/none.pem", qr{WxLoginExchangeCA: cannot read the file \Q$root\E/none\.pem: .*write the path});
    $refused->($root, qr/WxLoginExchangeCA: \Q$root\E is not a file/);
    $refused->("$root/$_", qr{WxLoginExchangeCA: there are no certificates in \Q$root/$_\E, or a broken one: write the path of a file in PEM})
        for qw(broken.pem good.key);
};

SKIP: {
    skip 'a checker is preloaded already', 1 if $ENV{WX_REPORTS};
    my ($so, $c) = ("$root/no_blobs.so", dirname(__FILE__) . '/no_blobs.c');
    skip 'no C compiler', 1 if system("cc -shared -fPIC -o '$so' '$c' -ldl 2>/dev/null") != 0;
    subtest 'a libcurl that cannot be told whom to trust' => sub {
        my $ca = "WxLoginEnvironment development\nWxLoginExchangeCA $root/ca.pem\n";
        my @env = (loglevel => 'warn', env => { LD_PRELOAD => $so });
        my ($status, $said) = WxLogin::Test::Httpd->configtest($ca, @env);
        isnt $status, 0, 'httpd does not start';
        like $said, qr/WxLoginExchangeCA: this libcurl cannot be told whom to trust: install one that was built with OpenSSL, or/, 'and says why';
        ($status, $said) = WxLogin::Test::Httpd->configtest('', @env);
        is $status, 0, 'without the directive it does' or diag $said;
        ($status, $said) = WxLogin::Test::Httpd->configtest($ca, loglevel => 'warn');
        is $status, 0, 'nor does another libcurl mind it' or diag $said;
    };
}

done_testing;
