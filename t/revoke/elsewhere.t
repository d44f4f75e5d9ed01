# Once: it has a Postgres and httpds of its own.
# What was ended elsewhere, by another host or by an administrator, reaches the guard within
# WxLoginRevocationPoll, under every MPM, on both data bases.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Revoke;
use WxLogin::Test::Users;

my $missing = WxLogin::Test::Postgres->missing;
my $pg = $missing ? undef : own_postgres();

# Committed later than the short overlap of two readings: it waits for the long one, which comes once
# a minute. The others are tested meanwhile.
my ($late, $very_late);
if ($pg) {
    $late = guarded($pg)->start;
    my $first;
    ($first, $very_late) = map { enters($late, "late-$_") } 1, 2;
    my $dbh = $pg->dbh('wxlogin');
    revoke($dbh, $first);
    dies($late, $first, 'TOKEN_NOT_VALID', 'the first reading is over');
    $dbh->do(q(UPDATE wxlogin_session SET revoked_at = now() - interval '10 minutes' WHERE sid = ?), undef, $very_late->{sid});
    $dbh->disconnect;
}

# Two hosts with one data base; what is done by SQL is felt on both.
sub two_hosts {
    my ($mpm) = @_;
    my @hosts = map { guarded($pg, mpm => $mpm, children => 2, max => 4)->start } 1, 2;
    my @logs = map { WxLogin::Test::ErrorLog->watch($_) } @hosts;
    my ($one, $two) = @hosts;
    my $dbh = $pg->dbh('wxlogin');
    my $users = WxLogin::Test::Users->new($dbh);

    my ($anna, $bert) = map { enters($one, "$_-$mpm") } qw(anna bert);
    my $other = enters($two, "anna-$mpm");
    lives($_, $anna, 'let in') for @hosts;
    revoke($dbh, $anna);
    dies($two, $anna, 'TOKEN_NOT_VALID', "$mpm: a session revoked by SQL, on one host");
    dies($one, $anna, 'TOKEN_NOT_VALID', "$mpm: and on the other");
    dead($_, $anna, 'TOKEN_NOT_VALID', 'by all its children') for @hosts;
    lives($_, $other, 'her other session goes on') for @hosts;
    lives($_, $bert, 'so does everybody else') for @hosts;
    error_ok(post_json($one, '/api/token/verify/', { token => $anna->{access} }), 401, 'TOKEN_NOT_VALID', name => 'verify says so, too');
    verify_ok(post_json($one, '/api/token/verify/', { token => $other->{access} }));

    # rights that are withdrawn
    $users->change($bert->{openid}, is_staff => 1);
    lives($_, $bert, 'a right that is granted changes nothing') for @hosts;
    my $simple = bare($bert, iat => int(time) - 60);
    lives($_, $simple, 'a token of no session, as simplejwt makes it') for @hosts;
    $users->change($bert->{openid}, is_staff => 0);
    for my $host (@hosts) {
        dies($host, $bert, 'TOKEN_NOT_VALID', "$mpm: a right was withdrawn");
        dies($host, $simple, 'TOKEN_NOT_VALID', 'from tokens of no session, too');
        error_ok(post_json($host, '/api/token/verify/', { token => $simple->{access} }), 401, 'TOKEN_NOT_VALID', name => 'verify');
    }
    my $old = make_refresh($bert, 60);
    error_ok(post_json($one, '/api/token/refresh/', { refresh => $old }), 401, 'TOKEN_NOT_VALID', name => 'nor can such a one be refreshed');
    my $again = enters($two, "bert-$mpm");
    lives($_, $again, 'he signs in again') for @hosts;

    # disabled; enabled again a host knows it by the sign-in, or after WxLoginUserCache
    $users->change($again->{openid}, is_active => 0);
    dies($_, $again, 'USER_INACTIVE', "$mpm: a user was disabled") for @hosts;
    $users->change($again->{openid}, is_active => 1);
    my $back = enters($one, "bert-$mpm");
    lives($one, $back, 'enabled again: a new token is good');
    dead($one, $again, 'TOKEN_NOT_VALID', 'the old one is not');

    $dbh->do('DELETE FROM wxlogin_user WHERE id = ?', undef, $back->{id});
    dies($one, $back, 'USER_NOT_FOUND', "$mpm: a user was deleted");
    $dbh->disconnect;
    $_->done for @logs;
    return;
}

