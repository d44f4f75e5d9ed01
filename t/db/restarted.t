# Once: it has a Postgres and httpds of its own.
# Postgres goes away and comes back, in every way it does: restarted under load, stopped for a
# while, down when httpd starts, without our table.  Sign-in says 503 and when to try again, and
# works as soon as the data base does; nobody has to restart httpd.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Load;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres();
my $DOWN = qr/WXL0401: .* 503 SERVICE_UNAVAILABLE|WXL051[01]:/;

sub clients {
    my $httpd = shift;
    my $load = WxLogin::Test::Load->start($httpd, clients => 4, pause => 0.01,
        request => sub { json_request('/api/login/', { code => "client-$_[0]" }) });
    ok $load->wait_for(sub { $_->{status} == 200 }), 'they sign in';
    return $load;
}

# What may be answered while the data base is away: 200, or a 503 that says when
sub orderly {
    my ($name, $seen) = @_;
    my $count = WxLogin::Test::Load->count($seen);
    my @bad = grep { $_->{status} != 200 } @$seen;
    diag sprintf '%s: %s; slowest %.2f s, from first to last failure %.2f s', $name,
        join(', ', map { "$count->{$_} x $_" } sort keys %$count), (sort { $b <=> $a } map { $_->{took} } @$seen)[0],
        @bad ? $bad[-1]{at} - $bad[0]{at} : 0;
    is_deeply [ grep { !/^(?:200|503)$/ } sort keys %$count ], [], "$name: 200 and 503 only"
        or diag map { "$_->{status} $_->{error_code} $_->{error}\n" } grep { $_->{status} !~ /^(?:200|503)$/ } @bad[ 0 .. ($#bad > 9 ? 9 : $#bad) ];
    is scalar(grep { $_->{error_code} ne 'SERVICE_UNAVAILABLE' } @bad), 0, "$name: SERVICE_UNAVAILABLE";
    is scalar(grep { !$_->{retry_after} } @bad), 0, "$name: each with a time to try again";
    return @bad;
}

subtest 'restarted under load' => sub {
    for my $mpm (qw(event prefork)) {
        my $httpd = own_httpd($pg, mpm => $mpm, max => 4)->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce($DOWN);
        my $load = clients($httpd);
        for my $mode (qw(fast immediate)) {
            $pg->restart($mode);
            my $began = time;
            my $good = $load->wait_for(sub { $_->{status} == 200 }, 10);
            ok $good, "$mpm, $mode: sign-in works again" and diag sprintf '%s, %s: %.2f s after Postgres', $mpm, $mode, $good->{at} - $began;
            $load->go_on(1.2);    # the breakers of all children have closed
        }
        orderly("$mpm, restarted", $load->stop);
        $log->done;
    }
};

# The connections in the pool have died, and nobody knows yet.  After an immediate stop there is still
# a notice to be read from them, so that libpq takes them for alive once more.
subtest 'restarted while nobody signs in' => sub {
    for my $mpm (qw(event prefork)) {
        my $httpd = own_httpd($pg, mpm => $mpm, max => 4)->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        for my $mode (qw(fast immediate smart immediate)) {
            my @all = map { json_request('/api/login/', { code => "idle-$_" }) } 1 .. 8;
            is_deeply [ map { $_->{status} } parallel($httpd, @all) ], [ (200) x 8 ], "$mpm: eight sign in, $mode to come";
            # a smart stop waits for the sessions to end
            $pg->kill_backends if $mode eq 'smart';
            $pg->restart($mode);
            is_deeply [ map { $_->{status} } parallel($httpd, @all) ], [ (200) x 8 ], "$mpm, $mode: and notice nothing";
        }
        $log->done;
    }
};

subtest 'stopped for a while' => sub {
    my $httpd = own_httpd($pg, max => 4)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce($DOWN);
    my $load = clients($httpd);
    $pg->stop('fast');
    ok $load->wait_for(sub { $_->{status} == 503 }), 'down';
    $load->go_on(2.5);
    error_ok(sign_in($httpd, 'somebody'), 503, 'SERVICE_UNAVAILABLE', name => 'meanwhile', error => 'Service is unavailable', action => 'wait');
    $pg->start;
    heals($httpd, 'started again', 5);
    ok $load->wait_for(sub { $_->{status} == 200 }), 'for the others, too';
    my @bad = orderly('stopped', $load->stop);
    cmp_ok scalar @bad, '>', 10, 'while it was down there were failures, and fast ones';
    my $tries = () = $log->lines(qr/\[dbd:error\]/);
    cmp_ok $tries, '<', 60, "the data base was not asked each time ($tries lines of mod_dbd for @{[scalar @bad]} failures)";
    # dead connections in the pool may be taken for the data base once more: one line for each, at most
    my ($lost, $back) = map { scalar(() = $log->lines($_)) } qr/WXL0510/, qr/WXL0511/;
    is $back, $lost, 'as often back as it was lost';
    cmp_ok $lost, '<=', 4, "and the log is not full of it ($lost)";
    cmp_ok $lost, '>=', 1, 'but says so';
    $log->done;
};

subtest 'down when httpd starts' => sub {
    $pg->stop('fast');
    my $httpd = own_httpd($pg)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce($DOWN);
    for (1 .. 3) {
        my $res = sign_in($httpd, 'early');
        error_ok($res, 503, 'SERVICE_UNAVAILABLE', name => 'too early', error => 'Service is unavailable', action => 'wait');
        ok $res->{json}{retry_after}, 'says when to try again';
    }
    is get($httpd, '/index.html')->{status}, 200, 'httpd serves what needs no data base';
    $pg->start;
    heals($httpd, 'httpd was there first', 5);
    $log->done;
};

subtest 'the table is missing' => sub {
    $pg->create('empty', 0);
    my $httpd = own_httpd($pg, db => 'empty')->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0552: .*"wxlogin_user" does not exist/);
    error_ok(sign_in($httpd, 'early'), 500, 'INTERNAL_ERROR', name => 'no table', error => 'Internal server error',
             action => 'contact_operator') for 1 .. 2;
    ok scalar $log->wait_for(qr/"wxlogin_user" does not exist/), 'the log says what is missing';
    $pg->psql('empty', WxLogin::Test::Postgres->schema_file);
    heals($httpd, 'created', 1);

    # and changed, and replaced, under the statement that was prepared for it
    my $dbh = $pg->dbh('empty');
    for my $sql ('ALTER TABLE wxlogin_user ALTER COLUMN username TYPE varchar(160)', 'ALTER TABLE wxlogin_user ADD COLUMN nick text',
                 'ALTER TABLE wxlogin_user ALTER COLUMN phone TYPE text', 'CREATE INDEX ON wxlogin_user (phone)',
                 'ALTER TABLE wxlogin_user DROP COLUMN nick',
                 'ALTER TABLE wxlogin_user RENAME TO old; CREATE TABLE wxlogin_user (LIKE old INCLUDING ALL)') {
        $dbh->do($sql);
        login_ok(sign_in($httpd, 'healed'), name => $sql);
    }
    $dbh->disconnect;
    $log->done;
};

done_testing;
