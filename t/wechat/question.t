# What WeChat is asked, and over what: the four parameters and nothing more, any code unharmed, on
# connections that are kept, never on one that cannot be trusted, and never a second time.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use IO::Socket::INET;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $serial = sprintf '%s_%06x', $$, rand 1 << 24;
my @GONE = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'relogin');

my %ODD = (
    'reserved'      => ':/?#[]@!$&\'()*+,;=',
    'more of it'    => '"%<>\\^`{|}~-._',
    'a percent'     => '%26secret=x%00%zz',
    'more of a query' => 'x&secret=0&appid=wx&grant_type=none&js_code=other#frag',
    'blanks'        => 'two words and  three',
    'lines'         => "a\r\nHost: evil\r\n\r\nGET / HTTP/1.1",
    'controls'      => "a\x{1}\x{1f}\x{7f}\tb",
    'Chinese'       => '代码',
    'four bytes'    => "\x{1F600}\x{20BB7}",
    'formats'       => '%s%n%d',
    'dots'          => '../../cgi-bin/token',
    'a URL'         => 'http://example.org/?a=b',
);

subtest 'any code arrives unharmed' => sub {
    for my $name (sort keys %ODD) {
        my $code = "$ODD{$name}-$serial";
        login_ok(post_json('sqlite', '/api/login/', { code => $code }), name => $name) or next;
        my @asked = $wechat->requests(encode_utf8($code));
        is @asked, 1, "$name: asked once" or next;
        is $asked[0]{query}{js_code}, encode_utf8($code), "$name: as it was";
        is_deeply [ sort keys %{ $asked[0]{query} } ], [qw(appid grant_type js_code secret)], "$name: four parameters";
        unlike $asked[0]{raw_query}, qr/[^\w.~*+%&=-]/a, "$name: nothing in the query that does not belong there";
    }
};

subtest 'the longest code' => sub {
    for my $long ('c' x (512 - length $serial), "\x{1F600}" x (512 - length $serial)) {
        login_ok(post_json('sqlite', '/api/login/', { code => "$long$serial" }), name => '512 characters');
        my $bytes = encode_utf8("$long$serial");
        is $wechat->asked($bytes), 1, 'asked once';
        error_ok(post_json('sqlite', '/api/login/', { code => "x$long$serial" }), 400, 'BAD_REQUEST', name => '513 characters', action => 'fix_request');
        is $wechat->asked("x$bytes"), 0, 'not asked';
    }
};

subtest 'the request' => sub {
    my $code = $wechat->code;
    login_ok(post_json('sqlite', '/api/login/', { code => "  $code\n" }, Authorization => 'Bearer x', Cookie => 'a=b'), name => 'trimmed');
    my $asked = $wechat->last_request($code) or return;
    is "$asked->{method} $asked->{path} HTTP/$asked->{version}", 'GET /sns/jscode2session HTTP/1.1', 'request line';
    is_deeply $asked->{query}, { appid => $ENV{WX_APP_ID}, secret => $ENV{WX_APP_SECRET}, js_code => $code,
                                 grant_type => 'authorization_code' }, 'parameters';
    my %headers = %{ $asked->{headers} };
    is delete $headers{host}, '127.0.0.1:' . $wechat->port, 'Host';
    delete @headers{qw(accept accept-encoding user-agent connection)};
    is_deeply \%headers, {}, 'nothing of the client goes along';
};

# What is not a code is not worth a question
subtest 'not asked' => sub {
    my $before = $wechat->asked_in_all;
    error_ok(post_json('sqlite', '/api/login/', $_), 400, 'BAD_REQUEST') for {}, { code => '' }, { code => " \t\n" }, { code => undef }, { code => 7 };
    is $wechat->asked_in_all, $before, 'WeChat knows of none of these' if ($ENV{WX_JOBS} || 1) == 1;
};

# The secret is in the URL: it goes to nobody who cannot show who he is.
subtest 'nobody to ask' => sub {
    for my $vhost (qw(tls noone)) {
        my $code = $wechat->code;
        error_ok(post_json($vhost, '/api/login/', { code => $code }), @GONE, name => $vhost);
        is $wechat->asked($code), 0, "$vhost: not asked";
    }
    ok scalar $log->wait_for(qr/WeChat: its certificate could not be verified/), 'the log says why: the certificate';
    ok scalar $log->wait_for(qr/WeChat: the connection was refused/), 'the log says why: refused';
};

