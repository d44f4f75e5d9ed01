package WxLogin::Test::Problems;

=head1 NAME

WxLogin::Test::Problems - the refusals a body can meet, by a short name

=head1 SYNOPSIS

    use WxLogin::Test::Problems;

    refused($res, 'json', name => 'a comma too many');          # 400 BAD_REQUEST, the sentence, no errors
    refused($res, 'string', field => 'token', lang => 'en');    # with errors => {token => [...]}

One test: WxLogin::Test::Contract's error_ok with status, error_code, error sentence and
errors as the table has them.  Names: code, required, null, blank, string, long (limit
=> N), json, object, utf8, nul, deep, twice, form, incomplete, slow, large, type,
method; all of them: C<problems>.

=cut

use strict;
use warnings;
use utf8;
use Carp qw(croak);
use Exporter 'import';
use WxLogin::Test::Contract;

our @EXPORT = qw(refused problems);

# status, error_code, error; where a field is meant: its text in zh-CN and in en
my %TABLE = (
    code     => [ 400, 'BAD_REQUEST', 'Code is required', '该字段是必填项。', 'This field is required.' ],
    required => [ 400, 'BAD_REQUEST', 'A required field is missing', '该字段是必填项。', 'This field is required.' ],
    null     => [ 400, 'BAD_REQUEST', 'A field is null', '该字段不能为 null。', 'This field may not be null.' ],
    blank    => [ 400, 'BAD_REQUEST', 'A field is blank', '该字段不能为空。', 'This field may not be blank.' ],
    string   => [ 400, 'BAD_REQUEST', 'A field is not a string', '不是有效的字符串。', 'Not a valid string.' ],
    long     => [ 400, 'BAD_REQUEST', 'A field is too long', '请确保这个字段不能超过 %d 个字符。',
                  'Ensure this field has no more than %d characters.' ],
    json       => [ 400, 'BAD_REQUEST', 'Request body is not valid JSON' ],
    object     => [ 400, 'BAD_REQUEST', 'Request body is not a JSON object' ],
    utf8       => [ 400, 'BAD_REQUEST', 'Request body is not valid UTF-8' ],
    nul        => [ 400, 'BAD_REQUEST', 'Request body contains U+0000' ],
    deep       => [ 400, 'BAD_REQUEST', 'Request body is nested too deeply' ],
    twice      => [ 400, 'BAD_REQUEST', 'Request body names a key twice' ],
    form       => [ 400, 'BAD_REQUEST', 'Request body is not a valid form' ],
    incomplete => [ 400, 'BAD_REQUEST', 'Request body is incomplete' ],
    slow       => [ 408, 'REQUEST_TIMEOUT', 'Request body came too slowly' ],
    large      => [ 413, 'PAYLOAD_TOO_LARGE', 'Request body is too large' ],
    type       => [ 415, 'UNSUPPORTED_MEDIA_TYPE', 'Unsupported media type' ],
    method     => [ 405, 'METHOD_NOT_ALLOWED', 'Method not allowed' ],
);
my %ACTION = (slow => 'retry');

sub problems { return sort keys %TABLE }

sub refused {
    my ($res, $problem, %o) = @_;
    my $row = $TABLE{$problem} or croak "no problem $problem";
    my ($status, $error_code, $error, @texts) = @$row;
    my $field = delete $o{field} // 'code';
    my $limit = delete $o{limit} // 0;
    my $text = $texts[ ($o{lang} // '') eq 'en' ];
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return error_ok(
        $res, $status, $error_code, error => $error, action => $ACTION{$problem} // 'fix_request',
        errors => $text ? { $field => [ $text =~ s{%d}{$limit}r ] } : undef, %o,
    );
}

1;
