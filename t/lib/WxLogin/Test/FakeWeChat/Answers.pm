package WxLogin::Test::FakeWeChat::Answers;

=head1 NAME

WxLogin::Test::FakeWeChat::Answers - what the fake WeChat says, and how badly

=head1 DESCRIPTION

C<exchange(\%query, \%state)> gives the body WeChat would give for
C</sns/jscode2session>; C<steps($body, \%order, \%request)> dresses it as the
steps of an HTTP answer.  The orders are listed in L<WxLogin::Test::FakeWeChat>.

=cut

use strict;
use warnings;
use Digest::MD5 qw(md5_base64);
use Digest::SHA qw(sha256);
use Exporter 'import';
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use POSIX qw(strftime);

our @EXPORT_OK = qw(exchange steps openid_for session_key_for ORDER_KEYS);

# The texts recorded at this endpoint; all but two carry a rid there.
my %TEXT = (
    -1    => 'system error',
    40002 => 'invalid grant_type',
    40013 => 'invalid appid',
    40029 => 'invalid code',
    40125 => 'invalid appsecret',
    40163 => 'code been used',
    40164 => 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist',
    40226 => 'code blocked',
    41002 => 'appid missing',
    41004 => 'appsecret missing',
    41008 => 'missing code',
    42003 => 'oauth_code timeout',
    45011 => 'api minute-quota reach limit, must slower, retry next minute',
    50002 => 'user limited',
);
my %NO_RID = map { $_ => 1 } -1, 40226;

use constant ORDER_KEYS => qw(
    openid unionid session_key errcode errcode_quoted errcode_zero errmsg say body body_base64
    latency hold cut stale then_close status location html gzip size length drip content_type reuse
);

