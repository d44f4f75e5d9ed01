# A Django back end with rest_framework_simplejwt beside us, under the same key: it takes our
# tokens and we take its own, for access and for refresh, and both refuse the same ones.
use strict;
use warnings;
use utf8;
use Test::More;
use IPC::Open2;
use JSON::PP ();
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Token;

# Debian's own Python: the package belongs to it
my $python = '/usr/bin/python3';
my $there = -x $python && system("$python -c 'import rest_framework_simplejwt' > /dev/null 2>&1") == 0;
plan skip_all => 'rest_framework_simplejwt is not installed (Debian: python3-djangorestframework-simplejwt)' if !$there;

my $wechat = WxLogin::Test::FakeWeChat->attach;
my $log = WxLogin::Test::ErrorLog->watch;
my $json = JSON::PP->new->utf8->canonical;

sub library {
    my ($key) = @_;
    my $pid = open2(my $out, my $in, $python, "$WxLogin::Test::Process::T/bin/simplejwt.py", $key);
    return { pid => $pid, in => $in, out => $out };
}
sub ask {
    my ($library, %request) = @_;
    my $in = $library->{in};
    print {$in} $json->encode(\%request), "\n";
    $in->flush;
    my $line = readline $library->{out};
    return defined $line ? $json->decode($line) : { error => 'simplejwt.py has ended' };
}
sub refresh { my ($vhost, $token) = @_; return post_json($vhost, '/api/token/refresh/', { refresh => $token }) }
sub verify  { my ($vhost, $token) = @_; return post_json($vhost, '/api/token/verify/', { token => $token }) }

my @hosts = ([ sqlite => 'WX_SECRET_KEY' ], [ production => 'WX_PRODUCTION_KEY' ]);
my %library = map { $_->[1] => library($_->[1]) } @hosts;

for (@hosts) {
    my ($vhost, $key) = @$_;
    my $django = $library{$key};
    my ($other) = map { $library{$_} } grep { $_ ne $key } keys %library;

    # ours, read there
    my $login = post_json($vhost, '/api/login/', { code => $wechat->code });
    my $user = login_ok($login, key => $ENV{$key}, name => "$vhost: sign-in");
    for my $type (qw(access refresh)) {
        my $token = $login->{json}{$type};
        my $theirs = ask($django, op => 'read', type => $type, token => $token);
        is_deeply $theirs->{claims}, jwt_claims($token, $ENV{$key}), "$vhost: simplejwt reads our $type token" or diag explain $theirs;
        ok ask($django, op => 'read', type => 'untyped', token => $token)->{claims}, 'and verifies it';
        my $plain = ask($django, op => 'jwt', token => $token);
        is_deeply $plain->{claims}, $theirs->{claims}, 'PyJWT reads the same';
        is_deeply $plain->{header}, { alg => 'HS256', typ => 'JWT' }, 'and the header';
        my $wrong = $type eq 'access' ? 'refresh' : 'access';
        like ask($django, op => 'read', type => $wrong, token => $token)->{error}, qr/wrong type/, "it is no $wrong token for them";
        like ask($other, op => 'read', type => $type, token => $token)->{error}, qr/invalid/i, 'nor theirs with another key';
    }
    my $renewed = refresh($vhost, $login->{json}{refresh});
    my $new = refresh_ok($renewed, key => $ENV{$key}, user_id => "$user->{id}", name => "$vhost: refresh");
    is_deeply ask($django, op => 'read', type => 'access', token => $renewed->{json}{access})->{claims}, $new, 'and what the refresh gave';
    my $mixed = ask($django, op => 'renew', token => $login->{json}{refresh});
    verify_ok(verify($vhost, $mixed->{token}), name => "$vhost: an access token that they made of our refresh token") or diag explain $mixed;

    # theirs, read here: old ones say the user as a number, newer ones as a string
    for my $id (7, '7', 9_007_199_254_740_993) {
        my $what = $json->allow_nonref->encode($id);
        my %theirs = map { $_ => ask($django, op => 'make', type => $_, user_id => $id)->{token} } qw(access refresh);
        verify_ok(verify($vhost, $theirs{$_}), name => "$vhost: we verify their $_ token of user $what") for sort keys %theirs;
        my $res = refresh($vhost, $theirs{refresh});
        my $claims = refresh_ok($res, key => $ENV{$key}, user_id => "$id", name => 'and refresh it');
        is_deeply ask($django, op => 'read', type => 'access', token => $res->{json}{access})->{claims}, $claims, 'and they read the result';
        error_ok(refresh($vhost, $theirs{access}), 401, 'TOKEN_NOT_VALID', name => 'their access token refreshes nothing');
        my $foreign = ask($other, op => 'make', type => 'access', user_id => $id)->{token};
        error_ok(verify($vhost, $foreign), 401, 'TOKEN_NOT_VALID', name => 'under another key it is worth nothing');
    }
    for my $type (qw(access refresh)) {
        my $old = ask($django, op => 'make', type => $type, user_id => 7, lifetime => -1)->{token};
        error_ok(verify($vhost, $old), 401, 'TOKEN_EXPIRED', action => $type eq 'access' ? 'refresh' : 'sign_in', name => "their old $type token");
        like ask($django, op => 'read', type => $type, token => $old)->{error}, qr/expired|invalid/, 'is old for them as well';
    }
    my $anonymous = ask($django, op => 'make', type => 'refresh', user_id => undef)->{token};
    error_ok(refresh($vhost, $anonymous), 401, 'TOKEN_NOT_VALID', name => 'their token of nobody');
}
for my $library (values %library) {
    close $library->{in};
    waitpid $library->{pid}, 0;
    is $?, 0, 'simplejwt.py ended in peace';
}
$log->done;
done_testing;
