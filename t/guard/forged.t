# What a client says of itself in our headers reaches nobody: thirty spellings and more, on every
# method, with a token or without, guarded or not.
# Once: httpd asks who somebody is in the same way under every MPM
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Guard;

my $config = <<'CONF';
MergeTrailers on
ProxyPass /guarded/ http://@BACKEND@/
ProxyPass /maybe/ http://@BACKEND@/
ProxyPass /free/ http://@BACKEND@/
ScriptAlias /cgi/ "@ROOT@/htdocs/cgi/"
<Location "/guarded/">
    AuthType WxLogin
    Require valid-user
</Location>
<Location "/maybe/">
    AuthType WxLogin
    WxLoginGuard optional
    Require all granted
</Location>
CONF

# name, value; each alone and all together
my @forged = (
    (map { [ $_ => 7777 ] } qw(X-Wx-User-Id x-wx-user-id X-WX-USER-ID x-Wx-uSer-iD X_Wx_User_Id x_wx_user_id X-Wx_User-Id
        X_WX-USER_ID X-Wx-User_Id X.Wx.User.Id X-Wx.User-Id X~Wx~User~Id X!Wx!User!Id X-Wx-User X_WX_USER X-Wx-UserId
        X-Wx-Userid X-Wx-User-Id2 X-Wx-User-Id-Extra)),
    (map { [ $_ => '7777root' ] } qw(X-Wx-Username x-wx-username X_WX_USERNAME X-Wx_Username X-Wx-User-Name X_Wx_User_Name X.Wx.Username)),
    (map { [ $_ => '7777admin' ] } qw(X-Wx-User-Type X_WX_USER_TYPE x-wx-user_type X-Wx-UserType X+Wx+User+Type)),
    (map { [ $_ => '7777' ] } qw(X-Wx-Is-Staff x-wx-is-staff X_WX_IS_STAFF X-Wx_Is-Staff X-Wx-Is-Superuser X_Wx_Is_Active X-Wx-Isstaff)),
    [ 'X-Wx-User-Id' => '' ], [ 'X-Wx-User-Id' => "1\t7777" ], [ 'X-Wx-User-Id' => '1, 7777' ],
);
# these are none of ours, and stay: WeChat's cloud has its own
my @kept = ([ 'X-WX-OPENID' => 'o1' ], [ 'X-Wx-Source' => 'x' ], [ 'X-Wxuser-Id' => 'x' ], [ 'XX-Wx-User-Id' => 'x' ], [ 'Wx-User-Id' => 'x' ]);

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift, config => $config);
    my $anna = $site->sign_in('anna');
    my $true = "$anna->{id} wechat 0";
    my $told = sub {
        my $got = shift;
        return join ' ', map { header_of($got, $_) // '-' } qw(X-Wx-User-Id X-Wx-User-Type X-Wx-Is-Staff);
    };
    my $as_sent = sub { my $got = shift; return [ grep { $_->[1] =~ /7777/ || $_->[0] =~ /x.wx.(?:user|is)/i && $_->[0] !~ /^X-Wx-(?:User-Id|Username|User-Type|Is-Staff)$/ } @{ $got->{headers} } ] };

    cmp_ok scalar @forged, '>=', 30, 'more than thirty forms';
    for my $case (@forged, [ map { @$_ } @forged ]) {
        my $name = @$case > 2 ? 'all at once' : "$case->[0]: $case->[1]";
        my $signed = $site->ask(GET => '/guarded/x', token => $anna->{access}, headers => $case)->{got};
        is $told->($signed), $true, "$name: the truth";
        is_deeply $as_sent->($signed), [], "$name: nothing else";
        for my $place ([ '/maybe/x', undef ], [ '/free/x', $anna->{access} ], [ '/free/x', undef ]) {
            my $got = $site->ask(GET => $place->[0], token => $place->[1], headers => $case)->{got};
            is $told->($got), '- - -', "$name: nobody at $place->[0]";
            is_deeply $as_sent->($got), [], "$name: and nothing at $place->[0]";
        }
    }
    my @all = map { @$_ } @forged;
    for my $method (qw(HEAD POST PUT PATCH DELETE OPTIONS PROPFIND REPORT XYZ)) {
        my $before = length $site->received;
        $site->ask($method, '/free/x', headers => \@all, body => $method =~ /^P/ ? 'x' : undef);
        my $text = substr $site->received, $before;
        like $text, qr/^\Q$method\E /, "$method has reached the back end";
        unlike $text, qr/7777/, "$method: nothing forged with it";
    }
    my $twice = $site->ask(GET => '/maybe/x', token => $anna->{access},
                           headers => [ 'X-Wx-User-Id' => 7777, 'X-Wx-User-Id' => 7778, x_wx_user_id => 7779 ])->{got};
    is $told->($twice), $true, 'twice and once more';
    my $folded = raw($site->httpd, "GET /free/x HTTP/1.1\r\nHost: x\r\nX-Wx-User-Id: 1\r\n 7777\r\nConnection: close\r\n\r\n");
    unlike $folded->{raw}, qr/7777/, 'a folded line';
    my $old = raw($site->httpd, "GET /free/x HTTP/1.0\r\nX-Wx-User-Id: 7777\r\n\r\n");
    unlike $old->{raw}, qr/7777/, 'HTTP/1.0';
    my $kept = $site->ask(GET => '/free/x', headers => [ map { @$_ } @kept ])->{got};
    is header_of($kept, $_->[0]), $_->[1], "$_->[0] is kept" for @kept;

    # trailers that are to be merged into the headers
    for my $place (qw(guarded free)) {
        my $res = raw($site->httpd, "POST /$place/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $anna->{access}\r\n"
            . "Transfer-Encoding: chunked\r\nTrailer: X-Wx-User-Id\r\nConnection: close\r\n\r\n"
            . "4\r\nbody\r\n0\r\nX-Wx-User-Id: 7777\r\nX_Wx_Is_Staff: 7777\r\n\r\n");
        is $res->{status}, 200, "trailers, $place";
        unlike $res->{raw}, qr/7777/, 'are not passed on';
        is $told->($res->{json}), $place eq 'guarded' ? $true : '- - -', 'and change nothing';
    }
};
done_testing;
