# WeChat lets somebody in, in all the forms its answers are known to take.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $KEY = 'jHwS8qG/GwnAAAAAAAA+AA==';
my $serial = sprintf '%s_%06x', $$, rand 1 << 24;

# name => orders
my %FINE = (
    'as usual'                 => [],
    'errcode 0'                => [ errcode_zero => 1 ],
    'errcode "0"'              => [ errcode_zero => 1, errcode_quoted => 1 ],
    'errcode null'             => [ say => 'errcode_null' ],
    'with a unionid'           => [ unionid => 1 ],
    'a unionid of 29'          => [ unionid => 'o' . 'U' x 28 ],
    'slashes in the key'       => [ session_key => '/' x 22 . '==' ],
    'a short key'              => [ session_key => 'k' ],
    'a slash in the openid'    => [ openid => "o/$serial/" ],
    'an openid of 1'           => [ openid => 'o' ],
    'an openid of 64'          => [ openid => substr "$serial-" . 'A' x 64, 0, 64 ],
    'an openid in Chinese'     => [ openid => "\x{7528}\x{6237}_\x{1F600}_$serial" ],
    'an openid like a number'  => [ openid => '12345678901234567890' ],
    'as JSON'                  => [ content_type => 'application/json; encoding=utf-8' ],
    'as Latin-1'               => [ content_type => 'text/plain; charset=iso-8859-1', openid => "\x{E9}\x{7528}_$serial" ],
    'without a type'           => [ content_type => '' ],
    'as something else'        => [ content_type => 'image/png' ],
    'compressed as asked'      => [ gzip => 'asked' ],
    'compressed unasked'       => [ gzip => 'always' ],
    'a byte at a time'         => [ drip => 1 ],
    'after half a second'      => [ latency => 500 ],
    'closed behind'            => [ then_close => 1 ],
    'status 201'               => [ status => 201 ],
    '60 KB'                    => [ size => 60_000 ],
    '60 KB, compressed'        => [ size => 60_000, gzip => 'always' ],
    'keys that nobody knows'   => [ body => qq({"x":[1,{"y":null}],"openid":"x_$serial","session_key":"$KEY","expires_in":7200}) ],
    'white space'              => [ body => qq( \n{ "session_key" : "$KEY" ,\t"openid":"w_$serial"\r\n}\n\n ) ],
    'escapes'                  => [ body => qq({"\\u006fpenid":"\\u0065_$serial","session_key":"$KEY"}) ],
);
my %OPENID = ('keys that nobody knows' => "x_$serial", 'white space' => "w_$serial", escapes => "e_$serial");

for my $name (sort keys %FINE) {
    my @order = @{ $FINE{$name} };
    my $code = $wechat->code(@order);
    my $res = post_json('sqlite', '/api/login/', { code => $code });
    login_ok($res, name => $name, openid => $OPENID{$name} // $wechat->openid_of($code));
    is $wechat->asked($code), 1, "$name: asked once";
    # the client gets neither of the two
    for my $secret ($wechat->session_key_of($code), $KEY, 'unionid', $ENV{WX_APP_SECRET}) {
        is index($res->{raw} =~ s{\\/}{/}gr, $secret), -1, "$name: not a word of it";
    }
}

# The order of the keys follows from the code; among so many there are all of them.
subtest 'any order of keys' => sub {
    my @codes = $wechat->codes(40);
    my @res = parallel('pgsql', map { json_request('/api/login/', { code => $_ }) } @codes);
    is_deeply [ map { $_->{json}{user}{openid} } @res ], [ map { $wechat->openid_of($_) } @codes ], 'forty people';
};

$log->done;
done_testing;
