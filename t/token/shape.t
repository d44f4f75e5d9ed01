# The two tokens of a sign-in, and what the refresh makes of one: their form, their claims and
# how long they live; and what an end point says about a token that is old, or of the other kind.
use strict;
use warnings;
use utf8;
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Token;
use WxLogin::Test::Users;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;

sub refresh { my ($vhost, $token, @more) = @_; return post_json($vhost, '/api/token/refresh/', { refresh => $token }, @more) }
sub verify  { my ($vhost, $token, @more) = @_; return post_json($vhost, '/api/token/verify/', { token => $token }, @more) }

# --- a sign-in: login_ok looks at form, order, lifetime, one iat and two jti
my $login = post_json('sqlite', '/api/login/', { code => $wechat->code });
my $user = login_ok($login);
my ($access, $refresh) = @{ $login->{json} }{qw(access refresh)};
for ([ access => $access ], [ refresh => $refresh ]) {
    my ($type, $token) = @$_;
    my ($header, $payload) = jwt_parts($token);
    is $header, '{"alg":"HS256","typ":"JWT"}', "$type: header, to the letter";
    like $payload, qr/^\{"token_type":"$type","exp":\d{10},"iat":\d{10},"jti":"[0-9a-f]{32}","user_id":"$user->{id}","sid":"[0-9a-f]{32}"\}$/,
        "$type: claims, to the letter";
    unlike $token, qr/=/, "$type: no padding";
    verify_ok(verify('sqlite', $token), name => "$type: verified");
}

# --- the refresh: wherever the session is known; of a token without one, anywhere, as often as one likes
my %jti = map { jwt_claims($_)->{jti} => 1 } $access, $refresh;
my $sid = jwt_claims($refresh)->{sid};
my $begun = int(time) - 60;
my $plain = make_jwt(claims => refresh_claims(user_id => "$user->{id}", iat => $begun));
for ((map { [ $_, $refresh, qq(,"sid":"$sid") ] } qw(sqlite noone)), (map { [ $_, $plain, qq(,"auth_time":$begun) ] } qw(sqlite pgsql nodb mocksqlite))) {
    my ($vhost, $token, $session) = @$_;
    for my $path ('/api/token/refresh/', '/api/v1/token/refresh') {
        my $res = post_json($vhost, $path, { refresh => $token });
        my $claims = refresh_ok($res, user_id => "$user->{id}", name => "$vhost $path") or next;
        ok !$jti{ $claims->{jti} }++, 'with a jti of its own';
        like +(jwt_parts($res->{json}{access}))[1],
            qr/^\{"token_type":"access","exp":\d+,"iat":\d+,"jti":"\w+","user_id":"$user->{id}"$session\}$/, 'these claims and no others';
        verify_ok(verify($vhost, $res->{json}{access}));
    }
}
$log->announce(qr/WXL0510/);
error_ok(refresh('nodb', $refresh), 503, 'SERVICE_UNAVAILABLE', action => 'wait', name => 'a session cannot be asked without a data base');
error_ok(refresh('mocksqlite', $refresh), 401, $_, name => 'a session of another data base')
    for WxLogin::Test::Users->of('mocksqlite')->dbh->selectrow_array('SELECT count(*) FROM wxlogin_user WHERE id = ?', undef, $user->{id})
        ? 'TOKEN_NOT_VALID' : 'USER_NOT_FOUND';
refresh_ok(post_form('sqlite', '/api/token/refresh/', "refresh=$refresh"), name => 'a form');
verify_ok(post_form('sqlite', '/api/token/verify/', "token=$access"), name => 'a form');
refresh_ok(refresh('sqlite', "  $refresh\n"), name => 'white space around it');
refresh_ok(refresh('sqlite', make_jwt(claims => refresh_claims(user_id => 12, is_staff => 1))), user_id => '12',
           name => 'claims of others do not go along, a number becomes a string');
error_ok(refresh('sqlite', make_jwt(claims => refresh_claims(sid => $_))), 401, 'TOKEN_NOT_VALID', name => "no sid of ours: $_")
    for 'x', '', uc $sid, "$sid ", 7;