subtest 'no redirect is followed' => sub {
    my $target = $wechat->code;
    for my $to ("/sns/jscode2session?appid=$ENV{WX_APP_ID}&secret=$ENV{WX_APP_SECRET}&grant_type=authorization_code&js_code=$target",
                $wechat->url . "/sns/jscode2session?js_code=$target", "//127.0.0.1:" . $wechat->port . "/sns/jscode2session?js_code=$target") {
        error_ok(post_json('sqlite', '/api/login/', { code => $wechat->code(status => 302, location => $to) }), @GONE);
    }
    is $wechat->asked($target), 0, 'where it pointed to nobody came';
};

# Requests on one connection of the client's are answered by one child, one after the other.
sub in_a_row {
    my @codes = @_;
    my $last = pop @codes;
    my $bytes = join '', map { json_request('/api/login/', { code => $_ }, Connection => 'keep-alive') } @codes;
    return @{ raw('sqlite', $bytes . json_request('/api/login/', { code => $last }), all => 1)->{all} };
}

subtest 'connections are kept' => sub {
    my @codes = $wechat->codes(6);
    is_deeply [ map { $_->{status} } in_a_row(@codes) ], [ (200) x 6 ], 'six sign-ins';
    my %connection = map { $wechat->last_request($_)->{connection} => 1 } @codes;
    is keys %connection, 1, 'on one connection to WeChat';
    is_deeply [ map { $wechat->last_request($_)->{reused} ? 1 : 0 } @codes[ 1 .. 5 ] ], [ (1) x 5 ], 'all but the first on a kept one';
};

# The hardest: WeChat takes the question from a kept connection and closes without a word.  libcurl
# would repeat it by itself; the code may be spent, so it must not.
subtest 'a kept connection dies under the question' => sub {
    for my $order ([ stale => 1 ], [ cut => 'before' ], [ cut => 'reset' ]) {
        my @codes = ($wechat->code, $wechat->code(@$order));
        my @res = in_a_row(@codes);
        is $res[0]{status}, 200, 'the first opens it';
        ok $wechat->last_request($codes[1])->{reused}, "@$order: on a kept connection";
        error_ok($res[1], @GONE, name => "@$order: reported, not repeated");
        is $wechat->asked($codes[1]), 1, 'asked once';
        my $code = $wechat->code;
        login_ok(post_json('sqlite', '/api/login/', { code => $code }), name => 'and all is well again');
    }
    # Closed in silence between two questions: seen before it is used, so nothing is lost.
    my @codes = ($wechat->code(then_close => 1), $wechat->code);
    my ($address, $port) = target('sqlite');
    my $client = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 10) or die "connect: $!";
    my $got = '';
    $client->syswrite(json_request('/api/login/', { code => $codes[0] }, Connection => 'keep-alive'));
    while ($got !~ /\}\}$/) { $client->sysread($got, 65_536, length $got) or last }
    like $got, qr{^HTTP/1\.1 200 }, 'the first signs in';
    $wechat->asked($codes[0]);    # it answers one after the other, so by now it has closed
    $client->syswrite(json_request('/api/login/', { code => $codes[1] }));
    $got = '';
    1 while $client->sysread($got, 65_536, length $got);
    like $got, qr{^HTTP/1\.1 200 }, 'a connection that was closed before is noticed';
    is_deeply [ map { $wechat->asked($_) } @codes ], [ 1, 1 ], 'each asked once';
};

# Who stands in for WeChat repeats what it was asked: the client does not hear the secret.
subtest 'an echo' => sub {
    my $secret = $ENV{WX_APP_SECRET};
    for my $text ("bad secret $secret in the query", "GET /sns/jscode2session?appid=x&secret=$secret&js_code=y", $secret) {
        my $res = post_json('sqlite', '/api/login/', { code => $wechat->code(errcode => 40125, errmsg => $text) });
        error_ok($res, 400, 'WECHAT_API_ERROR', errcode => 40125, errmsg => qr/^(?!.*\Q$secret\E)/s, action => 'contact_operator');
        is index($res->{raw}, $secret), -1, 'no secret in the answer';
    }
    is scalar($log->lines(qr/\Q$secret\E/)), 0, 'nor in the log';
};

$log->done;
done_testing;
