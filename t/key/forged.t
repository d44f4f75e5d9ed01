# Tokens that nobody of ours has signed, in every form that has worked on somebody: the public key
# as a secret, no algorithm, another key's name, a key inside the token, the signature in another
# form.  Each is refused at each place.
# Once: a token is looked at in the same way under every MPM.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Keys;
use WxLogin::Test::Token;

my $keys = WxLogin::Test::Keys->new;
my %key = map { $_ => $keys->make($_, lc $_) } qw(ES256 RS256 EdDSA HS256);
my %stranger = map { $_ => $keys->make($_, "$_-of-a-stranger") } qw(ES256 RS256 EdDSA);
my $httpd = WxLogin::Test::Httpd->new(config => <<"CONF" . <<'REST');
WxLoginEnvironment development
$key{ES256}{line} sign
$key{RS256}{line}
$key{EdDSA}{line}
$key{HS256}{line}
CONF
@SQLITE@
@ENDPOINTS@
<Location "/guarded/">
    AuthType WxLogin
    Require valid-user
</Location>
REST
mkdir $httpd->root . '/htdocs/guarded';
$httpd->write('htdocs/guarded/index.html', "inside\n");
$httpd->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my $user = post_json($httpd, '/api/login/', { code => 'anna' })->{json}{user};

