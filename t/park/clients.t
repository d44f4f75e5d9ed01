# Clients of all kinds while WeChat takes its time: over TLS, over HTTP/2, behind filters and
# rewriting; those that cannot be parked wait on a thread, and get the same answer.
# Once: it loads more modules than the others
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Httpd;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $libexec = WxLogin::Test::Httpd::libexecdir();
my $wechat = WxLogin::Test::FakeWeChat->new;
my $load = join '', map { my ($name, $so) = @$_; -e "$libexec/$so" ? "LoadModule $name $libexec/$so\n" : '' }
    [ filter_module => 'mod_filter.so' ], [ deflate_module => 'mod_deflate.so' ], [ include_module => 'mod_include.so' ];
my $httpd = waiting_httpd($wechat, threads => 12, children => 1, ports => 2, timeout => 5, more => $load . <<'CONF');
ExtendedStatus On
<Location "/status">
    SetHandler server-status
</Location>
<Location "/zipped">
    SetHandler wxlogin-login
    SetOutputFilter DEFLATE
</Location>
<Directory "@ROOT@/htdocs">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    RewriteEngine On
    RewriteRule "^old/login$" "/api/login/" [L]
</Directory>
ErrorDocument 404 /api/login/
Listen 127.0.0.1:@PORT2@
<VirtualHost 127.0.0.1:@PORT2@>
    SSLEngine On
    SSLCertificateFile "@ROOT@/tls.pem"
    SSLCertificateKeyFile "@ROOT@/tls.key"
    Protocols h2 http/1.1
    @ENDPOINTS@
</VirtualHost>
CONF
my $root = $httpd->root;
my $conf = "$WxLogin::Test::Process::T/conf/openssl.cnf";
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
       . " -config '$conf' -keyout '$root/tls.key' -out '$root/tls.pem' 2>/dev/null") == 0 or plan skip_all => 'no openssl';
$httpd->write('htdocs/page.shtml', "before <!--#include virtual=\"/api/login/\" --> after\n");
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my ($child) = $httpd->children;

