# Mock mode, for the first hour with the module: in development and without credentials nobody
# is asked, and the code itself, trimmed, is the openid.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Users;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $serial = sprintf '%s_%06x', $$, rand 1 << 24;
my %openid;    # of the first virtual host, so that the second has to agree

# name => [code, openid], %s being unique
my @GOOD = (
    [ 'plain',               'plain_%s',              'plain_%s' ],
    [ 'blanks around it',    "  \t\r\nblanks_%s \n ", 'blanks_%s' ],
    [ 'blanks inside',       'blanks in %s',          'blanks in %s' ],
    [ 'Chinese',             '用户代码_%s',            '用户代码_%s' ],
    [ 'four bytes',          "\x{1F600}\x{20BB7}_%s", "\x{1F600}\x{20BB7}_%s" ],
    [ 'quotes',              q('"\\;--_%s),           q('"\\;--_%s) ],
    [ 'a percent sign',      '%%s%%d%%%%_%s',         '%%s%%d%%%%_%s' ],
    [ 'a slash',             '/etc/passwd?a=b&c_%s',  '/etc/passwd?a=b&c_%s' ],
    [ 'a number in a string', '12345_%s',             '12345_%s' ],
    [ 'case counts',         'PLAIN_%s',              'PLAIN_%s' ],
    [ 'a control character', "x\x{1}y_%s",            "x\x{1}y_%s" ],
    [ 'a full-width blank is no blank', "\x{3000}wide_%s", "\x{3000}wide_%s" ],
);

sub padded { return $_[0] x ($_[1] - length $serial) . $serial }

sub good {
    my ($vhost, $users, $name, $code, $openid) = @_;
    login_ok(post_json($vhost, '/api/login/', { code => $code }), name => $name, openid => $openid, user_type => 'wechat',
             is_staff => JSON::PP::false);
    is $users->count($openid), 1, "$name: one row";
    return;
}

sub story {
    my $vhost = shift;
    my $users = WxLogin::Test::Users->of($vhost);
    good($vhost, $users, $_->[0], map { sprintf $_, $serial } @$_[ 1, 2 ]) for @GOOD;
    good($vhost, $users, '64 characters', (padded('a', 64)) x 2);
    good($vhost, $users, '64 characters of four bytes', (padded("\x{1F600}", 64)) x 2);
    good($vhost, $users, '64 characters between blanks', '  ' . padded('b', 64) . '  ', padded('b', 64));

    for my $long (padded('a', 65), padded("\x{1F600}", 65), 'x' x 4000) {
        for ([ 'zh-CN', qr/64/ ], [ 'en', 'Ensure this field has no more than 64 characters.' ]) {
            my ($lang, $text) = @$_;
            my $res = post_json($vhost, '/api/login/', { code => $long }, 'Accept-Language' => $lang);
            error_ok($res, 400, 'BAD_REQUEST', name => length($long) . " characters, $lang", action => 'fix_request', lang => $lang);
            like_or_is(($res->{json}{errors}{code} || [])->[0], $text, 'says how many there may be');
        }
        is $users->count($long), 0, 'nobody has joined';
    }
    my $form = encode_utf8("form 代码_$serial") =~ s/([^\w])/sprintf '%%%02X', ord $1/ger;
    login_ok(post_form($vhost, '/api/login/', "a=b&code=++$form++"), name => 'a form', openid => "form 代码_$serial");
    return;
}

my $asked = $wechat->asked_in_all;
for my $vhost (qw(mocksqlite mockpgsql)) {
    subtest $vhost => sub { story($vhost) };
}
is $wechat->asked_in_all, $asked, 'WeChat was never asked' if ($ENV{WX_JOBS} || 1) == 1;
$log->done;
done_testing;
