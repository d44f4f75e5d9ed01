# Once: it has a Postgres and httpds of its own.
# What this httpd ends itself is felt at once, by all its children; it outlives graceful restarts,
# the death of children and a data base that is away. Looking what others ended is nobody's in
# particular: whichever children are killed, it goes on; and it never holds up the end of httpd.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;
use WxLogin::Test::Revoke;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $pg = own_postgres();

sub log_out {
    my ($httpd, $user) = @_;
    my $res = post_json($httpd, '/api/logout/', {}, Authorization => "Bearer $user->{access}");
    return is $res->{status}, 200, "$user->{openid} logs out";
}

sub at_once {
    my ($mpm) = @_;
    # a poll that does not come to its help
    my $httpd = guarded($pg, mpm => $mpm, children => 3, max => 4, config => "WxLoginRevocationPoll 1h\n")->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL051[01]/);
    my ($phone, $tablet, $other) = map { enters($httpd, $_) } "anna-$mpm", "anna-$mpm", "bert-$mpm";
    lives($httpd, $_, 'let in') for $phone, $tablet, $other;
    my $began = time;
    log_out($httpd, $phone);
    dead($httpd, $phone, 'TOKEN_NOT_VALID', "$mpm: refused at once, by all children");
    cmp_ok time - $began, '<', WxLogin::Test::Process::slow(1), 'within a second';
    lives($httpd, $tablet, 'her other session goes on');
    error_ok(post_json($httpd, '/api/token/verify/', { token => $_ }), 401, 'TOKEN_NOT_VALID', name => 'verify') for @$phone{qw(access refresh)};
    error_ok(post_json($httpd, '/api/token/refresh/', { refresh => $phone->{refresh} }), 401, 'TOKEN_NOT_VALID', name => 'refresh');

    # nobody can look it up any more
    $pg->stop('fast');
    dead($httpd, $phone, 'TOKEN_NOT_VALID', 'the data base is away: still refused');
    lives($httpd, $tablet, 'who is known lately is let in');
    $httpd->graceful;
    dead($httpd, $phone, 'TOKEN_NOT_VALID', 'after a graceful restart');
    kill 'KILL', $httpd->children;
    $httpd->{process}->until(sub { $httpd->answers }, 10);
    dead($httpd, $phone, 'TOKEN_NOT_VALID', 'after the children were killed');
    lives($httpd, $tablet, 'the other one is let in');
    $pg->start;
    $httpd->stop;
    $httpd->start;
    dies($httpd, $phone, 'TOKEN_NOT_VALID', 'after a full restart it is read in the data base');
    lives($httpd, $tablet, 'and so is that the other one was not ended');
    $log->done;
    return;
}

sub killed {
    my ($mpm) = @_;
    my $httpd = guarded($pg, mpm => $mpm, children => 3, max => 2)->start;
    my $dbh = $pg->dbh('wxlogin');
    for my $round (1 .. 3) {
        my $user = enters($httpd, "killed-$mpm-$round");
        lives($httpd, $user, 'let in');
        my @children = $httpd->children;
        # all but one, another one each time; those that come instead take part
        kill 'KILL', grep { $_ != $children[ ($round - 1) % @children ] } @children;
        revoke($dbh, $user);
        dies($httpd, $user, 'TOKEN_NOT_VALID', "$mpm: somebody looks, whoever was killed", 25);
    }
    $dbh->disconnect;
    return;
}

# A Postgres that is there and does not answer: whoever looks in it hangs.
sub ends {
    my ($mpm) = @_;
    my $httpd = guarded($pg, mpm => $mpm, children => 2, max => 2, connect => 2)->start;
    my $user = enters($httpd, "frozen-$mpm");
    lives($httpd, $user, 'let in');
    my $began = time;
    $httpd->stop;
    my $usual = time - $began;
    $httpd->start;
    lives($httpd, $user, 'let in again');
    $pg->freeze;
    sleep 2.5;
    lives($httpd, $user, "$mpm: a data base that hangs is not felt by those who are known");
    $began = time;
    $httpd->stop;
    my $took = time - $began;
    $pg->thaw;
    note sprintf '%s: ends in %.1f s; with a data base that hangs %.1f s', $mpm, $usual, $took;
    cmp_ok $took, '<', WxLogin::Test::Process::slow(9), 'nor by who wants to stop httpd';
    unlike $httpd->log, qr/AH00046|AH0005[12]/, 'nobody had to be killed, nobody crashed';
    return;
}

for my $mpm (qw(event worker prefork)) {
    subtest "$mpm, at once" => sub { at_once($mpm) };
    subtest "$mpm, killed"  => sub { killed($mpm) };
    subtest "$mpm, the end" => sub { ends($mpm) };
}
done_testing;
