# What nobody may ever read: at the most talkative LogLevel there is, sign-ins that succeed and
# that fail in every way we can think of; then logs, answers, httpd -t, the pages of mod_status
# and mod_info are searched for the AppSecret, the keys, the session keys, every code, every token
# that was sent or issued, and the password of the data base.
use strict;
use warnings;
use utf8;
use Test::More;
use HTTP::Tiny;
use WxLogin::Test::Client;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Httpd;
use WxLogin::Test::Keys;
use WxLogin::Test::Token;

# with letters that look different in a URL
my %secret = (
    'the AppSecret'                 => 'app+secret/of=this&test?%41-0b5e',
    'the key'                       => 'the+key/that=signs&the?tokens%41-of-this-test-7a2d',
    'the password of the data base' => 'data-base-password-of-this-test-3c9f',
);
my $keys = WxLogin::Test::Keys->new;
my %pair = map { $_ => $keys->make($_, "pair-$_") } qw(ES256 RS256 EdDSA HS256);
$secret{"the secret of $pair{HS256}{kid}"} = $pair{HS256}{secret};
for my $pair (@pair{qw(ES256 RS256 EdDSA)}) {    # the lines of the file, and what a JSON Web Key would show of it
    my @lines = grep { !/^-/ } split /\n/, WxLogin::Test::Keys::slurp($pair->{file});
    $secret{"line $_ of $pair->{kid}"} = $lines[$_] for 0 .. $#lines;
    $secret{"d of $pair->{kid}"} = $pair->{toolkit}->export_key_jwk('private', 1)->{d};
}
my $wechat = WxLogin::Test::FakeWeChat->new(appid => 'wxsecrecy', secret => $secret{'the AppSecret'});
my $pg = "host=$ENV{WX_PG_HOST} port=$ENV{WX_PG_PORT} user=wxlogin password=$secret{'the password of the data base'} connect_timeout=10";
my $httpd = WxLogin::Test::Httpd->new(
    ports => 8, env => { WX_T_SECRET => $secret{'the AppSecret'} },
    loadmodules => sub {
        my $dir = WxLogin::Test::Httpd::libexecdir();
        return $_[0] . (-e "$dir/mod_info.so" ? "LoadModule info_module $dir/mod_info.so\n" : '');
    },
    config => <<"CONF",
ExtendedStatus On
CustomLog logs/access_log "%h \\"%r\\" %>s %b %{WXLOGIN_ERROR}e %{WXLOGIN_USER_ID}e %{UNIQUE_ID}e \\"%{User-Agent}i\\""
RedirectMatch "^/elsewhere/(.*)" "http://127.0.0.1/\$1"
<Location "/status">
    SetHandler server-status
</Location>
<Location "/info">
    SetHandler server-info
</Location>
WxLoginEnvironment production
WxLoginAppId wxsecrecy
WxLoginAppSecret env:WX_T_SECRET
WxLoginSecretKey file:key
WxLoginExchangeURL @{[ $wechat->url ]}
WxLoginExchangeTimeout 2 connect=1
WxLoginExchangeBreaker off
WxLoginRateLimit off
DBDriver pgsql
DBDParams "$pg dbname=wxlogin application_name=wxlogin"
\@ENDPOINTS\@
# without credentials
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginEnvironment development
    WxLoginAppId env:WX_T_NOTHING
    WxLoginAppSecret env:WX_T_NOTHING
</VirtualHost>
# without a data base, without its tables
Listen 127.0.0.1:\@PORT3\@
<VirtualHost 127.0.0.1:\@PORT3\@>
    DBDParams "@{[ $pg =~ s/port=\d+/port=1/r ]} dbname=wxlogin"
</VirtualHost>
Listen 127.0.0.1:\@PORT4\@
<VirtualHost 127.0.0.1:\@PORT4\@>
    DBDParams "$pg dbname=postgres"
</VirtualHost>
# without a WeChat, with one that does not speak TLS
Listen 127.0.0.1:\@PORT5\@
<VirtualHost 127.0.0.1:\@PORT5\@>
    WxLoginExchangeURL http://127.0.0.1:1
</VirtualHost>
Listen 127.0.0.1:\@PORT6\@
<VirtualHost 127.0.0.1:\@PORT6\@>
    WxLoginExchangeURL https://127.0.0.1:@{[ $wechat->port ]}
</VirtualHost>
# with refresh tokens that are replaced
Listen 127.0.0.1:\@PORT8\@
<VirtualHost 127.0.0.1:\@PORT8\@>
    WxLoginRefreshRotation strict
</VirtualHost>
# with keys that have names
Listen 127.0.0.1:\@PORT7\@
<VirtualHost 127.0.0.1:\@PORT7\@>
    $pair{ES256}{line} sign
    $pair{RS256}{line}
    $pair{EdDSA}{line}
    $pair{HS256}{line}
    <Location "/jwks">
        SetHandler wxlogin-jwks
    </Location>
</VirtualHost>
CONF
);
chmod 0600, $httpd->write(key => "$secret{'the key'}\n");
$httpd->start;

