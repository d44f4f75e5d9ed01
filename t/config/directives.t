# Once: httpd -t, nothing is served.
# A wrong value of a directive is refused at start, with the directive's name, the value and
# what would be right; a directive in the wrong place as well.  What is right passes.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Httpd;

my $httpd = WxLogin::Test::Httpd->new(loglevel => 'warn');

sub configtest {
    my ($text) = @_;
    return $httpd->config("WxLoginEnvironment development\n$text\n")->configtest;
}
# the last directive of the text is wrong
sub refused {
    my ($text, $sentence, $name) = @_;
    my ($status, $said) = configtest($text);
    $name //= $text =~ s/.*\n//sr;
    $name = substr($name, 0, 60) . '...' if length $name > 60;
    subtest $name => sub {
        isnt $status, 0, 'refused';
        like $said, qr/^AH00526: Syntax error on line \d+ of \S+:$/m, 'with file and line';
        my ($got) = $said =~ /^AH00526:.*\n(.*)$/m;
        if (ref $sentence) { like $got, $sentence, 'and what to write' } else { is $got, $sentence, 'and what to write' }
    } or diag $said;
    return;
}
sub accepted {
    my ($text, $name) = @_;
    my ($status, $said) = configtest($text);
    $name //= $text;
    ok $status == 0 && $said =~ /Syntax OK/, length $name > 60 ? substr($name, 0, 60) . '...' : $name or diag $said;
    return $said;
}

