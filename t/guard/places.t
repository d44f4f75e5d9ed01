# The guard in front of whatever httpd serves: each place with each kind of token, to the status and
# the header, and what those behind it were told.
# Once: httpd asks who somebody is in the same way under every MPM
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;
use WxLogin::Test::Httpd;
use WxLogin::Test::Token;

my $cgi = ($ENV{WX_MPM} || 'event') eq 'prefork' ? 'cgi' : 'cgid';
my $config = <<'CONF';
DavLockDB logs/davlock
AddHandler cgi-script .cgi
<Directory "@ROOT@/htdocs/cgi">
    Options ExecCGI
</Directory>
<Directory "@ROOT@/htdocs/ssi">
    Options Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
<Directory "@ROOT@/htdocs/dav">
    Dav On
</Directory>
# the places: everybody, anybody who is signed in, staff
Alias /any "@ROOT@/htdocs"
Alias /staff "@ROOT@/htdocs"
Alias /maybe "@ROOT@/htdocs"
Alias /free "@ROOT@/htdocs"
ProxyPass /any-back/ http://@BACKEND@/
ProxyPass /staff-back/ http://@BACKEND@/
ProxyPass /maybe-back/ http://@BACKEND@/
ProxyPass /free-back/ http://@BACKEND@/
<LocationMatch "^/any">
    AuthType WxLogin
    WxLoginRealm "any place"
    Require valid-user
</LocationMatch>
<LocationMatch "^/staff">
    AuthType wxlogin
    Require wxlogin-staff
</LocationMatch>
<LocationMatch "^/maybe">
    AuthType WxLogin
    WxLoginGuard optional
    Require all granted
</LocationMatch>
ErrorDocument 401 /free/file/hello.txt
ErrorDocument 403 "no"
Header always set Access-Control-Allow-Origin https://h5.example
CONF

# [name, token or header lines, status in: any, staff, maybe; error_code of 401]
sub states {
    my ($site, $anna, $boss, $gone, $off) = @_;
    my $expired = make_jwt(claims => access_claims(user_id => "$anna->{id}", exp => time - 1, iat => time - 9));
    my $good = $anna->{access};
    return (
        [ 'no token',          [],                                                  401, 401, 200, 'NOT_AUTHENTICATED' ],
        [ 'an empty header',   [ Authorization => '' ],                             401, 401, 200, 'NOT_AUTHENTICATED' ],
        [ 'another scheme',    [ Authorization => 'Basic YTpi' ],                   401, 401, 200, 'NOT_AUTHENTICATED' ],
        [ 'a scheme like it',  [ Authorization => "Bearers $good" ],                401, 401, 200, 'NOT_AUTHENTICATED' ],
        [ 'a good token',      [ Authorization => "Bearer $good" ],                 200, 403, 200 ],
        [ 'scheme in capitals', [ Authorization => "BEARER $good" ],                200, 403, 200 ],
        [ 'two blanks',        [ authorization => "bearer  $good" ],                200, 403, 200 ],
        [ 'of staff',          [ Authorization => "Bearer $boss->{access}" ],       200, 200, 200 ],
        [ 'garbage',           [ Authorization => 'Bearer garbage' ],               401, 401, 401, 'TOKEN_NOT_VALID' ],
        [ 'of another key',    [ Authorization => 'Bearer ' . make_jwt(claims => access_claims(), key => 'x' x 40) ],
                                                                                    401, 401, 401, 'TOKEN_NOT_VALID' ],
        [ 'alg none',          [ Authorization => 'Bearer ' . make_jwt(claims => access_claims(), alg => 'none') ],
                                                                                    401, 401, 401, 'TOKEN_NOT_VALID' ],
        [ 'alg HS512',         [ Authorization => 'Bearer ' . make_jwt(claims => access_claims(), alg => 'HS512') ],
                                                                                    401, 401, 401, 'TOKEN_NOT_VALID' ],
        [ 'a refresh token',   [ Authorization => "Bearer $anna->{refresh}" ],      401, 401, 401, 'TOKEN_NOT_VALID' ],
        [ 'expired',           [ Authorization => "Bearer $expired" ],              401, 401, 401, 'TOKEN_EXPIRED' ],
        [ 'of a disabled one', [ Authorization => "Bearer $off->{access}" ],        401, 401, 401, 'USER_INACTIVE' ],
        [ 'of a deleted one',  [ Authorization => "Bearer $gone->{access}" ],       401, 401, 401, 'USER_NOT_FOUND' ],
        [ 'no token behind the scheme', [ Authorization => 'Bearer' ],              401, 401, 401, 'BAD_AUTHORIZATION_HEADER' ],
        [ 'three words',       [ Authorization => "Bearer $good x" ],               401, 401, 401, 'BAD_AUTHORIZATION_HEADER' ],
        [ 'two headers',       [ Authorization => "Bearer $good", Authorization => "Bearer $good" ],
                                                                                    401, 401, 401, 'BAD_AUTHORIZATION_HEADER' ],
        [ 'Basic and Bearer',  [ Authorization => 'Basic YTpi', Authorization => "Bearer $good" ],
                                                                                    401, 401, 401, 'BAD_AUTHORIZATION_HEADER' ],
    );
}

