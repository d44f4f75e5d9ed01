# Once: it has a Postgres and httpds of its own.
# Sessions that are long over are removed, in batches, by one child at a time.
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;
use WxLogin::Test::Revoke;
use WxLogin::Test::Users;

# access tokens of an hour: what ended 25 hours ago, and the 5 minutes of slack, is over
my $config = "WxLoginAccessTTL 1h\n";
my ($OVER, $NOT_YET) = (25 * 3600 + 400, 25 * 3600);

sub fill {
    my ($dbh) = @_;
    my $pg = $dbh->{Driver}{Name} eq 'Pg';
    my $ago = $pg ? "now() - ?::integer * interval '1 second'"
        : "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER) - ? * 1000000";
    my $sid = $pg ? "md5(? || n::text)::uuid" : "? || printf('%031x', n)";
    my $series = $pg ? 'generate_series(1, ?::integer) AS s(n)'
        : '(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < CAST(? AS INTEGER)) SELECT n FROM s)';
    my $digest = $pg ? "md5('x')::uuid" : "'x'";
    my $epoch = $pg ? "'epoch'::timestamptz" : 0;
    my $insert = sub {
        my ($tag, $count, $expired, $revoked) = @_;
        my $when = defined $revoked ? $ago : 'NULL';
        $dbh->do("INSERT INTO wxlogin_session (sid, user_id, created_at, last_used_at, expires_at, revoked_at, refresh_digest)"
            . " SELECT $sid, 7, $epoch, $epoch, $ago, $when, $digest FROM $series", undef,
            $tag, $expired, defined $revoked ? $revoked : (), $count);
    };
    $insert->(1, 800, $OVER);
    $insert->(2, 800, -1000, $OVER);
    $insert->(3, 10, $NOT_YET);
    $insert->(4, 10, -1000, $NOT_YET);
    $insert->(5, 10, -1000);
    return;
}

sub purged {
    my ($httpd, $dbh, $name) = @_;
    my $count = sub { return ($dbh->selectrow_array('SELECT count(*) FROM wxlogin_session'))[0] };
    fill($dbh);
    is $count->(), 1630, 'there are old ones';
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $until = time + WxLogin::Test::Process::slow(15);
    sleep 0.1 while $count->() > 30 && time < $until;
    is $count->(), 30, "$name: those that are long over are removed, the others stay";
    my @batches = map { /WXL0555: (\d+) old/ } $log->wait_for(qr/WXL0555: 100 old/) ? $httpd->log =~ /WXL0555: \d+ old/g : ();
    is join(' ', @batches), '500 500 500 100', 'in batches, one after the other';
    my @at = map { /:(\d\d\.\d+) .*WXL0555/ } split /\n/, $httpd->log;
    cmp_ok(POSIX::fmod($at[1] - $at[0] + 60, 60), '>=', 0.5, 'with a pause') if @at > 1;
    is sign_in($httpd, 'meanwhile')->{status}, 200, 'people sign in';
    $log->done;
    return;
}

for my $mpm (qw(event prefork)) {
    subtest "pgsql, $mpm" => sub {
        plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
        my $pg = own_postgres();
        my $dbh = $pg->dbh('wxlogin');
        purged(guarded($pg, config => $config, mpm => $mpm, children => 3, max => 4), $dbh, "pgsql, $mpm");
        $dbh->disconnect;
    };
}
subtest 'sqlite' => sub {
    my $httpd = guarded('sqlite', config => $config, children => 3);
    my $dbh = WxLogin::Test::Users->sqlite($httpd->root . '/wxlogin.db')->dbh;
    purged($httpd, $dbh, 'sqlite');
    $dbh->disconnect;
};
done_testing;
