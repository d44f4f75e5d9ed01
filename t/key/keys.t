# Keys with names: each algorithm signs, two other libraries read the tokens with nothing but our
# set of keys, and we read theirs; a host with public keys alone guards; tokens of the secret of
# before go on.
use strict;
use warnings;
use utf8;
use JSON::PP ();
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Env;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Keys;
use WxLogin::Test::Token;

my $keys = WxLogin::Test::Keys->new;
my @algs = qw(ES256 RS256 EdDSA HS256);
my %key = map { $_ => $keys->make($_, lc($_) . '-2026.11_a') } @algs;
my $pyjwt = WxLogin::Test::Keys::PyJWT->new;
my %size = (ES256 => 64, RS256 => 256, EdDSA => 64, HS256 => 32);

my $outside = $keys->make('ES256', 'outside');
# A host for each algorithm that signs; one that only checks; one that changes over from the secret;
# one that has what is outside of all of them.
my (@hosts, $port);
$port = 1;
sub host { my $n = ++$port; push @hosts, "Listen 127.0.0.1:\@PORT$n\@\n<VirtualHost 127.0.0.1:\@PORT$n\@>\n$_[0]\n</VirtualHost>\n"; return $n }
my %at = map { $_ => host("$key{$_}{line} sign\n\@ENDPOINTS\@") } @algs;
$at{checks} = host(join("\n", map { $key{$_}{public_line} } qw(ES256 RS256 EdDSA)) . <<'CONF');

<Location "/guarded/">
    AuthType WxLogin
    Require valid-user
</Location>
<Location "/api/token/verify/">
    SetHandler wxlogin-verify
</Location>
CONF
$at{mixed} = host("WxLoginSecretKey env:WX_SECRET_KEY\n$key{ES256}{line} sign\n$key{HS256}{line}\n$key{RS256}{public_line}\n\@ENDPOINTS\@");
$at{only_secret} = host("WxLoginSecretKey env:WX_SECRET_KEY\n\@ENDPOINTS\@");
$at{not_yet} = host("WxLoginSecretKey env:WX_SECRET_KEY\n$key{ES256}{line}\n\@ENDPOINTS\@");
$at{inherits} = host('@ENDPOINTS@');
my $httpd = WxLogin::Test::Httpd->new(ports => $port, config => "WxLoginEnvironment development\n\@SQLITE\@\n$outside->{line} sign\n" . <<'CONF' . join '', @hosts);
<Location "/.well-known/jwks.json">
    SetHandler wxlogin-jwks
</Location>
CONF
mkdir $httpd->root . '/htdocs/guarded';
$httpd->write('htdocs/guarded/index.html', "inside\n");
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);

