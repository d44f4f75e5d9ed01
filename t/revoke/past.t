# Once: it has a Postgres and httpds of its own.
# Ways past the guard's memory: tokens that outlive it, tokens made of older ones, sessions that are
# switched on later, clocks that differ, and a data base that hangs while others go on.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;
use WxLogin::Test::Revoke;
use WxLogin::Test::Token;
use WxLogin::Test::Users;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres();
my $dbh = $pg->dbh('wxlogin');
my $users = WxLogin::Test::Users->new($dbh);

sub verify  { my ($httpd, $token) = @_; return post_json($httpd, '/api/token/verify/', { token => $token }) }
sub refresh { my ($httpd, $token) = @_; return post_json($httpd, '/api/token/refresh/', { refresh => $token }) }

sub until_refused {
    my ($httpd, $token, $name) = @_;
    my $end = time + WxLogin::Test::Process::slow(8);
    my $res;
    do { $res = verify($httpd, $token); sleep 0.05 } while $res->{status} == 200 && time < $end;
    return error_ok($res, 401, 'TOKEN_NOT_VALID', name => $name);
}

# So long ago that no reading but the first goes back to it.
sub revoked_ago {
    my ($user, $interval) = @_;
    my $n = $dbh->do("UPDATE wxlogin_session SET revoked_at = now() - interval '$interval' WHERE sid = ?", undef, $user->{sid});
    return is $n, 1, "revoked $interval ago";
}

subtest 'a refresh token outlives the memory of its session' => sub {
    my $httpd = guarded($pg, config => "WxLoginAccessTTL 5m\n")->start;
    my ($anna, $bert, $carl) = map { enters($httpd, "outlives-$_") } 1 .. 3;
    verify_ok(verify($httpd, $anna->{refresh}), name => 'while the session lives');
    revoke($dbh, $bert);
    dies($httpd, $bert, 'TOKEN_NOT_VALID', 'the data base has been read');
    revoked_ago($anna, '1 hour');
    error_ok(verify($httpd, $anna->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'verify refuses the refresh token');
    error_ok(refresh($httpd, $anna->{refresh}), 401, 'TOKEN_NOT_VALID', name => 'as refresh does');
    verify_ok(verify($httpd, $carl->{refresh}), name => 'another session lives');
    $dbh->disconnect;
    $pg->stop('fast');
    error_ok(verify($httpd, $carl->{refresh}), 503, 'SERVICE_UNAVAILABLE', action => 'wait', name => 'without the data base nobody knows');
    verify_ok(verify($httpd, $carl->{access}), name => 'its access token is known to be good');
    $pg->start;
    $users = WxLogin::Test::Users->new($dbh = $pg->dbh('wxlogin'));
};

subtest 'a refresh does not carry a token of no session past the epoch' => sub {
    # one host that does not hear of it, with sessions or without, and one that does
    my $httpd = guarded($pg)->start;
    for my $sessions (qw(on off)) {
        my ($anna, $before) = map { enters($httpd, "laundry-$_-$sessions") } 1, 2;
        my $began = int(time) - 60;
        $users->change($before->{openid}, is_active => 0);
        my $deaf = guarded($pg, config => "WxLoginRevocationPoll off\nWxLoginSessions $sessions\n")->start;
        until_refused($deaf, bare($before, iat => $began)->{access}, 'its only reading is over');
        $users->change($anna->{openid}, is_staff => $_) for 1, 0;
        my $old = bare($anna, iat => $began);
        dies($httpd, $old, 'TOKEN_NOT_VALID', "sessions $sessions: a right was withdrawn, and that is known");
        my $res = refresh($deaf, make_jwt(claims => refresh_claims(user_id => "$anna->{id}", iat => $began)));
        token_ok($res->{json}{access}, 'access', user_id => "$anna->{id}", auth_time => $began);
        lives($deaf, { access => $res->{json}{access} }, 'who has not heard of it believes it');
        dead($httpd, { access => $res->{json}{access} }, 'TOKEN_NOT_VALID', 'and is as dead as the one it came from');
    }
};

subtest 'sessions switched on by a graceful restart' => sub {
    my $with = guarded($pg)->start;
    my ($anna, $bert, $carl, $dora) = map { enters($with, "switched-$_") } 1 .. 4;
    my $httpd = guarded($pg, config => "WxLoginSessions off\n")->start;
    lives($httpd, $_, 'let in') for $anna, $bert, $carl;
    my $plain = bare($dora, iat => int(time) - 60);
    $users->change($dora->{openid}, is_active => 0);
    dies($httpd, $plain, 'USER_INACTIVE', 'it reads what concerns users');
    revoked_ago($anna, '2 hours');
    lives($httpd, $anna, 'and not what concerns sessions');
    $httpd->config($httpd->{config} =~ s/WxLoginSessions off//r)->graceful;
    revoke($dbh, $bert);
    dies($httpd, $bert, 'TOKEN_NOT_VALID', 'now it does');
    dead($httpd, $anna, 'TOKEN_NOT_VALID', 'and knows what was ended long before');
    lives($httpd, $carl, 'the others go on');
};

# The epoch is of the data base's clock, a token of httpd's: here the former is 20 s ahead.
subtest 'a token of a session is none of the epoch' => sub {
    my $httpd = guarded($pg)->start;
    my $anna = enters($httpd, 'ahead');
    my $simple = bare($anna);
    lives($httpd, $anna, 'let in');
    $users->change($anna->{openid}, is_staff => $_) for 1, 0;
    $dbh->do("UPDATE wxlogin_user SET token_epoch = now() + interval '20 seconds' WHERE id = ?", undef, $anna->{id});
    my $again = enters($httpd, 'ahead');
    dies($httpd, $simple, 'TOKEN_NOT_VALID', 'a token of no session is dead');
    dead($httpd, $anna, 'TOKEN_NOT_VALID', 'so is the session that there was');
    lives($httpd, $again, 'but who signed in again is let in');
    verify_ok(verify($httpd, $again->{$_}), name => "verify: $_") for qw(access refresh);
};

subtest 'a data base that hangs does not hold up the others' => sub {
    my $params = $pg->params('wxlogin') . ' application_name=hangs connect_timeout=2';
    my $httpd = guarded('sqlite', ports => 2, config => <<"CONF")->start;
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
DBDriver pgsql
DBDParams "$params"
DBDMin 1
DBDKeep 4
DBDMax 4
\@ENDPOINTS\@
</VirtualHost>
CONF
    my $there = sign_in($httpd->at(2), 'hangs');
    is $there->{status}, 200, 'the other data base is there';
    my @users = map { enters($httpd, "held-$_") } 1 .. 2;
    lives($httpd, $_, 'let in') for @users;
    $pg->freeze;
    sleep 2.5;    # whoever is to look in it has begun to
    for my $user (@users) {
        my $sql = "UPDATE wxlogin_session SET revoked_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000 WHERE sid = '$user->{sid}'";
        is system('sqlite3', '-cmd', '.timeout 5000', $httpd->root . '/wxlogin.db', $sql), 0, 'a session revoked';
        dies($httpd, $user, 'TOKEN_NOT_VALID', 'is read all the same');
    }
    $pg->thaw;
};
$dbh->disconnect;
done_testing;
