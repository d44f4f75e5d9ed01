# Tokens nobody honest has made, each with its answer, as an access token at the verification
# and as a refresh token at the refresh.  None of them takes the server down with it.
use strict;
use warnings;
use utf8;
use Test::More;
use Crypt::PK::RSA;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Problems;
use WxLogin::Test::Token;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
my $log = WxLogin::Test::ErrorLog->watch;

my $rsa = Crypt::PK::RSA->new;
$rsa->generate_key(256, 65_537);
my ($private, $public) = map { $rsa->export_key_pem($_) } qw(private public);

# Everything below is made of claims of the right kind for the end point.
my ($fresh, $end);
sub claims { return $fresh->(@_) }
sub token  { return make_jwt(claims => claims(), @_) }
sub with   { return make_jwt(claims => claims(@_)) }
sub header { my ($text) = @_; return token(header => $text) }

# claims with this JSON text in the place of a value
sub text_of {
    my ($name, $text) = @_;
    my @claims = @{ claims() };
    my @pairs;
    while (my ($key, $value) = splice @claims, 0, 2) {
        push @pairs, qq("$key":) . ($key eq $name ? $text : $key =~ /^(?:exp|iat)$/ ? $value : qq("$value"));
    }
    return '{' . join(',', @pairs) . '}';
}
# one letter of a part is another one
sub changed {
    my ($part, $at) = @_;
    my @parts = split /\./, token(), -1;
    my $old = substr $parts[$part], $at, 1;
    substr $parts[$part], $at, 1, $old eq 'A' ? 'B' : 'A';
    return join '.', @parts;
}
# as long as asked
sub long {
    my ($length) = @_;
    for my $n (int(0.68 * $length) .. $length) {
        my $token = with(x => 'x' x $n);
        return $token if length $token == $length;
    }
    die "no token of $length bytes\n";
}
sub parts { return join '.', (split /\./, token(), -1)[@_] }
sub other_payload {
    my ($header, undef, $signature) = split /\./, token();
    return join '.', $header, (split /\./, with(user_id => '2'))[1], $signature;
}

