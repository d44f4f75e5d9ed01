package WxLogin::Test::Contract;

=head1 NAME

WxLogin::Test::Contract - what an answer must look like, to the letter

=head1 SYNOPSIS

    use WxLogin::Test::Contract;

    my $user = login_ok($res, openid => $openid, user_type => 'wechat');
    user_ok($res->{json}{user}, openid => ..., $name);
    my $claims = token_ok($res->{json}{access}, 'access', user_id => '7');
    refresh_ok($res); verify_ok($res);

    error_ok($res, 400, 'BAD_REQUEST');
    error_ok($res, 400, 'WECHAT_API_ERROR', action => 'relogin', errcode => 40029, errmsg => qr/^invalid code, rid: /);
    error_ok($res, 400, 'BAD_REQUEST', error => 'Code is required', errors => { code => ['...'] },
             lang => 'en', name => '...');

    keys_of($res->{body});            # keys of an object in the order of the text
    keys_of($res->{body}, 'user');    # of an object inside it

Each function is one test (a subtest), and returns something useful or a false value.

error_ok checks the whole shape: status, Content-Type, Cache-Control, nosniff, that
code is the status, every key and type, that no other key is there, error and action
of the contract's table (unless given), the language of message and of errors (zh-CN
unless C<lang> says en), Retry-After beside retry_after, WWW-Authenticate with a 401,
and that nothing internal shows.  A value to compare with may be a regular expression.
It also tells L<WxLogin::Test::ErrorLog> to expect the one line of this request.

login_ok, user_ok: keys given are compared (regular expressions, too), all others are
checked for their type.  Options of token checks: key, ttl, iat.

=cut

use strict;
use warnings;
use B ();
use Exporter 'import';
use JSON::PP ();
use Test::More;
use WxLogin::Test::Token;

our @EXPORT = qw(login_ok user_ok token_ok refresh_ok verify_ok error_ok headers_ok keys_of time_ok like_or_is);

# request_ids whose failure was expected, with what ErrorLog has to find: {level => qr//, port => N}
our %EXPECTED;

our $AVATAR = 'https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y';
my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$/;
my @USER_KEYS = qw(id orders_count completed_orders_count is_superuser is_staff is_active date_joined openid
                   username avatar_url phone email user_type last_login_at);

# error_code => [error, action, level of the log line]; an action of '' depends
my %TABLE = (
    BAD_REQUEST              => [ qr/./,                             'fix_request',      'warn' ],
    PAYLOAD_TOO_LARGE        => [ qr/./,                             'fix_request',      'warn' ],
    UNSUPPORTED_MEDIA_TYPE   => [ qr/./,                             'fix_request',      'warn' ],
    METHOD_NOT_ALLOWED       => [ qr/./,                             'fix_request',      'warn' ],
    WECHAT_API_ERROR         => [ 'WeChat API error',                '',                 'error' ],
    SERVICE_UNAVAILABLE      => [ qr/^(?:Failed to connect to WeChat API|Service is unavailable)$/, '', 'error' ],
    INTERNAL_ERROR           => [ qr/^(?:Invalid WeChat response|Internal server error)$/, '', 'error|crit' ],
    RATE_LIMIT_EXCEEDED      => [ 'Too many requests',               'wait',             '\w+' ],
    USER_INACTIVE            => [ 'User is inactive',                '',                 '\w+' ],
    NOT_AUTHENTICATED        => [ 'Authentication credentials were not provided.', 'sign_in', '\w+' ],
    BAD_AUTHORIZATION_HEADER => [ qr/./,                             'sign_in',          '\w+' ],
    TOKEN_NOT_VALID          => [ 'Token is invalid',                'sign_in',          '\w+' ],
    TOKEN_EXPIRED            => [ 'Token is expired',                '',                 '\w+' ],
    USER_NOT_FOUND           => [ qr/./,                             '',                 '\w+' ],
    NOT_FOUND                => [ 'Not found.',                      'none',             'warn' ],
    SESSION_LIMIT_REACHED    => [ 'Too many sessions',               'none',             'warn' ],
    PERMISSION_DENIED        => [ qr/./,                             'none',             '\w+' ],
);
my %WECHAT_ACTION = (
    (map { $_ => 'relogin' } 40029, 40163, 42003), -1 => 'retry', 45011 => 'wait',
    (map { $_ => 'none' } 40226, 50002),
    (map { $_ => 'contact_operator' } 40013, 40125, 40164, 41002, 41004, 40002),
);
my @ACTIONS = qw(fix_request relogin refresh retry wait sign_in none contact_operator);
my $HAN = qr/\p{Han}/;
my $INTERNAL = qr/SELECT |INSERT |libpq|sqlite|postgres|pgsql|\.[ch]:\d|\/tmp\/|curl/i;

sub like_or_is {
    my ($got, $want, $name) = @_;
    return like($got, $want, $name)      if ref $want eq 'Regexp';
    return is_deeply($got, $want, $name) if ref $want;
    return is($got, $want, $name);
}

