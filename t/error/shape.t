# Every failure that can be provoked from outside, in both languages: the whole answer, key by
# key in its order, the headers, and the one line in the log with its tag and its level.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Token;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;

sub login { my ($vhost, $data) = @_; return sub { post_json($vhost, '/api/login/', $data, @_) } }
sub code  { my ($vhost, @order) = @_; return sub { post_json($vhost, '/api/login/', { code => $wechat->code(@order) }, @_) } }
sub verify  { my ($token) = @_; return sub { post_json('sqlite', '/api/token/verify/', { token => $token }, @_) } }
sub refresh { my ($token) = @_; return sub { post_json('sqlite', '/api/token/refresh/', { refresh => $token }, @_) } }

# somebody the administrator has shut out
my $inactive = "inactive-$$";
post_json('mocksqlite', '/api/login/', { code => $inactive });
my $update = "UPDATE wxlogin_user SET is_active = 0 WHERE openid = '$inactive'";
is system('sqlite3', '-batch', '-cmd', '.timeout 5000', $ENV{WX_SQLITE_MOCK}, $update), 0, 'a user is made inactive';

my ($down, $busy) = ('Failed to connect to WeChat API', 'WeChat could not be reached. Please sign in again.');
# name, request, status, error_code, {error, action, zh, en, tag, level; more keys of the answer}
my @table = (
    [ 'no code', login('sqlite', {}), 400, 'BAD_REQUEST',
      { error => 'Code is required', action => 'fix_request', zh => '缺少登录凭证 code', en => 'The login code is missing.',
        tag => '0101', level => 'warn', keys => ['errors'] } ],
    [ 'no refresh token', sub { post_json('sqlite', '/api/token/refresh/', {}, @_) }, 400, 'BAD_REQUEST',
      { error => 'A required field is missing', action => 'fix_request', zh => '缺少必填字段', en => 'A required field is missing.',
        tag => '0102', level => 'warn', keys => ['errors'] } ],
    [ 'null', sub { post_json('sqlite', '/api/token/refresh/', '{"refresh":null}', @_) }, 400, 'BAD_REQUEST',
      { error => 'A field is null', action => 'fix_request', zh => '字段不能为 null', en => 'A field may not be null.',
        tag => '0103', level => 'warn', keys => ['errors'] } ],
    [ 'blank', sub { post_json('sqlite', '/api/token/verify/', '{"token":" "}', @_) }, 400, 'BAD_REQUEST',
      { error => 'A field is blank', action => 'fix_request', zh => '字段不能为空', en => 'A field may not be blank.',
        tag => '0104', level => 'warn', keys => ['errors'] } ],
    [ 'a number', login('sqlite', { code => 1 }), 400, 'BAD_REQUEST',
      { error => 'A field is not a string', action => 'fix_request', zh => '字段类型错误', en => 'A field has the wrong type.',
        tag => '0105', level => 'warn', keys => ['errors'] } ],
    [ 'too long', login('sqlite', { code => 'x' x 513 }), 400, 'BAD_REQUEST',
      { error => 'A field is too long', action => 'fix_request', zh => '字段过长', en => 'A field is too long.',
        tag => '0106', level => 'warn', keys => ['errors'] } ],
    [ 'no JSON', login('sqlite', 'x'), 400, 'BAD_REQUEST',
      { error => 'Request body is not valid JSON', action => 'fix_request', zh => '请求体不是有效的 JSON',
        en => 'The request body is not valid JSON.', tag => '0110', level => 'warn' } ],
    [ 'no object', login('sqlite', '[]'), 400, 'BAD_REQUEST',
      { error => 'Request body is not a JSON object', action => 'fix_request', zh => '请求体不是 JSON 对象',
        en => 'The request body is not a JSON object.', tag => '0111', level => 'warn' } ],
    [ 'no UTF-8', login('sqlite', "\xff"), 400, 'BAD_REQUEST',
      { error => 'Request body is not valid UTF-8', action => 'fix_request', zh => '请求体不是有效的 UTF-8',
        en => 'The request body is not valid UTF-8.', tag => '0112', level => 'warn' } ],
    [ 'a NUL', login('sqlite', "\0"), 400, 'BAD_REQUEST',
      { error => 'Request body contains U+0000', action => 'fix_request', zh => '请求体包含空字符 U+0000',
        en => 'The request body contains U+0000.', tag => '0113', level => 'warn' } ],
    [ 'too deep', login('sqlite', '[' x 3000), 400, 'BAD_REQUEST',
      { error => 'Request body is nested too deeply', action => 'fix_request', zh => '请求体嵌套过深',
        en => 'The request body is nested too deeply.', tag => '0114', level => 'warn' } ],
    [ 'twice', login('sqlite', '{"a":1,"a":1}'), 400, 'BAD_REQUEST',
      { error => 'Request body names a key twice', action => 'fix_request', zh => '请求体包含重复的键',
        en => 'The request body names a key twice.', tag => '0115', level => 'warn' } ],
    [ 'no form', sub { post_form('sqlite', '/api/login/', 'code=%', @_) }, 400, 'BAD_REQUEST',
      { error => 'Request body is not a valid form', action => 'fix_request', zh => '请求体不是有效的表单',
        en => 'The request body is not a valid form.', tag => '0116', level => 'warn' } ],
    [ 'cut short', sub { raw('sqlite', json_request('/api/login/', '{', 'Content-Length' => 9, @_), half_close => 1) }, 400, 'BAD_REQUEST',
      { error => 'Request body is incomplete', action => 'fix_request', zh => '请求体不完整',
        en => 'The request body is incomplete.', tag => '0117', level => 'warn' } ],
    [ 'too slow', sub { raw('hasty', json_request('/api/login/', '{', 'Content-Length' => 9, @_)) }, 408, 'REQUEST_TIMEOUT',
      { error => 'Request body came too slowly', action => 'retry', zh => '请求体接收超时',
        en => 'The request body came too slowly.', tag => '0118', level => 'warn' } ],
    [ 'too large', login('sqlite', ' ' x 16_385), 413, 'PAYLOAD_TOO_LARGE',
      { error => 'Request body is too large', action => 'fix_request', zh => '请求体过大',
        en => 'The request body is too large.', tag => '0119', level => 'warn' } ],
    [ 'a text', sub { request('sqlite', POST => '/api/login/', body => 'x', headers => [ 'Content-Type' => 'text/plain', @_ ]) },
      415, 'UNSUPPORTED_MEDIA_TYPE',
      { error => 'Unsupported media type', action => 'fix_request', zh => '不支持的媒体类型',
        en => 'The media type of the request is not supported.', tag => '0120', level => 'warn' } ],
    [ 'GET', sub { get('sqlite', '/api/login/', @_) }, 405, 'METHOD_NOT_ALLOWED',
      { error => 'Method not allowed', action => 'fix_request', zh => '不支持的请求方法',
        en => 'The request method is not allowed.', tag => '0121', level => 'warn' } ],

    [ 'WeChat refuses the code', code('sqlite', errcode => 40029), 400, 'WECHAT_API_ERROR',
      { error => 'WeChat API error', action => 'relogin', zh => '微信接口返回错误', en => 'WeChat answered with an error.',
        tag => '0201', level => 'error', errcode => 40029, errmsg => qr/^invalid code, rid: /, keys => [qw(errcode errmsg)] } ],
    [ 'WeChat has had enough', code('sqlite', errcode => 45011), 400, 'WECHAT_API_ERROR',
      { error => 'WeChat API error', action => 'wait', zh => '微信接口返回错误', en => 'WeChat answered with an error.',
        tag => '0201', level => 'error', errcode => 45011, retry_after => 60, keys => [qw(retry_after errcode errmsg)] } ],
    [ 'WeChat does not know us', code('sqlite', errcode => 40013), 400, 'WECHAT_API_ERROR',
      { error => 'WeChat API error', action => 'contact_operator', zh => '微信接口返回错误', en => 'WeChat answered with an error.',
        tag => '0201', level => 'error', errcode => 40013, keys => [qw(errcode errmsg)] } ],
    [ 'WeChat is not there', code('noone'), 503, 'SERVICE_UNAVAILABLE',
      { error => $down, action => 'relogin', zh => '无法连接微信服务器，请重新登录', en => $busy, tag => '0202', level => 'error' } ],
    [ 'WeChat hangs up', code('sqlite', cut => 'before'), 503, 'SERVICE_UNAVAILABLE',
      { error => $down, action => 'relogin', zh => '无法连接微信服务器，请重新登录', en => $busy, tag => '0202', level => 'error' } ],
    [ 'WeChat sends a page', code('sqlite', status => 502, html => 1), 503, 'SERVICE_UNAVAILABLE',
      { error => $down, action => 'relogin', zh => '无法连接微信服务器，请重新登录', en => $busy, tag => '0202', level => 'error' } ],
    [ 'WeChat says nothing', code('sqlite', say => 'empty_object'), 500, 'INTERNAL_ERROR',
      { error => 'Invalid WeChat response', action => 'retry', zh => '微信服务器返回了无效的数据',
        en => 'WeChat answered with invalid data.', tag => '0204', level => 'crit' } ],

    [ 'a user shut out', login('mocksqlite', { code => $inactive }), 403, 'USER_INACTIVE',
      { error => 'User is inactive', action => 'none', zh => '用户已被禁用', en => 'The user is disabled.',
        tag => '0301', level => 'warn' } ],
    [ 'a bad token', verify('x'), 401, 'TOKEN_NOT_VALID',
      { error => 'Token is invalid', action => 'sign_in', zh => '令牌无效，请重新登录', en => 'The token is invalid. Please sign in again.',
        tag => '0302', level => 'info' } ],
    [ 'an old access token', verify(make_jwt(claims => access_claims(exp => 1))), 401, 'TOKEN_EXPIRED',
      { error => 'Token is expired', action => 'refresh', zh => '令牌已过期，请刷新', en => 'The token is expired. Please refresh it.',
        tag => '0303', level => 'info' } ],
    [ 'an old refresh token', refresh(make_jwt(claims => refresh_claims(exp => 1))), 401, 'TOKEN_EXPIRED',
      { error => 'Token is expired', action => 'sign_in', zh => '登录已过期，请重新登录', en => 'The session is expired. Please sign in again.',
        tag => '0304', level => 'info' } ],
    [ 'no data base', code('nodb'), 503, 'SERVICE_UNAVAILABLE',
      { error => 'Service is unavailable', action => 'wait', zh => '服务暂不可用，请稍后再试',
        en => 'The service is unavailable. Please try again later.', tag => '0401', level => 'error',
        retry_after => qr/^[1-9]\d?$/, keys => ['retry_after'] } ],
);

