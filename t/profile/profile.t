# GET and PATCH /user/profile/, to the letter of the contract.
use strict;
use warnings;
use utf8;
use JSON::PP ();
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;
use WxLogin::Test::Token;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);
my @KEYS = qw(username avatar_url phone email id user_type last_login_at orders_count);
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my %TEXT = (
    blank  => [ '该字段不能为空。', 'This field may not be blank.' ],
    null   => [ '该字段不能为 null。', 'This field may not be null.' ],
    string => [ '不是有效的字符串。', 'Not a valid string.' ],
    email  => [ '请输入合法的邮件地址。', 'Enter a valid email address.' ],
    url    => [ '请输入合法的URL。', 'Enter a valid URL.' ],
    taken  => [ '已存在一位使用该名字的用户。', 'A user with that username already exists.' ],
    map { my $n = $_; ("long$n" => [ "请确保这个字段不能超过 $n 个字符。", "Ensure this field has no more than $n characters." ]) } 150, 200, 20, 254,
);

# [what is sent, what the profile then shows]
my @accepted = (
    [ {}, {} ],
    [ { username => 'anna' }, { username => 'anna' } ],
    [ { username => "  张 三\t\n" }, { username => '张 三' } ],
    [ { username => '文' x 150 }, { username => '文' x 150 } ],
    [ { username => "\x{1F600}" x 150 }, { username => "\x{1F600}" x 150 } ],
    [ { username => '=1+1"\'; DROP TABLE wxlogin_user; -- %s %d %%' }, { username => '=1+1"\'; DROP TABLE wxlogin_user; -- %s %d %%' } ],
    [ { username => 12345 }, { username => '12345' } ],
    [ { phone => 13800138000 }, { phone => '13800138000' } ],
    [ '{"phone":1.5}', { phone => '1.5' } ],
    [ '{"phone":-0.1}', { phone => '-0.1' } ],
    [ '{"username":9007199254740993}', { username => '9007199254740993' } ],
    [ { phone => ' +86 138 ' }, { phone => '+86 138' } ],
    [ { phone => '1' x 20 }, { phone => '1' x 20 } ],
    [ { phone => '' }, { phone => '' } ],
    [ { phone => undef }, { phone => undef } ],
    [ { email => 'anna@example.com' }, { email => 'anna@example.com' } ],
    [ { email => ' a.b+c@mail.例子.cn ' }, { email => 'a.b+c@mail.例子.cn' } ],
    [ { email => '' }, { email => '' } ],
    [ { email => '   ' }, { email => '' } ],
    [ { email => undef }, { email => undef } ],
    [ { avatar_url => 'https://example.com/a.png?b=c&d=%20#e' }, { avatar_url => 'https://example.com/a.png?b=c&d=%20#e' } ],
    [ { avatar_url => 'HTTP://127.0.0.1:8000/x' }, { avatar_url => 'HTTP://127.0.0.1:8000/x' } ],
    [ { avatar_url => 'http://[::1]:80/x' }, { avatar_url => 'http://[::1]:80/x' } ],
    [ { avatar_url => 'https://例子.cn/图' }, { avatar_url => 'https://例子.cn/图' } ],
    [ { avatar_url => 'https://x.cn/' . 'y' x 187 }, { avatar_url => 'https://x.cn/' . 'y' x 187 } ],
    [ { avatar_url => '' }, { avatar_url => '' } ],
    # nobody but an administrator changes these
    [ { is_staff => $true, is_superuser => $true, is_active => $false, openid => 'x', id => 99, user_type => 'admin', orders_count => 7,
        last_login_at => 'x', password => 'x', date_joined => undef, nothing => [ {} ] }, {} ],
    [ { username => 'bob', phone => '1', email => 'b@c.de', avatar_url => 'http://x.de' },
      { username => 'bob', phone => '1', email => 'b@c.de', avatar_url => 'http://x.de' } ],
);
# [what is sent, {field => text}]
my @refused = (
    [ { username => '' }, { username => 'blank' } ],
    [ { username => "  \t" }, { username => 'blank' } ],
    [ { username => undef }, { username => 'null' } ],
    [ { username => '文' x 151 }, { username => 'long150' } ],
    (map { my $field = $_; map { [ { $field => $_ }, { $field => 'string' } ] } $true, $false, [], {}, ['x'] } qw(username phone email avatar_url)),
    [ { phone => '1' x 21 }, { phone => 'long20' } ],
    [ { avatar_url => undef }, { avatar_url => 'null' } ],
    [ { avatar_url => 'https://x.cn/' . 'y' x 188 }, { avatar_url => 'long200' } ],
    (map { [ { avatar_url => $_ }, { avatar_url => 'url' } ] } 'data:image/png;base64,AA', qw(x example.com /a.png //x.cn/a javascript:alert(1)
        ftp://x.cn/a http:// https:///x http://-x.cn http://x..cn http://x_y.cn http://x.cn:0x http://x.cn:99999 http://x.cn/<b> file:///etc/passwd),
        'http://x.cn/a b', 'http://x y.cn', "http://x.cn/\x{7f}", 'http://x.cn/"', 'http:x.cn'),
    (map { [ { email => $_ }, { email => 'email' } ] } qw(x x@ @x.cn x@y x@y. x@.y.cn x..y@z.cn .x@y.cn x.@y.cn x@y@z.cn x@-y.cn x@y-.cn x@y_z.cn),
        'x y@z.cn', 'x@y z.cn', '<x@y.cn>', 'x@y.cn,z@y.cn', '张@例子.cn', 'x' x 65 . '@y.cn', 'x@' . 'y' x 64 . '.cn', '"x"@y.cn', 'x@[127.0.0.1]'),
    [ { email => 'x@' . join('.', ('y' x 62) x 4) . '.cnnnnnn' }, { email => 'long254' } ],
    [ { username => 'taken' }, { username => 'taken' } ],
    [ { username => ' taken ' }, { username => 'taken' } ],
    [ { username => 'gone' }, { username => 'taken' } ],
    [ { username => '', phone => $true, email => 'x', avatar_url => undef }, { username => 'blank', phone => 'string', email => 'email', avatar_url => 'null' } ],
    [ { username => 'fine', phone => '1' x 30 }, { phone => 'long20' } ],
);

sub is_profile {
    my ($res, %expect) = @_;
    return subtest delete $expect{name} // 'profile' => sub {
        headers_ok($res, 200) or return;
        is_deeply [ keys_of($res->{body}) ], \@KEYS, 'keys in their order';
        like_or_is $res->{json}{$_}, $expect{$_}, $_ for sort keys %expect;
    };
}

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift);
    my $anna = $site->sign_in('anna');
    my $off = $site->sign_in('off');
    $site->users->add(openid => 'taken', username => 'taken', date_joined => 1_700_000_000_000_000);
    $site->users->add(openid => 'gone', username => 'gone', date_joined => 1_700_000_000_000_000, is_active => 0);
    my $ask = sub {
        my ($method, $body, %o) = @_;
        return $site->ask($method, $o{path} || '/api/user/profile/', token => exists $o{token} ? $o{token} : $anna->{access}, body => $body,
                          headers => [ defined $body ? ('Content-Type' => 'application/json') : (), @{ $o{headers} || [] } ]);
    };

    is_profile($ask->('GET'), name => 'GET', map { $_ => $anna->{$_} } @KEYS);
    is_profile($ask->('GET', undef, path => $_), name => $_, id => $anna->{id}) for qw(/api/user/profile /api/v1/user/profile/ /api/v1/user/profile);
    my $head = $ask->('HEAD');
    is "$head->{status} $head->{body}", '200 ', 'HEAD';
    cmp_ok $head->{headers}{'content-length'}, '>', 100, 'as long as GET';
    my $options = $ask->('OPTIONS', undef, token => undef);
    is "$options->{status} $options->{headers}{allow}", '204 GET, HEAD, PATCH, OPTIONS', 'OPTIONS';
    for my $method (qw(PUT POST DELETE XYZ)) {
        my $res = $ask->($method);
        error_ok($res, 405, 'METHOD_NOT_ALLOWED', name => "$method: 405");
        is $res->{headers}{allow}, 'GET, HEAD, PATCH, OPTIONS', 'Allow';
    }

    my %before = map { $_ => $anna->{$_} } @KEYS;
    for my $case (@accepted) {
        my ($sent, $shown) = @$case;
        %before = (%before, %$shown);
        my $name = ref $sent ? JSON::PP->new->canonical->encode($sent) : $sent;
        is_profile($ask->(PATCH => $sent), name => 'PATCH ' . substr($name, 0, 60), %before);
        is_profile($ask->('GET'), name => 'and GET', %before);
    }
    my $row = $site->users->row('anna');
    is "$row->{is_staff} $row->{is_superuser} $row->{is_active} $row->{id} $row->{user_type}", "0 0 1 $anna->{id} wechat", 'nothing else has changed';

    for my $case (@refused) {
        my ($sent, $why) = @$case;
        my $name = substr JSON::PP->new->canonical->encode($sent), 0, 60;
        for my $lang (0, 1) {
            my $res = $ask->(PATCH => $sent, headers => [ 'Accept-Language' => $lang ? 'en' : 'zh' ]);
            my %errors = map { $_ => [ $TEXT{ $why->{$_} }[$lang] ] } keys %$why;
            my $json = $res->{json} || {};
            is $res->{status}, 400, "$name: 400" or diag $res->{raw};
            is_deeply { map { $_ => $json->{$_} } keys %errors }, \%errors, 'the fields at the top';
            is_deeply [ grep { exists $json->{$_} && !$errors{$_} } qw(username phone email avatar_url) ], [], 'and no others';
            delete $json->{$_} for keys %errors;
            $res->{body} = JSON::PP->new->utf8->canonical->encode($json);
            error_ok($res, 400, 'BAD_REQUEST', errors => \%errors, lang => $lang ? 'en' : 'zh-CN', name => 'beside the shape of all errors');
        }
    }
    is_profile($ask->('GET'), name => 'nothing refused has changed anything', %before);

    # a form will do, and what is no object will not
    my $form = $site->ask(PATCH => '/api/user/profile/', token => $anna->{access}, body => 'username=%E5%BC%A0+%E4%B8%89&phone=',
                          headers => [ 'Content-Type' => 'application/x-www-form-urlencoded' ]);
    is_profile($form, name => 'a form', username => '张 三', phone => '');
    error_ok($ask->(PATCH => '[]'), 400, 'BAD_REQUEST', name => 'a list');
    error_ok($ask->(PATCH => '{"username":"a\u0000b"}'), 400, 'BAD_REQUEST', name => 'U+0000');
    error_ok($ask->(PATCH => 'x' x 20_000), 413, 'PAYLOAD_TOO_LARGE', name => 'a large body');
    is_profile($ask->('GET', '{"username":"by GET"}'), name => 'the body of a GET means nothing', username => '张 三');
    # tokens; no AuthType stands there
    my $none = $ask->('GET', undef, token => undef);
    error_ok($none, 401, 'NOT_AUTHENTICATED');
    is $none->{headers}{'www-authenticate'}, 'Bearer realm="wxlogin"', 'realm alone';
    error_ok($ask->(PATCH => '{not read', token => undef), 401, 'NOT_AUTHENTICATED', name => 'before the body is looked at');
    error_ok($ask->('GET', undef, token => 'x'), 401, 'TOKEN_NOT_VALID');
    error_ok($ask->('GET', undef, token => $anna->{refresh}), 401, 'TOKEN_NOT_VALID');
    error_ok($ask->('GET', undef, token => $site->token_for(424_242)), 401, 'USER_NOT_FOUND');
    error_ok($ask->(PATCH => { username => 'x' }, token => $site->token_for(424_242)), 401, 'USER_NOT_FOUND');
    error_ok($ask->('GET', undef, token => undef, headers => [ Authorization => 'Bearer a b' ]), 401, 'BAD_AUTHORIZATION_HEADER');
    $site->change($off, is_active => 0);
    error_ok($ask->($_->[0], $_->[1], token => $off->{access}), 401, 'USER_INACTIVE') for [ 'GET' ], [ PATCH => { username => 'free' } ], [ PATCH => {} ];
    isnt $site->users->row('off')->{username}, 'free', 'who is disabled changes nothing';

    # twenty who want one name at once
    subtest 'a race for a name' => sub {
        my @users = map { $site->sign_in("racer$_") } 1 .. 20;
        my @res = parallel($site->httpd, map { http_request(PATCH => '/api/user/profile/', '{"username":"winner"}',
            'Content-Type' => 'application/json', Authorization => "Bearer $_->{access}") } @users);
        is scalar(grep { $_->{status} == 200 } @res), 1, 'one gets it';
        my @others = grep { $_->{status} == 400 && $_->{json}{username}[0] eq $TEXT{taken}[0] } @res;
        is scalar @others, 19, 'the others are told that it is taken' or diag join ' ', map { $_->{status} } @res;
    };
    my @bad = grep { /\[wxlogin:(?:error|crit)\]|AH0005[12]/ } split /\n/, $site->log;
    is_deeply \@bad, [], 'no error in the log';
};
done_testing;
