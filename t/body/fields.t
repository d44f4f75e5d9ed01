# The one field of each end point: there or not, filled or not, a string or not.  A missing
# code has the sentence the original had for it; the tokens' fields say it like Django REST
# framework.
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

# name, the value as JSON (undef: the field is not there), the problem at the tokens' end points
my @table = (
    [ 'missing',     undef,            'required' ],
    [ 'null',        'null',           'null' ],
    [ 'empty',       '""',             'blank' ],
    [ 'blank',       '"  \t\n "',      'blank' ],
    [ 'a number',    '12345',          'string' ],
    [ 'zero',        '0',              'string' ],
    [ 'a real',      '1.5',            'string' ],
    [ 'true',        'true',           'string' ],
    [ 'false',       'false',          'string' ],
    [ 'an object',   '{"a":"b"}',      'string' ],
    [ 'an array',    '["a"]',          'string' ],
);
# the first four mean the same at the sign-in
my %code_problem = map { $_ => 'code' } qw(required null blank);

for my $end ([ 'login', 'code' ], [ 'token/refresh', 'refresh' ], [ 'token/verify', 'token' ]) {
    my ($path, $field) = @$end;
    for (@table) {
        my ($name, $value, $problem) = @$_;
        $problem = $code_problem{$problem} // $problem if $field eq 'code';
        my $body = defined $value ? qq({"$field":$value}) : '{}';
        for my $lang (qw(zh-CN en)) {
            refused(post_json('mocksqlite', "/api/$path/", $body, 'Accept-Language' => $lang), $problem,
                    field => $field, lang => $lang, name => "$path: $field $name, $lang");
        }
    }
    my $none = $field eq 'code' ? 'code' : 'required';
    refused(request('mocksqlite', POST => "/api/$path"), $none, field => $field, name => "$path: no body at all");
    refused(post_form('mocksqlite', "/api/$path/", 'x=1'), $none, field => $field, name => "$path: a form without it");
    refused(post_form('mocksqlite', "/api/$path/", "$field="), $field eq 'code' ? 'code' : 'blank', field => $field,
            name => "$path: a form with an empty one");
}

# the real exchange: a code is as long as WeChat likes, within reason, and WeChat is not asked
my $long = 'x' x 513;
refused(post_json('noone', '/api/login/', { code => $long }), 'long', limit => 512, name => 'a code of 513 characters');
$log->done;
done_testing;
