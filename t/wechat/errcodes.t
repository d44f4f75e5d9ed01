# WeChat refuses a code: its errcode goes to the client as it is, its text untouched, and beside
# them stands what to do now.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $RID = qr/, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;
my $MINUTE = 'api minute-quota reach limit, must slower, retry next minute';

# errcode => [action, text, seconds to wait]; the texts as recorded, those without a rid whole
my %TABLE = (
    -1    => [ 'retry', qr/^system error$/ ],
    40002 => [ 'contact_operator', qr/^invalid grant_type$RID/ ],
    40013 => [ 'contact_operator', qr/^invalid appid$RID/ ],
    40029 => [ 'relogin', qr/^invalid code$RID/ ],
    40125 => [ 'contact_operator', qr/^invalid appsecret$RID/ ],
    40163 => [ 'relogin', qr/^code been used$RID/ ],
    40164 => [ 'contact_operator', qr/^invalid ip 203\.0\.113\.7 ipv6 ::ffff:203\.0\.113\.7, not in whitelist$RID/ ],
    40226 => [ 'none', qr/^code blocked$/ ],
    40243 => [ 'contact_operator', qr/./ ],
    41002 => [ 'contact_operator', qr/^appid missing$RID/ ],
    41004 => [ 'contact_operator', qr/^appsecret missing$RID/ ],
    41008 => [ 'relogin', qr/^missing code$RID/ ],
    42003 => [ 'relogin', qr/^oauth_code timeout$RID/ ],
    45011 => [ 'wait', qr/^$MINUTE$RID/, 60 ],
    50002 => [ 'none', qr/^user limited$RID/ ],
    # what no table names: a new code is the one thing to try
    99999      => [ 'relogin', qr/./ ],
    -1000      => [ 'relogin', qr/./ ],
    2147483647 => [ 'relogin', qr/./ ],
);

sub refused {
    my ($errcode, $row, $name, %order) = @_;
    my ($action, $errmsg, $wait) = @$row;
    my $code = $wechat->code(errcode => $errcode, %order);
    for my $lang ($name eq 'plain' ? ('zh-CN', 'en') : 'zh-CN') {
        my $res = post_json('sqlite', '/api/login/', { code => $code }, 'Accept-Language' => $lang);
        error_ok($res, 400, 'WECHAT_API_ERROR', name => "$errcode, $name, $lang", lang => $lang, error => 'WeChat API error',
                 action => $action, errcode => $errcode, errmsg => $errmsg);
        is $res->{json}{retry_after}, $wait, $wait ? "in $wait seconds" : 'no time to wait';
        is $res->{headers}{'retry-after'}, $wait, 'Retry-After';
    }
    is $wechat->asked($code), 1, 'WeChat was asked once: who comes right after hears the same';
    return;
}

for my $errcode (sort { $a <=> $b } keys %TABLE) {
    refused($errcode, $TABLE{$errcode}, 'plain');
    refused($errcode, $TABLE{$errcode}, 'quoted', errcode_quoted => 1);
}

subtest 'the text, untouched' => sub {
    my %text = (
        'quotes and a slash' => q(a "quoted" \\ text / with <b>markup</b>), 'Chinese' => "\x{65E0}\x{6548}\x{7684} code \x{1F600}",
        'lines' => "one\ntwo\ttabs", 'nothing' => '', 'formats' => '%s%n%d %%', 'long' => 'x' x 20_000,
    );
    for my $name (sort keys %text) {
        my $res = post_json('sqlite', '/api/login/', { code => $wechat->code(errcode => 40029, errmsg => $text{$name}) });
        error_ok($res, 400, 'WECHAT_API_ERROR', name => $name, errcode => 40029, errmsg => qr/^\Q$text{$name}\E\z/);
    }
};

# The text may be missing or no text at all: the number counts.
subtest 'no text' => sub {
    my @orders = map { [ errcode => 40029, errmsg => $_ ] } undef, 7, [ 'a', 'list' ], { an => 'object' }, \1;
    for my $order (@orders, [ say => 'no_errmsg' ], [ say => 'errmsg_number' ]) {
        my $code = $wechat->code(@$order);
        error_ok(post_json('sqlite', '/api/login/', { code => $code }), 400, 'WECHAT_API_ERROR',
                 action => 'relogin', errcode => 40029, errmsg => '');
        is $wechat->asked($code), 1, 'asked once';
    }
    error_ok(post_json('sqlite', '/api/login/', { code => $wechat->code(say => 'all_empty') }), 400, 'WECHAT_API_ERROR',
             name => 'every key there and empty', errcode => -1009, errmsg => '', action => 'relogin');
};

# The number may be none.
subtest 'no number' => sub {
    for my $errcode ('"not a number"', '""', '"40029x"', '40029.5', 'true', '[40029]', '{}', '99999999999', '"99999999999999999999"') {
        my $code = $wechat->code(body => qq({"errcode":$errcode,"errmsg":"?"}));
        error_ok(post_json('sqlite', '/api/login/', { code => $code }), 500, 'INTERNAL_ERROR', name => "errcode $errcode",
                 error => 'Invalid WeChat response', action => 'retry');
        is $wechat->asked($code), 1, 'asked once';
    }
};

# With an errcode there is no sign-in, whatever else the answer holds.
subtest 'an errcode and an openid' => sub {
    my $body = '{"openid":"oSomebody","session_key":"AAAAAAAAAAAAAAAAAAAAAA==","errcode":40226,"errmsg":"code blocked"}';
    error_ok(post_json('sqlite', '/api/login/', { code => $wechat->code(body => $body) }), 400, 'WECHAT_API_ERROR',
             errcode => 40226, errmsg => 'code blocked', action => 'none');
};

$log->done;
done_testing;