# 7 and "7" are different answers: what JSON::PP has read tells by its flags
sub _flags   { return defined $_[0] && !ref $_[0] ? B::svref_2object(\$_[0])->FLAGS : 0 }
sub _is_int  { my $flags = _flags($_[0]); return $flags & B::SVf_IOK && !($flags & B::SVf_POK) }
sub _is_bool { return JSON::PP::is_bool($_[0]) }
sub _is_text { return _flags($_[0]) & B::SVf_POK }

sub time_ok { return like($_[0], $TIME, $_[1] // 'a time') }

# A small reader: the keys of one object in the order they were written.
sub keys_of {
    my ($text, @path) = @_;
    my ($depth, @keys, @at) = (0);
    while ($text =~ /\G(?:\s+|("(?:[^"\\]|\\.)*")(\s*:)?|([{\[])|([}\]])|[^\s"{}\[\]]+)/gc) {
        if (defined $2) {
            $at[$depth] = JSON::PP->new->allow_nonref->decode($1);
            push @keys, $at[$depth] if join("\0", @at[ 1 .. $depth - 1 ]) eq join("\0", @path);
        }
        elsif ($3) { $depth++ }
        elsif ($4) { $depth-- }
    }
    return @keys;
}

sub headers_ok {
    my ($res, $status) = @_;
    my $h = $res->{headers};
    is $res->{status}, $status, "status $status" or diag $res->{error} // '', "\n", substr $res->{raw}, 0, 1500;
    is $h->{'content-type'}, 'application/json', 'Content-Type';
    like $h->{'cache-control'} // '', qr/\bno-store\b/, 'Cache-Control';
    is $h->{'x-content-type-options'}, 'nosniff', 'X-Content-Type-Options';
    ok ref $res->{json} eq 'HASH', 'the body is a JSON object' or diag $res->{body};
    unlike $res->{body}, qr/"(?:session_key|password)"/, 'no secret key in it';
    unlike $res->{body}, qr/\\u(?!00[01])[0-9a-f]{4}/i, 'characters are UTF-8, not escapes';    # but for controls
    unlike $res->{body}, qr/(?:": )|(?:, ")/, 'compact';
    return ref $res->{json} eq 'HASH';
}

sub user_ok {
    my ($user, %expect) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $name = delete $expect{name} // 'user';
    return subtest $name => sub {
        is_deeply [ sort keys %$user ], [ sort @USER_KEYS ], 'exactly the keys of the contract';
        ok _is_int($user->{$_}),  "$_ is an integer" for qw(id orders_count completed_orders_count);
        ok _is_bool($user->{$_}), "$_ is true or false" for qw(is_superuser is_staff is_active);
        ok _is_text($user->{$_}), "$_ is a string" for qw(username avatar_url user_type);
        time_ok $user->{$_}, "$_ is a time" for qw(date_joined last_login_at);
        ok !defined $user->{$_} || _is_text($user->{$_}), "$_ is a string or null" for qw(openid phone email);
        like $user->{user_type}, qr/^(?:wechat|admin)$/, 'user_type';
        like_or_is $user->{$_}, $expect{$_}, "$_ as expected" for sort keys %expect;
    };
}

sub token_ok {
    my ($token, $type, %o) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $claims;
    my $key = delete $o{key};
    my $ttl = delete $o{ttl} // ($type eq 'access' ? 7 : 30) * 86_400;
    subtest "$type token" => sub {
        like $token, qr/^[\w-]+\.[\w-]+\.[\w-]+$/a, 'compact JWS' or return;
        my ($header, $payload) = jwt_parts($token);
        is $header, '{"alg":"HS256","typ":"JWT"}', 'header';
        is_deeply [ (keys_of($payload))[ 0 .. 4 ] ], [qw(token_type exp iat jti user_id)], 'order of claims';
        $claims = eval { jwt_claims($token, $key) };
        ok $claims, 'signature, by another library' or return diag $@;
        is $claims->{token_type}, $type, 'token_type';
        ok _is_int($claims->{$_}), "$_ is an integer" for qw(exp iat);
        is $claims->{exp} - $claims->{iat}, $ttl, 'lifetime';
        cmp_ok abs($claims->{iat} - time), '<', 60, 'iat is now';
        like $claims->{jti}, qr/^[0-9a-f]{32}$/, 'jti';
        ok _is_text($claims->{user_id}), 'user_id is a string';
        like_or_is $claims->{$_}, $o{$_}, $_ for sort keys %o;
    };
    return $claims;
}

