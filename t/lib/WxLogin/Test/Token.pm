package WxLogin::Test::Token;

=head1 NAME

WxLogin::Test::Token - reads and makes JSON Web Tokens without the library under test

=head1 SYNOPSIS

    use WxLogin::Test::Token;

    my $claims = jwt_claims($token);                    # by Crypt::JWT; dies if the signature is wrong
    my $claims = jwt_claims($token, $ENV{WX_PRODUCTION_KEY});
    my ($header, $payload, $signature) = jwt_parts($token);     # decoded text of the first two

    my $token = make_jwt(claims => access_claims(user_id => '7'));
    my $token = make_jwt(claims => { ... }, header => { alg => 'none' }, signature => '');
    my $token = make_jwt(claims => 'no JSON at all', key => 'another key', alg => 'HS512');

    access_claims(%changes), refresh_claims(%changes)   # good ones for now; undef takes a claim away

make_jwt takes: claims, header (hash: sorted; array: pairs in this order; text: as it
is), key (the suite's), alg (HS256, HS384, HS512, RS256 with a PEM, none),
signature (instead of the right one).  Keys are the raw bytes of the secret.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512 sha256_hex);
use Exporter 'import';
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use WxLogin::Test::Env;

our @EXPORT = qw(jwt_claims jwt_parts make_jwt access_claims refresh_claims base64url from_base64url);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $serial = 0;

sub base64url {
    my $text = encode_base64($_[0], '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}

sub from_base64url { return decode_base64($_[0] =~ tr{-_}{+/}r) }

sub default_key { return $ENV{WX_SECRET_KEY} }

# exp and iat are the caller's to judge: an expired token has claims, too
sub jwt_claims {
    my ($token, $key) = @_;
    require Crypt::JWT;
    return Crypt::JWT::decode_jwt(token => $token, key => $key // default_key(), accepted_alg => 'HS256',
                                  verify_exp => 0, verify_iat => 0, verify_nbf => 0);
}

sub jwt_parts {
    my @parts = split /\./, $_[0], -1;
    return (from_base64url($parts[0]), from_base64url($parts[1]), $parts[2]);
}

sub _json {
    my $what = shift;
    return $what if !ref $what;
    return $json->encode($what) if ref $what eq 'HASH';
    my @pairs = @$what;
    my @text;
    while (my ($name, $value) = splice @pairs, 0, 2) { push @text, $json->encode("$name") . ':' . $json->encode($value) }
    return '{' . join(',', @text) . '}';
}

my %MAC = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);

sub make_jwt {
    my (%o) = @_;
    my $alg = $o{alg} // 'HS256';
    my $signed = join '.', map { base64url(_json($_)) } $o{header} // [ alg => $alg, typ => 'JWT' ], $o{claims};
    return "$signed.$o{signature}" if defined $o{signature};
    return "$signed." if $alg eq 'none';
    my $key = $o{key} // default_key();
    if ($alg eq 'RS256') {
        require Crypt::PK::RSA;
        return "$signed." . base64url(Crypt::PK::RSA->new(\$key)->sign_message($signed, 'SHA256', 'v1.5'));
    }
    my $mac = $MAC{$alg} or croak "no such algorithm here: $alg";
    return "$signed." . base64url($mac->($signed, $key));
}

sub _claims {
    my ($type, $ttl, %changes) = @_;
    my $now = time;
    my %claims = (token_type => $type, exp => $now + $ttl, iat => $now,
                  jti => substr(sha256_hex("$$:$now:" . ++$serial), 0, 32), user_id => '1', %changes);
    my %known = map { $_ => 1 } my @order = qw(token_type exp iat jti user_id);
    return [ map { ($_, $claims{$_}) } grep { defined $claims{$_} } @order, sort grep { !$known{$_} } keys %claims ];
}

sub access_claims  { return _claims('access', 7 * 86_400, @_) }
sub refresh_claims { return _claims('refresh', 30 * 86_400, @_) }

1;
