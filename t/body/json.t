# What a client may send as application/json, and what it is told about everything else:
# each body with its exact answer.  Without credentials the code is the openid, so a body
# that was understood shows as whom it signs in.
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

sub utf16 {
    my ($order, $text) = @_;
    return join '', map { pack $order, ord } split //, $text;
}
sub nested { my ($n) = @_; return '{"code":"deep","x":' . '[' x $n . ']' x $n . '}' }

my $good = '{"code":"abc"}';
# name, bytes, problem
my @refused = (
    # nothing much
    [ 'an empty body',                   '',                                  'code' ],
    [ 'an empty object',                 '{}',                                'code' ],
    [ 'another key',                     '{"token":"abc"}',                   'code' ],
    [ 'the key in capitals',             '{"Code":"abc"}',                    'code' ],
    [ 'the key with a blank',            '{"code ":"abc"}',                   'code' ],
    [ 'an empty key',                    '{"":"abc"}',                        'code' ],
    [ 'the key one level down',          '{"data":{"code":"abc"}}',           'code' ],
    [ 'an empty code',                   '{"code":""}',                       'code' ],
    [ 'null',                            '{"code":null}',                     'code' ],
    [ 'a code of blanks',                '{"code":"   "}',                    'code' ],
    [ 'a code of escaped white space',   '{"code":"\t\n\r\u0020"}',           'code' ],
    # types of the field
    [ 'a number',                        '{"code":1}',                        'string' ],
    [ 'zero',                            '{"code":0}',                        'string' ],
    [ 'a negative number',               '{"code":-1}',                       'string' ],
    [ 'a real',                          '{"code":1.5}',                      'string' ],
    [ 'a real with an exponent',         '{"code":1E+2}',                     'string' ],
    [ 'the largest integer',             '{"code":9223372036854775807}',      'string' ],
    [ 'true',                            '{"code":true}',                     'string' ],
    [ 'false',                           '{"code":false}',                    'string' ],
    [ 'an object',                       '{"code":{"code":"abc"}}',           'string' ],
    [ 'an array',                        '{"code":["abc"]}',                  'string' ],
    [ 'an empty array',                  '{"code":[]}',                       'string' ],
    # too long
    [ '65 characters',                   '{"code":"' . 'x' x 65 . '"}',       'long' ],
    [ '65 characters of three bytes',    '{"code":"' . "\xe4\xb8\xad" x 65 . '"}', 'long' ],
    # not an object
    [ 'a string',                        '"code"',                            'object' ],
    [ 'a number at the top',             '40029',                             'object' ],
    [ 'true at the top',                 'true',                              'object' ],
    [ 'null at the top',                 'null',                              'object' ],
    [ 'an empty array at the top',       '[]',                                'object' ],
    [ 'a list of objects',               "[$good]",                           'object' ],
    # not JSON
    [ 'blanks',                          '    ',                              'json' ],
    [ 'line ends',                       "\r\n\r\n",                          'json' ],
    [ 'a word',                          'hello',                             'json' ],
    [ 'half an object',                  '{"code":"abc"',                     'json' ],
    [ 'half a string',                   '{"code":"abc',                      'json' ],
    [ 'half a key',                      '{"co',                              'json' ],
    [ 'one brace',                       '{',                                 'json' ],
    [ 'the other brace',                 '}',                                 'json' ],
    [ 'the wrong bracket',               '{"code":"abc"]',                    'json' ],
    [ 'no colon',                        '{"code" "abc"}',                    'json' ],
    [ 'no value',                        '{"code":}',                         'json' ],
    [ 'a comma behind the last',         '{"code":"abc",}',                   'json' ],
    [ 'a comma before the first',        '{,"code":"abc"}',                   'json' ],
    [ 'no comma',                        '{"a":1 "code":"abc"}',              'json' ],
    [ 'single quotes',                   "{'code':'abc'}",                    'json' ],
    [ 'a key without quotes',            '{code:"abc"}',                      'json' ],
    [ 'a number as key',                 '{1:"abc"}',                         'json' ],
    [ 'a comment in C',                  '{/* a */"code":"abc"}',             'json' ],
    [ 'a comment in C++',                "$good // a",                        'json' ],
    [ 'a comment in a shell',            "# a\n$good",                        'json' ],
    [ 'NaN',                             '{"code":NaN}',                      'json' ],
    [ 'Infinity',                        '{"code":"abc","x":-Infinity}',      'json' ],
    [ 'None',                            '{"code":None}',                     'json' ],
    [ 'True',                            '{"code":True}',                     'json' ],
    [ 'undefined',                       '{"code":undefined}',                'json' ],
    [ 'a leading zero',                  '{"code":"abc","x":01}',             'json' ],
    [ 'a plus sign',                     '{"code":"abc","x":+1}',             'json' ],
    [ 'a hexadecimal number',            '{"code":"abc","x":0x10}',           'json' ],
    [ 'a number that ends with a dot',   '{"code":"abc","x":1.}',             'json' ],
    [ 'a number that begins with a dot', '{"code":"abc","x":.5}',             'json' ],
    [ 'an integer beyond 64 bits',       '{"code":9223372036854775808}',      'json' ],
    [ 'an integer of 400 digits',        '{"code":' . '9' x 400 . '}',        'json' ],
    [ 'a real beyond all bounds',        '{"code":1e999}',                    'json' ],
    [ 'garbage behind it',               "${good}x",                          'json' ],
    [ 'a bracket too many',              "${good}}",                          'json' ],
    [ 'two documents',                   "$good$good",                        'json' ],
    [ 'two documents, a line each',      "$good\n$good\n",                    'json' ],
    [ 'a line end inside a string',      qq({"code":"a\nb"}),                 'json' ],
    [ 'a control character in a string', qq({"code":"a\x01b"}),               'json' ],
    [ 'an escape that is none',          '{"code":"\x41"}',                   'json' ],
    [ 'an escape of three digits',       '{"code":"\u123"}',                  'json' ],
    [ 'an escape of no digits',          '{"code":"\u00zz"}',                 'json' ],
    [ 'a backslash at the end',          '{"code":"abc\\',                    'json' ],
    [ 'a form',                          'code=abc',                          'json' ],
    [ 'a callback',                      "f($good)",                          'json' ],
    [ 'a guard against scripts',         ")]}',\n$good",                      'json' ],
    [ 'a high surrogate alone',          '{"code":"\ud83d"}',                 'json' ],
    [ 'a low surrogate alone',           '{"code":"\ude00"}',                 'json' ],
    [ 'surrogates the wrong way round',  '{"code":"\ude00\ud83d"}',           'json' ],
    [ 'a high surrogate and a letter',   '{"code":"\ud83dx"}',                'json' ],
    [ 'a lone surrogate in a key',       '{"code":"abc","\ud800":1}',         'json' ],
    [ 'a byte order mark',               "\xef\xbb\xbf$good",                 'json' ],
    # not UTF-8
    [ 'Latin-1',                         qq({"code":"caf\xe9"}),              'utf8' ],
    [ 'GBK',                             qq({"code":"\xb5\xc7\xc2\xbc"}),     'utf8' ],
    [ 'a byte FF',                       qq({"code":"\xff"}),                 'utf8' ],
    [ 'a continuation alone',            qq({"code":"\x80"}),                 'utf8' ],
    [ 'a sequence cut short',            qq({"code":"\xe4\xb8"}),             'utf8' ],
    [ 'overlong slash, two bytes',       qq({"code":"\xc0\xaf"}),             'utf8' ],
    [ 'overlong NUL',                    qq({"code":"\xc0\x80"}),             'utf8' ],
    [ 'overlong slash, three bytes',     qq({"code":"\xe0\x80\xaf"}),         'utf8' ],
    [ 'overlong slash, four bytes',      qq({"code":"\xf0\x80\x80\xaf"}),     'utf8' ],
    [ 'a surrogate as UTF-8',            qq({"code":"\xed\xa0\x80"}),         'utf8' ],
    [ 'a pair of surrogates as UTF-8',   qq({"code":"\xed\xa0\xbd\xed\xb8\x80"}), 'utf8' ],
    [ 'beyond U+10FFFF',                 qq({"code":"\xf4\x90\x80\x80"}),     'utf8' ],
    [ 'five bytes',                      qq({"code":"\xf8\x88\x80\x80\x80"}), 'utf8' ],
    [ 'a wrong byte in an unknown key',  qq({"code":"abc","\xff":1}),         'utf8' ],
    [ 'a wrong byte in unknown depths',  qq({"code":"abc","x":[{"y":"\xff"}]}), 'utf8' ],
    [ 'a wrong byte outside of strings', qq(\xff$good),                       'utf8' ],
    # U+0000
    [ 'a NUL in the value',              qq({"code":"a\0b"}),                 'nul' ],
    [ 'a NUL in the key',                qq({"code\0":"abc"}),                'nul' ],
    [ 'a NUL behind the object',         "$good\0",                           'nul' ],
    [ 'nothing but a NUL',               "\0",                                'nul' ],
    [ 'an escaped NUL in the value',     '{"code":"a\u0000b"}',               'nul' ],
    [ 'nothing but an escaped NUL',      '{"code":"\u0000"}',                 'nul' ],
    [ 'an escaped NUL in the key',       '{"code\u0000":"abc"}',              'nul' ],
    [ 'an escaped NUL somewhere else',   '{"code":"abc","x":["\u0000"]}',     'nul' ],
    [ 'UTF-16, little end first',        utf16('v', $good),                   'nul' ],
    [ 'UTF-16, big end first',           utf16('n', $good),                   'nul' ],
    [ 'UTF-16 with its mark',            "\xff\xfe" . utf16('v', $good),      'nul' ],
    [ 'UTF-32',                          utf16('V', $good),                   'nul' ],
    # twice
    [ 'two codes',                       '{"code":"a","code":"b"}',           'twice' ],
    [ 'the same code twice',             '{"code":"a","code":"a"}',           'twice' ],
    [ 'a key twice, once in escapes',    '{"code":"a","\u0063ode":"b"}',      'twice' ],
    [ 'an unknown key twice',            '{"x":1,"code":"a","x":1}',          'twice' ],
    [ 'a key twice in the depths',       '{"code":"a","x":[{"y":1,"y":2}]}',  'twice' ],
    # deep
    [ '2049 levels',                     nested(2048),                        'deep' ],
    [ '5000 levels',                     nested(5000),                        'deep' ],
    [ '10000 brackets and nothing else', '[' x 10_000,                        'deep' ],
    [ '3000 objects',                    '{"x":' x 3000,                      'deep' ],
);
# name, bytes, openid
my @fine = (
    [ 'plain',                       $good,                                   'abc' ],
    [ 'white space around it',       qq( \r\n\t{ "code" :\t"abc" }\r\n ),     'abc' ],
    [ 'blanks around the code',      '{"code":"  abc\t\n"}',                  'abc' ],
    [ 'a blank inside the code',     '{"code":"a b"}',                        'a b' ],
    [ 'escapes',                     '{"\u0063ode":"\u0061\/\"\\\\"}',        'a/"\\' ],
    [ 'a character of two bytes',    qq({"code":"\xc3\xa9"}),                 'é' ],
    [ 'a character of three bytes',  qq({"code":"\xe4\xb8\xad"}),             '中' ],
    [ 'a character of four bytes',   qq({"code":"\xf0\x9f\x98\x80"}),         '😀' ],
    [ 'a pair of surrogates',        '{"code":"\ud83d\ude00"}',               '😀' ],
    [ 'the last code point',         qq({"code":"\xf4\x8f\xbf\xbd"}),         "\x{10fffd}" ],
    [ 'a code like SQL',             q({"code":"'; DROP TABLE x; --"}),       q('; DROP TABLE x; --) ],
    [ 'a code like a format',        '{"code":"%s%n%x"}',                     '%s%n%x' ],
    [ 'a code like a number',        '{"code":"007"}',                        '007' ],
    [ '64 characters',               '{"code":"' . 'y' x 64 . '"}',           'y' x 64 ],
    [ '64 characters, three bytes',  '{"code":"' . "\xe4\xb8\xad" x 64 . '"}', '中' x 64 ],
    [ 'unknown keys',                '{"a":1,"code":"abc","user":{"is_staff":true},"z":[null]}', 'abc' ],
    [ 'numbers of all kinds',        '{"code":"abc","x":[0,-0,1.5,1e2,-9223372036854775808]}', 'abc' ],
    [ '2048 levels',                 nested(2047),                            'deep' ],
);

cmp_ok scalar @refused, '>=', 60, 'a good many hostile bodies';
for (@refused) {
    my ($name, $body, $problem) = @$_;
    refused(post_json('mocksqlite', '/api/login/', $body), $problem, limit => 64, name => $name);
}
for (@fine) {
    my ($name, $body, $openid) = @$_;
    login_ok(post_json('mocksqlite', '/api/login/', $body), openid => $openid, name => $name);
}

# the sentence is the same in every language, the texts for people are not
for my $row (grep { $_->[0] =~ /^(?:null|a number|65 characters|blanks|a byte FF|two codes)$/ } @refused) {
    my ($name, $body, $problem) = @$row;
    refused(post_json('mocksqlite', '/api/login/', $body, 'Accept-Language' => 'en'), $problem,
            limit => 64, lang => 'en', name => "$name, in English");
}
$log->done;
done_testing;
