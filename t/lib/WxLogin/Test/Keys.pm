package WxLogin::Test::Keys;

=head1 NAME

WxLogin::Test::Keys - keys of the tokens: made by openssl, used by other libraries than ours

=head1 SYNOPSIS

    my $keys = WxLogin::Test::Keys->new;            # a folder of its own
    my $key = $keys->make('ES256', 'es-1');         # RS256, EdDSA, HS256; {kid, alg, file, public, secret}
    $key->{line};                                   # WxLoginKey kid=es-1 alg=ES256 file=...
    $key->{public_line};                            # the same with the public half
    my $token = $key->sign($claims);                # by the toolkit of Crypt::JWT
    my $token = $key->sign($claims, header => {...}, form => 'der', bend => sub { "$_[0]x" });
    my $bytes = $key->signature($text);

    read_by_perl($token, $jwks, 'ES256');           # claims, or undef; by Crypt::JWT
    my $pyjwt = WxLogin::Test::Keys::PyJWT->new;    # undef where it is not there
    $pyjwt->read($token, $jwks, 'ES256');           # {claims => ..., header => ...} or {error => ...}
    $pyjwt->make($claims, $key);                    # a token

=cut

use strict;
use warnings;
use Carp qw(croak);
use Crypt::JWT ();
use Crypt::PK::ECC;
use Crypt::PK::Ed25519;
use Crypt::PK::RSA;
use Exporter 'import';
use File::Temp qw(tempdir);
use JSON::PP ();

our @EXPORT = qw(read_by_perl);

my %GENERATE = (
    ES256 => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
    RS256 => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    EdDSA => [qw(-algorithm ED25519)],
);
my %TOOLKIT = (ES256 => 'Crypt::PK::ECC', RS256 => 'Crypt::PK::RSA', EdDSA => 'Crypt::PK::Ed25519');
my $json = JSON::PP->new->utf8->canonical;

sub new {
    my $class = shift;
    return bless { dir => tempdir('wxk.XXXXXX', DIR => '/tmp', CLEANUP => 1) }, $class;
}

sub dir { return $_[0]{dir} }

sub write {
    my ($self, $name, $text, $mode) = @_;
    my $file = "$self->{dir}/$name";
    open my $fh, '>', $file or croak "$file: $!";
    print {$fh} $text;
    close $fh or croak "$file: $!";
    chmod $mode // 0600, $file;
    return $file;
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $file or croak "$file: $!";
    local $/;
    return scalar <$fh>;
}

sub openssl {
    my @command = ('openssl', @_);
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', @command or croak "openssl: $!";
    my $text = do { local $/; <$out> };
    close $out or croak "@command failed";
    return $text;
}

sub make {
    my ($self, $alg, $kid) = @_;
    my $key = bless { alg => $alg, kid => $kid }, 'WxLogin::Test::Keys::Key';
    if ($alg eq 'HS256') {
        $key->{secret} = openssl(qw(rand -hex 32)) =~ s/\n//r;
        $key->{file} = $self->write("$kid.secret", "$key->{secret}\n");
    }
    else {
        my $pem = openssl('genpkey', @{ $GENERATE{$alg} // croak "no such algorithm: $alg" });
        $key->{file} = $self->write("$kid.pem", $pem);
        $key->{public_pem} = openssl('pkey', '-in', $key->{file}, '-pubout');
        $key->{public} = $self->write("$kid.pub", $key->{public_pem}, 0644);
        $key->{toolkit} = $TOOLKIT{$alg}->new(\$pem);
        $key->{public_line} = "WxLoginKey kid=$kid alg=$alg file=$key->{public}";
    }
    $key->{line} = "WxLoginKey kid=$kid alg=$alg file=$key->{file}";
    return $key;
}

# By Crypt::JWT; undef where it does not believe the token.
sub read_by_perl {
    my ($token, $jwks, $alg) = @_;
    return eval {
        Crypt::JWT::decode_jwt(token => $token, kid_keys => $jwks, accepted_alg => $alg, verify_exp => 1, verify_iat => 0);
    };
}

package WxLogin::Test::Keys::Key;
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use WxLogin::Test::Token;


# form: raw as in tokens, der as OpenSSL writes them
sub signature {
    my ($self, $text, $form) = @_;
    return hmac_sha256($text, $self->{secret}) if $self->{alg} eq 'HS256';
    my $toolkit = $self->{toolkit};
    return $toolkit->sign_message($text, 'SHA256', 'v1.5') if $self->{alg} eq 'RS256';
    return $toolkit->sign_message($text) if $self->{alg} eq 'EdDSA';
    return $toolkit->sign_message($text, 'SHA256') if ($form // '') eq 'der';
    return $toolkit->sign_message_rfc7518($text, 'SHA256');
}

# header: instead of the right one, as make_jwt takes it; bend => sub { changes the bytes in $_[0] }
sub sign {
    my ($self, $claims, %o) = @_;
    my $header = $o{header} // [ alg => $self->{alg}, typ => 'JWT', kid => $self->{kid} ];
    my $signed = make_jwt(claims => $claims, header => $header, signature => '') =~ s/\.\z//r;
    my $bytes = $self->signature($signed, $o{form});
    $bytes = $o{bend}->($bytes) if $o{bend};
    return "$signed." . base64url($bytes);
}

package WxLogin::Test::Keys::PyJWT;
use strict;
use warnings;
use IPC::Open2;
use WxLogin::Test::Process;

sub new {
    my $class = shift;
    my $python = '/usr/bin/python3';    # Debian's own: the packages belong to it
    return if !-x $python || system(qq($python -c 'import jwt, cryptography' >/dev/null 2>&1)) != 0;
    my $self = bless {}, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, $python, '-B', "$WxLogin::Test::Process::T/bin/pyjwt.py");
    return $self;
}

sub ask {
    my ($self, %request) = @_;
    print { $self->{in} } $json->encode(\%request), "\n";
    $self->{in}->flush;
    my $line = readline $self->{out};
    return defined $line ? $json->decode($line) : { error => 'pyjwt.py has ended' };
}

sub read {
    my ($self, $token, $jwks, $alg) = @_;
    return $self->ask(op => 'read', token => $token, jwks => $jwks, alg => $alg);
}

# claims: a hash, or pairs in their order
sub make {
    my ($self, $claims, $key) = @_;
    my $pairs = ref $claims eq 'HASH' ? [ map { [ $_ => $claims->{$_} ] } sort keys %$claims ]
        : [ map { [ $claims->[ 2 * $_ ], $claims->[ 2 * $_ + 1 ] ] } 0 .. @$claims / 2 - 1 ];
    my $answer = $self->ask(op => 'make', claims => $pairs, file => $key->{file}, alg => $key->{alg}, kid => $key->{kid});
    return $answer->{token} // die "pyjwt.py: $answer->{error}\n";
}

sub DESTROY {
    my $self = shift;
    return if !$self->{pid};
    local ($?, $!);
    close $self->{in};
    waitpid $self->{pid}, 0;
    return;
}

1;