sub make_refresh {
    my ($user, $age) = @_;
    require WxLogin::Test::Token;
    return WxLogin::Test::Token::make_jwt(claims => WxLogin::Test::Token::refresh_claims(user_id => "$user->{id}", iat => int(time) - $age));
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm, two hosts" => sub {
        plan skip_all => $missing if $missing;
        two_hosts($mpm);
    };
}

# The administrator's sqlite3 is another process, too.
subtest 'sqlite' => sub {
    my $httpd = guarded('sqlite', children => 2)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my ($anna, $bert) = map { enters($httpd, $_) } qw(anna bert);
    my $file = $httpd->root . '/wxlogin.db';
    lives($httpd, $_, 'let in') for $anna, $bert;
    my $tool = sub { is system('sqlite3', '-cmd', '.timeout 5000', $file, $_[0]), 0, $_[0] };
    $tool->("UPDATE wxlogin_session SET revoked_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000 WHERE sid = '$anna->{sid}'");
    dies($httpd, $anna, 'TOKEN_NOT_VALID', 'a session revoked by the sqlite3 tool');
    dead($httpd, $anna, 'TOKEN_NOT_VALID', 'in all children');
    lives($httpd, $bert, 'the other one goes on');
    $tool->("UPDATE wxlogin_user SET is_active = 0 WHERE id = $bert->{id}");
    dies($httpd, $bert, 'USER_INACTIVE', 'a user disabled by it');
    $log->done;
};

# A transaction shows when it is committed, under the time at which it was begun.
subtest 'committed late' => sub {
    plan skip_all => $missing if $missing;
    my $httpd = guarded($pg)->start;
    my $anna = enters($httpd, 'late');
    my $dbh = $pg->dbh('wxlogin');
    $dbh->begin_work;
    revoke($dbh, $anna);
    sleep 4;
    lives($httpd, $anna, 'while it is open nobody knows of it');
    $dbh->commit;
    dies($httpd, $anna, 'TOKEN_NOT_VALID', 'when it has been committed');
    $dbh->disconnect;
};

subtest 'committed very late' => sub {
    plan skip_all => $missing if $missing;
    dies($late, $very_late, 'TOKEN_NOT_VALID', 'the reading that goes back further finds it', 70);
};

subtest 'off' => sub {
    plan skip_all => $missing if $missing;
    my $httpd = guarded($pg, config => "WxLoginRevocationPoll off\n")->start;
    my ($anna, $bert) = map { enters($httpd, "off-$_") } 1, 2;
    my $dbh = $pg->dbh('wxlogin');
    lives($httpd, $_, 'let in') for $anna, $bert;
    revoke($dbh, $anna);
    sleep 3;
    lives($httpd, $anna, 'what others end is not looked for');
    $httpd->graceful;
    dies($httpd, $anna, 'TOKEN_NOT_VALID', 'except when httpd starts');
    lives($httpd, $bert, 'the rest goes on');
    $dbh->disconnect;
};

# Stateless: sessions are of no interest, users are.
subtest 'WxLoginSessions off' => sub {
    plan skip_all => $missing if $missing;
    my $with = guarded($pg)->start;
    my $httpd = guarded($pg, config => "WxLoginSessions off\n")->start;
    my $anna = enters($with, 'stateless');
    my $dbh = $pg->dbh('wxlogin');
    lives($httpd, $anna, 'let in');
    revoke($dbh, $anna);
    dies($with, $anna, 'TOKEN_NOT_VALID', 'a host that keeps sessions');
    lives($httpd, $anna, 'one that does not');
    sleep 1.1;    # her tokens are to be of an earlier second
    WxLogin::Test::Users->new($dbh)->change('stateless', is_active => 0);
    dies($httpd, $anna, 'USER_INACTIVE', 'but a user who is disabled is refused');
    error_ok(post_json($httpd, '/api/token/refresh/', { refresh => $anna->{refresh} }), 401, 'TOKEN_NOT_VALID', name => 'and cannot refresh');
    $dbh->disconnect;
};
done_testing;
