# A form (application/x-www-form-urlencoded), as the original took it as well: each body
# with its exact answer.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Problems;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);
my $log = WxLogin::Test::ErrorLog->watch;

my @refused = (
    [ 'empty',                        '',                             'code' ],
    [ 'another name',                 'token=abc',                    'code' ],
    [ 'the name in capitals',         'CODE=abc',                     'code' ],
    [ 'the name as a list',           'code[]=abc',                   'code' ],
    [ 'no value',                     'code=',                        'code' ],
    [ 'not even an equals sign',      'code',                         'code' ],
    [ 'plus signs alone',             'code=+++',                     'code' ],
    [ 'encoded blanks alone',         'code=%20%09%0a',               'code' ],
    [ 'no name',                      '=abc',                         'code' ],
    [ 'equals signs alone',           '===',                          'code' ],
    [ 'ampersands alone',             '&&&&',                         'code' ],
    [ 'JSON',                         '{"code":"abc"}',               'code' ],
    [ '65 characters',                'code=' . 'x' x 65,             'long' ],
    [ 'percent and no digit',         'code=%',                       'form' ],
    [ 'percent and one digit',        'code=%4',                      'form' ],
    [ 'percent and two letters',      'code=%zz',                     'form' ],
    [ 'percent and half a number',    'code=%4g',                     'form' ],
    [ 'a bad percent in the name',    'co%zde=abc',                   'form' ],
    [ 'a bad percent elsewhere',      'code=abc&x=%',                 'form' ],
    [ '%u0041 of old browsers',       'code=%u0041',                  'form' ],
    [ '%00 in the value',             'code=a%00b',                   'nul' ],
    [ '%00 in the name',              'code%00=abc',                  'nul' ],
    [ '%00 elsewhere',                'code=abc&x=%00',               'nul' ],
    [ 'a NUL',                        "code=a\0b",                    'nul' ],
    [ 'a NUL behind it',              "code=abc\0",                   'nul' ],
    [ 'Latin-1, raw',                 "code=caf\xe9",                 'utf8' ],
    [ 'Latin-1, encoded',             'code=caf%e9',                  'utf8' ],
    [ 'GBK, encoded',                 'code=%B5%C7%C2%BC',            'utf8' ],
    [ 'an overlong slash',            'code=%c0%af',                  'utf8' ],
    [ 'an overlong NUL',              'code=%c0%80',                  'utf8' ],
    [ 'a surrogate',                  'code=%ed%a0%80',               'utf8' ],
    [ 'beyond U+10FFFF',              'code=%f4%90%80%80',            'utf8' ],
    [ 'a wrong byte in a name',       '%ff=1&code=abc',               'utf8' ],
    [ 'two codes',                    'code=a&code=b',                'twice' ],
    [ 'the same code twice',          'code=a&code=a',                'twice' ],
    [ 'two codes, one name encoded',  'code=a&%63ode=b',              'twice' ],
    [ 'two codes, one empty',         'code=a&code=',                 'twice' ],
    [ 'an unknown name twice',        'x=1&code=a&x=2',               'twice' ],
    [ '1000 names, the last twice',   join('&', map { "n$_=1" } 1 .. 1000, 1000), 'twice' ],
);
my @fine = (
    [ 'plain',                        'code=abc',                     'abc' ],
    [ 'a plus is a blank',            'code=a+b',                     'a b' ],
    [ 'an encoded plus is a plus',    'code=a%2Bb',                   'a+b' ],
    [ 'blanks around it',             'code=++abc%20',                'abc' ],
    [ 'an encoded name',              '%63%6F%64%65=abc',             'abc' ],
    [ 'a slash, encoded',             'code=a%2fb',                   'a/b' ],
    [ 'all that separates, encoded',  'code=%26%3d%25',               '&=%' ],
    [ 'equals signs in the value',    'code=a=b==',                   'a=b==' ],
    [ 'a semicolon separates not',    'code=a;x=b',                   'a;x=b' ],
    [ 'ampersands around it',         '&&code=abc&&',                 'abc' ],
    [ 'other names around it',        'a=1&b&=&code=abc&z=%F0%9F%98%80', 'abc' ],
    [ 'characters of three bytes',    'code=%E4%B8%AD%e6%96%87',      '中文' ],
    [ 'the same, raw',                "code=\xe4\xb8\xad",            '中' ],
    [ 'a character of four bytes',    'code=%f0%9f%98%80',            '😀' ],
    [ '64 characters of three bytes', 'code=' . '%e4%b8%ad' x 64,     '中' x 64 ],
    [ '1000 pairs',                   join('&', (map { "n$_=$_" } 1 .. 1000), 'code=abc'), 'abc' ],
);
# what ends a line belongs to the body
push @fine, [ 'a line end behind it', "code=abc\r\n", 'abc' ];

for (@refused) {
    my ($name, $body, $problem) = @$_;
    refused(post_form('mocksqlite', '/api/login/', $body), $problem, limit => 64, name => $name);
}
for (@fine) {
    my ($name, $body, $openid) = @$_;
    login_ok(post_form('mocksqlite', '/api/login/', $body), openid => $openid, name => $name);
}
refused(post_form('mocksqlite', '/api/login/', 'code=%', 'Accept-Language' => 'en'), 'form', lang => 'en', name => 'in English');
$log->done;
done_testing;
