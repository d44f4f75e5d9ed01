# A key takes the place of another by graceful restarts, while people are signed in: nobody notices
# until the old key goes, and then its tokens die.
# Once: an httpd that is restarted, under one MPM.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Keys;
use WxLogin::Test::Token;

my $keys = WxLogin::Test::Keys->new;
my $pyjwt = WxLogin::Test::Keys::PyJWT->new;

sub config { return join "\n", 'WxLoginEnvironment development', '@SQLITE@', @_, '@ENDPOINTS@', <<'CONF' }
<Location "/.well-known/jwks.json">
    SetHandler wxlogin-jwks
</Location>
CONF

# the old key and the one that takes its place
for ([ ES256 => 'ES256' ], [ RS256 => 'EdDSA' ], [ EdDSA => 'RS256' ], [ HS256 => 'HS256' ]) {
    my ($from, $to) = @$_;
    subtest "$from to $to" => sub {
        my ($old, $new) = ($keys->make($from, "$from-$to-old"), $keys->make($to, "$from-$to-new"));
        my $httpd = WxLogin::Test::Httpd->new(config => config("$old->{line} sign"))->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my $sign_in = sub { post_json($httpd, '/api/login/', { code => 'anna' })->{json} };
        my $refresh = sub { post_json($httpd, '/api/token/refresh/', { refresh => $_[0] }) };
        my $verify = sub { post_json($httpd, '/api/token/verify/', { token => $_[0] }) };
        my $kid = sub { (jwt_parts($_[0]))[0] =~ /"kid":"([^"]+)"/ ? $1 : '' };
        my $published = sub { join ' ', map { $_->{kid} } @{ get($httpd, '/.well-known/jwks.json')->{json}{keys} } };
        my $shown = sub { join ' ', map { $_->{kid} } grep { $_->{alg} ne 'HS256' } @_ };

        my $first = $sign_in->();
        is $kid->($first->{access}), $old->{kid}, 'the old key signs';
        is $published->(), $shown->($old), 'and is published';

        $httpd->config(config("$old->{line} sign", $new->{line}))->graceful;
        my $second = $sign_in->();
        is $kid->($second->{access}), $old->{kid}, 'step 1: the old key signs';
        is $published->(), $shown->($old, $new), 'both are published';
        verify_ok($verify->($first->{access}), name => 'tokens go on');
        verify_ok($verify->($new->sign(access_claims())), name => 'the new key is believed');

        $httpd->config(config($old->{line}, "$new->{line} sign"))->graceful;
        my $third = $sign_in->();
        is $kid->($third->{access}), $new->{kid}, 'step 2: the new key signs';
        is $published->(), $shown->($old, $new), 'both are published';
        for my $login ($first, $second, $third) {
            verify_ok($verify->($login->{access}), name => 'tokens go on');
            my $renewed = $refresh->($login->{refresh});
            is $kid->($renewed->{json}{access} // ''), $new->{kid}, 'a refresh gives one of the new key';
        }
        if ($pyjwt && $to ne 'HS256') {
            my $set = get($httpd, '/.well-known/jwks.json')->{json};
            ok $pyjwt->read($third->{access}, $set, $to)->{claims}, 'others tell the keys by kid: new';
            ok $pyjwt->read($first->{access}, $set, $from)->{claims}, 'and old';
        }

        $httpd->config(config("$new->{line} sign"))->graceful;
        is $published->(), $shown->($new), 'step 3: the old key is gone';
        for my $login ($first, $second) {
            error_ok($verify->($login->{access}), 401, 'TOKEN_NOT_VALID', name => 'its tokens are worth nothing');
            error_ok($refresh->($login->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'for a refresh, too');
        }
        verify_ok($verify->($third->{access}), name => 'those of the new key go on');
        is $refresh->($third->{refresh})->{status}, 200, 'and are renewed';
        $log->done;
    };
}

subtest 'a file that was exchanged under the same name counts from the next restart' => sub {
    my ($one, $two) = map { $keys->make('ES256', 'same') } 1, 2;    # the second overwrites the first
    my $httpd = WxLogin::Test::Httpd->new(config => config("$two->{line} sign"))->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $three = $keys->make('ES256', 'same');
    my $verify = sub { post_json($httpd, '/api/token/verify/', { token => $_[0]->sign(access_claims()) }) };
    verify_ok($verify->($two), name => 'the file is not read while httpd runs');
    error_ok($verify->($three), 401, 'TOKEN_NOT_VALID', name => 'nor the new one');
    $httpd->graceful;
    verify_ok($verify->($three), name => 'after a restart it is');
    error_ok($verify->($_), 401, 'TOKEN_NOT_VALID', name => 'and the others are gone') for $one, $two;
    $log->done;
};
done_testing;
