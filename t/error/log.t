# What an administrator finds afterwards: one line a failure in error_log, with its level, its
# tag, and nothing in it that a client could forge; the outcome in the access log's variables;
# and no page of httpd's in the place of our answer.
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

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $httpd = WxLogin::Test::Httpd->new(ports => 3, config => <<"CONF")->start;
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
\@SQLITE\@
\@ENDPOINTS\@
CustomLog logs/outcome "%{UNIQUE_ID}e|%L|%>s|%{WXLOGIN_ERROR}e|%{WXLOGIN_USER_ID}e|%m"
<Location "/any">
    SetHandler wxlogin-login
</Location>
ErrorDocument 400 "a page of httpd's"
ErrorDocument 401 "a page of httpd's"
ErrorDocument 404 "a page of httpd's"
ErrorDocument 405 /index.html
ErrorDocument 413 /index.html
ErrorDocument 415 http://127.0.0.1:1/
ErrorDocument 500 "a page of httpd's"
ErrorDocument 503 "a page of httpd's"
# with a WeChat
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginAppId \${WX_APP_ID}
    WxLoginAppSecret env:WX_APP_SECRET
    WxLoginExchangeURL @{[ $wechat->url ]}
</VirtualHost>
# as quiet as one can be
Listen 127.0.0.1:\@PORT3\@
<VirtualHost 127.0.0.1:\@PORT3\@>
    LogLevel crit
</VirtualHost>
CONF
my $log = WxLogin::Test::ErrorLog->watch($httpd);

# --- the variables of the access log
my %outcome;
my $login = post_json($httpd, '/api/login/', { code => 'abc' });
my $user = login_ok($login, openid => 'abc');
my $fine = "200|-|$user->{id}|POST";
my $refreshed = post_json($httpd, '/api/token/refresh/', { refresh => $login->{json}{refresh} });
refresh_ok($refreshed, user_id => "$user->{id}");
verify_ok(post_json($httpd, '/api/token/verify/', { token => $login->{json}{access} }));

my @failures = (
    [ post_json($httpd, '/api/login/', {}), 400, 'BAD_REQUEST' ],
    [ post_json($httpd, '/api/login/', 'x' x 20_000), 413, 'PAYLOAD_TOO_LARGE' ],
    [ request($httpd, POST => '/api/login/', body => 'x'), 415, 'UNSUPPORTED_MEDIA_TYPE' ],
    [ get($httpd, '/api/login/'), 405, 'METHOD_NOT_ALLOWED', 'GET' ],
    [ post_json($httpd, '/api/token/verify/', { token => 'x' }), 401, 'TOKEN_NOT_VALID' ],
    [ post_json($httpd, '/api/token/refresh/', { refresh => make_jwt(claims => refresh_claims(exp => 1)) }), 401, 'TOKEN_EXPIRED' ],
    [ post_json($httpd->at(2), '/api/login/', { code => $wechat->code(errcode => 40029) }), 400, 'WECHAT_API_ERROR' ],
    [ post_json($httpd->at(2), '/api/login/', { code => $wechat->code(cut => 'before') }), 503, 'SERVICE_UNAVAILABLE' ],
    [ post_json($httpd->at(2), '/api/login/', { code => $wechat->code(say => 'empty_object') }), 500, 'INTERNAL_ERROR' ],
);
for (@failures) {
    my ($res, $status, $error_code, $method) = @$_;
    error_ok($res, $status, $error_code, name => "$error_code: our answer, and no page of httpd's");
    $outcome{ $res->{json}{request_id} } = join '|', $status, $error_code, '-', $method // 'POST';
}
my $head = request($httpd, HEAD => '/api/login/');
is "$head->{status}$head->{body}", '405', 'HEAD has no body';
is $head->{headers}{'content-type'}, 'application/json', 'but its type';