# curl: (status, body) of sign-ins at once over one connection
sub curl {
    my ($version, @codes) = @_;
    my @request = map { ('--next', '-sk', "--$version", '-w', '\n%{http_code} %{http_version}\n', '-H', 'Content-Type: application/json',
                         '-d', encode({ code => $_ }), 'https://' . $httpd->at(2) . '/api/login/') } @codes;
    shift @request;
    open my $out, '-|', 'curl', '--no-progress-meter', '-Z', '-m', 20, @request or return;
    local $/;
    return scalar <$out>;
}
chomp(my $curl = qx(curl --version 2>/dev/null) // '');

SKIP: {
    skip 'no curl command', 1 if $curl !~ /^curl [78]/;
    subtest 'TLS, kept' => sub {
        my @codes = $wechat->codes(3, latency => 300);
        my $said = curl('http1.1', @codes);
        is scalar(() = $said =~ /^200 1\.1$/mg), 3, 'three sign-ins' or diag $said;
        like $said, qr/"openid":"\Q${\$wechat->openid_of($_)}\E"/, 'with the right user' for @codes;
    };
}
SKIP: {
    skip 'no HTTP/2', 1 if $curl !~ /HTTP2/ || !-e "$libexec/mod_http2.so";
    subtest 'HTTP/2' => sub {
        my @codes = $wechat->codes(4, latency => 300);
        my $said = curl('http2', @codes);
        is scalar(() = $said =~ /^200 2$/mg), 4, 'four sign-ins, each on a stream' or diag $said;
        like $said, qr/"openid":"\Q${\$wechat->openid_of($_)}\E"/, 'with the right user' for @codes;
        my ($refused) = $wechat->code(errcode => 40029, latency => 100);
        like curl('http2', $refused), qr/"errcode":40029,.*^400 2$/ms, 'a refusal';
        $log->announce(qr{WXL0201});
    };
    subtest 'many streams' => sub {
        my @codes = $wechat->codes(40, latency => 700, openid => 'oStreams');
        my $said = curl('http2', @codes);
        my $in = () = $said =~ /^200 2$/mg;
        my $out = () = $said =~ /^503 2$/mg;
        is $in + $out, 40, "forty: $in are in, $out are to come again" or diag $said;
        cmp_ok $in, '>=', 6, 'as many as half the threads carry, at least';
        $log->announce(qr/WXL0(?:203|535)/);
    };
}

subtest 'rewritten in a directory' => sub {
    my $code = $wechat->code(latency => 300);
    login_ok(post_json($httpd, '/old/login', { code => $code }), openid => $wechat->openid_of($code));
    error_ok(post_json($httpd, '/old/login', { code => $wechat->code(errcode => 40029) }), 400, 'WECHAT_API_ERROR', errcode => 40029);
};

subtest 'as a document for errors, and inside a page' => sub {
    # both come as GET, which is not a way to sign in
    my $res = post_json($httpd, '/nothing/here', { code => $wechat->code });
    like $res->{body}, qr/METHOD_NOT_ALLOWED/, 'a document for errors';
    $res = get($httpd, '/page.shtml');
    is $res->{status}, 200, 'a page that includes it';
    like $res->{body}, qr/^before .*METHOD_NOT_ALLOWED.* after$/s, 'has its answer in the middle' if $load =~ /include/;
    $log->announce(qr/WXL0121/);
};

subtest 'compressed' => sub {
    my $code = $wechat->code(latency => 300);
    my $res = post_json($httpd, '/zipped', { code => $code }, 'Accept-Encoding' => 'gzip');
    is $res->{status}, 200, 'signed in';
    is $res->{headers}{'content-encoding'}, 'gzip', 'compressed';
    require IO::Uncompress::Gunzip;
    IO::Uncompress::Gunzip::gunzip(\$res->{body}, \my $body);
    like $body // '', qr/"openid":"\Q${\$wechat->openid_of($code)}\E"/, 'the right user';
} if $load =~ /deflate/;

subtest 'the status page adds up' => sub {
    my @res = WxLogin::Test::Waiting->send($httpd, map { login($_) } $wechat->codes(30, latency => 500, openid => 'oStatus'))->answers(10);
    is_deeply statuses(@res), { 200 => 30 }, 'thirty sign-ins';
    my %status = map { /^([^:]+): (.*)$/ ? ($1 => $2) : () } split /\r?\n/, get($httpd, '/status?auto')->{body};
    cmp_ok $status{'Total Accesses'}, '>=', 30, "accesses: $status{'Total Accesses'}";
    cmp_ok $status{'Total Accesses'}, '<', 1000, 'and not too many';
    cmp_ok $status{'Total Duration'}, '>=', 0, "duration: $status{'Total Duration'} ms";
    cmp_ok $status{'Total Duration'}, '<', 1_000_000, 'is no nonsense';
    cmp_ok $status{BusyWorkers}, '<=', 2, 'nobody is busy';
};

subtest 'the status page tells who waits' => sub {
    is gauges($httpd), '0 parked, 0 blocking', 'nobody';
    my @requests = map { login($_) } my @codes = $wechat->codes(22, hold => 1, openid => 'oGauge');
    s{/api/login/}{/old/login} for @requests[ 0, 1 ];    # what was rewritten cannot be parked
    my $waiting = WxLogin::Test::Waiting->send($httpd, @requests);
    my $seen;
    until_true(sub { ($seen = gauges($httpd)) eq '20 parked, 2 blocking' }, 5);
    is $seen, '20 parked, 2 blocking', 'twenty-two';
    like get($httpd, '/status')->{body}, qr{<p>Sign-ins that wait for WeChat: 20 parked, 2 in a thread each</p>}, '... as a page';
    $wechat->release(@codes);
    is_deeply statuses($waiting->answers(10)), { 200 => 22 }, 'all are answered';
    ok until_true(sub { gauges($httpd) eq '0 parked, 0 blocking' }, 5), 'nobody again';
};

is_deeply [ $httpd->children ], [$child], 'the same child';
$log->done;
done_testing;
