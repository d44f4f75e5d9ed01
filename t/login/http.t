# The end point as HTTP: its paths, its methods, what it does not look at, and several requests
# on one connection.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;

my $log = WxLogin::Test::ErrorLog->watch;
my $serial = sprintf '%s-%06x', $$, rand 1 << 24;
my ($VHOST, @PATHS) = ('mocksqlite', qw(/api/login/ /api/login /api/v1/login/ /api/v1/login));

sub body { return { code => "http-$serial-" . ($_[0] // 1) } }

subtest 'four paths are one end point' => sub {
    my %id;
    for my $path (@PATHS, '/api/login/?code=other', '/api//login/', '/api/./login/') {
        my $user = login_ok(post_json($VHOST, $path, body()), name => $path) or next;
        $id{ $user->{id} } = 1;
    }
    is keys %id, 1, 'one user';
    for my $path (qw(/api/login/x /api/v2/login/ /api/loginx /login/)) {
        is post_json($VHOST, $path, body())->{status}, 404, "$path is not there";
    }
};

subtest methods => sub {
    for my $path (@PATHS) {
        for my $method (qw(GET PUT PATCH DELETE PROPFIND)) {
            my $res = request($VHOST, $method => $path, body => $method eq 'GET' ? undef : body());
            error_ok($res, 405, 'METHOD_NOT_ALLOWED', name => "$method $path", action => 'fix_request');
            is_deeply [ sort split /\s*,\s*/, $res->{headers}{allow} // '' ], [qw(OPTIONS POST)], 'Allow';
        }
        my $options = request($VHOST, OPTIONS => $path);
        is $options->{status}, 204, "OPTIONS $path";
        is_deeply [ sort split /\s*,\s*/, $options->{headers}{allow} // '' ], [qw(OPTIONS POST)], 'Allow';
        is $options->{body}, '', 'no body';
        is $options->{headers}{$_}, undef, "no $_" for qw(content-type content-length);
    }
    my $unknown = request($VHOST, FROBNICATE => '/api/login/');
    like $unknown->{status}, qr/^(?:405|501)$/, 'a method nobody knows';
    $log->announce(qr/FROBNICATE/);
};

# HEAD as GET: the same head, and no body
subtest HEAD => sub {
    my ($head, $get) = map { request($VHOST, $_ => '/api/login/') } qw(HEAD GET);
    error_ok($get, 405, 'METHOD_NOT_ALLOWED', name => 'GET');
    is $head->{status}, 405, 'the same status';
    is $head->{headers}{$_}, $get->{headers}{$_}, "the same $_"
        for qw(allow content-type cache-control x-content-type-options content-language);
    unlike $head->{raw}, qr/\r\n\r\n./s, 'no body';
    $log->announce(qr{ HEAD /api/login/: 405 METHOD_NOT_ALLOWED}, 1);
};

subtest 'a bad Authorization header is not looked at' => sub {
    for my $value ('Bearer', 'Bearer x.y.z', 'Bearer a b c', 'Basic !!!', 'garbage', '', 'Bearer ' . 'x' x 4000) {
        login_ok(post_json($VHOST, '/api/login/', body(), Authorization => $value), name => substr "'$value", 0, 30);
    }
    login_ok(post_json($VHOST, '/api/login/', body(), Cookie => 'sessionid=x; a', 'X-User-Id' => 1, Origin => 'null'), name => 'nor others');
};

subtest 'one connection' => sub {
    my @n = map { "p$_" } 1 .. 20;
    my $bytes = join '', map { json_request('/api/login/', body($_), Connection => $_ eq 'p20' ? 'close' : 'keep-alive') } @n;
    my $res = raw($VHOST, $bytes, all => 1);
    is_deeply [ map { $_->{json}{user}{openid} } @{ $res->{all} } ], [ map { body($_)->{code} } @n ],
        'twenty requests in one go: twenty answers in order';

    my $mixed = join '',
        json_request('/api/login/', body(), Connection => 'keep-alive'),
        http_request(OPTIONS => '/api/login/', undef, Connection => 'keep-alive'),
        http_request(GET => '/api/login/', undef, Connection => 'keep-alive'),
        json_request('/api/login/', body(), Connection => 'keep-alive'),
        json_request('/api/login/', { code => '' }, Connection => 'keep-alive'),
        json_request('/api/login/', body());
    $res = raw($VHOST, $mixed, all => 1);
    my @all = @{ $res->{all} };
    # httpd itself closes after a 400 (ap_status_drops_connection), whoever answers it
    is_deeply [ map { $_->{status} } @all ], [ 200, 204, 405, 200, 400 ], 'a refused method does not end the connection';
    error_ok($all[2], 405, 'METHOD_NOT_ALLOWED');
    login_ok($all[3]);
    error_ok($all[4], 400, 'BAD_REQUEST', error => 'Code is required');
    is $all[4]{headers}{connection}, 'close', 'and the client is told that this one was the last';

    # the body of a refused method is not read, and must not be taken for the next request
    my $inner = json_request('/api/login/', body('smuggled'));
    $res = raw($VHOST, http_request(PUT => '/api/login/', $inner, Connection => 'keep-alive') . json_request('/api/login/', body()),
               all => 1, timeout => 3);
    error_ok($res->{all}[0], 405, 'METHOD_NOT_ALLOWED');
    is scalar(grep { ($_->{json}{user}{openid} // '') =~ /smuggled/ } @{ $res->{all} }), 0, 'no request out of a body';

    $res = raw($VHOST, json_request('/api/login/', body()) =~ s{HTTP/1\.1}{HTTP/1.0}r =~ s/Connection: close\r\n//r);
    login_ok($res, name => 'HTTP/1.0');
};

subtest 'as a form' => sub {
    my $code = body()->{code};
    my %openid = ("code=$code" => $code, "code=%68ttp-$serial-1" => $code, "a=1&code=$code&b" => $code,
                  "code=two+words+$serial" => "two words $serial", "code=%E7%94%A8$serial" => "用$serial");
    login_ok(post_form($VHOST, '/api/login/', $_), name => $_, openid => $openid{$_}) for sort keys %openid;
    error_ok(post_form($VHOST, '/api/login/', $_), 400, 'BAD_REQUEST', name => "'$_'", error => 'Code is required', errors => { code => ['该字段是必填项。'] })
        for '', 'code', 'code=', 'code=+++', 'Code=x', 'a=b';
};

$log->done;
done_testing;