sub _base64url {
    my $text = encode_base64($_[0], '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}

sub openid_for      { return 'o' . substr _base64url(sha256("openid:$_[0]")), 0, 27 }
sub _unionid_for    { return 'o' . substr _base64url(sha256("unionid:$_[0]")), 0, 27 }
sub session_key_for { return md5_base64("session_key:$_[0]") . '==' }

sub _rid { return sprintf '%08x-%08x-%08x', time, int rand 0xffffffff, int rand 0xffffffff }

# A JSON string as WeChat writes it: the slash escaped.
sub _string {
    my $text = JSON::PP->new->utf8->allow_nonref->encode($_[0]);
    $text =~ s{/}{\\/}g;
    return $text;
}

sub _error {
    my ($errcode, $o) = @_;
    my $text = $TEXT{$errcode} // 'unknown error';
    $text .= ', rid: ' . _rid() if !$NO_RID{$errcode};
    my $json = JSON::PP->new->utf8->allow_nonref;
    my $errmsg = exists $o->{errmsg} ? $json->encode($o->{errmsg}) : _string($text);
    my $quote = $o->{errcode_quoted} ? '"' : '';
    return qq({"errcode":$quote$errcode$quote,"errmsg":$errmsg});
}

# The checks in the order WeChat is known to make them: what is missing, appid, secret, grant, code.
sub _refusal {
    my ($q, $state, $o) = @_;
    my $has = sub { length($q->{ $_[0] } // '') };
    return 41002 if !$has->('appid');
    return 41004 if !$has->('secret');
    return 41008 if !$has->('js_code');
    return 40013 if $q->{appid} ne $state->{appid};
    return 40125 if $q->{secret} ne $state->{secret};
    return 40002 if ($q->{grant_type} // '') ne 'authorization_code';
    return $o->{errcode} if $o->{errcode};
    return $1 if $q->{js_code} =~ /^x-errcode-(-?\d+)-/;
    return 40163 if $state->{used}{ $q->{js_code} }++ && !$o->{reuse};
    return;
}

sub exchange {
    my ($q, $state, $o) = @_;
    my $refusal = _refusal($q, $state, $o);
    return _error($refusal, $o) if defined $refusal;
    return decode_base64($o->{body_base64}) if defined $o->{body_base64};

    my $code   = $q->{js_code};
    my $dice   = ord sha256("dice:$code");
    my $openid = $o->{openid} // openid_for($code);
    my $key    = $o->{session_key} // session_key_for($code);
    return _strange($o->{say}, $openid, $key) if $o->{say};

    my @pairs = ('"session_key":' . _string($key), '"openid":' . _string($openid));
    @pairs = reverse @pairs if $dice & 1;
    my $union = $o->{unionid} // ($dice & 2);
    push @pairs, '"unionid":' . _string($union =~ /^o/ ? $union : _unionid_for($code)) if $union;
    push @pairs, '"expires_in":7200' if ($dice & 28) == 28;
    push @pairs, '"errcode":' . ($o->{errcode_quoted} ? '"0"' : 0), '"errmsg":"ok"' if $o->{errcode_zero};
    push @pairs, '"padding":"' . 'x' x $o->{size} . '"' if $o->{size};
    return '{' . join(',', @pairs) . '}';
}

my %STRANGE = (
    empty_body        => sub { '' },
    empty_object      => sub { '{}' },
    array             => sub { qq([{"openid":"$_[0]","session_key":"$_[1]"}]) },
    null              => sub { 'null' },
    text              => sub { 'busy, come back later' },
    truncated         => sub { qq({"openid":"$_[0]","session_k) },
    trailing          => sub { qq({"openid":"$_[0]","session_key":"$_[1]"}{"openid":"oSecond"}) },
    bom               => sub { qq(\xef\xbb\xbf{"openid":"$_[0]","session_key":"$_[1]"}) },
    invalid_utf8      => sub { qq({"openid":"o\xff\xfe${\substr $_[0], 3}","session_key":"$_[1]"}) },
    nul               => sub { qq({"openid":"o\\u0000${\substr $_[0], 2}","session_key":"$_[1]"}) },
    deep              => sub { '{"a":' . '[' x 100_000 . ']' x 100_000 . qq(,"openid":"$_[0]","session_key":"$_[1]"}) },
    duplicate_keys    => sub { qq({"openid":"oFirst","openid":"$_[0]","session_key":"$_[1]"}) },
    openid_64         => sub { qq({"openid":"${\_long($_[0], 64)}","session_key":"$_[1]"}) },
    openid_65         => sub { qq({"openid":"${\_long($_[0], 65)}","session_key":"$_[1]"}) },
    openid_number     => sub { qq({"openid":12345678901234567890,"session_key":"$_[1]"}) },
    openid_empty      => sub { qq({"openid":"","session_key":"$_[1]"}) },
    openid_null       => sub { qq({"openid":null,"session_key":"$_[1]"}) },
    no_session_key    => sub { qq({"openid":"$_[0]"}) },
    session_key_empty => sub { qq({"openid":"$_[0]","session_key":""}) },
    session_key_number=> sub { qq({"openid":"$_[0]","session_key":7}) },
    errcode_text      => sub { '{"errcode":"not a number","errmsg":"?"}' },
    errcode_null      => sub { qq({"errcode":null,"openid":"$_[0]","session_key":"$_[1]"}) },
    errmsg_number     => sub { '{"errcode":40029,"errmsg":7}' },
    no_errmsg         => sub { '{"errcode":40029}' },
    all_empty         => sub { '{"errcode":-1009,"errmsg":"","openid":"","session_key":"","uin":"","unionid":""}' },
);

sub _long { return substr $_[0] . 'A' x 80, 0, $_[1] }

sub _strange {
    my ($name, $openid, $key) = @_;
    return $STRANGE{$name}->($openid, $key =~ s{/}{\\/}gr);
}

sub strange_names { return sort keys %STRANGE }

# --- the answer as HTTP -------------------------------------------------------

my %REASON = (200 => 'OK', 302 => 'Found', 412 => 'Precondition Failed',
              500 => 'Internal Server Error', 502 => 'Bad Gateway', 503 => 'Service Unavailable');

sub _gzip {
    require IO::Compress::Gzip;    # core, but only wanted here
    IO::Compress::Gzip::gzip(\$_[0], \my $packed) or die 'gzip failed';
    return $packed;
}

sub steps {
    my ($body, $o, $request) = @_;
    my $status = $o->{status} // 200;
    my @headers = (Date => strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime));
    if ($o->{html}) {
        $body = "<html><head><title>$status</title></head><body><h1>nginx</h1></body></html>\n";
        push @headers, 'Content-Type' => 'text/html';
    }
    else {
        push @headers, 'Content-Type' => $o->{content_type} // 'text/plain';
    }
    my $asked = ($request->{headers}{'accept-encoding'} // '') =~ /gzip/;
    if ($o->{gzip} && ($asked || $o->{gzip} eq 'always')) {
        $body = _gzip($body);
        push @headers, 'Content-Encoding' => 'gzip';
    }
    my $length = length $body;
    $length = $o->{length} =~ /^[+-]/ ? $length + $o->{length} : $o->{length} if defined $o->{length};
    push @headers, 'Content-Length' => $length, Connection => $o->{keep} ? 'keep-alive' : 'close';
    push @headers, Location => $o->{location} // '/elsewhere' if $status == 302;

    my $head = "HTTP/1.1 $status " . ($REASON{$status} // 'Unknown') . "\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) { $head .= "$name: $value\r\n" }
    $head .= "\r\n";
    return [ $o->{hold} ? [ hold => $request->{query}{js_code} ] : (), $o->{latency} ? [ wait => $o->{latency} ] : (), _delivery($head, $body, $o, $request) ];
}

# Whole, cut, stalled or drop by drop.
sub _delivery {
    my ($head, $body, $o, $request) = @_;
    my $cut = $o->{cut} // ($o->{stale} && $request->{reused} ? 'before' : '');
    my $half = substr $body, 0, int(length($body) / 2);
    return (['close'])                                          if $cut eq 'before';
    return (['reset'])                                          if $cut eq 'reset';
    return (['stall'])                                          if $cut eq 'silence';
    return ([ send => substr $head, 0, 20 ], ['close'])         if $cut eq 'head';
    return ([ send => $head . $half ], ['close'])               if $cut eq 'body';
    return ([ send => $head . $half ], ['stall'])               if $cut eq 'stall';
    return ([ send => $head ], map { ([ send => $_ ], [ wait => $o->{drip} ]) } split //, $body) if $o->{drip};
    return ([ send => $head . $body ], $o->{then_close} ? ['close'] : ());
}

1;
