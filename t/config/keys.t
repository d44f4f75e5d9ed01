# Once: httpd -t, nothing is served.
# WxLoginKey: what is wrong by itself is refused with file and line and what to write; what is
# wrong between keys and the rest of the configuration keeps httpd from starting.  No secret is
# in what it says, and nobody is asked for a passphrase.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Env;
use WxLogin::Test::Httpd;
use WxLogin::Test::Keys;

my $keys = WxLogin::Test::Keys->new;
my $dir = $keys->dir;
my %key = map { $_ => $keys->make($_, lc $_) } qw(ES256 RS256 EdDSA HS256);
my $httpd = WxLogin::Test::Httpd->new(loglevel => 'warn', env => { WX_T_SECRET => 'x' x 20, WX_T_EMPTY => '' });
my $said_in_all = '';

sub configtest {
    my ($text) = @_;
    my ($status, $said) = $httpd->config($text)->configtest;
    $said_in_all .= $said;
    return ($status, $said);
}
# the last directive of the text is wrong
sub refused {
    my ($text, $sentence, $name) = @_;
    my ($status, $said) = configtest("WxLoginEnvironment development\n$text\n");
    $name //= $text =~ s/.*\n//sr;
    $name = substr($name, 0, 90) . '...' if length $name > 90;
    subtest $name => sub {
        isnt $status, 0, 'refused';
        like $said, qr/^AH00526: Syntax error on line \d+ of \S+:$/m, 'with file and line';
        my ($got) = $said =~ /^AH00526:.*\n(.*)$/m;
        if (ref $sentence) { like $got, $sentence, 'and what to write' } else { is $got, $sentence, 'and what to write' }
    } or diag $said;
    return;
}
sub accepted {
    my ($name, $text, @want) = @_;
    my ($status, $said) = configtest($text);
    subtest $name => sub {
        is $status, 0, 'starts';
        like $said, qr/Syntax OK/, 'and says so';
        like $said, $_, 'with a warning' for @want;
        my @warnings = $said =~ /WXL\d{4}/g;
        is scalar @warnings, scalar @want, 'and no other';
    } or diag $said;
    return;
}

# --- words
my $form = 'kid=NAME alg=ES256|RS256|EdDSA|HS256 file=PATH, each once, and sign behind the one key that signs';
my $kid = 'kid= with 1 to 64 letters, digits, -, _ and .';
my $all = 'WxLoginKey needs kid=NAME, alg=ALGORITHM and file=PATH';
my $file = "file=$key{ES256}{file}";
refused("WxLoginKey $_->[0]", $_->[1]) for (
    (map { [ $_, $all ] } '', 'kid=a', "kid=a alg=ES256", "kid=a $file", "alg=ES256 $file", 'sign', "kid=a alg=ES256 sign"),
    (map { [ qq("kid=$_" alg=ES256 $file), qq(WxLoginKey "kid=$_" is wrong: write $kid) ] }
        '', 'a b', 'a/b', '../a', 'a:b', 'a,b', 'a+b', 'k' x 65),
    (map { [ qq(kid=a "alg=$_" $file), qq(WxLoginKey "alg=$_" is wrong: write alg=ES256, RS256, EdDSA or HS256) ] }
        '', 'es256', 'ES384', 'HS512', 'PS256', 'none', 'ES256 ', 'ES256,RS256'),
    (map { [ "kid=a alg=ES256 $file $_", qq(WxLoginKey "$_" is wrong: write $form) ] }
        'signs', 'sign=on', 'kid=b', 'alg=ES256', $file, 'verify', 'key=x', 'SIGN'),
    [ "kid=a alg=ES256 file= ", qq(WxLoginKey "file=" is wrong: write $form) ],
    [ "kid=a alg=ES256 $file sign sign", qq(WxLoginKey "sign" is wrong: write $form) ],
    [ "a ES256 $key{ES256}{file}", qq(WxLoginKey "a" is wrong: write $form) ],
);
refused(qq(WxLoginKey "kid=\xc3\xa4" alg=ES256 $file), 'WxLoginKey "kid=\xc3\xa4" is wrong: write ' . $kid);
refused("$key{ES256}{line}\nWxLoginKey kid=es256 alg=EdDSA file=$key{EdDSA}{file}",
        'WxLoginKey "kid=es256" is wrong: write another kid: there is a key of this name already');
refused("$key{ES256}{line} sign\n$key{EdDSA}{line} sign",
        'WxLoginKey "sign" is wrong: write it behind one key only: another one signs already');
refused(join("\n", map { "WxLoginKey kid=k$_ alg=EdDSA file=$key{EdDSA}{file}" } 1 .. 17), 'WxLoginKey: 16 keys are the most: remove old ones', '17 keys');
refused("<Location /x>\n$key{ES256}{line}\n</Location>", qr/^WxLoginKey not allowed in <Location> context/, 'in a location');

