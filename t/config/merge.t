# Once: an httpd with a configuration of its own, under one MPM.
# Virtual hosts that differ really act differently: each asks its own WeChat as itself, signs
# with its own key, for its own time; what one does not say it has from the main server.  A
# graceful restart reads files again and drops nobody.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Httpd;
use WxLogin::Test::Token;

my %app = (a => { appid => 'wxaaaa', secret => 'secret-of-a' }, b => { appid => 'wxbbbb', secret => 'secret-of-b/+=&?' });
my %wechat = map { $_ => WxLogin::Test::FakeWeChat->new(%{ $app{$_} }) } keys %app;
my %key = map { $_ => "the-key-of-$_-" . $_ x 32 } qw(main a b);
my $conf = <<"CONF";
WxLoginEnvironment development
WxLoginSecretKey env:WX_T_MAIN
WxLoginAccessTTL 1000
WxLoginRefreshTTL 2000
\@SQLITE\@
\@ENDPOINTS\@
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginAppId $app{a}{appid}
    WxLoginAppSecret env:WX_T_A
    WxLoginExchangeURL @{[ $wechat{a}->url ]}
    WxLoginSecretKey file:key_a
    WxLoginAccessTTL 100
    WxLoginLanguage en
    WxLoginMaxBody 400
</VirtualHost>
Listen 127.0.0.1:\@PORT3\@
<VirtualHost 127.0.0.1:\@PORT3\@>
    WxLoginEnvironment production
    WxLoginAppId env:WX_T_APPID_B
    WxLoginAppSecret file:secret_b
    WxLoginExchangeURL @{[ $wechat{b}->url ]}/
    WxLoginSecretKey file:key_b
    WxLoginRefreshTTL 4h
</VirtualHost>
Listen 127.0.0.1:\@PORT4\@
<VirtualHost 127.0.0.1:\@PORT4\@>
</VirtualHost>
CONF
my $httpd = WxLogin::Test::Httpd->new(
    config => $conf, ports => 4, env => { WX_T_MAIN => $key{main}, WX_T_A => $app{a}{secret}, WX_T_APPID_B => $app{b}{appid} });
my @files = ($httpd->write(key_a => "$key{a}\n"), $httpd->write(key_b => "$key{b}\r\n"), $httpd->write(secret_b => "$app{b}{secret}\n"));
chmod 0600, @files;
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);