# What is behind a place: [name, method, path, status when let in, a check of the answer]
my @served = (
    [ 'file',  GET      => '/file/hello.txt', 200, sub { $_[0]{body} eq "hello\n" } ],
    [ 'file, HEAD', HEAD => '/file/hello.txt', 200, sub { $_[0]{body} eq '' } ],
    [ 'index', GET      => '/file/',          200, sub { $_[0]{body} eq "index\n" } ],
    [ 'CGI',   GET      => '/cgi/env.cgi?a=1', 200, sub { $_[0]{got}{echo} eq 'cgi' } ],
    [ 'CGI, POST', POST => '/cgi/env.cgi',    200, sub { $_[0]{got}{body} eq 'some body' } ],
    [ 'DAV',   PROPFIND => '/dav/',           207, sub { $_[0]{body} =~ /multistatus/ } ],
    [ 'back end', GET   => '-back/x?a=1',     200, sub { $_[0]{got}{target} eq '/x?a=1' } ],
    [ 'back end, POST', POST => '-back/x',    200, sub { $_[0]{got}{body} eq 'some body' } ],
    [ 'back end, DELETE', DELETE => '-back/x', 200, sub { $_[0]{got}{method} eq 'DELETE' } ],
    [ 'back end, OPTIONS', OPTIONS => '-back/x', 200, sub { $_[0]{got}{method} eq 'OPTIONS' } ],
);

sub is_refusal {
    my ($res, $status, $code, $place, $head) = @_;
    if ($head) {
        is $res->{status}, $status, "status $status";
        is $res->{body}, '', 'no body';
        cmp_ok $res->{headers}{'content-length'}, '>', 100, 'as long as that of GET';
    }
    else {
        error_ok($res, $status, $code, name => 'as the contract wants it');
    }
    is $res->{headers}{'access-control-allow-origin'}, 'https://h5.example', 'Header always is there';
    my $realm = $place eq '/any' ? 'any place' : 'wxlogin';
    my $challenge = $res->{headers}{'www-authenticate'} // '';
    if ($status == 403) { is $challenge, '', 'nobody is asked to sign in again' }
    elsif ($code eq 'NOT_AUTHENTICATED') { is $challenge, qq{Bearer realm="$realm"}, 'realm alone' }
    else { like $challenge, qr/^Bearer realm="\Q$realm\E", error="invalid_token", error_description="[^"]+"$/, 'challenge' }
}

