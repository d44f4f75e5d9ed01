# The same sign-ins under event (parked), event (blocking), worker and prefork: the same statuses,
# the same headers, the same bodies, also when WeChat breaks in the middle.
# Once: it starts an httpd for each
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Waiting;

my @GONE = (503, 'SERVICE_UNAVAILABLE', error => 'Failed to connect to WeChat API', action => 'relogin');
# name => [orders], what it must be; a success stands between failures, or the breaker opens
my @STORIES = (
    fine        => [ latency => 100 ], undef,
    fast        => [], undef,
    code        => [ errcode => 40029, latency => 50 ], [ 400, 'WECHAT_API_ERROR', errcode => 40029 ],
    used        => [ errcode => 40163 ], [ 400, 'WECHAT_API_ERROR', errcode => 40163 ],
    quota       => [ errcode => 45011 ], [ 400, 'WECHAT_API_ERROR', errcode => 45011, retry_after => 60 ],
    busy        => [ errcode => -1 ], [ 400, 'WECHAT_API_ERROR', errcode => -1, action => 'retry' ],
    empty       => [ say => 'empty_object' ], [ 500, 'INTERNAL_ERROR', error => 'Invalid WeChat response' ],
    broken      => [ say => 'text' ], \@GONE,
    reset       => [ cut => 'reset', latency => 50 ], \@GONE,
    truncated   => [ cut => 'body', latency => 50 ], \@GONE,
    again       => [], undef,
    status      => [ status => 502, html => 1 ], \@GONE,
    oversized   => [ size => 10_000_000 ], \@GONE,
    silence     => [ cut => 'silence' ], \@GONE,
    stalled     => [ cut => 'stall' ], \@GONE,
    once_more   => [ latency => 300 ], undef,
);
my %SETUP = (
    'event, parked'   => [ mpm => 'event' ],
    'event, blocking' => [ mpm => 'event', more => 'WxLoginExchangeMode blocking' ],
    worker            => [ mpm => 'worker' ],
    prefork           => [ mpm => 'prefork' ],
);
# nobody listens there
my $noone = 'Listen 127.0.0.1:@PORT2@' . "\n<VirtualHost 127.0.0.1:\@PORT2\@>\n"
    . "    WxLoginExchangeURL http://127.0.0.1:1\n    \@ENDPOINTS\@\n</VirtualHost>\n";

# What may differ from one time to the next is made the same.
sub shape {
    my $res = shift;
    my $body = $res->{body};
    $body =~ s/"(request_id|access|refresh|date_joined|last_login_at|openid|username)":"[^"]*"/"$1":"..."/g;
    $body =~ s/"id":\d+/"id":N/;
    $body =~ s/rid: [0-9a-f-]+/rid: .../;
    my %headers = %{ $res->{headers} };
    delete @headers{qw(date server)};
    $headers{'content-length'} = length $body if $headers{'content-length'} == length $res->{body};
    return { status => $res->{status}, body => $body, headers => \%headers };
}

my %seen;
for my $setup (sort keys %SETUP) {
    subtest $setup => sub {
        my $wechat = WxLogin::Test::FakeWeChat->new;
        my %o = @{ $SETUP{$setup} };
        my $httpd = waiting_httpd($wechat, timeout => 2, exact => 1, %o, ports => 2, more => ($o{more} // '') . "\n$noone")->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my @stories = @STORIES;
        while (my ($name, $order, $expect) = splice @stories, 0, 3) {
            my $code = $wechat->code(@$order);
            my $res = post_json($httpd, '/api/login/', { code => $code });
            if ($expect) { error_ok($res, @$expect, name => $name) }
            else         { login_ok($res, name => $name, openid => $wechat->openid_of($code)) }
            is $wechat->asked($code), 1, "$name: asked once";
            $seen{$name}{$setup} = shape($res);
        }
        my $res = post_json($httpd->at(2), '/api/login/', { code => $wechat->code });
        error_ok($res, @GONE, name => 'refused');
        $seen{refused}{$setup} = shape($res);
        is get($httpd, '/index.html')->{status}, 200, 'it goes on';
        $log->done;
    };
}
for my $name (sort keys %seen) {
    my ($first, @others) = sort keys %SETUP;
    is_deeply $seen{$name}{$_}, $seen{$name}{$first}, "$name: $_ as $first" for @others;
}

done_testing;
