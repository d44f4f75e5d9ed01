# Signing out: this one, the others, all; by either token; twice, late, and by tokens that are no good.
# And the list of sessions: what it shows, of whom, and how one is ended from it.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use Test::More;
use WxLogin::Test::Client qw(raw http_request);
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Sessions;
use WxLogin::Test::Token;
use WxLogin::Test::Waiting qw(until_true);

sub gone_ok { my ($res, $name) = @_; return is "$res->{status} $res->{body}", '200 {}', $name }

# who of these is still served, as letters; both tokens must agree
sub served {
    my ($site, $mode, %who) = @_;
    return join '', map {
        my $refreshed = $site->refresh($mode, $who{$_}{refresh})->{status} == 200;
        my $access = $site->ask($mode, GET => '/api/user/profile/', $who{$_}{access})->{status} == 200;
        is $access, $refreshed, "access and refresh token of $_ agree";
        $refreshed ? $_ : ();
    } sort keys %who;
}

sub scopes {
    my $site = shift;
    my %ends = (this => 'BC', others => 'A', all => '');
    for my $by (qw(refresh access)) {
        for my $scope (sort keys %ends) {
            my $code = "$by-$scope";
            my %who = map { $_ => $site->sign_in('off', $code) } qw(A B C);
            my $other = $site->sign_in('off', "$code-other");
            my $body = { $scope eq 'this' ? () : (scope => $scope), $by eq 'refresh' ? (refresh => $who{A}{refresh}) : () };
            for my $time ('', ', again') {
                gone_ok($site->logout('off', $body, $by eq 'access' ? $who{A}{access} : undef), "$scope by $by$time");
            }
            is served($site, 'off', %who), $ends{$scope}, 'ends these and no others';
            is served($site, 'off', O => $other), 'O', 'and nobody else is signed out';
            my %why = map { ($_->{revoked_why} // 'none') => 1 } $site->rows($who{A}{user_id});
            is_deeply [ sort keys %why ], [ $scope eq 'all' ? 'logout' : ('logout', 'none') ], 'the rows say why';
        }
    }
    return;
}

sub odd_tokens {
    my $site = shift;
    my ($s, $t) = map { $site->sign_in('off', 'odd') } 1 .. 2;
    my $old = time - 100;
    my %same = (user_id => "$s->{user_id}", sid => $s->{sid}, exp => $old, iat => $old - 100);
    my %made = (refresh => make_jwt(claims => refresh_claims(%same)), access => make_jwt(claims => access_claims(%same)));
    error_ok($site->logout('off', { refresh => $made{refresh}, scope => 'all' }), 401, 'TOKEN_EXPIRED', name => 'all, by a token that has expired');
    error_ok($site->logout('off', { scope => 'others' }, $made{access}), 401, 'TOKEN_EXPIRED', name => 'others, the same');
    is scalar $site->alive($s->{user_id}), 2, 'nothing has ended';
    gone_ok($site->logout('off', { refresh => $made{refresh} }), 'its own session it ends');
    is_deeply [ map { $_->{sid} } $site->alive($s->{user_id}) ], [ $t->{sid} ], 'and no other';
    gone_ok($site->logout('off', { refresh => $s->{refresh}, scope => 'all' }), 'all, by a token whose session is over');
    is scalar $site->alive($s->{user_id}), 1, 'ends nothing';
    my $late = $site->sign_in('off', 'odd');
    $site->shift($late->{sid}, expires_at => -40 * 86_400);
    gone_ok($site->logout('off', { refresh => $late->{refresh}, scope => 'others' }), 'others, by one whose time ran out');
    is_deeply [ map { $_->{sid} } $site->alive($s->{user_id}) ], [ $t->{sid}, $late->{sid} ], 'ends nothing';
    gone_ok($site->logout('off', { refresh => $late->{refresh} }), 'but itself');
    my $plain = make_jwt(claims => access_claims(user_id => "$s->{user_id}"));
    gone_ok($site->logout('off', {}, $plain), 'a token without a session has none to end');
    is scalar $site->alive($s->{user_id}), 1, 'and ends none';
    gone_ok($site->logout('off', { scope => 'all' }, $plain), 'but it may end all');
    is scalar $site->alive($s->{user_id}), 0, 'they are over';
    my $unknown = make_jwt(claims => refresh_claims(user_id => "$s->{user_id}", sid => '0' x 31 . '1'));
    gone_ok($site->logout('off', { refresh => $unknown }), 'a session that is not there');
    gone_ok($site->logout('off', { refresh => make_jwt(claims => refresh_claims(sid => 'x')) }), 'a sid of somebody else');
    my $foreign = $site->sign_in('off', 'foreign');
    my $stolen = make_jwt(claims => refresh_claims(user_id => "$s->{user_id}", sid => $foreign->{sid}));
    gone_ok($site->logout('off', { refresh => $stolen }), 'a session of another user');
    is scalar $site->alive($foreign->{user_id}), 1, 'is not ended';
    return;
}

sub refusals {
    my $site = shift;
    my $s = $site->sign_in('off', 'refused');
    my $ask = sub { $site->logout('off', @_) };
    error_ok($ask->({}), 401, 'NOT_AUTHENTICATED', name => 'no token');
    error_ok($ask->({ refresh => $s->{access} }), 401, 'TOKEN_NOT_VALID', name => 'an access token is no refresh token');
    error_ok($ask->({}, $s->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'nor the other way round');
    error_ok($ask->({ refresh => 'x.y.z' }), 401, 'TOKEN_NOT_VALID', name => 'garbage');
    error_ok($ask->({ refresh => make_jwt(claims => refresh_claims(), key => 'k' x 40) }), 401, 'TOKEN_NOT_VALID', name => 'another key');
    error_ok($ask->({ refresh => 7 }), 400, 'BAD_REQUEST', errors => { refresh => ['不是有效的字符串。'] }, name => 'no string');
    for my $scope ('', 'THIS', 'everywhere', undef, 1, ['all']) {
        error_ok($ask->({ refresh => $s->{refresh}, scope => $scope }), 400, 'BAD_REQUEST', name => 'no scope of ours');
    }
    error_ok($ask->({ refresh => $s->{refresh}, scope => 'none' }), 400, 'BAD_REQUEST',
             errors => { scope => ['请填写 this、others 或 all。'] }, name => 'which there are');
    error_ok($site->ask('off', GET => '/api/logout/', $s->{access}), 405, 'METHOD_NOT_ALLOWED', name => 'GET signs nobody out');
    is scalar $site->alive($s->{user_id}), 1, 'the session lives';
    gone_ok($ask->({ refresh => undef }, $s->{access}), 'null is no refresh token: the bearer counts');
    is scalar $site->alive($s->{user_id}), 0, 'and it is over';
    my $stateless = $site->sign_in('stateless', 'nothing');
    gone_ok($site->logout('stateless', { refresh => $stateless->{refresh}, scope => 'all' }), 'sessions off: nothing to end');
    return;
}

sub list {
    my ($site, $mode, $access) = @_;
    my $res = $site->ask($mode, GET => '/api/v1/sessions', $access);
    headers_ok($res, 200);
    return @{ $res->{json}{sessions} };
}

sub lists {
    my $site = shift;
    my $agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) MicroMessenger/8.0.49(0x1800312b) NetType/WIFI miniProgram/wx1';
    my $first = $site->sign_in('off', 'lister', 'User-Agent' => $agent);
    my $second = $site->sign_in('off', 'lister', 'User-Agent' => 'curl/8', 'X-Device' => encode_utf8('  安娜的手机  '));
    my $third = $site->sign_in('off', 'lister', 'User-Agent' => "\xff" . 'x' x 300, 'X-Device' => encode_utf8('长' x 70));
    my $else = $site->sign_in('off', 'somebody else');
    my @list = list($site, 'off', $second->{access});
    is_deeply [ map { $_->{id} } @list ], [ map { $_->{sid} } $third, $second, $first ], 'newest first, his own';
    is_deeply [ map { $_->{current} ? 1 : 0 } @list ], [ 0, 1, 0 ], 'which is the current one';
    is_deeply [ map { $_->{device} } @list ], [ '长' x 64, '安娜的手机', 'iPhone, WeChat 8.0.49' ], 'devices';
    is_deeply [ map { $_->{user_agent} } @list ], [ '?' . 'x' x 255, 'curl/8', $agent ], 'user agents, cut and clean';
    is_deeply [ map { $_->{address} } @list ], [ ('127.0.0.1') x 3 ], 'addresses';
    is_deeply [ keys %{ $site->ask('off', GET => '/api/sessions/', $else->{access})->{json} } ], ['sessions'], 'one key';
    is_deeply [ sort keys %{ $list[0] } ], [ sort qw(id current device user_agent address appid created_at last_used_at expires_at) ], 'no others';
    time_ok($list[0]{$_}, $_) for qw(created_at last_used_at expires_at);
    my $res = $site->ask('off', GET => '/api/sessions/', $first->{access});
    unlike $res->{body}, qr/\Q$_->{refresh_digest}\E/, 'no digest' for $site->rows($first->{user_id});
    $site->shift($third->{sid}, expires_at => -40 * 86_400);
    is scalar list($site, 'off', $second->{access}), 2, 'one that has expired is not listed';

    # -- and ended
    my $delete = sub { $site->ask('off', DELETE => "/api/sessions/$_[0]/", $_[1]) };
    error_ok($delete->($else->{sid}, $second->{access}), 404, 'NOT_FOUND', name => q(somebody else's));
    error_ok($delete->($_, $second->{access}), 404, 'NOT_FOUND', name => "no such: $_") for '0' x 32, 'x', uc $first->{sid}, '%27';
    is scalar $site->alive($else->{user_id}), 1, 'his session lives';
    gone_ok($delete->($first->{sid}, $second->{access}), 'the first is ended');
    gone_ok($delete->($first->{sid}, $second->{access}), 'again');
    is $site->row($first->{sid})->{revoked_why}, 'removed', 'its row says so';
    error_ok($site->ask('off', GET => '/api/sessions/', $first->{access}), 401, 'TOKEN_NOT_VALID', name => 'its access token is dead');
    is scalar list($site, 'off', $second->{access}), 1, 'and it is not listed';
    gone_ok($delete->($second->{sid}, $second->{access}), 'his own');
    error_ok($site->ask('off', GET => '/api/sessions/', $second->{access}), 401, 'TOKEN_NOT_VALID', name => 'that was the last');
    error_ok($site->ask('off', GET => '/api/sessions/', undef), 401, 'NOT_AUTHENTICATED', name => 'no token');
    error_ok($site->ask('off', GET => '/api/sessions/', $else->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'no access token');
    for ([ DELETE => '/api/sessions/', 'GET, HEAD, OPTIONS' ], [ GET => "/api/sessions/$else->{sid}/", 'DELETE, OPTIONS' ],
         [ POST => '/api/sessions/', qr/GET, HEAD, DELETE/ ]) {
        my ($method, $path, $allow) = @$_;
        my $wrong = $site->ask('off', $method, $path, $else->{access});
        error_ok($wrong, 405, 'METHOD_NOT_ALLOWED', name => "$method $path");
        like_or_is $wrong->{headers}{allow}, $allow, 'what is allowed';
    }
    $site->disable($else->{user_id});
    my $off;
    until_true(sub { $off = $site->ask('off', GET => '/api/sessions/', $else->{access}); $off->{status} != 200 }, 15);
    my $code = $off->{json}{error_code};
    like $code, qr/^(?:TOKEN_NOT_VALID|USER_INACTIVE)$/, 'a user who was disabled: his session is over, or he is';
    error_ok($off, 401, $code, name => 'told after the poll');
    return;
}

for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift);
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    subtest 'scopes' => sub { scopes($site) };
    subtest 'odd tokens' => sub { odd_tokens($site) };
    subtest 'refusals' => sub { refusals($site) };
    subtest 'the list' => sub { lists($site) };
    $log->done;
};
done_testing;
