# Once: it has httpds and a Postgres of its own.
# A moment is the same moment everywhere: httpd writes it in its own time zone, and in which one
# Postgres, its session or an administrator's insert thinks makes no difference.
use strict;
use warnings;
use Test::More;
use Time::Local qw(timegm_modern);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Users;

my $JOINED = 1_709_210_096_000_007;    # 2024-02-29T12:34:56.000007Z

# TZ of httpd => the offset, and how that moment is written there
my %ZONES = (
    'UTC0'         => '2024-02-29T12:34:56.000007+00:00',
    '<+08>-8'      => '2024-02-29T20:34:56.000007+08:00',
    '<-0330>3:30'  => '2024-02-29T09:04:56.000007-03:30',
    '<+1345>-13:45' => '2024-03-01T02:19:56.000007+13:45',
    '<-12>12'      => '2024-02-29T00:34:56.000007-12:00',
);

sub usec {
    my ($y, $m, $d, $H, $M, $S, $us, $sign, $oh, $om)
        = $_[0] =~ /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})([+-])(\d\d):(\d\d)$/ or return 0;
    my $offset = ($oh * 60 + $om) * 60 * ($sign eq '-' ? -1 : 1);
    return (timegm_modern($S, $M, $H, $d, $m - 1, $y) - $offset) * 1_000_000 + $us;
}

sub story {
    my ($httpd, $users, $name, $joined) = @_;
    $httpd->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    sign_in($httpd, 'traveller');
    $users->change(traveller => date_joined => $JOINED);
    my $before = int(Time::HiRes::time() * 1e6);
    my $user = login_ok(sign_in($httpd, 'traveller'), name => $name, date_joined => $joined) or return;
    is usec($user->{last_login_at}), $users->usec('traveller', 'last_login_at'), "$name: last_login_at is what is stored";
    cmp_ok usec($user->{last_login_at}), '>=', $before, "$name: and is now";
    is substr($user->{last_login_at}, -6), substr($joined, -6), "$name: in the same zone";
    $log->done;
    return;
}

my @names = sort keys %ZONES;
for my $tz (@names) {
    my $httpd = WxLogin::Test::Httpd->new(env => { TZ => $tz }, config => <<'CONF');
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
@SQLITE@
@ENDPOINTS@
CONF
    story($httpd, WxLogin::Test::Users->sqlite($httpd->root . '/wxlogin.db'), "SQLite, $tz", $ZONES{$tz});
}

SKIP: {
    skip WxLogin::Test::Postgres->missing, 1 if WxLogin::Test::Postgres->missing;
    my $pg = own_postgres(conf => { timezone => '<+0545>-05:45', datestyle => 'SQL, DMY', intervalstyle => 'sql_standard' });
    my $users = WxLogin::Test::Users->new($pg->dbh('wxlogin'));
    story(own_httpd($pg, env => { TZ => '<+08>-8' }), $users, 'Postgres, <+08>-8', $ZONES{'<+08>-8'});
    story(own_httpd($pg, env => { TZ => '<-0330>3:30' }, options => '-c TimeZone=Pacific/Kiritimati'), $users, 'Postgres, <-0330>3:30',
          $ZONES{'<-0330>3:30'});
}

done_testing;