# the access log is written after the answer
sub outcomes { open my $fh, '<', $httpd->root . '/logs/outcome' or return; return map { s/\n//r } <$fh> }
$httpd->{process}->until(sub { scalar(my @all = outcomes()) >= @failures + 4 + 1 }, 5);
my @lines = outcomes();
is scalar(grep { /^([^|]+)\|\1\|\Q$fine\E$/ } @lines), 2, 'WXLOGIN_USER_ID of a sign-in and of a refresh';
for my $id (sort keys %outcome) {
    is_deeply [ grep { /^\Q$id|\E/ } @lines ], ["$id|$id|$outcome{$id}"], "WXLOGIN_ERROR: $outcome{$id}";
}

# --- nothing can be forged
my $forged = '[Mon Jan 01 00:00:00.000000 2024] [wxlogin:crit] [pid 1:tid 1] FORGED: forged';
my @paths = (
    [ "/any/%0a" . $forged =~ s/ /%20/gr,   qr{/any/\\n\[Mon } ],
    [ '/any/%0d%0aFORGED:%20forged',       qr{/any/\\r\\nFORGED: forged} ],
    [ '/any/%1b%5b2J',                      qr{/any/\\x1b\[2J} ],
    [ '/any/%07%08%7f',                     qr{/any/\\x?0?[a7]\\x?0?[b8]\\x7f} ],
    [ '/any/%ff%fe',                        qr{/any/\\xff\\xfe} ],
    [ '/any/%e7%99%bb',                     qr{/any/\\xe7\\x99\\xbb} ],
    [ '/any/%25s%25n%25s',                  qr{/any/%s%n%s} ],
    [ '/any/%22%5c%27',                     qr{/any/\\?"\\\\'} ],
    [ '/any/' . 'x' x 4000,                 qr{/any/x{1000}} ],
    [ '/any/x?code=in-the-query&token=x',   qr{/any/x: } ],
);
for (@paths) {
    my ($path, $line) = @$_;
    my $name = length $path > 80 ? 'a long path' : $path;
    my $res = post_json($httpd, $path, {});
    error_ok($res, 400, 'BAD_REQUEST', name => $name);
    my $id = $res->{json}{request_id};
    my $found = $log->wait_for(qr/WXL0101.*\Q$id\E/, $path =~ /x{4000}/ ? 1 : 5);
    like $found // '', qr/WXL0101: POST $line/, "$name: escaped";
    like $found // '', qr/^\[[^\]]+\] \[wxlogin:warn\] .*\[id \Q$id\E\] .*\(request_id \Q$id\E\)$/, "$name: one line, its number at the end";
}
is scalar(grep { /^\[Mon Jan 01|^FORGED/ } $log->lines), 0, 'no line that is not ours';
is scalar(grep { /[^ -~\t]/ } $log->lines(qr/WXL/)), 0, 'nothing but printable letters';
my $errmsg = "bad\n$forged\x{1b}[2J\x{7}";
my $told = post_json($httpd->at(2), '/api/login/', { code => $wechat->code(errcode => 40029, errmsg => $errmsg) });
is $told->{json}{errmsg}, $errmsg, "WeChat's text goes to the client as it is";
my $id = $told->{json}{request_id};
like $log->wait_for(qr/WXL0201.*\Q$id\E/) // '', qr/\[wxlogin:error\].*errcode 40029, bad\\n\[Mon .* FORGED: forged\\x1b\[2J\\.* \(request_id \Q$id\E\)$/,
    'and escaped into the log';
is scalar(grep { /^\[Mon Jan 01/ } $log->lines), 0, 'no line that is not ours';
$log->announce(qr/\(request_id \Q$id\E\)/, 1);
$log->announce(qr{WXL0121: HEAD /api/login/}, 1);

# --- levels: who wants to hear nothing hears nothing
my $quiet = post_json($httpd->at(3), '/api/login/', 'x');
is $quiet->{status}, 400, 'refused';
is $quiet->{json}{error_code}, 'BAD_REQUEST', 'with an answer';
is scalar(grep { index($_, $quiet->{json}{request_id}) >= 0 } $log->lines(qr/WXL/)), 0, 'and without a line, at LogLevel crit';
$log->done;
done_testing;
