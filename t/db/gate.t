# Once: it has a Postgres and httpds of its own.
# Somebody holds a lock, or all of Postgres is frozen.  mod_dbd's pool would make everybody wait for
# ever; the gate before it lets those wait who hold a connection, and sends the others away in time.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres();
my ($DEADLINE, $SLACK) = (3, WxLogin::Test::Process::slow(1));

sub requests { return map { json_request('/api/login/', { code => $_ }) } @_ }

# Those who had a connection end with the harm, the others by the clock
sub sorted_out {
    my ($name, $inside, @res) = @_;
    my @good = grep { $_->{status} == 200 } @res;
    my @bad = grep { $_->{status} != 200 } @res;
    diag sprintf '%s: %d waited for it, up to %.2f s; %d were sent away, after up to %.2f s', $name, scalar @good,
        (sort { $b <=> $a } map { $_->{took} } @good)[0] // 0, scalar @bad, (sort { $b <=> $a } map { $_->{took} } @bad)[0] // 0;
    is scalar @good, $inside, "$name: as many wait as there are connections";
    for my $res (@bad) {
        error_ok($res, 503, 'SERVICE_UNAVAILABLE', name => "$name: sent away", error => 'Service is unavailable', action => 'wait');
        is $res->{json}{retry_after}, 1, 'told when to try again';
        cmp_ok $res->{took}, '<', $DEADLINE + $SLACK, 'after three seconds';
        cmp_ok $res->{took}, '>', $DEADLINE - 0.5, 'not before';
    }
    return;
}

subtest "a held row, $_ connections" => sub {
    my $max = $_;
    my $httpd = own_httpd($pg, max => $max)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    is sign_in($httpd, "row-$max")->{status}, 200, 'somebody';
    my $holder = $pg->dbh('wxlogin');
    $holder->begin_work;
    $holder->do('SELECT 1 FROM wxlogin_user WHERE openid = ? FOR UPDATE', undef, "row-$max");
    my $waiting = WxLogin::Test::Waiting->send($httpd, requests(("row-$max") x 8));
    $waiting->first(8 - $max, 10);
    is_deeply [ map { $_->{status} } $waiting->first(9, 0.2) ], [ (503) x (8 - $max) ], 'nobody else ends while it is held';
    $holder->rollback;
    sorted_out("a held row, $max", $max, $waiting->answers(10));
    $holder->disconnect;
    is_deeply [ map { $_->{status} } parallel($httpd, requests(("row-$max") x 8, map { "other-$_" } 1 .. 8)) ], [ (200) x 16 ], 'afterwards all is well';
    $log->done;
} for 1, 2;

# With a lock_timeout Postgres itself ends the wait.
subtest 'a held row, lock_timeout' => sub {
    my $httpd = own_httpd($pg, max => 2, options => '-c lock_timeout=400')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL040[13]: .*lock timeout/);
    is sign_in($httpd, 'locked')->{status}, 200, 'somebody';
    my $holder = $pg->dbh('wxlogin');
    $holder->begin_work;
    $holder->do("SELECT 1 FROM wxlogin_user WHERE openid = 'locked' FOR UPDATE");
    my $res = sign_in($httpd, 'locked');
    like $res->{status}, qr/^50[03]$/, "refused: $res->{status}";
    cmp_ok $res->{took}, '<', 1 + $SLACK, 'soon';
    is sign_in($httpd, 'not locked')->{status}, 200, 'others sign in';
    $holder->rollback;
    is sign_in($httpd, 'locked')->{status}, 200, 'and so does he';
    $holder->disconnect;
    $log->done;
};

# Frozen: the kernel still takes connections and bytes, nobody answers.  Nothing but a deadline helps
# those who wait for their turn; those inside wait until it thaws (tcp_user_timeout does not help them
# either), or until a connection that is not yet there is given up.
subtest 'a frozen Postgres' => sub {
    my $httpd = own_httpd($pg, max => 2)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL051[01]/);
    is_deeply [ map { $_->{status} } parallel($httpd, requests('a' .. 'd')) ], [ (200) x 4 ], 'before';
    $pg->freeze;
    my $waiting = WxLogin::Test::Waiting->send($httpd, requests('a' .. 'h'));
    $waiting->first(6, 10);
    $pg->thaw;
    my @res = $waiting->answers(10);
    my @bad = grep { $_->{status} != 200 } @res;
    diag sprintf 'frozen: %d were sent away, after %.2f to %.2f s', scalar @bad, (sort { $a <=> $b } map { $_->{took} } @bad)[ 0, -1 ];
    cmp_ok scalar @bad, '>=', 6, 'two wait, at most';
    for my $res (@bad) {
        error_ok($res, 503, 'SERVICE_UNAVAILABLE', name => 'sent away', error => 'Service is unavailable', action => 'wait');
        is $res->{json}{retry_after}, 1, 'told when to try again';
        cmp_ok $res->{took}, '<', $DEADLINE + $SLACK, 'after three seconds, at most';
    }
    is get($httpd, '/index.html')->{status}, 200, 'httpd itself serves';
    heals($httpd, 'thawed', 3);
    is_deeply [ map { $_->{status} } parallel($httpd, requests('a' .. 'h')) ], [ (200) x 8 ], 'all is well';
    $log->done;
};

done_testing;