# What those behind were told of $user, or nothing.
sub is_told {
    my ($res, $user) = @_;
    my $got = $res->{got} or return;
    my %want = $user ? (ID => $user->{id}, TYPE => $user->{user_type}, STAFF => $user->{is_staff} ? 1 : 0) : ();
    my $name = $user && $user->{username};
    (my $encoded = $name // '') =~ s/([^A-Za-z0-9._~-])/my $c = $1; utf8::encode($c); join '', map { sprintf '%%%02X', ord } split m{}, $c/ge;
    my @wx;
    if ($got->{echo} eq 'proxy') {
        @wx = (header_of($got, 'X-Wx-User-Id'), header_of($got, 'X-Wx-User-Type'), header_of($got, 'X-Wx-Is-Staff'),
               header_of($got, 'X-Wx-Username'));
        is_deeply \@wx, [ @want{qw(ID TYPE STAFF)}, $user ? $encoded : undef ], 'headers';
        return;
    }
    my $env = $got->{env};
    utf8::decode(my $told = $env->{WXLOGIN_USERNAME}) if defined $env->{WXLOGIN_USERNAME};
    is_deeply [ @$env{qw(REMOTE_USER WXLOGIN_USER_ID WXLOGIN_USER_TYPE WXLOGIN_IS_STAFF)}, $told ],
              [ @want{qw(ID ID TYPE STAFF)}, $name ], 'environment';
    is $env->{AUTH_TYPE}, $user ? 'WxLogin' : undef, 'AUTH_TYPE' if $user;
    is_deeply [ sort grep { /WX/ && /AUTH|SECRET|KEY/ } keys %$env ], [], 'no secrets';
    return;
}

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift, config => $config, modules => [ $cgi, qw(dav dav_fs include dir) ]);
    my ($anna, $boss, $gone, $off) = map { $site->sign_in($_) } qw(anna admin-boss gone off);
    $site->delete($gone);
    $site->change($off, is_active => 0);
    # what sign-in has told the guard of these two is forgotten by a full restart only
    $site->httpd->stop;
    $site->httpd->start;
    my $let_in = 0;
    my $spoof = [ Depth => 0, 'X-Wx-User-Id' => 'forged', 'X_WX_USERNAME' => 'root', 'x-wx-is-staff' => 1, 'X-Wx-User-Type' => 'admin' ];
    for my $state (states($site, $anna, $boss, $gone, $off)) {
        my ($name, $headers, @status) = @$state;
        my $code = pop @status if @status == 4;
        my $user = !$status[1] || $status[1] == 401 ? undef : $status[1] == 200 ? $boss : $anna;
        for my $i (0 .. 2) {
            my $place = qw(/any /staff /maybe)[$i];
            for my $served (@served) {
                my ($what, $method, $path, $fine, $check) = @$served;
                subtest "$place, $name: $what" => sub {
                    my $body = $method eq 'POST' ? 'some body' : undef;
                    my $res = $site->ask($method, $place . $path, headers => [ @$headers, @$spoof ], body => $body);
                    return is_refusal($res, $status[$i], $status[$i] == 403 ? 'PERMISSION_DENIED' : $code, $place,
                                      $method eq 'HEAD') if $status[$i] != 200;
                    is $res->{status}, $fine, "let in with $fine" or return diag $res->{raw};
                    ok $check->($res), 'the right thing' or diag $res->{raw};
                    is_told($res, $user);
                    $let_in++ if $path =~ /back/;
                };
            }
        }
    }
    for my $served (@served) {
        my ($what, $method, $path, $fine, $check) = @$served;
        my $res = $site->ask($method, "/free$path", body => $method eq 'POST' ? 'some body' : undef, token => 'garbage',
                             headers => $spoof);
        is $res->{status}, $fine, "a place without guard: $what, whatever the token";
        is_told($res, undef);
        $let_in++ if $path =~ /back/;
    }
    my @reached = $site->received =~ m{^\w+ /x}mg;
    is scalar @reached, $let_in, 'nothing that was refused has reached the back end';
    my @forged = $site->received =~ /^(x.wx.*(?:forged|root))/mgi;
    is_deeply \@forged, [], 'nor has what was forged';
    my @bad = grep { /\[wxlogin:(?:error|crit)\]|AH0005[12]/ } split /\n/, $site->log;
    is_deeply \@bad, [], 'no error in the log';
};
done_testing;