my @invalid = (
    # the algorithm
    (map { my $alg = $_; ([ "alg $alg, no signature", sub { token(header => { alg => $alg, typ => 'JWT' }, signature => '') } ],
                          [ "alg $alg, the right signature", sub { token(header => { alg => $alg, typ => 'JWT' }) } ],
                          [ "alg $alg, some signature", sub { token(header => { alg => $alg }, signature => 'e30') } ]) }
        qw(none None NONE nOnE)),
    [ 'HS256 without a signature',            sub { token(signature => '') } ],
    [ 'HS256 by a public RSA key',            sub { token(key => $public) } ],
    [ 'HS256 by another secret',              sub { token(key => $ENV{WX_PRODUCTION_KEY}) } ],
    [ 'HS256 by half of the secret',          sub { token(key => substr $ENV{WX_SECRET_KEY}, 0, 32) } ],
    [ 'HS256 by no secret',                   sub { token(key => '') } ],
    [ 'HS256 by the secret and a line end',   sub { token(key => "$ENV{WX_SECRET_KEY}\n") } ],
    [ 'RS256',                                sub { token(alg => 'RS256', key => $private) } ],
    [ 'HS384 by the right secret',            sub { token(alg => 'HS384') } ],
    [ 'HS512 by the right secret',            sub { token(alg => 'HS512') } ],
    (map { my $alg = $_; [ "alg $alg", sub { header({ alg => $alg, typ => 'JWT' }) } ] }
        qw(RS256 RS512 ES256 ES384 PS256 EdDSA HS384 HS512 hs256 HS256X HS25), ' HS256', 'HS256 ', '', "\x{ff28}S256"),
    [ 'no alg',                               sub { header('{"typ":"JWT"}') } ],
    [ 'an empty header',                      sub { header('{}') } ],
    (map { my $text = $_; [ "alg is $text", sub { header(qq({"alg":$text,"typ":"JWT"})) } ] }
        'null', '256', 'true', '["HS256"]', '{"a":"HS256"}'),
    [ 'two algs',                             sub { header('{"alg":"HS256","alg":"none"}') } ],
    [ 'two algs, the other way round',        sub { header('{"alg":"none","alg":"HS256"}') } ],
    [ 'Alg',                                  sub { header('{"Alg":"HS256","typ":"JWT"}') } ],
    [ 'a NUL behind the alg',                 sub { header('{"alg":"HS256\u0000","typ":"JWT"}') } ],
    # the header
    [ 'a header that is no JSON',             sub { header('alg=HS256') } ],
    [ 'a header cut short',                   sub { header('{"alg":"HS256"') } ],
    [ 'a header and more',                    sub { header('{"alg":"HS256"}{}') } ],
    [ 'a header that is an array',            sub { header('["alg","HS256"]') } ],
    [ 'a header that is a string',            sub { header('"HS256"') } ],
    [ 'a header of one byte',                 sub { header('x') } ],
    [ 'a header with a NUL',                  sub { header(qq({"alg":"HS256\0"})) } ],
    [ 'a header with a wrong byte',           sub { header(qq({"alg":"HS256","x":"\xff"})) } ],
    [ 'a header of a thousand brackets',      sub { header('[' x 1000) } ],
    [ 'crit',                                 sub { header('{"alg":"HS256","crit":["exp"],"typ":"JWT"}') } ],
    [ 'crit without a word',                  sub { header('{"alg":"HS256","crit":[],"typ":"JWT"}') } ],
    [ 'crit of null',                         sub { header('{"alg":"HS256","crit":null,"typ":"JWT"}') } ],
    [ 'crit: b64',                            sub { header('{"alg":"HS256","b64":false,"crit":["b64"],"typ":"JWT"}') } ],
    [ 'another typ',                          sub { header('{"alg":"HS256","typ":"JWE"}') } ],
    [ 'typ at+jwt',                           sub { header('{"alg":"HS256","typ":"at+jwt"}') } ],
    # what is signed
    [ 'another payload',                      \&other_payload ],
    [ 'a changed header',                     sub { changed(0, 5) } ],
    [ 'a changed payload',                    sub { changed(1, 20) } ],
    [ 'the first letter of the signature',    sub { changed(2, 0) } ],
    [ 'a letter amid the signature',          sub { changed(2, 21) } ],
    [ 'bits behind the end of the signature', sub { my $t = token(); $t =~ tr{A-Za-z0-9_-}{B-Za-z0-9_\-A} for substr $t, -1; $t } ],
    [ 'half a signature',                     sub { substr token(), 0, -20 } ],
    [ 'a signature less its last letter',     sub { substr token(), 0, -1 } ],
    [ 'a letter more',                        sub { token() . 'A' } ],
    [ 'the signature twice',                  sub { my $t = token(); $t =~ s/\.([^.]+)\z/.$1$1/; $t } ],
    [ 'the signature in capitals',            sub { my $t = token(); $t =~ s/([^.]+)\z/uc $1/e; $t } ],
    [ 'a signature of something else',        sub { my $t = token(); (my $s = with(user_id => '3')) =~ s/.*\.//; $t =~ s/[^.]+\z/$s/; $t } ],
    # parts
    (map { my $text = $_; [ "<$text>", sub { $text } ] }
        qw(. .. ... .... e30.. .e30. ..e30 a..b .a.b a.b. e30.e30. .e30.x e30..x x x.y x.y.z e30.e30.e30 a.b.c.d a.b.c.d.e
           null undefined 0 Bearer - _ --- a.a.a), 'a.b.c ' x 20),
    [ 'two parts',                            sub { parts(0, 1) } ],
    [ 'two parts and a dot',                  sub { parts(0, 1) . '.' } ],
    [ 'no header',                            sub { '.' . parts(1, 2) } ],
    [ 'no payload',                           sub { my $t = token(); $t =~ s/\.[^.]+\./../; $t } ],
    [ 'four parts',                           sub { token() . '.e30' } ],
    [ 'a dot behind it',                      sub { token() . '.' } ],
    [ 'a dot before it',                      sub { '.' . token() } ],
    [ 'five parts, like a JWE',               sub { token() . '.e30.e30' } ],
    [ 'the parts in another order',           sub { parts(1, 0, 2) } ],
    [ 'one letter as header',                 sub { 'e.' . parts(1, 2) } ],
    [ 'one letter as payload',                sub { my $t = token(); $t =~ s/\.[^.]+\./.e./; $t } ],
    # letters
    [ 'padded',                               sub { token() . '=' } ],
    [ 'a padded header',                      sub { my $t = token(); $t =~ s/\./=./; $t } ],
    [ 'blanks inside',                        sub { my $t = token(); $t =~ s/\./ ./; $t } ],
    [ 'a line end inside',                    sub { my $t = token(); $t =~ s/\./.\n/; $t } ],
    [ 'letters of the other base64',          sub { my $t = token(); $t =~ s/(.)\z/+/; $t } ],
    [ 'a slash',                              sub { my $t = token(); $t =~ s/(.)\z/\//; $t } ],
    [ 'with the word Bearer',                 sub { 'Bearer ' . token() } ],
    [ 'in quotes',                            sub { '"' . token() . '"' } ],
    [ 'a letter of no alphabet',              sub { token() . "\x{e9}" } ],
    [ 'Chinese',                              sub { '令牌' } ],
    [ 'an exclamation mark behind it',        sub { token() . '!!!' } ],
    [ 'percent signs',                        sub { '%s%s%s%n.%n.%n' } ],
    [ '4097 bytes, and signed',               sub { long(4097) } ],
    [ '4096 dots',                            sub { '.' x 4096 } ],
    [ '10000 letters',                        sub { 'x' x 10_000 } ],
    # claims
    (map { my $text = $_; [ "claims are <$text>", sub { make_jwt(claims => $text) } ] }
        '{}', '[]', '"x"', 'null', '1', 'x', '{', ' ', '{}{}', '{"a":}'),
    [ 'claims of a thousand brackets',        sub { make_jwt(claims => '[' x 2800) } ],
    [ 'claims with a NUL',                    sub { make_jwt(claims => text_of(jti => '"a\u0000b"')) } ],
    [ 'claims with a wrong byte',             sub { make_jwt(claims => text_of(jti => qq("\xff"))) } ],
    (map { my $name = $_; [ "no $name", sub { with($name => undef) } ] } qw(token_type exp iat jti user_id)),
    (map { my $text = $_; [ "token_type is $text", sub { make_jwt(claims => text_of(token_type => $text)) } ] }
        qw("Access" "REFRESH" "sliding" "" "access\u0020" null 1 true ["access"] {})),
    (map { my $text = $_; [ "exp is $text", sub { make_jwt(claims => text_of(exp => $text)) } ] }
        qw("9999999999" "" null true 9999999999.5 1e10 9223372036854775808 -9223372036854775809 1e999 [9999999999] {})),
    (map { my $text = $_; [ "iat is $text", sub { make_jwt(claims => text_of(iat => $text)) } ] }
        qw("1600000000" "" null true 1600000000.5 1e9 99999999999 9223372036854775807 9223372036854775808 [1] {})),
    [ 'iat in a minute',                      sub { with(iat => 60 + time) } ],
    [ 'nbf in an hour',                       sub { with(nbf => time + 3600) } ],
    [ 'nbf is a text',                        sub { with(nbf => 'yesterday') } ],
    (map { my $text = $_; [ "jti is $text", sub { make_jwt(claims => text_of(jti => $text)) } ] } qw("" null 1 true [] {})),
    (map { my $text = $_; [ "user_id is $text", sub { make_jwt(claims => text_of(user_id => $text)) } ] }
        qw(0 -1 1.5 1e3 null true "" "abc" "-1" "+1" "1.5" "1e3" "0x10" "1a" "1\n" "\u0031\u0000" "12345678901234567890" [1] {}
           9223372036854775808), '" 1"', '"1 "', qq("\xef\xbc\x91")),
);
my @expired = (
    [ 'a second ago',               sub { with(exp => time - 1) } ],
    [ 'just now',                   sub { with(exp => 0 + time) } ],
    [ 'in 1970',                    sub { with(exp => 0) } ],
    [ 'before 1970',                sub { with(exp => -1) } ],
    [ 'long before that',           sub { make_jwt(claims => text_of(exp => '-9223372036854775808')) } ],
    [ 'and nothing else is right',  sub { with(exp => 1, iat => undef, jti => undef, user_id => undef) } ],
);
my @valid = (
    [ 'as it should be',            sub { token() } ],
    [ 'user_id is a number',        sub { with(user_id => 7) }, '7' ],
    [ 'the largest user_id',        sub { make_jwt(claims => text_of(user_id => '9223372036854775807')) }, '9223372036854775807' ],
    [ 'the same as a string',       sub { with(user_id => '9223372036854775807') }, '9223372036854775807' ],
    [ 'until the end of time',      sub { make_jwt(claims => text_of(exp => '9223372036854775807')) } ],
    [ 'a jti of another form',      sub { with(jti => 'x') } ],
    [ 'issued long ago',            sub { with(iat => 0) } ],
    [ 'issued in this second',      sub { with(iat => 0 + time) } ],
    [ 'with other claims',          sub { with(scope => 'x', iss => 'y', aud => [ 'z' ]) } ],
    [ 'no typ',                     sub { header('{"alg":"HS256"}') } ],
    [ 'header the other way round', sub { header('{"typ":"JWT","alg":"HS256"}') } ],
    [ 'with a kid',                 sub { header('{"alg":"HS256","kid":"../../x","typ":"JWT"}') } ],
    [ '4096 bytes',                 sub { long(4096) } ],
    [ 'white space around it',      sub { "\t " . token() . " \n" } ],
);

my %ends = (
    verify  => { claims => \&access_claims,  action => 'refresh' },
    refresh => { claims => \&refresh_claims, action => 'sign_in' },
);
for my $name (sort keys %ends) {
    ($fresh, $end) = ($ends{$name}{claims}, $ends{$name});
    my $field = $name eq 'verify' ? 'token' : $name;
    my $ask = sub { return post_json('nodb', "/api/token/$name/", { $field => $_[0] }) };
    for (@invalid) {
        my ($what, $make) = @$_;
        error_ok($ask->($make->()), 401, 'TOKEN_NOT_VALID', name => "$name: $what");
    }
    for (@expired) {
        my ($what, $make) = @$_;
        error_ok($ask->($make->()), 401, 'TOKEN_EXPIRED', action => $end->{action}, name => "$name: expired $what");
    }
    for (@valid) {
        my ($what, $make, $user_id) = @$_;
        my $res = $ask->($make->());
        if ($name eq 'verify') { verify_ok($res, name => "$name: $what") }
        else { refresh_ok($res, user_id => $user_id // '1', name => "$name: $what") }
    }
    refused($ask->('.' x 3_000_000), 'large', name => "$name: three megabytes of dots");
    my $letters = post_json('limits', "/api/v1/token/$name/", { $field => '.' x 1_000_000 });
    error_ok($letters, 401, 'TOKEN_NOT_VALID', name => "$name: a megabyte of dots, where it may be");
    error_ok(post_json('limits', "/api/v1/token/$name/", { $field => 'A' x 300_000 . '.' . 'A' x 300_000 . '.' . 'A' x 300_000 }),
             401, 'TOKEN_NOT_VALID', name => "$name: three parts of 300 kB");
}
$log->done;
done_testing;