my (%code, %session_key, %token, %mock, @answers, @failures, $codes);
sub code {
    my (@order) = @_;
    my $code = $wechat->code(@order);
    $code{$code} = 1;
    $session_key{ $wechat->session_key_of($code) } = 1;
    return $code;
}
sub token { my $token = make_jwt(key => $secret{'the key'}, @_); $token{$token} = 1; return $token }
sub heard {
    my ($res, $status, $name) = @_;
    is $res->{status}, $status, $name or diag $res->{body}, grep { /WXL/ } split /^/, $httpd->log;
    push @answers, $res->{raw};
    push @failures, $res->{raw} if $res->{status} != 200;
    my $json = ref $res->{json} eq 'HASH' ? $res->{json} : {};
    $token{$_} = 1 for grep { defined } @{$json}{qw(access refresh)};
    return $json;
}
sub login { my ($port, $data, $status, $name) = @_; return heard(post_json($httpd->at($port), '/api/login/', $data), $status, $name) }

# --- it goes well
for my $i (1 .. 3) {
    my $json = login(1, { code => code() }, 200, "sign-in $i");
    heard(post_json($httpd, '/api/token/refresh/', { refresh => $json->{refresh} }), 200, 'refresh');
    heard(post_json($httpd, '/api/token/verify/', { token => $json->{access} }), 200, 'verify');
    heard(post_form($httpd, '/api/token/verify/', "token=$json->{refresh}"), 200, 'verify, a form');
}
heard(post_form($httpd, '/api/login/', 'code=' . code()), 200, 'a form');
my $named = login(7, { code => code() }, 200, 'a sign-in with a key pair');
heard(post_json($httpd->at(7), '/api/token/refresh/', { refresh => $named->{refresh} }), 200, 'refresh');
push @answers, get($httpd->at(7), '/jwks')->{raw};
like $answers[-1], qr/"kid":"pair-RS256"/, 'the public keys';
for my $pair (values %pair) {
    for my $token ($pair->sign(access_claims(exp => 1)), $pair->sign(access_claims(), bend => sub { $_[0] ^ "\x01" })) {
        $token{$token} = 1;
        heard(post_json($httpd->at(7), '/api/token/verify/', { token => $token }), 401, "a bad token of $pair->{kid}");
    }
}
for my $name (qw(mock-code-of-this-test-1 admin-mock-code-of-this-test-2)) {
    $mock{$name} = 1;
    login(2, { code => $name }, 200, "$name");
}

# --- sessions: replaced tokens, a stolen one, the list, signing out
my $session = login(8, { code => code() }, 200, 'a session');
my @chain = ($session->{refresh});
push @chain, heard(post_json($httpd->at(8), '/api/token/refresh/', { refresh => $chain[-1] }), 200, 'refresh')->{refresh} for 1, 2;
delete $token{ $session->{access} };    # httpd's own trace shows the headers of requests
my @bearer = (Authorization => "Bearer $session->{access}");
my $list = heard(get($httpd->at(8), '/api/sessions/', @bearer), 200, 'the list');
is scalar @{ $list->{sessions} }, 1, 'shows the session';
unlike encode($list), qr/digest/, 'and no digest';
heard(post_json($httpd->at(8), '/api/token/refresh/', { refresh => $chain[0] }), 401, 'a stolen token');
heard(post_json($httpd->at(8), '/api/token/refresh/', { refresh => $chain[2] }), 401, 'the session is over');
heard(get($httpd->at(8), '/api/sessions/', @bearer), 401, 'its access token, too');
heard(post_json($httpd->at(8), '/api/logout/', { refresh => $chain[2] }), 200, 'signing out');
heard(post_json($httpd->at(8), '/api/logout/', { refresh => token(claims => refresh_claims(), key => 'another') }), 401, 'by a bad token');
heard(post_json($httpd->at(8), '/api/logout/', { refresh => $chain[2], scope => $chain[2] }), 400, 'with a bad scope');

