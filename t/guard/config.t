# Once: what the guard's directives accept, and when httpd does not start.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Env;
use WxLogin::Test::Httpd;

my $base = "WxLoginEnvironment development\nWxLoginSecretKey env:WX_SECRET_KEY\n\@SQLITE\@\n";
my @fine = (
    'WxLoginRealm "一个 realm of 3"', 'WxLoginGuard OPTIONAL', 'WxLoginGuard required', 'WxLoginTokenFrom header',
    'WxLoginTokenFrom query:access_token Header cookie:wx-access_1', 'WxLoginUserCache 1', 'WxLoginUserCache off', 'WxLoginUserCache 2h',
    'WxLoginUserCacheStale off', 'WxLoginUserCacheStale 1d',
    "<Location /x>\nWxLoginRealm x\nWxLoginGuard optional\nWxLoginTokenFrom query:t\nAuthType wxlogin\nRequire wxlogin-type a b\n</Location>",
    "<Directory />\nRequire wxlogin-user 1 22\nRequire wxlogin-staff\nRequire wxlogin-superuser\n</Directory>",
);
my @wrong = (
    # what is written, what is said
    [ 'WxLoginRealm "a\"b"',              qr/WxLoginRealm .*without quotes/ ],
    [ 'WxLoginRealm "a\\\\\\\\b"',            qr/WxLoginRealm .*backslash/ ],
    [ "WxLoginRealm \"a\tb\"",            qr/WxLoginRealm .*control/ ],
    [ 'WxLoginRealm a b',                 qr/WxLoginRealm takes one argument/ ],
    [ 'WxLoginGuard maybe',               qr/WxLoginGuard "maybe" is wrong: write required or optional/ ],
    [ 'WxLoginTokenFrom',                 qr/WxLoginTokenFrom .*header, query:NAME, cookie:NAME/ ],
    [ 'WxLoginTokenFrom body:x',          qr/WxLoginTokenFrom "body:x" is wrong/ ],
    [ 'WxLoginTokenFrom query:',          qr/WxLoginTokenFrom "query:" is wrong/ ],
    [ 'WxLoginTokenFrom query',           qr/WxLoginTokenFrom "query" is wrong/ ],
    [ 'WxLoginTokenFrom header cookie:a=b', qr/WxLoginTokenFrom "cookie:a=b" is wrong/ ],
    [ 'WxLoginTokenFrom header:X-Token',  qr/WxLoginTokenFrom "header:X-Token" is wrong/ ],
    [ 'WxLoginUserCache 0',               qr/WxLoginUserCache "0" is wrong/ ],
    [ 'WxLoginUserCache soon',            qr/WxLoginUserCache "soon" is wrong.*or off/ ],
    [ 'WxLoginUserCacheStale -1',         qr/WxLoginUserCacheStale "-1" is wrong/ ],
    [ "<Location /x>\nWxLoginUserCache 1m\n</Location>", qr/WxLoginUserCache not allowed/ ],
    [ "<Location /x>\nRequire wxlogin-staff yes\n</Location>", qr/take no argument/ ],
    [ "<Location /x>\nRequire wxlogin-type\n</Location>", qr/one or more user types/ ],
    [ "<Location /x>\nRequire wxlogin-user\n</Location>", qr/one or more ids/ ],
    [ "<Location /x>\nRequire wxlogin-user anna\n</Location>", qr/"anna" is not the id of a user/ ],
    [ "<Location /x>\nRequire wxlogin-user 1 0\n</Location>", qr/"0" is not the id of a user/ ],
    [ "<Location /x>\nRequire wxlogin-user 1 -2\n</Location>", qr/"-2" is not the id of a user/ ],
);
for my $text (@fine) {
    my ($status, $said) = WxLogin::Test::Httpd->configtest($base . $text);
    is $status, 0, "accepted: $text" or diag $said;
}
for my $case (@wrong) {
    my ($status, $said) = WxLogin::Test::Httpd->configtest($base . $case->[0]);
    isnt $status, 0, "refused: $case->[0]";
    like $said, $case->[1], 'and told what is right';
}

# a guard without a key or a data base does not start; nor does the profile
my %lacking = (
    "WxLoginEnvironment production\n\@SQLITE\@\n" => qr/WXL0501: .*AuthType WxLogin: WxLoginSecretKey is missing/,
    "WxLoginEnvironment production\nWxLoginSecretKey file:short\n\@SQLITE\@\n" => qr/WXL0503: .*shorter than 32 bytes/,
    "WxLoginEnvironment production\nWxLoginSecretKey file:key\n" => qr/WXL0509: .*data base is needed/,
);
for my $text (sort keys %lacking) {
    for my $user ("AuthType WxLogin\nRequire valid-user", 'SetHandler wxlogin-profile') {
        my $httpd = WxLogin::Test::Httpd->new(config => "$text<Location /x>\n$user\n</Location>\n");
        $httpd->write(short => 'x' x 31);
        $httpd->write(key => 'x' x 32);
        my ($status, $said) = $httpd->configtest;
        isnt $status, 0, "does not start: $user" or diag $said;
        (my $want = $lacking{$text}) =~ s/AuthType WxLogin/(?:AuthType WxLogin|SetHandler wxlogin-profile)/;
        like $said, qr/$want/, 'and says why';
    }
}
# no credentials of WeChat are needed to guard
my $httpd = WxLogin::Test::Httpd->new(config => "WxLoginEnvironment production\nWxLoginSecretKey file:key\n\@SQLITE\@\n"
    . "<Location /x>\nAuthType WxLogin\nRequire valid-user\n</Location>\n");
$httpd->write(key => 'x' x 32);
my ($status, $said) = $httpd->configtest;
is $status, 0, 'a server that only guards needs no AppID' or diag $said;
done_testing;