sub head { my %h = @_; return { typ => 'JWT', %h } }
# with an HMAC, whatever the header says
sub mac {
    my ($claims, $secret, %header) = @_;
    return make_jwt(claims => $claims, header => head(%header), key => $secret);
}
sub unsigned { my ($claims, $signature, %header) = @_; return make_jwt(claims => $claims, header => head(%header), signature => $signature) }
my $last_bit = sub { my $text = shift; my @l = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    my %n = map { $l[$_] => $_ } 0 .. $#l; return $text =~ s/(.)\z/$l[$n{$1} ^ 1]/r };

# name => sub { claims } -> token
my @forged = (
    (map { my $alg = $_; my $key = $key{$alg};
        my $strange = { %{ $stranger{$alg} }, kid => $key->{kid} };
        bless $strange, ref $key;
        my $pem = $key->{public_pem};
        (
            [ "$alg: a key of a stranger under its name" => sub { $strange->sign(@_) } ],
            [ "$alg: under the stranger's own name"      => sub { $stranger{$alg}->sign(@_) } ],
            [ "$alg: the public PEM as secret"           => sub { mac($_[0], $pem, alg => 'HS256', kid => $key->{kid}) } ],
            [ "$alg: the same without its last newline"  => sub { mac($_[0], $pem =~ s/\n\z//r, alg => 'HS256', kid => $key->{kid}) } ],
            [ "$alg: the same without kid"               => sub { mac($_[0], $pem, alg => 'HS256') } ],
            [ "$alg: the same under the secret's kid"    => sub { mac($_[0], $pem, alg => 'HS256', kid => 'hs256') } ],
            [ "$alg: the same as $alg"                   => sub { mac($_[0], $pem, alg => $alg, kid => $key->{kid}) } ],
            [ "$alg: an empty secret"                    => sub { mac($_[0], '', alg => 'HS256', kid => $key->{kid}) } ],
            [ "$alg: not signed"                         => sub { unsigned($_[0], '', alg => $alg, kid => $key->{kid}) } ],
            [ "$alg: none"                               => sub { unsigned($_[0], '', alg => 'none', kid => $key->{kid}) } ],
            [ "$alg: none with letters"                  => sub { unsigned($_[0], 'AAAA', alg => 'none', kid => $key->{kid}) } ],
            [ "$alg: None, signed"                       => sub { $key->sign($_[0], header => head(alg => 'None', kid => $key->{kid})) } ],
            [ "$alg: no alg, signed"                     => sub { $key->sign($_[0], header => head(kid => $key->{kid})) } ],
            [ "$alg: in small letters"                   => sub { $key->sign($_[0], header => head(alg => lc $alg, kid => $key->{kid})) } ],
            [ "$alg: no kid"                             => sub { $key->sign($_[0], header => head(alg => $alg)) } ],
            [ "$alg: kid of the secret"                  => sub { $key->sign($_[0], header => head(alg => $alg, kid => 'hs256')) } ],
            [ "$alg: kid is a path"                      => sub { $key->sign($_[0], header => head(alg => $alg, kid => $key->{file})) } ],
            [ "$alg: kid climbs"                         => sub { $key->sign($_[0], header => head(alg => $alg, kid => "../$key->{kid}")) } ],
            [ "$alg: kid with SQL"                       => sub { $key->sign($_[0], header => head(alg => $alg, kid => "x' OR 1=1 --")) } ],
            [ "$alg: kid with NUL"                       => sub { $key->sign($_[0], header => head(alg => $alg, kid => "$key->{kid}\0x")) } ],
            [ "$alg: kid is long"                        => sub { $key->sign($_[0], header => head(alg => $alg, kid => 'k' x 1500)) } ],
            [ "$alg: crit"                               => sub { $key->sign($_[0], header => head(alg => $alg, kid => $key->{kid}, crit => ['b64'], b64 => \0)) } ],
            [ "$alg: typ of something else"              => sub { $key->sign($_[0], header => { alg => $alg, kid => $key->{kid}, typ => 'dpop+jwt' }) } ],
            [ "$alg: a stranger's key inside"            => sub {
                my $public = $stranger{$alg}{toolkit}->export_key_jwk('public', 1);
                $strange->sign($_[0], header => head(alg => $alg, kid => $key->{kid}, jwk => $public)) } ],
            [ "$alg: a stranger's address"               => sub { $strange->sign($_[0], header => head(alg => $alg, kid => $key->{kid}, jku => 'http://127.0.0.1:1/', x5u => 'file:///etc/passwd')) } ],
            [ "$alg: the first byte bent"                => sub { $key->sign($_[0], bend => sub { $_[0] ^ "\x01" }) } ],
            [ "$alg: cut by a byte"                      => sub { $key->sign($_[0], bend => sub { substr $_[0], 0, -1 }) } ],
            [ "$alg: a byte more"                        => sub { $key->sign($_[0], bend => sub { "$_[0]\0" }) } ],
            [ "$alg: a byte in front"                    => sub { $key->sign($_[0], bend => sub { "\0$_[0]" }) } ],
            [ "$alg: all zero"                           => sub { $key->sign($_[0], bend => sub { "\0" x length $_[0] }) } ],
            [ "$alg: padded"                             => sub { $key->sign($_[0]) . '==' } ],
            [ "$alg: a letter that decodes to the same"  => sub { $last_bit->($key->sign($_[0])) } ],
            [ "$alg: claims changed"                     => sub { my @p = split /\./, $key->sign($_[0]); $p[1] = base64url(from_base64url($p[1]) =~ s/"user_id":"\d+/$&0/r); join '.', @p } ],
            [ "$alg: a fourth part"                      => sub { $key->sign($_[0]) . '.AAAA' } ],
        ) } qw(ES256 RS256 EdDSA)),
    [ 'ES256: signature in DER'         => sub { $key{ES256}->sign($_[0], form => 'der') } ],
    [ 'ES256: halves swapped'           => sub { $key{ES256}->sign($_[0], bend => sub { substr($_[0], 32) . substr($_[0], 0, 32) }) } ],
    [ 'ES256: r is 0'                   => sub { $key{ES256}->sign($_[0], bend => sub { ("\0" x 32) . substr $_[0], 32 }) } ],
    [ 'ES256: r = s = 1'                => sub { $key{ES256}->sign($_[0], bend => sub { my $one = "\0" x 31 . "\1"; $one . $one }) } ],
    [ "ES256: r and s are the group's order" => sub { $key{ES256}->sign($_[0], bend => sub {
        pack('H*', 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551') x 2 }) } ],
    [ 'ES256 of RS256 key'              => sub { $key{RS256}->sign($_[0], header => head(alg => 'RS256', kid => 'es256')) } ],
    [ 'RS256 with kid of ES256'         => sub { $key{ES256}->sign($_[0], header => head(alg => 'ES256', kid => 'rs256')) } ],
    [ 'the signature of another key'    => sub { $key{EdDSA}->sign($_[0], header => head(alg => 'ES256', kid => 'es256')) } ],
    [ 'PS256, the same key'             => sub { $key{RS256}->sign($_[0], header => head(alg => 'PS256', kid => 'rs256')) } ],
    [ 'RS512'                           => sub { $key{RS256}->sign($_[0], header => head(alg => 'RS512', kid => 'rs256')) } ],
    [ 'ES384'                           => sub { $key{ES256}->sign($_[0], header => head(alg => 'ES384', kid => 'es256')) } ],
    [ 'HS512 with the secret'           => sub { make_jwt(claims => $_[0], header => head(alg => 'HS512', kid => 'hs256'), alg => 'HS512', key => $key{HS256}{secret}) } ],
    [ 'HS256, the secret without kid'   => sub { mac($_[0], $key{HS256}{secret}, alg => 'HS256') } ],
    [ 'HS256, another kid'              => sub { mac($_[0], $key{HS256}{secret}, alg => 'HS256', kid => 'hs255') } ],
    [ 'HS256, kid twice'                => sub { make_jwt(claims => $_[0], key => $key{HS256}{secret}, header => '{"alg":"HS256","kid":"x","kid":"hs256"}') } ],
);

# the same things unbent are believed: what is refused is refused for what was bent
for my $alg (sort keys %key) {
    my $token = $key{$alg}->sign(access_claims(user_id => "$user->{id}"));
    verify_ok(post_json($httpd, '/api/token/verify/', { token => $token }), name => "$alg: control");
    is get($httpd, '/guarded/index.html', Authorization => "Bearer $token")->{body}, "inside\n", "$alg: control, guard";
    is post_json($httpd, '/api/token/refresh/', { refresh => $key{$alg}->sign(refresh_claims()) })->{status}, 200, "$alg: control, refresh";
}
cmp_ok scalar @forged, '>', 100, 'more than a hundred forms';
for (@forged) {
    my ($name, $make) = @$_;
    my $access = $make->(access_claims(user_id => "$user->{id}"));
    error_ok(post_json($httpd, '/api/token/verify/', { token => $access }), 401, 'TOKEN_NOT_VALID', name => "$name: verify");
    error_ok(post_json($httpd, '/api/token/refresh/', { refresh => $make->(refresh_claims(user_id => "$user->{id}")) }),
             401, 'TOKEN_NOT_VALID', name => "$name: refresh");
    error_ok(get($httpd, '/guarded/index.html', Authorization => "Bearer $access"), 401, 'TOKEN_NOT_VALID', name => "$name: guard");
}
is get($httpd, '/index.html')->{status}, 200, 'httpd lives';
$log->done;
done_testing;