# port, the WeChat, the key, the lifetimes, the language
my @hosts = (
    [ 1, undef, 'main', 1000, 2000,   'zh-CN' ],
    [ 2, 'a',   'a',    100,  2000,   'en' ],
    [ 3, 'b',   'b',    1000, 14_400, 'zh-CN' ],
    [ 4, undef, 'main', 1000, 2000,   'zh-CN' ],
);
my %refresh;
for (@hosts) {
    my ($port, $wechat, $key, $access, $refresh, $lang) = @$_;
    my $code = $wechat ? $wechat{$wechat}->code : "somebody-$port";
    my $res = post_json($httpd->at($port), '/api/login/', { code => $code });
    subtest "host $port" => sub {
        is $res->{status}, 200, 'signs in' or return diag $res->{body};
        my %claims = map { $_ => jwt_claims($res->{json}{$_}, $key{$key}) } qw(access refresh);
        is $claims{access}{exp} - $claims{access}{iat}, $access, 'access token';
        is $claims{refresh}{exp} - $claims{refresh}{iat}, $refresh, 'refresh token';
        $refresh{$port} = $res->{json}{refresh};
        refresh_ok(post_json($httpd->at($port), '/api/token/refresh/', { refresh => $refresh{$port} }), key => $key{$key}, ttl => $access);
        return if !$wechat;
        is_deeply $wechat{$wechat}->last_request($code)->{query},
            { %{ $app{$wechat} }{qw(appid secret)}, js_code => $code, grant_type => 'authorization_code' }, 'asks its own WeChat, as itself';
    };
    error_ok(post_json($httpd->at($port), '/api/login/', {}), 400, 'BAD_REQUEST', lang => $lang, name => "host $port: its language");
    my $large = post_json($httpd->at($port), '/api/token/verify/', { token => 'x' x 400 });
    if ($port == 2) { error_ok($large, 413, 'PAYLOAD_TOO_LARGE', lang => 'en', name => 'its limit') }
    else { error_ok($large, 401, 'TOKEN_NOT_VALID', name => 'the limit of all') }
}
for my $from (1 .. 4) {
    for my $to (1 .. 4) {
        my $res = post_json($httpd->at($to), '/api/token/verify/', { token => $refresh{$from} }, 'Accept-Language' => 'zh');
        my $same = $hosts[ $from - 1 ][2] eq $hosts[ $to - 1 ][2];
        if ($to == 2 && length encode({ token => $refresh{$from} }) > 400) {
            error_ok($res, 413, 'PAYLOAD_TOO_LARGE', name => "a token of host $from is too large for host $to");
        }
        elsif ($same) { verify_ok($res, name => "a token of host $from holds at host $to") }
        else { error_ok($res, 401, 'TOKEN_NOT_VALID', name => "a token of host $from does not hold at host $to") }
    }
}
# in production the shortcut of the developers does not exist
$wechat{$_}->order("admin-$_" => { openid => "o-admin-$_" }) for qw(a b);
my %type = map { $_->[1] => post_json($httpd->at($_->[0]), '/api/login/', { code => "admin-$_->[1]" })->{json}{user}{user_type} } @hosts[ 1, 2 ];
is_deeply \%type, { a => 'admin', b => 'wechat' }, 'an administrator by name in development, nobody special in production';
$log->announce(qr/WXL0001/);

# --- graceful: files are read again, nobody is dropped
$httpd->write(key_a => "another-$key{a}\n");
$httpd->config($conf =~ s/WxLoginAccessTTL 1000/WxLoginAccessTTL 3000/r);
my $asking = fork // die "fork: $!\n";
if (!$asking) {
    my $bad = 0;
    for (1 .. 400) {
        my $res = post_json($httpd->at(1), '/api/token/verify/', { token => $refresh{1} });
        $bad++ if $res->{status} != 200;
        select undef, undef, undef, 0.002;
    }
    require POSIX;
    POSIX::_exit($bad > 255 ? 255 : $bad);
}
$httpd->graceful;
waitpid $asking, 0;
is $? >> 8, 0, '400 requests around a graceful restart: none was lost';
my $after = post_json($httpd->at(1), '/api/token/refresh/', { refresh => $refresh{1} });
refresh_ok($after, key => $key{main}, ttl => 3000, name => 'the new configuration holds, the old key, too');
my $code = $wechat{a}->code;
my $res = post_json($httpd->at(2), '/api/login/', { code => $code });
ok eval { jwt_claims($res->{json}{access}, "another-$key{a}") }, 'the file with the key was read again';
error_ok(post_json($httpd->at(2), '/api/token/refresh', { refresh => $refresh{2} }), $_->[0], $_->[1], lang => 'en', name => 'the old key is gone')
    for length encode({ refresh => $refresh{2} }) > 400 ? [ 413, 'PAYLOAD_TOO_LARGE' ] : [ 401, 'TOKEN_NOT_VALID' ];
# a restart into a configuration that is wrong is refused by -t; the running one goes on
chmod 0600, $httpd->write(key_b => "short\n");
my ($status, $said) = $httpd->configtest;
isnt $status, 0, 'a key that became too short is found before the restart';
like $said, qr/WXL0503: .*WxLoginSecretKey is shorter than 32 bytes/, 'and named';
is post_json($httpd->at(3), '/api/token/verify/', { token => $refresh{3} })->{status}, 200, 'and the server goes on as it was';
$log->announce(qr/WXL052\d/);
$log->announce(qr/WXL0503/);
$log->done;
done_testing;