my %lang = (zh => 'zh-CN', en => 'en');
for (@table) {
    my ($name, $request, $status, $error_code, $want) = @$_;
    for my $lang (qw(zh en)) {
        my $res = $request->('Accept-Language' => $lang);
        my %more = map { exists $want->{$_} ? ($_ => $want->{$_}) : () } qw(error action errcode errmsg retry_after);
        error_ok($res, $status, $error_code, lang => $lang{$lang}, message => $want->{$lang}, %more, name => "$name, $lang") or next;
        my %there = map { $_ => 1 } @{ $want->{keys} || [] };
        is_deeply [ keys_of($res->{body}) ],
            [ qw(success code error error_code message action), (grep { $there{$_} } qw(retry_after errors errcode errmsg)), 'request_id' ],
            "$name: keys in their order";
        is $res->{headers}{'content-language'}, $lang{$lang}, 'Content-Language';
        is $res->{headers}{'content-length'}, length $res->{body}, 'Content-Length';
        my $id = $res->{json}{request_id};
        my $line = $log->wait_for(qr/WXL\d{4}: .*\Q(request_id $id)\E$/) // '';
        like $line, qr/\[wxlogin:$want->{level}\]/, "$name: level";
        like $line, qr/WXL$want->{tag}: [A-Z]+ \/api\/\S+: $status $error_code: \S/, "$name: tag, method, path, status, code and cause";
        like $line, qr/\[id \Q$id\E\]/, "$name: request_id is mod_unique_id's";
    }
}
$log->announce(qr/WXL051[01]:|AH0063[0-9]|AH0062[0-9]/);
$log->done;
done_testing;