# --- the other kind, the other key
my $invalid = 'Bearer realm="wxlogin", error="invalid_token", error_description="Token is invalid"';
my @wrong = (
    [ 'an access token cannot refresh',      refresh('sqlite', $access) ],
    [ 'another virtual host, another key',   verify('production', $access) ],
    [ 'the same at the refresh',             refresh('production', $refresh) ],
    [ 'and the other way round',             verify('sqlite', make_jwt(claims => access_claims(), key => $ENV{WX_PRODUCTION_KEY})) ],
);
for (@wrong) {
    my ($name, $res) = @$_;
    error_ok($res, 401, 'TOKEN_NOT_VALID', action => 'sign_in', error => 'Token is invalid', name => $name);
    is $res->{headers}{'www-authenticate'}, $invalid, 'WWW-Authenticate, to the letter';
}
verify_ok(verify('production', make_jwt(claims => access_claims(), key => $ENV{WX_PRODUCTION_KEY})), name => 'the right key');
error_ok(verify('sqlite', 'x', 'Accept-Language' => 'en'), 401, 'TOKEN_NOT_VALID', lang => 'en',
         message => 'The token is invalid. Please sign in again.', name => 'in English');
error_ok(verify('sqlite', 'x'), 401, 'TOKEN_NOT_VALID', message => '令牌无效，请重新登录', name => 'in Chinese');

# --- short lives: one second and two
my $short = post_json('shortttl', '/api/login/', { code => $wechat->code });
is $short->{status}, 200, 'a sign-in for a second';
my ($a, $r) = map { jwt_claims($short->{json}{$_}) } qw(access refresh);
is $a->{exp} - $a->{iat}, 1, 'WxLoginAccessTTL';
is $r->{exp} - $r->{iat}, 2, 'WxLoginRefreshTTL';
is $a->{iat}, $r->{iat}, 'both begin at once';

# Asks until the answer is another one.
sub until_expired {
    my ($ask) = @_;
    my $until = time + WxLogin::Test::Process::slow(10);
    my $res = $ask->();
    while ($res->{status} == 200 && time < $until) {
        sleep 0.05;
        $res = $ask->();
    }
    return $res;
}
my $expired = 'Bearer realm="wxlogin", error="invalid_token", error_description="Token is expired"';
my @old = (
    [ 'the access token',             'refresh', sub { verify('shortttl', $short->{json}{access}) }, '令牌已过期，请刷新' ],
    [ 'the refresh token',            'sign_in', sub { refresh('shortttl', $short->{json}{refresh}) }, '登录已过期，请重新登录' ],
    [ 'the refresh token, verified',  'sign_in', sub { verify('shortttl', $short->{json}{refresh}) }, '登录已过期，请重新登录' ],
);
for (@old) {
    my ($name, $action, $ask, $message) = @$_;
    my $res = until_expired($ask);
    error_ok($res, 401, 'TOKEN_EXPIRED', action => $action, error => 'Token is expired', message => $message, name => $name);
    is $res->{headers}{'www-authenticate'}, $expired, 'WWW-Authenticate, to the letter';
}
cmp_ok time, '>=', $r->{exp}, 'and not before their time';
# a short refresh at a host of long lives and the other way round: the host's own settings count
my $new = refresh('shortttl', make_jwt(claims => refresh_claims()));
my $claims = jwt_claims($new->{json}{access});
is $claims->{exp} - $claims->{iat}, 1, 'a long refresh token gets a short access token here';
error_ok(verify('sqlite', $short->{json}{access}, 'Accept-Language' => 'en'), 401, 'TOKEN_EXPIRED', lang => 'en', action => 'refresh',
         message => 'The token is expired. Please refresh it.', name => 'expired, in English');
error_ok(refresh('sqlite', $short->{json}{refresh}, 'Accept-Language' => 'en'), 401, 'TOKEN_EXPIRED', lang => 'en', action => 'sign_in',
         message => 'The session is expired. Please sign in again.', name => 'the refresh token, in English');
error_ok(refresh('sqlite', $short->{json}{access}), 401, 'TOKEN_NOT_VALID', name => 'the wrong kind before the time');
$log->done;
done_testing;