# --- files
my %made = (
    p384    => WxLogin::Test::Keys::openssl(qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384)),
    rsa1024 => WxLogin::Test::Keys::openssl(qw(genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024)),
    locked  => WxLogin::Test::Keys::openssl('pkcs8', '-topk8', '-in', $key{ES256}{file}, '-passout', 'pass:secret'),
    lockrsa => WxLogin::Test::Keys::openssl('rsa', '-traditional', '-aes128', '-in', $key{RS256}{file}, '-passout', 'pass:secret'),
    cert    => WxLogin::Test::Keys::openssl('req', '-x509', '-key', $key{ES256}{file}, '-subj', '/CN=x'),
    garbage => "no key\n",
    empty   => '',
    nul     => "-----BEGIN\0KEY",
    long    => 'x' x 16385,
    short   => 'y' x 31,
);
my %at = map { $_ => $keys->write($_, $made{$_}) } keys %made;
mkdir "$dir/folder";
my $p256 = 'the key is not on the curve P-256: ES256 needs one made by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256';
my $rsa = 'the key is not RSA of 2048 to 8192 bits: RS256 needs one made by: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048';
my $ed = 'the key is not of Ed25519: EdDSA needs one made by: openssl genpkey -algorithm ED25519';
my $none = 'there is no key in it: write a private key or a public key in PEM form (BEGIN PRIVATE KEY, BEGIN PUBLIC KEY)';
my $locked = 'the key has a passphrase: write one without, made by: openssl pkey -in OLD -out NEW';
for (
    (map { [ ES256 => $_, $p256 ] } @at{qw(p384)}, map { $_->{file} } @key{qw(RS256 EdDSA)}),
    (map { [ RS256 => $_, $rsa ] } $at{rsa1024}, map { ($_->{file}, $_->{public}) } @key{qw(ES256 EdDSA)}),
    (map { [ EdDSA => $_, $ed ] } $at{p384}, map { ($_->{file}, $_->{public}) } @key{qw(ES256 RS256)}),
    [ ES256 => $at{locked}, $locked ], [ RS256 => $at{lockrsa}, $locked ],
    [ ES256 => $at{cert}, $none ], [ ES256 => $at{garbage}, $none ], [ ES256 => $key{HS256}{file}, $none ],
    [ HS256 => $at{short}, 'shorter than 32 bytes: HS256 needs one made by: openssl rand -hex 32' ],
    (map { [ HS256 => $_, 'a key in PEM form is no secret for HS256: write alg=ES256, RS256 or EdDSA, whichever the key was made for' ] }
        $key{ES256}{file}, $key{RS256}{public}),
) {
    my ($alg, $path, $sentence) = @$_;
    refused("WxLoginKey kid=a alg=$alg file=$path", "WxLoginKey: the file $path: $sentence");
}
refused("$key{ES256}{public_line} sign", "WxLoginKey: the file $key{ES256}{public}: it holds a public key, which cannot sign: "
    . 'write the file of the private key, or leave sign out');
refused("WxLoginKey kid=a alg=ES256 file=$at{empty}", "WxLoginKey: the file $at{empty} is empty");
refused("WxLoginKey kid=a alg=ES256 file=$at{long}", "WxLoginKey: the file $at{long} is longer than 16384 bytes");
refused("WxLoginKey kid=a alg=ES256 file=$at{nul}", qr/^WxLoginKey: the value contains a NUL byte/);
refused("WxLoginKey kid=a alg=ES256 file=$dir/folder", "WxLoginKey: $dir/folder is not a file");
refused("WxLoginKey kid=a alg=ES256 file=/nowhere/key.pem", qr{^WxLoginKey: cannot read the file /nowhere/key.pem: No such file or directory; write the path});