# --- WeChat does not play along
my $used = code();
login(1, { code => $used }, 200, 'once');
login(1, { code => $used }, 200, 'twice');
login(1, { code => code(errcode => $_) }, 400, "errcode $_") for -1, 40029, 40013, 40125, 40226, 45011, 99999;
login(1, { code => code(errcode => 40125, errmsg => "invalid appsecret $secret{'the AppSecret'}, rid: 1") }, 400, 'WeChat repeats the AppSecret');
my %fails = map { $_->[1] => login(1, { code => code(@{ $_->[0] }) }, $_->[2], $_->[1]) } (
    [ [ cut => 'before' ], 'cut before',   503 ], [ [ cut => 'head' ],  'cut in the head', 503 ],
    [ [ cut => 'body' ],   'cut in the body', 503 ], [ [ cut => 'reset' ], 'reset',        503 ],
    [ [ html => 1 ],       'a page',       503 ], [ [ status => 502, html => 1 ], '502',   503 ],
    [ [ status => 302, location => 'http://127.0.0.1:1/' ], 'a redirection', 503 ],
    [ [ length => '+9' ],  'too short',    503 ], [ [ size => 200_000 ], 'too long',       503 ],
    [ [ cut => 'silence' ], 'silence',     503 ],
);
for my $say ($wechat->strange) {
    my $res = post_json($httpd, '/api/login/', { code => code(say => $say) });
    heard($res, $res->{status}, "WeChat says $say");
}
login(5, { code => code() }, 503, 'WeChat is not there');
login(6, { code => code() }, 503, 'WeChat speaks no TLS');

# --- nor the data base
login(3, { code => code() }, 503, 'no data base') for 1, 2;
for (1, 2) {
    my $res = post_json($httpd->at(4), '/api/login/', { code => code() });
    like $res->{status}, qr/^50[03]$/, 'no tables';
    heard($res, $res->{status}, 'and an answer');
}

# --- nor the client
my $whole = encode({ code => code() });
login(1, $_, 400, 'a bad body') for substr($whole, 0, -1), substr($whole, 0, -2), "$whole$whole", "[$whole]", "$whole\0", "$whole\xff",
    $whole =~ s/"}/\\u0000"}/r, $whole =~ s/"}/\xff"}/r, $whole =~ s/"}/\\ud800"}/r, "x$whole", '{"code":[' . substr($whole, 8) =~ s/}/]}/r,
    '{"code":"' . code() . '","code":"' . code() . '"}', '{"' . code() . '":1}', '{"code":{"' . code() . '":1}}';