# The whole answer of a sign-in; returns the user.
sub login_ok {
    my ($res, %expect) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %token = map { exists $expect{$_} ? ($_ => delete $expect{$_}) : () } qw(key ttl);
    my $name = delete $expect{name} // 'sign-in';
    my $fine = subtest $name => sub {
        headers_ok($res, 200) or return;
        my $json = $res->{json};
        is_deeply [ keys_of($res->{body}) ], [qw(access refresh user)], 'order of keys';
        is_deeply [ keys_of($res->{body}, 'user') ], \@USER_KEYS, 'order of keys in user';
        user_ok($json->{user}, %expect);
        my @same = (user_id => "$json->{user}{id}", $token{key} ? (key => $token{key}) : ());
        my $access = token_ok($json->{access}, 'access', @same, $token{ttl} ? (ttl => $token{ttl}) : ()) or return;
        my $refresh = token_ok($json->{refresh}, 'refresh', @same, iat => $access->{iat}) or return;
        isnt $access->{jti}, $refresh->{jti}, 'each token has its own jti';
        is $access->{sid}, $refresh->{sid}, 'both are of one session';
    };
    return $fine && $res->{json}{user};
}

sub refresh_ok {
    my ($res, %expect) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $claims;
    subtest delete $expect{name} // 'refresh' => sub {
        headers_ok($res, 200) or return;
        is_deeply [ keys_of($res->{body}) ], ['access'], 'access and nothing else';
        $claims = token_ok($res->{json}{access}, 'access', %expect);
    };
    return $claims;
}

sub verify_ok {
    my ($res, %o) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return subtest $o{name} // 'verify' => sub {
        headers_ok($res, 200);
        is $res->{body}, '{}', 'an empty object';
    };
}

sub error_ok {
    my ($res, $status, $error_code, %o) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $row = $TABLE{$error_code} || [ qr/./, '', '\w+' ];
    my $json = ref $res->{json} eq 'HASH' ? $res->{json} : {};
    # a refused client has one line a minute, not one a request
    my $has_line = $json->{request_id} && $error_code ne 'RATE_LIMIT_EXCEEDED';
    # while WeChat is known to be down or too many wait, the log is told once, not with each request
    my $level = ($json->{error} // '') =~ /WeChat/ && ($json->{action} // '') eq 'wait' ? 'error|debug' : $row->[2];
    $EXPECTED{ $json->{request_id} } = { level => $level, port => $res->{port} } if $has_line;
    return subtest $o{name} // "$status $error_code" => sub {
        headers_ok($res, $status) or return;
        is $json->{error_code}, $error_code, 'error_code';
        return if !defined $json->{error_code};
        _types($json, $status);
        like_or_is $json->{error}, $o{error} // $row->[0], 'error';
        like_or_is $json->{action}, _action($json, $status, \%o, $row), 'action';
        like_or_is $json->{$_}, $o{$_}, $_ for grep { exists $o{$_} } qw(errcode errmsg errors retry_after message);
        _language($json, $o{lang} // 'zh-CN');
        is $res->{headers}{'retry-after'}, $json->{retry_after}, 'Retry-After is retry_after';
        like $res->{headers}{'www-authenticate'} // '', qr/^Bearer realm="/, 'WWW-Authenticate' if $status == 401;
        like $res->{headers}{allow} // '', qr/\b[A-Z]+\b/, 'Allow' if $status == 405;
        unlike $res->{body} =~ s/"errmsg":"[^"]*"//r, $INTERNAL, 'nothing internal';
    };
}

sub _types {
    my ($json, $status) = @_;
    my @texts = qw(error error_code message action request_id);
    my %allowed = map { $_ => 1 } @texts, qw(success code retry_after errors errcode errmsg);
    is_deeply [ grep { !$allowed{$_} } sort keys %$json ], [], 'no other keys';
    ok _is_bool($json->{success}) && !$json->{success}, 'success is false';
    ok _is_int($json->{code}), 'code is an integer';
    is $json->{code}, $status, 'code is the status';
    ok _is_text($json->{$_}) && length $json->{$_}, "$_ is a string with something in it" for @texts;
    my $wechat = ($json->{error_code} // '') eq 'WECHAT_API_ERROR';
    is exists $json->{$_}, $wechat, "$_ " . ($wechat ? 'is' : 'is not') . ' there' for qw(errcode errmsg);
    ok _is_int($json->{errcode}) && _is_text($json->{errmsg}), 'types of errcode and errmsg' if $wechat;
    ok _is_int($json->{retry_after}) && $json->{retry_after} > 0, 'retry_after is whole seconds'
        if exists $json->{retry_after};
    return if !exists $json->{errors};
    is ref $json->{errors}, 'HASH', 'errors is an object';
    is ref $_, 'ARRAY', 'a field has a list' for values %{ $json->{errors} };
    return;
}

sub _action {
    my ($json, $status, $o, $row) = @_;
    return $o->{action} if defined $o->{action};
    return $row->[1]    if $row->[1];
    return $WECHAT_ACTION{ $json->{errcode} // '' } // qr/./ if exists $json->{errcode};
    my $any = join '|', @ACTIONS;
    return qr/^(?:$any)$/;
}

sub _language {
    my ($json, $lang) = @_;
    my @texts = ($json->{message}, map { ref $_ ? @$_ : $_ } values %{ $json->{errors} || {} });
    if ($lang eq 'en') { unlike $_, $HAN, 'text is English' for @texts }
    else               { like $_,   $HAN, 'text is Chinese' for @texts }
    return;
}

1;
