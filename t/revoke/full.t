# Once: it has a Postgres and httpds of its own.
# More was ended than there is room to remember: nothing is forgotten, the data base is asked.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Revoke;
use WxLogin::Test::Users;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres(conf => { log_statement => 'all' });
my $dbh = $pg->dbh('wxlogin');
my $asked = sub { return scalar(() = $pg->log =~ /EXECUTE wxlogin_ended_ask|execute wxlogin_ended_ask/g) };

my $httpd = guarded($pg, config => "WxLoginRevocationSize 1\n", children => 2, max => 4)->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL051[01]|WXL0401: GET/);
my @ended = map { enters($httpd, "ended-$_") } 1 .. 20;
my @living = map { enters($httpd, "living-$_") } 1 .. 3;
my @disabled = map { enters($httpd, "disabled-$_") } 1 .. 20;
lives($httpd, $_, 'let in') for @living;
my $before = $asked->();
lives($httpd, $_, 'again') for @living;
is $asked->(), $before, 'the data base is not asked about tokens';

revoke($dbh, $_) for @ended;
dies($httpd, $_, 'TOKEN_NOT_VALID', "one of twenty that were revoked, room is for seven") for @ended;
ok scalar $log->wait_for(qr/WXL0551: more was revoked than there is room to remember/), 'the log tells it';
is scalar(my @told = $log->lines(qr/WXL0551/)), 1, 'once';
$before = $asked->();
lives($httpd, $_, 'who was not revoked goes on') for @living;
is $asked->() - $before, 3, 'now the data base is asked about them';
dead($httpd, $ended[0], 'TOKEN_NOT_VALID', 'all children know the first');
dead($httpd, $ended[-1], 'TOKEN_NOT_VALID', 'and the last');

my $users = WxLogin::Test::Users->new($dbh);
$users->change($_->{openid}, is_staff => 1)->change($_->{openid}, is_staff => 0) for @disabled;
dies($httpd, bare($_, iat => time - 60), 'TOKEN_NOT_VALID', 'a token from before the rights were withdrawn, of one user in twenty') for @disabled;
lives($httpd, bare($living[0]), 'a token of no session');

subtest 'a graceful restart' => sub {
    $httpd->graceful;
    dead($httpd, $ended[$_], 'TOKEN_NOT_VALID', "number $_") for 0, 7, 19;
    lives($httpd, $living[0], 'the rest');
};
subtest 'more room' => sub {
    $httpd->config($httpd->{config} =~ s/WxLoginRevocationSize 1$/WxLoginRevocationSize 1000/mr);
    $httpd->graceful;
    # the children of before may still be there: each answers as it should
    dead($httpd, $ended[$_], 'TOKEN_NOT_VALID', "number $_") for 0, 7, 19;
    my $count = -1;
    for (1 .. 100) {
        $before = $asked->();
        lives($httpd, $living[1], 'goes on') or last;
        $count = $asked->() - $before or last;
        sleep 0.1;
    }
    is $count, 0, 'and the data base is left alone again';
};
subtest 'without a data base' => sub {
    $httpd->config($httpd->{config} =~ s/WxLoginRevocationSize 1000$/WxLoginRevocationSize 1/mr);
    $httpd->stop;
    $httpd->start;
    dies($httpd, $_, 'TOKEN_NOT_VALID', 'a full restart reads it all again') for @ended;
    lives($httpd, $living[0], 'let in');
    $pg->stop('fast');
    my %seen;
    $seen{ ask($httpd, $_)->{status} }++ for @ended;
    is_deeply [ grep { $_ != 401 && $_ != 503 } keys %seen ], [], 'who was revoked is refused, or it cannot be told';
    ok $seen{401} && $seen{503}, 'some are remembered, others not' or diag explain \%seen;
    error_ok(ask($httpd, $living[0]), 503, 'SERVICE_UNAVAILABLE', action => 'wait', name => 'nor of who was not');
    $pg->start;
};
$dbh->disconnect;
$log->done;
done_testing;
