# The shortcut of development: a code that begins with "admin" makes its user an administrator,
# and the log says so.  It is stored: an administrator stays one.  Production knows no shortcut.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Users;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $serial = sprintf '%s-%06x', $$, rand 1 << 24;
my $n = 0;
my %ADMIN = (user_type => 'admin', is_staff => JSON::PP::true, is_superuser => JSON::PP::true);
my %PLAIN = (user_type => 'wechat', is_staff => JSON::PP::false, is_superuser => JSON::PP::false);

# A code that begins with $prefix, for this openid
sub code_of {
    my ($prefix, $openid) = @_;
    my $code = $prefix . $serial . '-' . ++$n;
    $wechat->order($code =~ s/^\s+|\s+$//gr => { openid => $openid });
    return $code;
}

sub sign_in {
    my ($vhost, $name, $code, %expect) = @_;
    return login_ok(post_json($vhost, '/api/login/', { code => $code }), name => $name, %expect);
}

# How often the log tells of this user of this virtual host
sub told {
    my ($vhost, $id, $times) = @_;
    my ($address, $port) = target($vhost);
    my $line = qr/\[\Q$address\E:$port\] WXL0001: development: user $id signed in .* administrator/;
    $log->wait_for($line) if $times;
    is scalar(() = $log->lines($line)), $times, "lines in the log that say so";
    return;
}

sub story {
    my $vhost = shift;
    my $users = WxLogin::Test::Users->of($vhost);
    for my $prefix ('admin', 'ADMIN', 'aDmIn-', '   admin', "\tAdministrator", 'admin') {
        my $openid = $wechat->openid_of($wechat->code);
        my $user = sign_in($vhost, "a new user, '$prefix'", code_of($prefix, $openid), openid => $openid, %ADMIN) or next;
        my $row = $users->row($openid);
        is $row->{user_type}, 'admin', 'user_type is stored';
        ok $row->{$_}, "$_ is stored" for qw(is_staff is_superuser);
        told($vhost, $user->{id}, 1);
        sign_in($vhost, 'and stays one with any code', $wechat->code(openid => $openid), id => $user->{id}, %ADMIN);
        told($vhost, $user->{id}, 1);
    }
    my $openid = $wechat->openid_of($wechat->code);
    for my $prefix ('xadmin', 'admi', 'adm in', 'superadmin', "\x{430}dmin") {
        sign_in($vhost, 'only the beginning counts', code_of($prefix, $openid), openid => $openid, %PLAIN);
    }
    my $known = sign_in($vhost, 'a known user', $wechat->code(openid => $openid), openid => $openid, %PLAIN) or return;
    my $before = $users->row($openid);
    sign_in($vhost, 'becomes one', code_of('admin', $openid), id => $known->{id}, %ADMIN, username => $known->{username});
    my $after = $users->row($openid);
    delete @$_{qw(last_login_at is_staff is_superuser user_type)} for $before, $after;
    is_deeply $after, $before, 'and nothing else has changed';

    # what the shortcut cannot do: let somebody in who is shut out
    $users->change($openid, is_active => 0, is_staff => 0, is_superuser => 0, user_type => 'wechat');
    $before = $users->row($openid);
    error_ok(post_json($vhost, '/api/login/', { code => code_of('admin', $openid) }), 403, 'USER_INACTIVE', action => 'none');
    is_deeply $users->row($openid), $before, 'the row of a disabled user is untouched';
    return;
}

sub production {
    my $users = WxLogin::Test::Users->of('production');
    for my $prefix (qw(admin ADMIN)) {
        my $openid = $wechat->openid_of($wechat->code);
        my $user = sign_in('production', "$prefix is a code like any", code_of($prefix, $openid), openid => $openid, %PLAIN,
                           key => $ENV{WX_PRODUCTION_KEY}) or next;
        is $users->row($openid)->{user_type}, 'wechat', 'nothing is stored';
        told('production', $user->{id}, 0);
    }
    return;
}

for my $vhost (qw(sqlite pgsql)) {
    subtest $vhost => sub { story($vhost) };
}
subtest 'mock mode' => sub {
    for my $vhost (qw(mocksqlite mockpgsql)) {
        sign_in($vhost, $vhost, "  Admin $serial ", openid => "Admin $serial", %ADMIN);
    }
};
subtest production => \&production;
$log->done;
done_testing;
