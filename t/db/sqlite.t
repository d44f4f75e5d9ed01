# Once: it has httpds of its own.
# SQLite is a file, and others have their hands on files: the schema is changed by another process,
# somebody holds the lock, the directory cannot be written to, several children begin at the same time.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Process;
use WxLogin::Test::Users;
use WxLogin::Test::Waiting;

my $CONF = <<'CONF';
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
DBDriver sqlite3
DBDParams @ROOT@/db/wxlogin.db
DBDMin 1
DBDKeep 4
DBDMax 4
@ENDPOINTS@
CONF

# (httpd, file); not yet started
sub own {
    my %o = @_;
    my $httpd = WxLogin::Test::Httpd->new(%o, config => $CONF);
    mkdir $httpd->root . '/db';
    return ($httpd, WxLogin::Test::Httpd::sqlite_schema($httpd->root . '/db/wxlogin.db'));
}

# As an administrator would do it
sub tool {
    my ($file, $sql) = @_;
    return system('sqlite3', '-batch', '-bail', '-cmd', '.timeout 20000', $file, $sql) == 0;
}

subtest 'the schema changes under the statement' => sub {
    my ($httpd, $file) = own();
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $id = (login_ok(sign_in($httpd, 'me')) || {})->{id};
    for my $sql ('CREATE INDEX by_phone ON wxlogin_user (phone)', 'ALTER TABLE wxlogin_user ADD COLUMN nick TEXT', 'VACUUM',
                 'DROP INDEX by_phone', 'ALTER TABLE wxlogin_user DROP COLUMN nick', 'ANALYZE',
                 'ALTER TABLE wxlogin_user RENAME TO old; ALTER TABLE old RENAME TO wxlogin_user') {
        ok tool($file, $sql), $sql;
        # more at once than there are connections: each of them heals
        my %status = map { $_->{status} => 1 } parallel($httpd, map { json_request('/api/login/', { code => 'me' }) } 1 .. 12);
        is_deeply \%status, { 200 => 1 }, 'and all sign in';
        login_ok(sign_in($httpd, 'me'), id => $id);
    }
    ok tool($file, 'ALTER TABLE wxlogin_user RENAME TO hidden'), 'the table is gone';
    error_ok(sign_in($httpd, 'me'), 500, 'INTERNAL_ERROR', error => 'Internal server error', action => 'contact_operator') for 1 .. 2;
    ok tool($file, 'ALTER TABLE hidden RENAME TO wxlogin_user'), 'and there again';
    login_ok(sign_in($httpd, 'me'), id => $id);
    $log->done;
};

subtest 'the table is created after the start' => sub {
    my $httpd = WxLogin::Test::Httpd->new(config => $CONF);
    mkdir $httpd->root . '/db';
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    error_ok(sign_in($httpd, 'me'), 500, 'INTERNAL_ERROR', error => 'Internal server error', action => 'contact_operator');
    WxLogin::Test::Httpd::sqlite_schema($httpd->root . '/db/wxlogin.db');
    login_ok(sign_in($httpd, 'me'));
    $log->done;
};

subtest 'somebody holds the lock' => sub {
    my ($httpd, $file) = own();
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    is sign_in($httpd, 'me')->{status}, 200, 'before';
    my $users = WxLogin::Test::Users->sqlite($file);
    $users->dbh->do('BEGIN IMMEDIATE');
    my $res = sign_in($httpd, 'me');
    error_ok($res, 503, 'SERVICE_UNAVAILABLE', error => 'Service is unavailable', action => 'wait');
    diag sprintf 'a held lock: sent away after %.2f s', $res->{took};
    cmp_ok $res->{took}, '<', WxLogin::Test::Process::slow(6), 'in bounded time';
    ok scalar $log->wait_for(qr/database is locked/), 'the log says why';
    $users->dbh->do('ROLLBACK');
    login_ok(sign_in($httpd, 'me'), name => 'when it is let go');

    # one that is held for a moment only is waited for
    $users->dbh->do('BEGIN IMMEDIATE');
    my $arrived = arrivals($httpd);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        require POSIX;
        POSIX::_exit(sign_in($httpd, 'me')->{status} == 200 ? 0 : 1);
    }
    ok $arrived->(1, 30), 'he is there';
    Time::HiRes::sleep(0.4);
    $users->dbh->do('COMMIT');
    waitpid $pid, 0;
    is $? >> 8, 0, 'a short one is waited for';
    $log->done;
};

subtest 'a directory that cannot be written to' => sub {
    plan skip_all => 'root may write everywhere' if $> == 0;
    my ($httpd, $file) = own();
    my $dir = $httpd->root . '/db';
    chmod 0555, $dir;
    chmod 0444, $file;
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL051[01]/);
    my $res = sign_in($httpd, 'me');
    my @expect = $res->{status} == 503 ? (503, 'SERVICE_UNAVAILABLE') : (500, 'INTERNAL_ERROR');
    error_ok($res, @expect, name => "refused: $res->{status}");
    my ($line) = $log->wait_for(qr/WXL040/);
    like $line, qr/readonly|unable to open|out of reach/, 'the log says why';
    chmod 0755, $dir;
    chmod 0644, $file;
    # a connection that SQLite has opened read-only stays so: new ones are needed
    $httpd->graceful;
    heals($httpd, 'mended', 5);
    $log->done;
};

# Several children open the file and prepare at the same time, and everybody is new
subtest 'children side by side' => sub {
    for my $mpm (qw(event prefork)) {
        my ($httpd, $file) = own(mpm => $mpm, children => 3, threads => 8);
        $httpd->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my @codes = map { ("twin-$_", "twin-$_") } 1 .. 20;
        my @res = parallel($httpd, map { json_request('/api/login/', { code => $_ }) } @codes);
        my $count = {};
        $count->{ $_->{status} }++ for @res;
        is_deeply $count, { 200 => 40 }, "$mpm: forty sign-ins at once" or diag map { "$_->{status} $_->{body}\n" } grep { $_->{status} != 200 } @res;
        diag sprintf '%s, %d children: 40 in %.2f s', $mpm, scalar $httpd->children, (sort { $b <=> $a } map { $_->{took} } @res)[0];
        my $users = WxLogin::Test::Users->sqlite($file);
        is $users->count($_), 1, "one row for $_" for 'twin-1', 'twin-20';
        $log->done;
    }
};

done_testing;