# --- between directives
my %env = ('WxLoginEnvironment' => 'production', WxLoginAppId => 'wx', WxLoginAppSecret => 'env:WX_T_SECRET', '@SQLITE@' => '', '@ENDPOINTS@' => '');
sub with { my ($text, %o) = @_; my %all = (%env, %o); return join '', (map { "$_ $all{$_}\n" } grep { defined $all{$_} } sort keys %all), "$text\n" }
sub fails {
    my ($name, $text, @want) = @_;
    my ($status, $said) = configtest($text);
    subtest $name => sub {
        isnt $status, 0, 'does not start';
        like $said, $_, 'and says why' for @want;
        my @lines = $said =~ /WXL05\d\d/g;
        is scalar @lines, scalar @want, 'once';
    } or diag $said;
    return;
}
my $unsigned = qr/WXL0516: \S+:\d+: SetHandler wxlogin-login: no key signs new tokens: write sign behind the WxLoginKey that holds a private key, or WxLoginSecretKey$/m;
my $missing = qr/WXL0501: .* WxLoginSecretKey is missing or empty/;
accepted("production, $_ signs, no secret", with("$key{$_}{line} sign")) for sort keys %key;
accepted('a secret beside it', with("WxLoginSecretKey env:WX_SECRET_KEY\n$key{ES256}{line} sign"));
accepted('a secret that signs, keys that check', with("WxLoginSecretKey env:WX_SECRET_KEY\n$key{ES256}{line}\n$key{RS256}{public_line}"));
accepted('16 keys', with(join("\n", "$key{ES256}{line} sign", map { "WxLoginKey kid=k$_ alg=EdDSA file=$key{EdDSA}{file}" } 1 .. 15)));
accepted('a kid of 64 characters', with(qq("WxLoginKey" "kid=) . 'k' x 64 . qq(" alg=ES256 $file sign)));
accepted('words in another order', with("WxLoginKey sign $file alg=ES256 kid=A-b_c.9"));
symlink $key{ES256}{file}, $httpd->root . '/relative.pem';
accepted('a path below ServerRoot', with('WxLoginKey kid=a alg=ES256 file=relative.pem sign'));
fails('nothing', with(''), $missing);
fails('keys and none that signs', with($key{ES256}{line}), $unsigned);
fails('keys and an empty secret', with("$key{ES256}{line}\nWxLoginSecretKey env:WX_T_EMPTY"), $unsigned);
fails('the same in development', with($key{ES256}{line}, WxLoginEnvironment => 'development'), $unsigned);
fails('a short secret beside a key that signs', with("$key{ES256}{line} sign\nWxLoginSecretKey env:WX_T_SECRET"), qr/WXL0503: .* shorter than 32 bytes/);
fails('a literal beside it', with("$key{ES256}{line} sign\nWxLoginSecretKey " . 'z' x 40), qr/WXL0504: .* stands in the configuration file itself/);
my $guard = qq(<Location "/guarded/">\nAuthType WxLogin\nRequire valid-user\n</Location>\n);
my $jwks = qq(<Location "/jwks">\nSetHandler wxlogin-jwks\n</Location>\n);
my $verify = qq(<Location "/verify">\nSetHandler wxlogin-verify\n</Location>\n);
my $refresh = qq(<Location "/refresh">\nSetHandler wxlogin-refresh\n</Location>\n);
accepted('public keys are enough to guard', "\@SQLITE\@\n$key{ES256}{public_line}\n$guard$jwks$verify");
accepted('and to verify, without a data base', "$key{ES256}{public_line}\n$verify");
fails('not to refresh', "$key{ES256}{public_line}\n$refresh", qr/WXL0516: .*SetHandler wxlogin-refresh: no key signs/);
fails('a guard without any key', "\@SQLITE\@\n$guard", $missing);
fails('nor a set of keys', $jwks, $missing);
fails('keys, and no end point in sight: one that signs may come', "$key{ES256}{public_line}\nWxLoginAppId wx\nWxLoginAppSecret env:WX_T_SECRET\n",
      qr/WXL0516: server \S+: no key signs/);

# --- virtual hosts: who names keys has no others; the secret is inherited by itself
my $host_number = 0;
my $hosts = sub { join '', map { "<VirtualHost 127.0.0.1:\@PORT1\@>\nServerName h" . ++$host_number . ".example\n$_\n\@ENDPOINTS\@\n</VirtualHost>\n" } @_ };
my $base = "WxLoginAppId wx\nWxLoginAppSecret env:WX_T_SECRET\n\@SQLITE\@\n";
accepted('inherited', "$base$key{ES256}{line} sign\n" . $hosts->('', "$key{RS256}{line} sign"));
accepted('the same kid in another host', "$base$key{ES256}{line} sign\n" . $hosts->("$key{ES256}{line} sign"));
fails('a host with keys of its own, none signs', "$base$key{ES256}{line} sign\n" . $hosts->('', $key{RS256}{line}), $unsigned);
accepted('but the secret of outside does', "$base\nWxLoginSecretKey env:WX_SECRET_KEY\n$key{ES256}{line} sign\n" . $hosts->($key{RS256}{line}));

# --- files that are open to all
my %open = map { $_ => $keys->write("open-$_", WxLogin::Test::Keys::slurp($key{$_}{file}), 0644) } qw(ES256 HS256);
accepted("an open file: $_", with("WxLoginKey kid=a alg=$_ file=$open{$_} sign"), qr{WXL0520: WxLoginKey: every user can read \Q$open{$_}\E; protect it: chmod 600$}m)
    for qw(ES256 HS256);
chmod 0640, $open{ES256};
accepted('one that the group can read', with("WxLoginKey kid=a alg=ES256 file=$open{ES256} sign"));
accepted('an open public key', with("$key{ES256}{line} sign\n$key{RS256}{public_line}"));

unlike $said_in_all, qr/\Q$key{HS256}{secret}\E|-----BEGIN|yyyyyyyy|zzzzzzz|Enter/, 'no secret in all that was said, and no question';
done_testing;