# --- values
my $origin = 'the origin of the WeChat API, https://HOST or https://HOST:PORT';
my $seconds = '1 to 60 seconds, and if you like connect=SECONDS, no longer than the first: 10 connect=3';
my $duration = 'a number of seconds, or a number followed by s, m, h or d, such as 300, 5m or 7d';
my $bytes = 'a number of bytes from 1 to 1048576';
# directive, what is right, wrong values
my @wrong = (
    [ WxLoginEnvironment => 'development or production', qw(prod dev test devel on), '', 'production ' ],
    [ WxLoginLanguage => 'zh-CN or en', qw(fr zh zh_CN en-GB english), '' ],
    [ WxLoginExchangeURL => $origin, '', qw(api.weixin.qq.com api.weixin.qq.com:443 //api.weixin.qq.com https:// https:api ftp://api.weixin.qq.com
        file:///etc/passwd https://api.weixin.qq.com/sns https://api.weixin.qq.com/sns/jscode2session https://api.weixin.qq.com/?a=b
        https://user@api.weixin.qq.com https://user:password@api.weixin.qq.com https://:443
        https://api.weixin.qq.com:https gopher://127.0.0.1), 'https://api.weixin.qq.com/#a' ],
    [ WxLoginAccessTTL => $duration, '', qw(x 7days 7w 1.5h -1 +1 d7 7d1h 0x10 1e3 ∞ 99999999999999999999 99999999999999999999d), ' 7d', '7 d' ],
    [ WxLoginAccessTTL => 'at least one second', qw(0 0s 0d 00) ],
    [ WxLoginAccessTTL => 'at most 100 years', qw(36601d 9223372036854775807 9223372036854775807d 3162240001) ],
    [ WxLoginRefreshTTL => $duration, '', qw(forever 30D1 1y -30d) ],
    [ WxLoginRefreshTTL => 'at least one second', '0' ],
    [ WxLoginRefreshTTL => 'at most 100 years', '36601d' ],
    [ WxLoginExchangeTimeout => $seconds, '', qw(0 -1 61 2m 1h 1.5 ten 10ms connect=3) ],
    [ WxLoginRevocationPoll => "$duration, or off", '', qw(on never 1.5 -1) ],
    [ WxLoginRevocationPoll => 'at least one second, or off', '0' ],
    [ WxLoginRevocationSize => 'a number of sessions from 1 to 10000000', '', qw(0 -1 10000001 64K 1.5 many), ' 1' ],
    [ WxLoginMaxBody => $bytes, '', qw(0 -1 1048577 16K 16k 1M 1.5 0x10 9223372036854775808 all), '16384 bytes' ],
);
for (@wrong) {
    my ($directive, $right, @values) = @$_;
    for my $value (@values) {
        my $shown = $value =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
        # an empty one never gets as far as us: httpd counts it as none
        refused(qq($directive "$value"), length $value ? qq($directive "$shown" is wrong: write $right) : qr/^$directive takes /);
    }
}
refused("WxLoginExchangeTimeout 10 $_", qq(WxLoginExchangeTimeout "$_" is wrong: write $seconds))
    for qw(3 connect= connect=0 connect=11 connect=x connect=-1 connect=1.5 CONNECT=3 total=3 connect=3s3);
accepted($_) for (
    <<'CONF', <<'CONF', <<'CONF',
WxLoginLanguage EN
WxLoginExchangeURL HTTPS://api.weixin.qq.com:8443/
WxLoginExchangeTimeout 60
WxLoginAccessTTL 1
WxLoginRefreshTTL 3162240000
WxLoginRevocationPoll off
WxLoginRevocationSize 1
WxLoginMaxBody 1
CONF
WxLoginLanguage zh-cn
WxLoginExchangeURL http://[::1]:8080
WxLoginExchangeTimeout 1m connect=60s
WxLoginAccessTTL 5M
WxLoginRefreshTTL 36600d
WxLoginRevocationPoll 1S
WxLoginRevocationSize 10000000
WxLoginMaxBody 1048576
CONF
WxLoginExchangeURL http://stand-in.example:80
WxLoginExchangeTimeout 1
WxLoginAccessTTL 90s
WxLoginRefreshTTL 1H
<Location "/x">
    WxLoginMaxBody 100
</Location>
<Directory "/x">
    WxLoginMaxBody 100
</Directory>
CONF
);

# --- places
for my $directive (
    'WxLoginEnvironment production', 'WxLoginAppId wx', 'WxLoginAppSecret env:X', 'WxLoginSecretKey env:X',
    'WxLoginExchangeURL https://api.weixin.qq.com', 'WxLoginExchangeCA ca.pem', 'WxLoginExchangeTimeout 1', 'WxLoginAccessTTL 1', 'WxLoginRefreshTTL 1', 'WxLoginLanguage en',
    'WxLoginRevocationPoll 1', 'WxLoginRevocationSize 1',
) {
    my ($name) = split ' ', $directive;
    refused(qq(<Location "/x">\n$directive\n</Location>), "$name not allowed in <Location> context", "$name in a location");
}
my %words = (
    WxLoginEnvironment => 'one argument', WxLoginAppId => 'one argument', WxLoginAppSecret => 'one argument', WxLoginSecretKey => 'one argument',
    WxLoginExchangeURL => 'one argument', WxLoginExchangeCA => 'one argument', WxLoginExchangeTimeout => '1-2 arguments', WxLoginAccessTTL => 'one argument',
    WxLoginRefreshTTL => 'one argument', WxLoginMaxBody => 'one argument', WxLoginLanguage => 'one argument',
);
for my $name (sort keys %words) {
    refused($name, qr/^$name takes $words{$name}, \S/, "$name without a value");
    refused("$name a b c", qr/^$name takes $words{$name}, \S/, "$name with three");
}
refused('WxLoginNothing on', qr/^Invalid command 'WxLoginNothing'/);

# --- values that stand somewhere else
my $root = $httpd->root;
my $key = '0123456789abcdef0123456789abcdef';
sub file {
    my ($name, $text, $mode) = @_;
    my $path = $httpd->write($name, $text);
    chmod $mode // 0600, $path;
    return $path;
}
my $hint = 'write the path of a file that the user who starts httpd may read';
my $nul = 'the value contains a NUL byte; write it as text, such as the output of: openssl rand -hex 32';
mkdir "$root/folder";
system('mkfifo', "$root/pipe") == 0 or die "mkfifo failed\n"; # would keep a reader waiting for ever
my @sources = (
    [ 'file:',                                        'write the path of a file behind file:, such as file:/etc/secret.key' ],
    [ 'file:/nowhere/key',                            "cannot read the file /nowhere/key: No such file or directory; $hint" ],
    [ 'file:missing',                                 "cannot read the file $root/missing: No such file or directory; $hint" ],
    [ 'file:' . file('dark', "$key\n", 0000),         "cannot read the file $root/dark: Permission denied; $hint" ],
    [ "file:$root/folder",                            "$root/folder is not a file" ],
    [ "file:$root/pipe",                              "$root/pipe is not a file" ],
    [ 'file:/dev/null',                               '/dev/null is not a file' ],
    [ 'file:' . file('empty', ''),                    "the file $root/empty is empty" ],
    [ 'file:' . file('line', "\n"),                   "the file $root/line is empty" ],
    [ 'file:' . file('dosline', "\r\n"),              "the file $root/dosline is empty" ],
    [ 'file:' . file('long', 'x' x 4097),             "the file $root/long is longer than 4096 bytes" ],
    [ 'file:' . file('longer', 'x' x 100_000),        "the file $root/longer is longer than 4096 bytes" ],
    [ 'file:' . file('nul', "abc\0def\n"),            $nul ],
    [ 'env:',                                         'write the name of a variable behind env:, such as env:SECRET_KEY' ],
    [ 'exec:',                                        'write the path of a program behind exec:' ],
    (map { [ "exec:$_", "the program $_ could not be run or printed nothing; it has to print the value on one line" ] }
        '/bin/false', '/bin/true', '/nowhere/program', "$root/folder"),
);
for my $directive (qw(WxLoginSecretKey WxLoginAppSecret)) {
    for (@sources) {
        my ($source, $sentence) = @$_;
        refused(qq($directive "$source"), "$directive: $sentence");
    }
}
refused('WxLoginAppId file:/nowhere/appid', "WxLoginAppId: cannot read the file /nowhere/appid: No such file or directory; $hint");
accepted('WxLoginSecretKey "' . $_ . '"') for (
    'file:' . file('key', "$key\n"), 'file:' . file('dos', "$key\r\n"), 'file:' . file('bare', $key), 'file:key',
    'file:' . file('most', 'x' x 4096 . "\n"), "exec:/bin/echo $key", 'exec:/bin/sh -c \"echo  ' . $key . '\"',
);
my $said = accepted('WxLoginSecretKey "file:' . file('open', "$key\n", 0644) . '"', 'a file that everybody can read');
like $said, qr{WXL0520: WxLoginSecretKey: every user can read $root/open; protect it: chmod 600$}m, 'with a warning';
unlike accepted('WxLoginSecretKey "file:' . file('group', "$key\n", 0640) . '"', 'one that the group can read'), qr/WXL0520/, 'without';
done_testing;