sub sign_in { my ($host, $who) = @_; return post_json($httpd->at($at{$host}), '/api/login/', { code => $who })->{json} }
sub refresh { my ($host, $token) = @_; return post_json($httpd->at($at{$host}), '/api/token/refresh/', { refresh => $token }) }
sub verify  { my ($host, $token) = @_; return post_json($httpd->at($at{$host}), '/api/token/verify/', { token => $token }) }
sub jwks    { my ($host, $method) = @_; return request($httpd->at($at{$host}), $method // 'GET', '/.well-known/jwks.json') }
sub guarded { my ($token) = @_; return get($httpd->at($at{checks}), '/guarded/index.html', Authorization => "Bearer $token") }

# --- the set of keys
my %member = (ES256 => [qw(kty kid use alg crv x y)], RS256 => [qw(kty kid use alg n e)], EdDSA => [qw(kty kid use alg crv x)]);
my %kty = (ES256 => 'EC', RS256 => 'RSA', EdDSA => 'OKP');
for my $host (@algs, qw(checks mixed only_secret not_yet)) {
    my $res = jwks($host);
    is $res->{status}, 200, "$host: set of keys";
    is $res->{headers}{'content-type'}, 'application/json', 'Content-Type';
    is $res->{headers}{'cache-control'}, 'public, max-age=300', 'others may keep it for a while';
    is $res->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff';
    my $set = $res->{json};
    like $res->{body}, qr/^\{"keys":\[[^\[]*\]\}$/, 'compact, one member';
    my @want = $host eq 'checks' ? qw(ES256 RS256 EdDSA) : $host eq 'mixed' ? qw(ES256 RS256)
        : $host eq 'not_yet' ? 'ES256' : grep { $_ eq $host && $_ ne 'HS256' } @algs;
    is_deeply [ map { $_->{alg} } @{ $set->{keys} } ], \@want, 'the keys that may be shown, in their order';
    for my $key (@{ $set->{keys} }) {
        is_deeply [ sort keys %$key ], [ sort @{ $member{ $key->{alg} } } ], "$key->{alg}: its members";
        is $key->{kid}, $key{ $key->{alg} }{kid}, 'kid';
        is $key->{kty}, $kty{ $key->{alg} }, 'kty';
        is $key->{use}, 'sig', 'use';
    }
    unlike $res->{body}, qr/"d"|"k"|\Q$key{HS256}{secret}\E|\Q$ENV{WX_SECRET_KEY}\E/, 'and nothing that is secret';
}
my $head = jwks('ES256', 'HEAD');
is $head->{status}, 200, 'HEAD';
is $head->{body}, '', 'has no body';
is $head->{headers}{'content-length'}, length jwks('ES256')->{body}, 'but its length';
is jwks('ES256', 'OPTIONS')->{status}, 204, 'OPTIONS';
is jwks('ES256', 'OPTIONS')->{headers}{allow}, 'GET, HEAD, OPTIONS', 'Allow';
error_ok(jwks('ES256', 'POST'), 405, 'METHOD_NOT_ALLOWED', name => 'POST');

# --- ours, read by others; theirs, read by us
for my $alg (@algs) {
    my $login = sign_in($alg, "user-of-$alg");
    my $set = jwks($alg)->{json};
    for my $type (qw(access refresh)) {
        my $token = $login->{$type};
        my ($header, $payload, $signature) = jwt_parts($token);
        is $header, qq({"alg":"$alg","typ":"JWT","kid":"$key{$alg}{kid}"}), "$alg $type: header, to the letter";
        like $payload, qr/^\{"token_type":"$type","exp":\d+,"iat":\d+,"jti":"[0-9a-f]{32}","user_id":"$login->{user}{id}"/, 'claims in their order';
        is length from_base64url($signature), $size{$alg}, 'as many bytes of signature as the algorithm has';
        verify_ok(verify($alg, $token), name => "$alg: we verify our $type token");
        next if $alg eq 'HS256';
        my $claims = JSON::PP::decode_json($payload);
        is_deeply read_by_perl($token, $set, $alg), $claims, 'Crypt::JWT reads it with our set of keys';
        if ($pyjwt) {
            my $read = $pyjwt->read($token, $set, $alg);
            is_deeply $read->{claims}, $claims, 'PyJWT as well' or diag explain $read;
            is_deeply $read->{header}, { alg => $alg, typ => 'JWT', kid => $key{$alg}{kid} }, 'and the header';
        }
        verify_ok(verify('checks', $token), name => 'the host that has the public half verifies it');
    }
    my $new = refresh($alg, $login->{refresh});
    is $new->{status}, 200, "$alg: refresh";
    my ($header) = jwt_parts($new->{json}{access});
    like $header, qr/"kid":"\Q$key{$alg}{kid}\E"/, 'the new token bears the kid';
    error_ok(refresh($alg, $login->{access}), 401, 'TOKEN_NOT_VALID', name => "$alg: an access token does not refresh");
    if ($alg ne 'HS256') {
        is guarded($new->{json}{access})->{body}, "inside\n", "$alg: guarded by the public half alone";
        is guarded($login->{refresh})->{status}, 401, 'not for a refresh token';
    }

    my %theirs = ('Crypt::JWT' => sub { $key{$alg}->sign($_[0]) });
    $theirs{PyJWT} = sub { $pyjwt->make($_[0], $key{$alg}) } if $pyjwt;
    for my $library (sort keys %theirs) {
        verify_ok(verify($alg, $theirs{$library}->(access_claims(user_id => '7'))), name => "$alg: we verify a token of $library");
        my $res = refresh($alg, $theirs{$library}->(refresh_claims(user_id => 8)));
        is $res->{status}, 200, 'and refresh one' or diag $res->{body};
        is JSON::PP::decode_json((jwt_parts($res->{json}{access}))[1])->{user_id}, '8', 'for its user';
        error_ok(verify($alg, $theirs{$library}->(access_claims(exp => time - 1, iat => time - 9))), 401, 'TOKEN_EXPIRED', action => 'refresh', name => 'an old one is old');
    }
    error_ok(verify($_, $login->{access}), 401, 'TOKEN_NOT_VALID', name => "$alg: not at the host that has another key: $_")
        for 'only_secret', grep { $_ ne $alg } @algs;
}
SKIP: { skip 'PyJWT or cryptography is not installed', 1 if !$pyjwt; pass 'PyJWT took part' }

# --- from the secret to a pair
my $old = sign_in('only_secret', 'moves');
my $new = sign_in('mixed', 'moves');
is_deeply [ map { (jwt_parts($_))[0] } @{$old}{qw(access refresh)} ], [ ('{"alg":"HS256","typ":"JWT"}') x 2 ], 'the secret signs as it always did';
like +(jwt_parts($new->{$_}))[0], qr/"ES256"/, "$_: the pair signs" for qw(access refresh);
verify_ok(verify('mixed', $old->{access}), name => 'a token of before is believed');
my $renewed = refresh('mixed', $old->{refresh});
like +(jwt_parts($renewed->{json}{access}))[0], qr/"ES256"/, 'and renewed by the pair';
verify_ok(verify('mixed', make_jwt(claims => access_claims(), header => { alg => 'HS256' })), name => 'the secret of others without typ, too');
verify_ok(verify('mixed', $key{$_}->sign(access_claims())), name => "a key that only checks: $_") for qw(HS256 RS256);
error_ok(verify('mixed', $key{EdDSA}->sign(access_claims())), 401, 'TOKEN_NOT_VALID', name => 'a key that is not there');
error_ok(verify('only_secret', $new->{access}), 401, 'TOKEN_NOT_VALID', name => 'where the pair is unknown its tokens are worth nothing');
is +(jwt_parts(sign_in('not_yet', 'moves')->{access}))[0], '{"alg":"HS256","typ":"JWT"}', 'without sign the secret goes on signing';
verify_ok(verify('not_yet', $new->{access}), name => 'and the pair is believed already');

# --- a key outside of all hosts: a host with a secret of its own stays apart from the others
my $others = sign_in('inherits', 'moves');
is +(jwt_parts($others->{$_}))[0], '{"alg":"ES256","typ":"JWT","kid":"outside"}', "$_: signed by the key from outside where there is no other" for qw(access refresh);
is_deeply [ map { $_->{kid} } @{ jwks('inherits')->{json}{keys} } ], ['outside'], 'which is shown there';
for my $host (qw(only_secret not_yet mixed), @algs) {
    error_ok(verify($host, $others->{access}), 401, 'TOKEN_NOT_VALID', name => "$host: it lets nobody in");
    error_ok(refresh($host, $others->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'and renews nothing');
    error_ok(verify('inherits', sign_in($host, 'moves')->{access}), 401, 'TOKEN_NOT_VALID', name => 'nor the other way round');
}
$log->done;
done_testing;
