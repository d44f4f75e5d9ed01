# Fifty taps on the button: fifty first logins of one openid at the same moment make one user and
# fifty answers, and so do fifty of a user who is known; fifty people make fifty users.
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

# Signs in with all these codes at once; the users' ids
sub at_once {
    my ($vhost, $name, @codes) = @_;
    my @res = parallel($vhost, map { json_request('/api/login/', { code => $_ }) } @codes);
    my %status;
    $status{ $_->{status} }++ for @res;
    is_deeply \%status, { 200 => scalar @codes }, "$name: every one of them is answered 200"
        or diag map { "$_->{status} " . ($_->{error} // '') . " $_->{body}\n" } grep { $_->{status} != 200 } @res;
    diag sprintf '%s, %s: %d in %.2f s', $vhost, $name, scalar @codes, (sort { $b <=> $a } map { $_->{took} } @res)[0];
    my %tokens = map { $_->{json}{access} => 1, $_->{json}{refresh} => 1 } grep { $_->{json} } @res;
    is keys %tokens, 2 * @codes, "$name: no token twice";
    my %id = map { $_->{json}{user}{id} // '' => 1 } @res;
    return keys %id;
}

for my $vhost (qw(sqlite pgsql)) {
    my $users = WxLogin::Test::Users->of($vhost);
    # WeChat answers all of them at about the same time, so that the data base is asked so, too
    my %one = (openid => $wechat->openid_of($wechat->code), latency => 150);
    is scalar at_once($vhost, 'first logins of one openid', $wechat->codes(50, %one)), 1, 'one user';
    is $users->count($one{openid}), 1, 'one row';
    is scalar at_once($vhost, 'again', $wechat->codes(50, %one)), 1, 'the same user';
    is $users->count($one{openid}), 1, 'still one row';
    my @people = $wechat->codes(50);
    is scalar at_once($vhost, 'fifty people', @people), 50, 'fifty users';
    is_deeply [ map { $wechat->asked($_) } @people ], [ (1) x 50 ], 'WeChat was asked once for each';
}
$log->done;
done_testing;
