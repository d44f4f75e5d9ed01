# The directives of sessions: what is accepted, what is refused and with which words, what is merged.
# Once: it looks at the configuration alone
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Httpd;
use WxLogin::Test::Sessions;

my $HEAD = "WxLoginEnvironment development\nWxLoginSecretKey env:WX_SECRET_KEY\n";

sub check {
    my ($lines) = @_;
    return WxLogin::Test::Httpd->configtest("$HEAD\@SQLITE\@\n$lines\n\@ENDPOINTS\@\n");
}

for my $line ('WxLoginSessions on', 'WxLoginSessions off', (map { "WxLoginRefreshRotation $_" } qw(off tolerant STRICT)),
    (map { "WxLoginMaxSessions $_" } 'off', 1, 100, '5 evict-oldest', '5 reject'),
    (map { ("WxLoginSessionIdle $_", "WxLoginSessionMax $_") } qw(off 30d 700h))) {
    my ($status, $text) = check($line);
    is $status, 0, $line or diag $text;
    unlike $text, qr/WXL052[56]/, 'without a warning';
}
my $number = 'a number of sessions from 1 to 100';
my $policy = 'evict-oldest or reject behind the number';
my @wrong = (
    [ 'WxLoginRefreshRotation on' => '"on" is wrong: write off, tolerant or strict' ],
    (map { [ "WxLoginMaxSessions $_" => qq("$_" is wrong: write $number) ] } 0, -1, 101, 'many', '1.5'),
    [ 'WxLoginMaxSessions 5 evict' => qq("evict" is wrong: write $policy) ],
    [ 'WxLoginMaxSessions off reject' => qq("off" is wrong: write $number) ],
    [ 'WxLoginSessionIdle 0' => '"0" is wrong: write ' ],
    [ 'WxLoginSessionMax 2w' => '"2w" is wrong: write ' ],
    [ 'WxLoginSessions perhaps' => 'must be On or Off' ],
);
for (@wrong) {
    my ($line, $words) = @$_;
    my ($status, $text) = check($line);
    isnt $status, 0, "$line: refused";
    like $text, qr/\Q$words\E/, 'with these words' or diag $text;
}
for ([ "WxLoginSessions off\nWxLoginMaxSessions 3", 'WXL0525' ], [ "WxLoginSessions off\nWxLoginRefreshRotation strict", 'WXL0525' ],
     [ 'WxLoginSessionIdle 7d', 'WXL0526' ], [ "WxLoginAccessTTL 1h\nWxLoginSessionIdle 59m", 'WXL0526' ]) {
    my ($lines, $tag) = @$_;
    my ($status, $text) = check($lines);
    is $status, 0, $lines =~ s/\n/, /r;
    like $text, qr/$tag: WxLogin/, "a warning, $tag";
}
for my $handler (qw(wxlogin-logout wxlogin-sessions)) {
    my ($status, $text) = WxLogin::Test::Httpd->configtest("$HEAD<Location /x>\nSetHandler $handler\n</Location>\n");
    like $text, qr/WXL0509: .*$handler: a data base is needed/, "$handler wants a data base";
}

# -- a virtual host has what the server has, unless it says otherwise
my $site = WxLogin::Test::Sessions->new('sqlite', config => "WxLoginMaxSessions 1\nWxLoginRefreshTTL 50d\nWxLoginSessionMax 3d\n");
for my $mode (qw(off strict)) {
    my ($first, $second) = map { $site->sign_in($mode, "merge-$mode") } 1 .. 2;
    is scalar $site->alive($first->{user_id}), 1, "$mode: the number of the server holds";
    my $claims = claims($second->{refresh});
    is $claims->{exp} - $claims->{iat}, 3 * 86_400, 'so does the longest life';
}
my $stateless = claims(post_json($site->at('stateless'), '/api/login/', { code => 'x' })->{json}{refresh});
is $stateless->{exp} - $stateless->{iat}, 50 * 86_400, 'sessions off: the refresh token lives as long as it may';
is $stateless->{sid}, undef, 'and is of no session';
done_testing;
