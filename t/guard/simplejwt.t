# A Django back end with simplejwt and the same key: either side believes the other's tokens.
use strict;
use warnings;
use utf8;
use JSON::PP ();
use Test::More;
use WxLogin::Test::Contract;
use WxLogin::Test::Env;
use WxLogin::Test::Guard;
use WxLogin::Test::Process;
use WxLogin::Test::Token;

my $program = "$WxLogin::Test::Process::T/bin/simplejwt";
sub simplejwt {
    my ($what, $value, $key) = @_;
    open my $out, '-|', '/usr/bin/python3', '-B', $program, $key // $ENV{WX_SECRET_KEY}, $what, $value or return;
    chomp(my $text = do { local $/; <$out> } // '');
    close $out;
    return wantarray ? ($text, $? >> 8) : $text;
}

plan skip_all => 'no python3' if !-x '/usr/bin/python3';
plan skip_all => 'python3-djangorestframework-simplejwt is not installed'
    if system('/usr/bin/python3 -c "import rest_framework_simplejwt, pkg_resources" 2>/dev/null') != 0;

my $config = <<'CONF';
ProxyPass /any/ http://@BACKEND@/
<Location "/any/">
    AuthType WxLogin
    Require valid-user
</Location>
CONF

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift, config => $config);
    my $anna = $site->sign_in('anna');
    my ($text, $status) = simplejwt(verify => $anna->{access});
    is $status, 0, 'simplejwt believes our access token' or diag $text;
    my $claims = eval { JSON::PP::decode_json($text) } || {};
    is $claims->{user_id}, "$anna->{id}", 'and reads the user from it';
    is $claims->{token_type}, 'access', 'and its type';
    is((simplejwt(verify => $anna->{refresh}))[1], 1, 'it does not take a refresh token for one');
    is((simplejwt(verify => $anna->{access}, 'x' x 50))[1], 1, 'nor one of another key');

    my $issued = simplejwt(issue => $anna->{id});
    like $issued, qr/^eyJ/, 'simplejwt issues a token';
    my $res = $site->ask(GET => '/any/x', token => $issued);
    is $res->{status}, 200, 'the guard believes it' or diag $res->{raw};
    is header_of($res->{got}, 'X-Wx-User-Id'), $anna->{id}, 'and knows who it is';
    # simplejwt before 5.5 writes the id as a number
    my $number = make_jwt(claims => access_claims(user_id => $anna->{id} + 0));
    is $site->ask(GET => '/any/x', token => $number)->{status}, 200, 'an id that is a number';
    error_ok($site->ask(GET => '/any/x', token => scalar simplejwt(refresh => $anna->{id})), 401, 'TOKEN_NOT_VALID');
    error_ok($site->ask(GET => '/any/x', token => scalar simplejwt(issue => $anna->{id}, 'x' x 50)), 401, 'TOKEN_NOT_VALID');
    error_ok($site->ask(GET => '/any/x', token => scalar simplejwt(issue => 123_456)), 401, 'USER_NOT_FOUND');
};
done_testing;
