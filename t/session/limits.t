# How many sessions a user may have, how long they live, and what ends them from outside.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Sessions;

# -- the number
for_each_db {
    my $db = shift;
    for my $policy ('evict-oldest', 'reject') {
        my $site = WxLogin::Test::Sessions->new($db, config => "WxLoginMaxSessions 3 $policy\n");
        my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
        my @s = map { $site->sign_in('off', 'one') } 1 .. 3;
        my $res = post_json($site->at('off'), '/api/login/', { code => 'one' });
        my @alive = map { $_->{sid} } $site->alive($s[0]{user_id});
        if ($policy eq 'reject') {
            error_ok($res, 403, 'SESSION_LIMIT_REACHED', name => 'reject: the fourth is refused');
            is_deeply \@alive, [ map { $_->{sid} } @s ], 'the three live';
            is $site->logout('off', { refresh => $s[1]{refresh} })->{status}, 200, 'one signs out';
            is post_json($site->at('off'), '/api/login/', { code => 'one' })->{status}, 200, 'and there is room';
            $site->shift($s[0]{sid}, expires_at => -40 * 86_400);
            is post_json($site->at('off'), '/api/login/', { code => 'one' })->{status}, 200, 'one that has expired takes no room';
        }
        else {
            is $res->{status}, 200, 'evict: the fourth is served';
            is_deeply \@alive, [ (map { $_->{sid} } @s[ 1, 2 ]), claims($res->{json}{access})->{sid} ], 'the oldest has ended';
            is $site->row($s[0]{sid})->{revoked_why}, 'limit', 'its row says why';
            error_ok($site->refresh('off', $s[0]{refresh}), 401, 'TOKEN_NOT_VALID', name => 'its refresh token');
            error_ok($site->ask('off', GET => '/api/user/profile/', $s[0]{access}), 401, 'TOKEN_NOT_VALID', name => 'its access token, at once');
        }
        is scalar $site->alive($site->sign_in('off', 'another')->{user_id}), 1, 'another user has his own';

        # all at once, several times: never more than three, and never fewer
        for my $round (1 .. 4) {
            my @res = parallel($site->at('off'), map { json_request('/api/login/', { code => "race-$round" }) } 1 .. 12);
            my @good = grep { $_->{status} == 200 } @res;
            error_ok($_, 403, 'SESSION_LIMIT_REACHED', name => "$policy: refused") for grep { $_->{status} != 200 } @res;
            my %living = map { $_->{sid} => 1 } $site->alive($good[0]{json}{user}{id});
            is scalar keys %living, 3, "$policy, round $round: three of twelve live";
            is scalar @good, $policy eq 'reject' ? 3 : 12, 'so many were answered 200';
            next if $policy ne 'reject';
            is scalar(grep { $living{ claims($_->{json}{access})->{sid} } } @good), 3, 'and those are the ones that live';
        }
        $log->done;
    }
};

# -- requests with the same code open the same session: all of them are refused, or none is
for_each_db {
    my $wechat = WxLogin::Test::FakeWeChat->new;
    my $site = WxLogin::Test::Sessions->new(shift, config => <<"CONF");
WxLoginMaxSessions 1 reject
WxLoginAppId \${WX_APP_ID}
WxLoginAppSecret env:WX_APP_SECRET
WxLoginExchangeURL @{[ $wechat->url ]}
CONF
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    my $openid = 'o' . 'Same' x 6 . 'One';
    for my $round (1 .. 5) {
        my ($first, $second) = $wechat->codes(2, openid => "$openid$round", latency => 200);
        my @res = parallel($site->at('off'), map { json_request('/api/login/', { code => $first }) } 1 .. 8);
        is join(' ', map { $_->{status} } @res), join(' ', (200) x 8), "round $round: the first code, eight times at once";
        my $id = $res[0]{json}{user}{id};
        my ($sid) = map { $_->{sid} } $site->alive($id);
        @res = parallel($site->at('off'), map { json_request('/api/login/', { code => $second }) } 1 .. 8);
        error_ok($_, 403, 'SESSION_LIMIT_REACHED', name => 'the second code: refused') for @res;
        is_deeply [ map { $_->{sid} } $site->alive($id) ], [$sid], 'one session lives, the first';
        is_deeply [ map { $_->{revoked_why} } grep { $_->{sid} ne $sid } $site->rows($id) ], ['limit'], 'the other is kept, and is over';
    }
    $log->done;
};

