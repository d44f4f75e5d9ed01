# How large a body may be: to the byte, announced or in chunks, by default, by virtual host
# and by location; one that is too large is not read.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Problems;

my $log = WxLogin::Test::ErrorLog->watch;

# a good body of exactly so many bytes
sub body_of {
    my ($bytes) = @_;
    my $json = '{"code":"abc"}';
    return $json . ' ' x ($bytes - length $json);
}
sub chunked {
    my ($text, $size) = @_;
    return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $text), "0\r\n\r\n";
}
sub head {
    my ($path, @headers) = @_;
    return http_request(POST => $path, undef, 'Content-Type' => 'application/json', Connection => 'keep-alive', @headers);
}
sub too_large {
    my ($res, $name) = @_;
    refused($res, 'large', name => $name);
    is $res->{headers}{connection}, 'close', "$name: the connection ends";
    is_deeply $res->{interim}, [], "$name: no 100";
    return;
}

# virtual host, path, the limit
my @limits = (
    [ 'mocksqlite', '/api/login/',    16_384 ],
    [ 'smallbody',  '/api/login/',    64, 'sign-in is not what this is about' ],
    [ 'limits',     '/api/login/',    200 ],
    [ 'limits',     '/api/v1/login',  200 ],
    [ 'limits',     '/tiny/',         20 ],
    [ 'limits',     '/tiny/inner',    30 ],
);
for (@limits) {
    my ($vhost, $path, $limit, $refused) = @$_;
    my $name = "$vhost $path";
    my %send = (
        'announced'           => sub { post_json($vhost, $path, $_[0]) },
        'one chunk'           => sub { post_json($vhost, $path, chunked($_[0], 1_000_000), 'Transfer-Encoding' => 'chunked') },
        'chunks of 7 bytes'   => sub { post_json($vhost, $path, chunked($_[0], 7), 'Transfer-Encoding' => 'chunked') },
        'drop by drop'        => sub { raw($vhost, json_request($path, $_[0]), slow => 1, chunk => 1 + int length($_[0]) / 10) },
    );
    for my $how (sort keys %send) {
        # a body of blanks is as large, and refused for what it is
        for my $bytes ($limit - 1, $limit) {
            if ($refused) { refused($send{$how}->(' ' x $bytes), 'json', name => "$name, $bytes bytes, $how") }
            else { login_ok($send{$how}->(body_of($bytes)), openid => 'abc', name => "$name, $bytes bytes, $how") }
        }
        refused($send{$how}->(body_of($limit + 1)), 'large', name => "$name, one byte more, $how");
    }
    # nothing but the announcement: who waited for the body would never answer
    for my $bytes ($limit + 1, 1_000_000, 2_147_483_648, 9_223_372_036_854_775_807) {
        too_large(raw($vhost, head($path, 'Content-Length' => $bytes)), "$name, $bytes bytes announced");
        too_large(raw($vhost, head($path, 'Content-Length' => $bytes, Expect => '100-continue')),
                  "$name, $bytes bytes announced, asked first");
    }
    # a chunk too many, and the last one never comes
    my $open = substr chunked(' ' x ($limit + 1), 1000), 0, -5;
    too_large(raw($vhost, head($path, 'Transfer-Encoding' => 'chunked') . $open), "$name, endless chunks");
    my $huge = sprintf "%x\r\n%s", 1 << 40, ' ' x ($limit + 1);
    too_large(raw($vhost, head($path, 'Transfer-Encoding' => 'chunked') . $huge), "$name, a chunk of a terabyte");
}

# more than a limit: what comes behind it is never taken for the next request
my $smuggled = body_of(201) . json_request('/api/login/', { code => 'smuggled' });
my $res = raw('limits', head('/api/login/', 'Content-Length' => length $smuggled) . $smuggled, all => 1, timeout => 5);
is_deeply [ map { $_->{status} } @{ $res->{all} } ], [413], 'one answer';
refused($res, 'large', name => 'and this one');

# larger than the default where it may be
my $mega = '{"token":"' . 'x' x 1_048_564 . '"}';
is length $mega, 1_048_576, 'a megabyte';
error_ok(post_json('limits', '/api/v1/token/verify/', $mega), 401, 'TOKEN_NOT_VALID', name => 'read, and seen through');
refused(post_json('limits', '/api/v1/token/verify/', "$mega "), 'large', name => 'a byte more than a megabyte');
refused(post_json('limits', '/api/token/verify/', $mega), 'large', name => 'and elsewhere');

# httpd's own limit holds as well, whoever is asked first
login_ok(post_json('limits', '/httpd', body_of(50)), openid => 'abc', name => 'as much as LimitRequestBody');
for my $body (chunked(body_of(51), 10), chunked(body_of(1000), 100)) {
    my $answer = post_json('limits', '/httpd', $body, 'Transfer-Encoding' => "chunked");
    is $answer->{status}, 413, 'more than LimitRequestBody';
}
is post_json('limits', '/httpd', body_of(51))->{status}, 413, 'and announced';
$log->announce(qr{WXL01\d\d: POST /httpd: }, 3);
$log->done;
done_testing;
