# WeChat breaks, in every way the fake one can.  The code that was sent may be spent by then, so it
# is never sent again, not by libcurl either: one question for each sign-in, and one clear answer.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';

my @GONE = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'relogin');
my @INVALID = (500, 'INTERNAL_ERROR', error => 'Invalid WeChat response', action => 'retry');

# Nothing usable came, or nothing at all
my %GONE = (
    (map { ("cut: $_" => [ cut => $_ ]) } qw(before reset head body)),
    (map { ("status $_" => [ status => $_ ]) } 301, 302, 304, 400, 404, 412, 500, 502, 503),
    (map { ("a page, status $_" => [ html => 1, status => $_ ]) } 200, 412, 500, 502),
    (map { ("says $_" => [ say => $_ ]) } qw(empty_body text truncated trailing bom invalid_utf8 nul deep duplicate_keys
                                          openid_number)),    # too great a number, so not taken for JSON
    'a success that is an error, too' => [ status => 500, errcode_zero => 1 ],
    'an errcode, but status 502'   => [ status => 502, errcode => 40029 ],
    'a redirect to itself'         => [ status => 302, location => '/sns/jscode2session?js_code=again' ],
    'a redirect to a file'         => [ status => 302, location => 'file:///etc/passwd' ],
    '10 MB'                        => [ size => 10_000_000 ],
    '10 MB, compressed'            => [ size => 10_000_000, gzip => 'always' ],
    'a length of 10 MB'            => [ length => 10_000_000 ],
    'a length too small'           => [ length => '-9' ],
    'no length at all'             => [ length => 0 ],
    'a length that is none'        => [ length => 'x' ],
    'two values'                   => [ body => '{} {}' ],
    'NaN'                          => [ body => '{"errcode":NaN}' ],
    'single quotes'                => [ body => q({'openid':'o','session_key':'k'}) ],
    'a lone surrogate'             => [ body => qq({"openid":"o\\ud800","session_key":"$KEY"}) ],
    'a page of a proxy'            => [ body => "<html>Please log in to the WiFi</html>", content_type => 'text/html' ],
);

# It is JSON, but not an answer to the question
my %INVALID = (
    (map { ("says $_" => [ say => $_ ]) } qw(empty_object array null openid_65 openid_empty openid_null
                                             no_session_key session_key_empty session_key_number errcode_text)),
    'an openid that is 7'    => [ body => qq({"openid":7,"session_key":"$KEY"}) ],
    'a string'               => [ body => '"openid"' ],
    'a number'               => [ body => '42' ],
    'an openid in a list'    => [ body => qq({"openid":["o"],"session_key":"$KEY"}) ],
    'errcode 0 and no more'  => [ body => '{"errcode":0,"errmsg":"ok"}' ],
    'other letters'          => [ body => qq({"OpenID":"o","Session_Key":"$KEY"}) ],
    '65 characters, Chinese' => [ openid => "\x{7528}" x 65 ],
);

# These end by the clock: all at once, on the virtual host with little patience
my %SILENT = (
    'silence'               => [ cut => 'silence' ],
    'half, then silence'    => [ cut => 'stall' ],
    'too late'              => [ latency => 6000 ],
    'too slow'              => [ drip => 200 ],
    'a length too great'    => [ length => '+9' ],
    'a large one, half'     => [ cut => 'stall', size => 50_000 ],
);

sub broken {
    my ($table, @expect) = @_;
    for my $name (sort keys %$table) {
        my $code = $wechat->code(@{ $table->{$name} });
        my $res = post_json('sqlite', '/api/login/', { code => $code });
        error_ok($res, @expect, name => $name);
        is $wechat->asked($code), 1, "$name: asked once";
        is index($res->{raw}, $_), -1, "$name: nothing of it in the answer"
            for $wechat->session_key_of($code), $ENV{WX_APP_SECRET}, $code;
        cmp_ok $res->{took}, '<', WxLogin::Test::Process::slow(2.5), "$name: told at once";
    }
    return;
}

subtest 'nothing usable' => sub { broken(\%GONE, @GONE) };
subtest 'not an answer'  => sub { broken(\%INVALID, @INVALID) };

subtest 'silent' => sub {
    my @names = sort keys %SILENT;
    my @codes = map { $wechat->code(@{ $SILENT{$_} }) } @names;
    my @res = parallel('hasty', map { json_request('/api/login/', { code => $_ }) } @codes);
    for my $i (0 .. $#names) {
        error_ok($res[$i], @GONE, name => $names[$i]);
        cmp_ok $res[$i]{took}, '>', 1.9, "$names[$i]: two seconds of patience";
        cmp_ok $res[$i]{took}, '<', WxLogin::Test::Process::slow(3.5), 'and not much more';
        my @asked = $wechat->requests($codes[$i]);
        is @asked, 1, "$names[$i]: asked once";
    }
    # the connections it timed out on are not used again
    my $code = $wechat->code;
    login_ok(post_json('hasty', '/api/login/', { code => $code }), name => 'afterwards', openid => $wechat->openid_of($code));
};

# Requests on one connection of the client's stay in one child, so they share its connection to WeChat.
subtest 'after it broke' => sub {
    for my $order ([ length => '-9' ], [ length => 0 ], [ cut => 'body' ], [ cut => 'reset' ], [ size => 200_000 ], [ then_close => 1 ], [ status => 500 ]) {
        my @codes = ($wechat->code, $wechat->code(@$order), $wechat->code);
        my $name = "@$order";
        my @statuses = map {
            my $code = $_;
            my $res = post_json('sqlite', '/api/login/', { code => $code });
            error_ok($res, @GONE) if $res->{status} == 503;
            $res->{status};
        } @codes;
        is $statuses[2], 200, "$name: the next one signs in";
        is_deeply [ map { $wechat->asked($_) } @codes ], [ 1, 1, 1 ], "$name: each was asked once";
    }
};

$log->done;
done_testing;
