# How a body travels: in chunks, drop by drop, asked for first, cut short, with a method that
# has none; and what becomes of the connection.  One body that is bad is no reason to hang
# up; one that was not read is.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Problems;

my $log = WxLogin::Test::ErrorLog->watch;
my $good = '{"code":"abc"}';

sub head {
    my (@headers) = @_;
    return http_request(POST => '/api/login/', undef, 'Content-Type' => 'application/json', @headers);
}
sub chunks { return head('Transfer-Encoding' => 'chunked', Connection => 'keep-alive') . $_[0] }
sub in_one { return sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }
# so that a keep-alive answer can be told from the last one
sub next_one { return json_request('/api/login/', { code => 'next' }, Connection => 'close') }
sub all { return @{ raw('mocksqlite', $_[0], all => 1, timeout => 10, @_[ 1 .. $#_ ])->{all} } }

# --- chunks
my @chunked = (
    [ 'one chunk',                in_one($good) . "0\r\n\r\n" ],
    [ 'a byte a chunk',           join('', map { in_one($_) } split //, $good) . "0\r\n\r\n" ],
    [ 'sizes in capitals',        "E\r\n$good\r\n0\r\n\r\n" ],
    [ 'sizes with zeros',         "0000e\r\n$good\r\n00\r\n\r\n" ],
    [ 'an extension',             "e;name=value\r\n$good\r\n0;x\r\n\r\n" ],
    [ 'trailers',                 in_one($good) . "0\r\nX-Checksum: 1\r\nContent-Type: text/plain\r\n\r\n" ],
);
for (@chunked) {
    my ($name, $text) = @$_;
    my @answers = all(chunks($text) . next_one());
    is scalar @answers, 2, "$name: and the next request";
    login_ok($answers[0], openid => 'abc', name => $name);
    login_ok($answers[1], openid => 'next', name => "$name: the next");
}
refused((all(chunks("0\r\n\r\n") . next_one()))[0], 'code', name => 'no chunk is an empty body');
refused((all(chunks(in_one('{"code":') . "0\r\n\r\n") . next_one()))[0], 'json', name => 'all chunks, half an object');
my @broken = (
    [ 'a size that is none',      "xyz\r\n$good\r\n0\r\n\r\n" ],
    [ 'a negative size',          "-1\r\n$good\r\n0\r\n\r\n" ],
    [ 'no size',                  "\r\n$good\r\n0\r\n\r\n" ],
    [ 'a size beyond 64 bits',    "fffffffffffffffff\r\n$good\r\n0\r\n\r\n" ],
    [ 'more than was said',       "5\r\n$good\r\n0\r\n\r\n" ],
    [ 'no chunks at all',         "$good\r\n" ],
);
for (@broken) {
    my ($name, $text) = @$_;
    my @answers = all(chunks($text) . next_one());
    # httpd itself answers these: what it cannot read never becomes a body
    is scalar @answers, 1, "$name: one answer, and nothing else is taken for a request";
    like $answers[0]{status}, qr/^(?:400|413)$/, "$name: refused";
    is $answers[0]{headers}{connection}, 'close', "$name: the connection ends";
}
$log->announce(qr{WXL01\d\d: POST /api/login/: \d+ \w+: a filter has answered}, scalar @broken);
# both lengths: the chunks count (RFC 9112, 6.3)
my $both = head('Content-Length' => 3, 'Transfer-Encoding' => 'chunked', Connection => 'keep-alive') . in_one($good) . "0\r\n\r\n";
login_ok((all($both))[0], openid => 'abc', name => 'Content-Length and chunks');

# --- cut short
for my $sent ('', '{', substr $good, 0, -1) {
    my $res = raw('mocksqlite', head('Content-Length' => length $good) . $sent, half_close => 1);
    refused($res, 'incomplete', name => length($sent) . ' bytes, then no more');
    $res = raw('mocksqlite', chunks(sprintf "%x\r\n%s", length $good, $sent), half_close => 1);
    refused($res, 'incomplete', name => length($sent) . ' bytes of a chunk, then no more');
}
refused(raw('mocksqlite', chunks(in_one $good), half_close => 1), 'incomplete', name => 'the last chunk is missing');
login_ok(raw('mocksqlite', head('Content-Length' => length $good) . $good, half_close => 1), openid => 'abc',
         name => 'all of it, then no more');

# --- drop by drop
login_ok(raw('mocksqlite', json_request('/api/login/', $good), slow => 1), openid => 'abc', name => 'byte by byte');
login_ok(raw('mocksqlite', chunks(join('', map { in_one($_) } split //, $good) . "0\r\n\r\n"), slow => 1, chunk => 3),
         openid => 'abc', name => 'byte by byte, in chunks');
for my $bytes (0, 5) {
    my $res = raw('hasty', head('Content-Length' => length $good) . substr $good, 0, $bytes);
    refused($res, 'slow', name => "$bytes bytes, and then for a long time nothing");
    is $res->{headers}{connection}, 'close', 'the connection ends';
}
refused(raw('hasty', head('Transfer-Encoding' => 'chunked') . "5\r\nabc"), 'slow', name => 'half a chunk, and then nothing');

# --- asked for first
my $asked = head('Content-Length' => length $good, Expect => '100-continue') . $good;
my $res = raw('mocksqlite', $asked);
is_deeply $res->{interim}, [100], 'go on';
login_ok($res, openid => 'abc', name => 'asked first');
$res = raw('mocksqlite', head('Transfer-Encoding' => 'chunked', Expect => '100-Continue') . in_one($good) . "0\r\n\r\n");
is_deeply $res->{interim}, [100], 'go on, in chunks';
login_ok($res, openid => 'abc', name => 'asked first, in chunks');
my @beforehand = (
    [ 'type',   http_request(POST => '/api/login/', undef, 'Content-Type' => 'text/plain', 'Content-Length' => 9, Expect => '100-continue') ],
    [ 'type',   head('Content-Length' => 9, Expect => '100-continue', 'Content-Encoding' => 'gzip') ],
    [ 'large',  head('Content-Length' => 16_385, Expect => '100-continue') ],
    [ 'method', http_request(PUT => '/api/login/', undef, 'Content-Length' => 9, Expect => '100-continue') ],
);
for (@beforehand) {
    my ($problem, $bytes) = @$_;
    $res = raw('mocksqlite', $bytes);
    is_deeply $res->{interim}, [], "$problem: nobody is told to go on";
    refused($res, $problem, name => "$problem, beforehand");
    is $res->{headers}{connection}, 'close', "$problem: the connection ends";
}

# --- other methods
for my $method (qw(GET PUT PATCH DELETE PROPFIND BREW), 'post') {
    for my $path (qw(/api/login/ /api/token/refresh /api/v1/token/verify/)) {
        my $with = request('mocksqlite', $method, $path, body => $good,
                           headers => [ 'Content-Type' => 'application/json', Connection => 'keep-alive' ]);
        refused($with, 'method', name => "$method $path");
        is $with->{headers}{allow}, 'POST, OPTIONS', 'Allow';
        is $with->{headers}{connection}, 'close', "$method: its body is not read, so the connection ends";
    }
    my @answers = all(http_request($method, '/api/login/', undef, Connection => 'keep-alive') . next_one());
    is scalar @answers, 2, "$method without a body: the connection is kept";
    refused($answers[0], 'method', name => "$method without a body");
}
my $head = request('mocksqlite', HEAD => '/api/login/');
is "$head->{status} $head->{body}", '405 ', 'HEAD as GET, without the body';
is $head->{headers}{allow}, 'POST, OPTIONS', 'and Allow';
is $head->{headers}{'content-type'}, 'application/json', 'of the same type';
$log->announce(qr{WXL0121: HEAD /api/login/: 405}, 1);
for my $body (undef, $good, 'x' x 20_000) {
    my @answers = all(http_request(OPTIONS => '/api/login/', $body, Connection => 'keep-alive') . next_one());
    my $name = 'OPTIONS with ' . (defined $body ? length $body : 'no') . ' bytes';
    is $answers[0]{status}, 204, $name;
    is $answers[0]{headers}{allow}, 'POST, OPTIONS', "$name: Allow";
    is $answers[0]{body}, '', "$name: no body";
    if (@answers > 1) { login_ok($answers[1], openid => 'next', name => "$name: the next request") }
    else { is $answers[0]{headers}{connection}, 'close', "$name: the connection ends" }
}

# --- one connection, many requests: httpd hangs up after a 400 whatever it was, and not after a 401
my @tokens = map { json_request('/api/token/verify/', { token => $_ }, Connection => 'keep-alive') } qw(x y.z ..);
my @answers = all(join('', @tokens) . next_one());
is_deeply [ map { $_->{status} } @answers ], [ 401, 401, 401, 200 ], 'bodies that were read: the connection is kept';
error_ok($answers[$_], 401, 'TOKEN_NOT_VALID') for 0 .. 2;
login_ok($answers[3], openid => 'next', name => 'the last');
@answers = all(json_request('/api/login/', 'x', Connection => 'keep-alive') . next_one());
refused($answers[0], 'json', name => 'a bad body');
is $answers[0]{headers}{connection}, 'close', 'and it is said that the connection ends';
is scalar @answers, 1, 'as it does';

# --- an old client
$res = raw('mocksqlite', "POST /api/login/ HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n$good");
login_ok($res, openid => 'abc', name => 'HTTP/1.0');
$res = raw('mocksqlite', "POST /api/login/ HTTP/1.0\r\nContent-Type: application/json\r\n\r\n$good");
refused($res, 'code', name => 'HTTP/1.0 without a length has no body');
$log->done;
done_testing;