login(1, { code => 'x' x 500 . code() }, 400, 'a long one');
heard(post_form($httpd, '/api/login/', 'code=' . code() . $_), 400, 'a bad form') for '%', '%00', '%ff', '&code=x';
heard(request($httpd, POST => '/api/login/', body => $whole, headers => [ 'Content-Type' => 'text/plain' ]), 415, 'another type');
heard(request($httpd, PUT => '/api/login/', body => $whole), 405, 'another method');
heard(post_json($httpd, '/api/login/', $whole . ' ' x 20_000), 413, 'too large');
heard(raw($httpd, json_request('/api/login/', $whole, 'Content-Length' => 9999), half_close => 1), 400, 'cut short');
heard(post_json($httpd, '/api/login/', "3\r\n$whole\r\n0\r\n\r\n", 'Transfer-Encoding' => 'chunked'), 400, 'bad chunks');
for my $claims (access_claims(exp => 1), access_claims(iat => 9_999_999_999), access_claims(user_id => undef), access_claims(token_type => 'x'), '{', '[]') {
    my $res = post_json($httpd, '/api/token/verify/', { token => token(claims => $claims) });
    heard($res, 401, 'a bad token');
}
for my $token (token(claims => refresh_claims(), key => 'another'), token(claims => refresh_claims(), alg => 'none', header => { alg => 'none' }),
               token(claims => access_claims()), token(claims => refresh_claims(), header => '{"alg":"HS256","crit":["x"]}')) {
    heard(post_json($httpd, '/api/token/refresh/', { refresh => $token }), 401, 'a bad refresh token');
    heard(post_json($httpd, '/api/token/refresh/', { refresh => [$token] }), 400, 'no string');
    heard(post_json($httpd, '/api/token/refresh/', qq({"refresh":"$token)), 400, 'half a body');
    heard(post_json($httpd, '/api/login/', { code => { $token => 1 } }), 400, 'at the wrong door');
}

# --- the marker that shows that the search finds something
my $marker = 'marker-' . join '-', 'of', 'this', 'test';
push @answers, get($httpd, "/elsewhere/$marker", 'User-Agent' => $marker, 'X-Marker' => $marker)->{raw};

my %page = map { $_ => get($httpd, "/$_")->{body} } qw(status info);
my ($status, $said) = $httpd->configtest;
is $status, 0, 'httpd -t';
$httpd->graceful;
my $more = login(1, { code => code() }, 200, 'after a graceful restart');
$httpd->stop;

sub slurp { my ($name) = @_; open my $fh, '<:raw', $httpd->root . "/logs/$name" or die "$name: $!\n"; local $/; return scalar <$fh> }
my %text = (error_log => slurp('error_log'), access_log => slurp('access_log'), 'what httpd printed' => $httpd->output,
            'httpd -t' => $said, 'mod_status' => $page{status}, 'mod_info' => $page{info},
            'answers' => join("\n", @answers), 'answers to failures' => join("\n", @failures));

# As it is, as in a URL, as in JSON.
sub spellings {
    my ($text) = @_;
    my $url = HTTP::Tiny->new->_uri_escape($text);
    return ($text, $url, lc $url, $text =~ s{/}{\\/}gr);
}
sub hits {
    my ($where, @what) = @_;
    my %seen;
    return grep { index($text{$where}, $_) >= 0 } grep { !$seen{$_}++ } map { spellings($_) } @what;
}
is scalar(hits($_, $marker)), 1, "the search finds the marker in $_" for qw(error_log access_log answers);
cmp_ok length $text{error_log}, '>', 100_000, 'the log is talkative';
cmp_ok scalar(keys %code), '>', 50, 'codes';
cmp_ok scalar(keys %token), '>', 20, 'tokens';
is scalar(grep { index($text{answers}, $_) >= 0 } map { $wechat->openid_of($_) } keys %code) > 0, 1, 'the openid is in answers, the session key could be';

my @signatures = map { /\.([^.]{20,})\z/ ? $1 : () } keys %token;
for my $where (sort keys %text) {
    for my $name (sort keys %secret) {
        # mod_info prints the configuration as it is written, and the password is written there
        next if $where eq 'mod_info' && $name =~ /password/;
        is_deeply [ hits($where, $secret{$name}) ], [], "$where: $name";
    }
    is_deeply [ hits($where, keys %session_key) ], [], "$where: session keys";
    unlike $text{$where}, qr/session_key=|"session_key"\s*:/, "$where: nor the word";
    is_deeply [ hits($where, keys %code) ], [], "$where: codes";
    next if $where eq 'answers';
    is_deeply [ hits($where, keys %mock) ], [], "$where: codes that are openids" if $where !~ /answers/;
    is_deeply [ hits($where, keys %token, @signatures) ], [], "$where: tokens";
}
my $log = WxLogin::Test::ErrorLog->watch($httpd);
unlike $text{error_log}, $_, 'nobody died' for qr/AH0005[12]:/, qr/AddressSanitizer|runtime error:/;
done_testing;
