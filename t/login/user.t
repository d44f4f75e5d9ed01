# Somebody signs in for the first time and is a new user; comes back and is the same one.
# In between an administrator has changed what can be changed: the sign-in leaves all of it alone,
# but for the time of the last login.  Whom the administrator has shut out stays out, and leaves no trace.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Users;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

# microseconds since 1970 of a time as it is answered, whatever its offset
sub usec {
    my $time = shift;
    require Time::Local;
    my ($y, $m, $d, $H, $M, $S, $us, $sign, $oh, $om)
        = $time =~ /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})([+-])(\d\d):(\d\d)$/ or return 0;
    my $offset = ($oh * 60 + $om) * 60 * ($sign eq '-' ? -1 : 1);
    return (Time::Local::timegm_modern($S, $M, $H, $d, $m - 1, $y) - $offset) * 1_000_000 + $us;
}

sub sign_in {
    my ($vhost, $openid) = @_;
    return post_json($vhost, '/api/login/', { code => $wechat->code(openid => $openid) });
}

sub new_user {
    my ($vhost, $users, $openid) = @_;
    is $users->count($openid), 0, 'nobody knows the openid yet';
    my $before = int(Time::HiRes::time() * 1e6);
    my $user = login_ok(
        sign_in($vhost, $openid), name => 'the first sign-in', openid => $openid, username => qr/^用户_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{2}$/,
        avatar_url => $WxLogin::Test::Contract::AVATAR, phone => undef, email => undef, user_type => 'wechat',
        is_superuser => $FALSE, is_staff => $FALSE, is_active => $TRUE, orders_count => 0, completed_orders_count => 0,
    ) or return;
    is $user->{date_joined}, $user->{last_login_at}, 'joined and signed in at the same moment';
    cmp_ok usec($user->{date_joined}), '>=', $before, 'which is now';
    cmp_ok usec($user->{date_joined}), '<=', Time::HiRes::time() * 1e6, 'and not later';

    my $row = $users->row($openid);
    is $row->{$_}, $user->{$_}, "$_ is what is stored" for qw(id openid username avatar_url phone email user_type);
    is $users->usec($openid, $_), usec($user->{$_}), "$_ is what is stored" for qw(date_joined last_login_at);
    is $row->{password}, '!', 'a password that none gives';
    return $user;
}

sub known_user {
    my ($vhost, $users, $openid, $user) = @_;
    my %change = (username => "Anna_\x{1F600}_$user->{id}", avatar_url => 'https://example.org/a.png', phone => '13800000000',
                  email => 'anna@example.org', is_staff => 1, date_joined => 1_600_000_000_000_001);
    $users->change($openid, %change);
    my $before = $users->row($openid);
    my $again = login_ok(
        sign_in($vhost, $openid), name => 'as the administrator has left it', id => $user->{id}, openid => $openid,
        (map { $_ => $change{$_} } qw(username avatar_url phone email)),
        is_staff => $TRUE, is_superuser => $FALSE, is_active => $TRUE, user_type => 'wechat',
    ) or return;
    is usec($again->{date_joined}), 1_600_000_000_000_001, 'date_joined to the microsecond';
    cmp_ok usec($again->{last_login_at}), '>', usec($user->{last_login_at}), 'last_login_at has moved';
    my $after = $users->row($openid);
    isnt delete $after->{last_login_at}, delete $before->{last_login_at}, 'in the table, too';
    is_deeply $after, $before, 'nothing else has';
    is $users->count($openid), 1, 'one row';
    return;
}

sub disabled_user {
    my ($vhost, $users, $openid) = @_;
    $users->change($openid, is_active => 0);
    my $before = $users->row($openid);
    for my $lang ('zh-CN', 'en') {
        my $res = post_json($vhost, '/api/login/', { code => $wechat->code(openid => $openid) }, 'Accept-Language' => $lang);
        error_ok($res, 403, 'USER_INACTIVE', error => 'User is inactive', action => 'none', lang => $lang);
        unlike $res->{body}, qr/access|refresh|Anna/, 'neither a token nor a name';
    }
    is_deeply $users->row($openid), $before, 'the row is untouched';
    $users->change($openid, is_active => 1);
    login_ok(sign_in($vhost, $openid), name => 'once more enabled');
    return;
}

sub story {
    my $vhost = shift;
    my $users = WxLogin::Test::Users->of($vhost);
    my $openid = $wechat->openid_of($wechat->code);
    my $user = new_user($vhost, $users, $openid) or return;
    known_user($vhost, $users, $openid, $user);
    disabled_user($vhost, $users, $openid);

    # two people are two users, also if their openids differ in the case of one letter
    my @two = map { login_ok(sign_in($vhost, $_), name => 'near namesakes', openid => $_) } "${openid}a", "${openid}A";
    isnt $two[0]{id}, $two[1]{id}, 'are two users';
    return;
}

for my $vhost (qw(sqlite pgsql)) {
    subtest $vhost => sub { story($vhost) };
}
$log->done;
done_testing;
