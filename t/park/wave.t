# WeChat was slow for a while and answers all who wait within a moment.  A few of them at a time are
# woken, so that the others are still served; the rest stand in line.
# Once: it stops the data base
use strict;
use warnings;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Waiting;

my $why = WxLogin::Test::Postgres->missing;
plan skip_all => $why if $why;

my ($THREADS, $N) = (8, 40);
my $AWAKE = $THREADS / 2;
my $pg = own_postgres();
my $wechat = WxLogin::Test::FakeWeChat->new;
my $MORE = 'DBDriver pgsql' . "\n" . 'DBDParams "' . $pg->params('wxlogin') . " application_name=wxlogin\"\n" . <<'CONF';
<Location "/status">
    SetHandler server-status
</Location>
CONF

# All of them have their answer, but nobody gets on: the data base stands still until the handle is
# committed.
sub wave {
    my ($httpd, $n, $code) = @_;
    my $db = $pg->dbh('wxlogin');
    $db->begin_work;
    $db->do('LOCK TABLE wxlogin_user IN SHARE ROW EXCLUSIVE MODE');
    my $already = $wechat->answered_in_all;
    my $asked = $wechat->asked_in_all + $n;
    my @codes = $wechat->codes($n, openid => 'oWave', hold => 1);
    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes);
    is asked($wechat, $asked), $asked, "$n wait";
    $wechat->release(@codes);
    ok until_true(sub { $wechat->answered_in_all >= $already + $n }, 10), "WeChat has answered $n";
    my $in_line = $n - $AWAKE . ' parked, 0 blocking';
    until_true(sub { gauges($httpd) eq $in_line }, 10);
    is gauges($httpd), $in_line, "$AWAKE are awake";
    return ($db, $waiting, @codes);
}

# Those of the clients that hear something.
sub answered {
    my $want = '';
    vec($want, fileno $_, 1) = 1 for @_;
    select my $readable = $want, undef, undef, 0;
    return grep { vec $readable, fileno $_, 1 } @_;
}

my $httpd = waiting_httpd($wechat, threads => $THREADS, timeout => 5, more => $MORE)->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd);
my ($child) = $httpd->children;
login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'a sign-in');
my $before = load($child);

subtest 'visitors' => sub {
    my ($db, $waiting) = wave($httpd, $N);
    my @pages = map { get($httpd, '/index.html') } 1 .. 20;
    is_deeply statuses(@pages), { 200 => 20 }, 'twenty pages';
    is scalar(answered($waiting->sockets)), 0, '... before the first sign-in is through';
    is gauges($httpd), $N - $AWAKE . ' parked, 0 blocking', 'nobody else was woken';
    $db->commit;
    is_deeply statuses($waiting->answers(10)), { 200 => $N }, 'then they come in their turn';
    is gauges($httpd), '0 parked, 0 blocking', 'all of them';
};

subtest 'clients that leave while they stand in line' => sub {
    my ($db, $waiting) = wave($httpd, $N);
    my @jobs = splice @{ $waiting->{jobs} }, 0, $N - 3;
    setsockopt($_->{fh}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0) && close $_->{fh} for @jobs;
    $db->commit;
    is_deeply statuses($waiting->answers(10)), { 200 => 3 }, 'those who stay have their turn';
    ok until_true(sub { gauges($httpd) eq '0 parked, 0 blocking' }, 5), 'nothing stays of the others';
    ($db, $waiting) = wave($httpd, $N);
    $db->commit;
    is_deeply statuses($waiting->answers(10)), { 200 => $N }, 'and the next wave finds all places';
};

is load_back($child, $before, 8, $N + 8), '', 'but for connections to WeChat, nothing is left';
is_deeply [ $httpd->children ], [$child], 'the same child';
$log->done;

# TimeOut strikes whoever stands in line for too long: at once, and what WeChat said is not lost.
subtest 'TimeOut' => sub {
    $httpd = waiting_httpd($wechat, threads => $THREADS, timeout => 4, exact => 1, more => "${MORE}TimeOut 6\n")->start;
    $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0401: .*(?:before its turn|busy)/);
    my ($db, $waiting, @codes) = wave($httpd, 12);
    my @jobs = @{ $waiting->{jobs} };
    my %late;
    ok until_true(sub { @late{ answered($waiting->sockets) } = (); keys %late >= 12 - $AWAKE }, 20), 'who stands in line hears of it';
    is get($httpd, '/index.html')->{status}, 200, 'a page meanwhile';
    my @late = grep { exists $late{ $jobs[$_]{fh} } } 0 .. $#jobs;
    $db->commit;
    my @res = $waiting->answers(10);
    error_ok($_, 503, 'SERVICE_UNAVAILABLE', error => 'Service is unavailable', action => 'wait', retry_after => 1) for @res[ @late[ 0 .. 7 ] ];
    for my $i (@late[ 0, 7 ]) {
        login_ok(post_json($httpd, '/api/login/', { code => $codes[$i] }), name => 'the same code, later');
        is $wechat->asked($codes[$i]), 1, 'WeChat was asked once';
    }
    $log->done;
};

done_testing;
