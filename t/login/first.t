# The first story: somebody signs in, comes back, and is the same person; on SQLite and on Postgres.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Token;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;

sub story {
    my $vhost = shift;
    my $code = $wechat->code;
    my $openid = $wechat->openid_of($code);
    my $first = post_json($vhost, '/api/login/', { code => $code });
    my $user = login_ok(
        $first, name => 'the first time', openid => $openid, orders_count => 0, completed_orders_count => 0,
        is_superuser => JSON::PP::false, is_staff => JSON::PP::false, is_active => JSON::PP::true,
        username => qr/^用户_[0-9a-f-]{16}$/, avatar_url => $WxLogin::Test::Contract::AVATAR,
        phone => undef, email => undef, user_type => 'wechat',
    ) or return;
    is $wechat->asked($code), 1, 'WeChat was asked once';
    my $asked = $wechat->last_request($code);
    is_deeply $asked->{query}, { appid => $ENV{WX_APP_ID}, secret => $ENV{WX_APP_SECRET}, js_code => $code,
                                 grant_type => 'authorization_code' }, 'with these four, and nothing more';
    is "$asked->{method} $asked->{path}", 'GET /sns/jscode2session', 'as the API wants it';

    # every mini program call of the original's two prefixes, with and without the slash
    my $again = $wechat->code(openid => $openid);
    my $second = post_json($vhost, '/api/v1/login', { code => $again });
    my $same = login_ok($second, name => 'the second time', openid => $openid, id => $user->{id},
                        username => $user->{username}, date_joined => $user->{date_joined}) or return;
    cmp_ok $same->{last_login_at}, 'gt', $user->{last_login_at}, 'last_login_at has moved';
    isnt jwt_claims($second->{json}{access})->{jti}, jwt_claims($first->{json}{access})->{jti}, 'a new token';

    my $refresh = { refresh => $first->{json}{refresh} };
    refresh_ok(post_json($vhost, '/api/token/refresh/', $refresh), user_id => "$user->{id}");
    verify_ok(post_json($vhost, '/api/token/verify/', { token => $second->{json}{access} }));

    # a code is good for one exchange; who posts it again at once is answered again
    login_ok(post_json($vhost, '/api/login/', { code => $code }), name => 'the same code again', openid => $openid, id => $user->{id});
    is $wechat->asked($code), 1, 'WeChat was not asked again';
    error_ok(post_json($vhost, '/api/login/', {}, 'Accept-Language' => 'en'), 400, 'BAD_REQUEST',
             error => 'Code is required', lang => 'en');
    return;
}

for my $vhost (qw(sqlite pgsql)) {
    subtest $vhost => sub { story($vhost) };
}
$log->done;
done_testing;