# -- the time
for_each_db {
    my $site = WxLogin::Test::Sessions->new(shift, config => "WxLoginSessionIdle 20d\nWxLoginSessionMax 40d\n");
    my $log = WxLogin::Test::ErrorLog->watch($site->httpd);
    my $day = 86_400;
    for my $mode (qw(off tolerant strict)) {
        my $s = $site->sign_in($mode, "time-$mode");
        my $row = $site->row($s->{sid});
        $site->shift($s->{sid}, last_used_at => -20 * $day - 1);
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'TOKEN_EXPIRED', action => 'sign_in', name => "$mode: idle for too long");
        is $site->row($s->{sid})->{refresh_digest}, $row->{refresh_digest}, 'nothing has been replaced';
        $site->shift($s->{sid}, last_used_at => $day);
        is $site->refresh($mode, $s->{refresh})->{status}, 200, "$mode: not for too long";
        cmp_ok $site->row($s->{sid})->{last_used_at}, '>=', $row->{last_used_at}, 'and the use is noted';

        $s = $site->sign_in($mode, "max-$mode");
        $site->shift($s->{sid}, created_at => -39 * $day);
        my $res = $site->refresh($mode, $s->{refresh});
        my $end = int(($site->row($s->{sid})->{created_at}) / 1e6) + 40 * $day;
        is claims($res->{json}{access})->{exp}, $end, "$mode: the access token ends with the session";
        is claims($res->{json}{refresh})->{exp}, $end, "$mode: so does the refresh token" if $mode ne 'off';
        my $token = $res->{json}{refresh} // $s->{refresh};
        $site->shift($s->{sid}, created_at => -$day - 1);
        error_ok($site->refresh($mode, $token), 401, 'TOKEN_EXPIRED', name => "$mode: over, however often it was used");

        $s = $site->sign_in($mode, "end-$mode");
        $site->shift($s->{sid}, expires_at => -30 * $day);
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'TOKEN_EXPIRED', name => "$mode: the row has expired");

        # from outside: the triggers of the schema
        $s = $site->sign_in($mode, "user-$mode");
        $site->disable($s->{user_id});
        is $site->row($s->{sid})->{revoked_why}, 'disabled', "$mode: disabling a user ends his session";
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'USER_INACTIVE', name => "$mode: disabled");
        $site->enable($s->{user_id});
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'TOKEN_NOT_VALID', name => "$mode: enabled again, the session stays over");
        $site->delete_user($s->{user_id});
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'USER_NOT_FOUND', name => "$mode: gone");
        is $site->row($s->{sid})->{address}, undef, 'and so is where he came from';
        $s = $site->sign_in($mode, "wiped-$mode");
        $site->dbh->do('DELETE FROM wxlogin_session WHERE sid = ?', undef, $s->{sid});
        error_ok($site->refresh($mode, $s->{refresh}), 401, 'TOKEN_NOT_VALID', name => "$mode: a row that is not there");
    }
    my $admin = $site->sign_in('off', 'admin-boss');
    $log->announce(qr/WXL0001/);
    my $false = $site->pg ? 'false' : 0;
    $site->dbh->do("UPDATE wxlogin_user SET is_staff = $false WHERE id = ?", undef, $admin->{user_id});
    is $site->row($admin->{sid})->{revoked_why}, 'rights', 'a right that is taken ends the session';
    my $known = $site->sign_in('off', 'known');
    $site->dbh->do('UPDATE wxlogin_user SET phone = ? WHERE id = ?', undef, '1', $known->{user_id});
    $site->dbh->do('UPDATE wxlogin_user SET password = ? WHERE id = ?', undef, '!', $known->{user_id});
    is $site->row($known->{sid})->{revoked_at}, undef, 'another change does not';
    $site->dbh->do('UPDATE wxlogin_user SET password = ? WHERE id = ?', undef, 'new', $known->{user_id});
    is $site->row($known->{sid})->{revoked_why}, 'password', 'a new password does';
    $log->done;
};
done_testing;
