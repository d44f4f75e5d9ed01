# The media type of a request, and its encoding: two are understood, with any charset
# claimed, since the bytes must be UTF-8 whatever is claimed; everything else is 415, and
# only where there is a body at all.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Problems;

my $log = WxLogin::Test::ErrorLog->watch;
my ($json, $form) = ('{"code":"abc"}', 'code=abc');

sub post {
    my ($body, @headers) = @_;
    return request('mocksqlite', POST => '/api/login/', body => $body, headers => \@headers);
}

# read as JSON
for my $type (
    'application/json', 'Application/JSON', 'APPLICATION/JSON;CHARSET=UTF-8', 'application/json; charset=utf-8',
    'application/json;charset="utf-8"', 'application/json; charset=gbk', 'application/json; charset=utf-16',
    'application/json; charset=', 'application/json;', 'application/json ; version=1', '  application/json  ',
    'application/json; profile="a;b"',
) {
    login_ok(post($json, 'Content-Type' => $type), openid => 'abc', name => "$type");
    refused(post($form, 'Content-Type' => $type), 'json', name => "$type, but a form");
}
# read as a form
for my $type (
    'application/x-www-form-urlencoded', 'APPLICATION/X-WWW-FORM-URLENCODED',
    'application/x-www-form-urlencoded; charset=UTF-8', 'application/x-www-form-urlencoded;charset=gb2312',
) {
    login_ok(post($form, 'Content-Type' => $type), openid => 'abc', name => "$type");
    refused(post($json, 'Content-Type' => $type), 'code', name => "$type, but JSON");
}
# a charset changes nothing about what the bytes are
refused(post(qq({"code":"\xb5\xc7"}), 'Content-Type' => 'application/json; charset=gbk'), 'utf8', name => 'GBK, as claimed');
refused(post("\0{\0}", 'Content-Type' => 'application/json; charset=utf-16'), 'nul', name => 'UTF-16, as claimed');

# refused, and the connection is closed since nobody has read the body
my @types = (
    undef, '', 'text/plain', 'text/json', 'json', 'application', 'application/', 'application/jsonp', 'application/json5',
    'application/vnd.api+json', 'application/problem+json', 'application/merge-patch+json', 'application/json+xml',
    'application/x-ndjson', 'application/*', '*/*', 'multipart/form-data; boundary=x', 'application/xml',
    'application/octet-stream', 'application/json, application/json', 'application/json,text/plain', '; charset=utf-8',
    '"application/json"', 'application/json charset=utf-8', 'application / json', "application/json\tx",
    'x' x 4000,
);
for my $type (@types) {
    my $name = !defined $type ? 'no Content-Type' : length $type > 50 ? 'a long one' : "<$type>";
    my @header = defined $type ? ('Content-Type' => $type) : ();
    for my $body ($json, $form) {
        my $res = post($body, @header, Connection => 'keep-alive');
        refused($res, 'type', name => "$name, $body");
        is $res->{headers}{connection}, 'close', "$name: the connection ends";
    }
    # nothing to have a type
    refused(post(undef, @header), 'code', name => "$name, no body");
    refused(post('', @header), 'code', name => "$name, a body of no bytes");
}
refused(post($json, 'Content-Type' => 'application/json', 'Content-Type' => 'application/json'), 'type',
        name => 'the header twice');
refused(post($json, 'Content-Type' => 'application/json', 'Content-Type' => 'text/plain'), 'type',
        name => 'two types');
refused(post("5\r\nhello\r\n0\r\n\r\n", 'Transfer-Encoding' => 'chunked'), 'type', name => 'chunks of no type');
refused(post(undef, 'Content-Type' => 'text/plain', 'Accept-Language' => 'en'), 'code', lang => 'en', name => 'no body, English');
refused(post($json, 'Content-Type' => 'text/plain', 'Accept-Language' => 'en'), 'type', lang => 'en', name => 'in English');

# what is packed stays packed
my $gzip = pack 'H*', '1f8b08000000000000ffab564ace4f4955b2524a4c4a56aa0500c5d02d3b0e000000';
for my $encoding (qw(gzip x-gzip deflate br zstd), 'gzip, gzip') {
    my $res = post($gzip, 'Content-Type' => 'application/json', 'Content-Encoding' => $encoding, Connection => 'keep-alive');
    refused($res, 'type', name => "Content-Encoding: $encoding");
    is $res->{headers}{connection}, 'close', 'the connection ends';
}
refused(post($gzip, 'Content-Type' => 'application/json'), 'nul', name => 'gzip without a word');

# what the client would like to get does not matter
for my $accept ('text/html', 'application/xml;q=1, application/json;q=0', 'nothing', '*/*', '') {
    login_ok(post($json, 'Content-Type' => 'application/json', Accept => $accept), openid => 'abc', name => "Accept: $accept");
}
login_ok(post($json, 'Content-Type' => 'application/json', 'Accept-Charset' => 'gbk', 'Accept-Encoding' => 'gzip, br'),
         openid => 'abc', name => 'other wishes');
# a header that is bad or old is none of this end point's business
for my $authorization ('Bearer x', 'Bearer', 'Basic eDp5', 'garbage', "Bearer \xff", '') {
    login_ok(post($json, 'Content-Type' => 'application/json', Authorization => $authorization), openid => 'abc',
             name => 'Authorization');
}
$log->done;
done_testing;
