# Once: it has a Postgres and httpds of its own.
# Many sign in at the same time, and the data base is not left in peace: a row is locked, the same people
# come to several children, connections are ended, the table is altered.
use strict;
use warnings;
use List::Util qw(max shuffle);
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Load;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Waiting;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres();

sub requests { return map { json_request('/api/login/', { code => $_ }) } @_ }

sub all_fine {
    my ($name, @res) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %status;
    $status{ $_->{status} }++ for @res;
    return is_deeply \%status, { 200 => scalar @res }, $name
        || diag map { "$_->{status} $_->{body}\n" } grep { $_->{status} != 200 } @res;
}

# Somebody has begun a transaction and gone to lunch.  Whoever waits for that row waits, until it is let
# go; the others are served meanwhile.
subtest 'a row is kept locked' => sub {
    my $httpd = own_httpd($pg, max => 4, threads => 64)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    is sign_in($httpd, 'kept')->{status}, 200, 'somebody';
    my $holder = $pg->dbh('wxlogin');
    $holder->begin_work;
    $holder->do("SELECT 1 FROM wxlogin_user WHERE openid = 'kept' FOR UPDATE");
    my @who = ('kept', map { $_ % 10 ? "neighbour-$_" : 'kept' } 1 .. 29);
    my $waiting = WxLogin::Test::Waiting->send($httpd, requests(@who));
    my @others = $waiting->first(27, 10);
    all_fine('all but three are answered', @others);
    is scalar(grep { $_->{json}{user}{openid} eq 'kept' } @others), 0, '... who are the one whose row is locked';
    diag sprintf 'the others: up to %.2f s', max map { $_->{took} } @others;
    $holder->rollback;
    # one who has no connection yet is sent away after three seconds
    my @kept = grep { $_->{status} != 503 || $_->{took} < 2.9 } ($waiting->answers(10))[ grep { $who[$_] eq 'kept' } 0 .. $#who ];
    ok scalar @kept, 'he is let in, too';
    all_fine('in the end', @kept);
    $holder->disconnect;
    $log->done;
};

# The same few, in any order, in every child: rows are locked in one order, or this would be a deadlock.
subtest 'several children, the same people' => sub {
    for my $mpm (qw(event prefork)) {
        my $httpd = own_httpd($pg, mpm => $mpm, children => 3, threads => 20, max => 2, options => '-c deadlock_timeout=20')->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        for my $round (1 .. 12) {
            my @codes = shuffle((map { "same-$_" } 1 .. 12) x 4);
            my @res = parallel($httpd, requests(@codes));
            next if !grep { $_->{status} != 200 } @res;
            all_fine("$mpm, round $round", @res);
        }
        is_deeply [ map { $_->{json}{user}{openid} } parallel($httpd, requests(map { "same-$_" } 1 .. 9)) ], [ map { "same-$_" } 1 .. 9 ], "$mpm: all is well";
        $log->done;
    }
    unlike $pg->log, qr/deadlock/, 'no deadlock';
};

subtest 'connections are killed' => sub {
    for my $children (1, 3) {
        my $httpd = own_httpd($pg, children => $children, threads => 40, max => 3)->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd);
        my $load = WxLogin::Test::Load->start($httpd, clients => 24, request => sub { requests('kill-' . (($_[0] + $_[1]) % 17)) });
        ok $load->wait_for(sub { $_->{status} == 200 }), 'they sign in';
        my $killed = 0;
        for (1 .. 12) {
            $load->go_on(0.2);
            $load->all_answered;    # nobody meets two of them
            $killed += $pg->kill_backends;
        }
        $load->go_on(0.3);
        my $seen = $load->stop;
        diag sprintf '%d children: %d connections killed, %d sign-ins', $children, $killed, scalar @$seen;
        cmp_ok $killed, '>=', 12, 'connections were killed';
        is_deeply [ keys %{ WxLogin::Test::Load->count($seen) } ], [200], 'every answer is 200'
            or diag explain WxLogin::Test::Load->count($seen);
        $log->done;
    }
};

subtest 'Postgres is restarted' => sub {
    my $httpd = own_httpd($pg, children => 2, threads => 40, max => 3)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0401: .* 503 SERVICE_UNAVAILABLE|WXL051[01]:/);
    my $load = WxLogin::Test::Load->start($httpd, clients => 24, pause => 0.01, request => sub { requests("restart-$_[0]") });
    ok $load->wait_for(sub { $_->{status} == 200 }), 'they sign in';
    for my $mode (qw(fast immediate)) {
        $pg->restart($mode);
        ok $load->wait_for(sub { $_->{status} == 200 }, 10), "$mode: and again";
        $load->go_on(1.2);
    }
    my $seen = $load->stop;
    my $count = WxLogin::Test::Load->count($seen);
    diag join ', ', map { "$count->{$_} x $_" } sort keys %$count;
    is_deeply [ grep { !/^(?:200|503)$/ } keys %$count ], [], '200 and 503 only';
    is scalar(grep { $_->{status} == 503 && !$_->{retry_after} } @$seen), 0, 'each 503 says when to try again';
    $log->done;
};

subtest 'the table is altered' => sub {
    my $httpd = own_httpd($pg, threads => 40, max => 2)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $dbh = $pg->dbh('wxlogin');
    all_fine('before', parallel($httpd, requests(map { "alter-$_" } 1 .. 30)));
    for my $sql ('ALTER TABLE wxlogin_user ALTER COLUMN username TYPE varchar(160)', 'ALTER TABLE wxlogin_user ADD COLUMN nick text',
                 'ALTER TABLE wxlogin_user ALTER COLUMN phone TYPE text', 'ALTER TABLE wxlogin_user DROP COLUMN nick',
                 'ALTER TABLE wxlogin_session ADD COLUMN nick text', 'CREATE INDEX ON wxlogin_user (phone)') {
        $dbh->do($sql);
        all_fine($sql, parallel($httpd, requests(map { "alter-$_" } 1 .. 30)));
    }
    $log->done;
};

# A statement that fails is prepared again before it is believed; what was prepared before is given back.
subtest 'what is refused again and again' => sub {
    my $httpd = own_httpd($pg, threads => 10, max => 1)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/prepared/);
    my $dbh = $pg->dbh('wxlogin');
    $dbh->do(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.openid LIKE 'refused%' THEN RAISE 'prepared: %', (SELECT count(*) FROM pg_prepared_statements); END IF; RETURN NEW; END $$});
    $dbh->do('CREATE TRIGGER refuse BEFORE INSERT ON wxlogin_user FOR EACH ROW EXECUTE FUNCTION refuse()');
    error_ok(sign_in($httpd, "refused-$_"), 500, 'INTERNAL_ERROR') for 1 .. 3;
    parallel($httpd, requests(map { "refused-$_" } 1 .. 10)) for 1 .. 3;
    all_fine('others sign in', parallel($httpd, requests(map { "fine-$_" } 1 .. 10)));
    my @seen = map { /prepared: (\d+)/ } $log->lines(qr/prepared: \d+/);
    is scalar @seen, 33, 'each is told why';
    cmp_ok max(@seen), '<=', $seen[0] + 1, 'and the data base is not filled with statements';
    $log->done;
};

done_testing;
