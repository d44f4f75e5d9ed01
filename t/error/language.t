# In which language a client is told what went wrong: the one of Accept-Language that we know
# and it likes best, else the server's.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;

my $log = WxLogin::Test::ErrorLog->watch;
my %message = ('zh-CN' => '令牌无效，请重新登录', en => 'The token is invalid. Please sign in again.');

# Accept-Language, and the language: zh, en, or that of the server (-)
my @table = (
    [ undef,                                          '-' ],
    [ '',                                             '-' ],
    # Chinese, whichever
    [ 'zh-CN',                                        'zh' ],
    [ 'zh',                                           'zh' ],
    [ 'ZH-cn',                                        'zh' ],
    [ 'zh-TW',                                        'zh' ],
    [ 'zh-Hans-CN',                                   'zh' ],
    [ 'zh-CN,zh;q=0.9,en;q=0.8',                      'zh' ],
    # English, whichever
    [ 'en',                                           'en' ],
    [ 'EN',                                           'en' ],
    [ 'en-US',                                        'en' ],
    [ 'en-GB',                                        'en' ],
    [ 'en-GB,en-US;q=0.9,en;q=0.8',                   'en' ],
    # neither
    [ 'fr',                                           '-' ],
    [ 'de-DE,de;q=0.9,ja;q=0.8',                      '-' ],
    [ 'i-klingon',                                    '-' ],
    # the first we know
    [ 'fr, en',                                       'en' ],
    [ 'fr, zh',                                       'zh' ],
    [ 'ja,ko;q=0.9,zh;q=0.8,en;q=0.7',                'zh' ],
    [ 'ja,ko;q=0.9,zh;q=0.7,en;q=0.8',                'en' ],
    # quality
    [ 'en;q=0.8, zh;q=0.9',                           'zh' ],
    [ 'zh;q=0.8, en;q=0.9',                           'en' ],
    [ 'zh;q=0.999, en',                               'en' ],
    [ 'en;q=0.001',                                   'en' ],
    [ 'en, zh',                                       'en' ],
    [ 'zh, en',                                       'zh' ],
    [ 'en;q=0.5,zh;q=0.5',                            'en' ],
    [ 'en;q=0, zh;q=0.1',                             'zh' ],
    [ 'zh;q=0, en;q=0.1',                             'en' ],
    [ 'zh;q=0.0, en;q=0.000, fr',                     '-' ],
    [ 'en ; q=0.3 , zh ; q=0.7',                      'zh' ],
    [ 'en;Q=0.3,zh;Q=0.7',                            'zh' ],
    [ "en;\tq=0.7,\tzh;q=0.3",                        'en' ],
    # any
    [ '*',                                            '-' ],
    [ '*;q=0.5',                                      '-' ],
    [ 'en, *;q=0.5',                                  'en' ],
    [ 'zh, *;q=0.5',                                  'zh' ],
    [ '*;q=0.1, en;q=0.5',                            'en' ],
    [ 'fr, *;q=0.5',                                  '-' ],
    # not what they look like
    [ 'english',                                      '-' ],
    [ 'eng',                                          '-' ],
    [ 'en_US',                                        '-' ],
    [ 'zh_CN',                                        '-' ],
    [ 'e',                                            '-' ],
    [ 'z',                                            '-' ],
    [ 'x-en',                                         '-' ],
    # garbage
    [ ',,,,',                                         '-' ],
    [ ', ,en,, ',                                     'en' ],
    [ ';;;',                                          '-' ],
    [ ';q=1',                                         '-' ],
    [ 'q=1',                                          '-' ],
    [ '=',                                            '-' ],
    [ '"en',                                          '-' ],
    [ '(en',                                          '-' ],
    [ "\xff\xfe\xe4\xb8\xad",                         '-' ],
    [ '%s%n%s%n',                                     '-' ],
    [ "'; DROP TABLE wxlogin_user; --",               '-' ],
    [ '../../../../etc/passwd',                       '-' ],
    [ 'en;q=nan, zh;q=0.1',                           'zh' ],
    # long
    [ join(',', map { sprintf 'x%d;q=0.%d', $_, $_ % 10 } 1 .. 15) . ',en', 'en' ],
    [ ('en,' x 2000) . 'zh',                          'en' ],
    [ 'x' x 8000,                                     '-' ],
    [ ('x,' x 3900),                                  '-' ],
    [ 'en' . '-x' x 3900,                             'en' ],
    [ 'en;q=0.' . '1' x 7000,                         'en' ],
);
my %server = (sqlite => 'zh', en => 'en');
my %tag = (zh => 'zh-CN', en => 'en');

for (@table) {
    my ($header, $want) = @$_;
    my $name = !defined $header ? 'no header' : length $header > 60 ? substr($header, 0, 40) . '...' : "<$header>";
    $name =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    for my $vhost (sort keys %server) {
        my $lang = $tag{ $want eq '-' ? $server{$vhost} : $want };
        my @header = defined $header ? ('Accept-Language' => $header) : ();
        my $res = post_json($vhost, '/api/token/verify/', { token => 'x' }, @header);
        error_ok($res, 401, 'TOKEN_NOT_VALID', lang => $lang, message => $message{$lang}, name => "$vhost: $name");
        is $res->{headers}{'content-language'}, $lang, "$vhost: $name: Content-Language";
    }
}
# two lines are one list
for my $pair ([ 'fr', 'en' ], [ 'en;q=0.3', 'zh;q=0.2' ]) {
    error_ok(post_json('sqlite', '/api/token/verify/', { token => 'x' }, map { ('Accept-Language' => $_) } @$pair),
             401, 'TOKEN_NOT_VALID', lang => 'en', name => "@$pair");
}
# longer than httpd takes: refused before it reaches us, and the next is served
is post_json('sqlite', '/api/token/verify/', { token => 'x' }, 'Accept-Language' => 'en,' x 3500)->{status}, 400, 'a header of 10 kB';
error_ok(post_json('sqlite', '/api/login/', {}, 'Accept-Language' => 'en'), 400, 'BAD_REQUEST', lang => 'en',
         errors => { code => ['This field is required.'] }, name => 'the texts of fields, in English');
error_ok(post_json('en', '/api/login/', {}), 400, 'BAD_REQUEST', lang => 'en',
         errors => { code => ['This field is required.'] }, name => "the server's language");
error_ok(post_json('en', '/api/login/', {}, 'Accept-Language' => 'zh'), 400, 'BAD_REQUEST',
         errors => { code => ['该字段是必填项。'] }, name => "the client's language");
# a success has no language
my $fine = post_json('mocksqlite', '/api/login/', { code => 'abc' }, 'Accept-Language' => 'en');
is $fine->{headers}{'content-language'}, undef, 'a success has no language';
$log->done;
done_testing;
