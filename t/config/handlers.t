# Once: an httpd with a configuration of its own, under one MPM.
# An end point that comes by AddHandler or .htaccess, where nobody could have checked at start:
# with a configuration it works, without one it answers 500, says why in the log, and httpd
# lives on.  And without mod_unique_id requests have a number all the same.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Httpd;

my $map = <<'CONF';
<Directory "@ROOT@/htdocs">
    AllowOverride All
    AddHandler wxlogin-login .login
    AddHandler wxlogin-refresh .refresh
    AddHandler wxlogin-unknown .unknown
</Directory>
CONF
my %httpd = (
    bare => WxLogin::Test::Httpd->new(config => $map, loadmodules => sub { $_[0] =~ s/^LoadModule (?:dbd|unique_id)_module.*\n//mgr }),
    full => WxLogin::Test::Httpd->new(
        config => "WxLoginEnvironment development\nWxLoginSecretKey env:WX_SECRET_KEY\n\@SQLITE\@\n$map",
        loadmodules => sub { $_[0] =~ s/^LoadModule unique_id_module.*\n//mr }),
);
for my $httpd (values %httpd) {
    mkdir $httpd->root . "/htdocs/sub";
    $httpd->write("htdocs/$_", "the file itself\n") for qw(a.login a.refresh a.unknown sub/x.html);
    $httpd->write('htdocs/sub/.htaccess', qq(SetHandler wxlogin-login\n));
    mkdir $httpd->root . "/htdocs/bad";
    $httpd->write('htdocs/bad/.htaccess', qq(WxLoginSecretKey x\n));
    $httpd->start;
}

# --- nothing configured
my $log = WxLogin::Test::ErrorLog->watch($httpd{bare});
my @ids;
for my $path (qw(/a.login /a.refresh /sub/x.html /sub/)) {
    for my $lang (qw(zh-CN en)) {
        my $res = post_json($httpd{bare}, $path, { code => 'abc' }, 'Accept-Language' => $lang);
        error_ok($res, 500, 'INTERNAL_ERROR', error => 'Internal server error', action => 'contact_operator', lang => $lang, name => $path);
        my $id = $res->{json}{request_id};
        push @ids, $id;
        like $id, qr/^[0-9a-f]{24}$/, 'a number of our own';
        like $log->wait_for(qr/request_id $id/) // '', qr/\[wxlogin:crit\].* WXL0402: POST \Q$path\E: 500 INTERNAL_ERROR: WxLoginSecretKey is missing/,
            'the log says what is missing';
        unlike $res->{body}, qr/WxLogin|key/i, 'the client is not told';
    }
}
is scalar(keys %{ { map { $_ => 1 } @ids } }), scalar @ids, 'each request has a number of its own';
error_ok(get($httpd{bare}, '/a.login'), 405, 'METHOD_NOT_ALLOWED');
is request($httpd{bare}, OPTIONS => '/a.login')->{status}, 204, 'OPTIONS';
is get($httpd{bare}, '/a.unknown')->{body}, "the file itself\n", 'a handler that is none of ours is left to others';
is get($httpd{bare}, '/index.html')->{status}, 200, 'httpd lives';
my $bad = get($httpd{bare}, '/bad/');
is $bad->{status}, 500, 'a directive in .htaccess';
ok $log->wait_for(qr/WxLoginSecretKey not allowed here/), 'is not allowed';
$log->done;

# --- configured: it works by these ways as well
$log = WxLogin::Test::ErrorLog->watch($httpd{full});
login_ok(post_json($httpd{full}, $_, { code => 'abc' }), openid => 'abc', name => $_) for qw(/a.login /sub/x.html);
error_ok(post_json($httpd{full}, '/a.refresh', { refresh => 'x' }), 401, 'TOKEN_NOT_VALID');
my $res = post_json($httpd{full}, '/a.login', {});
error_ok($res, 400, 'BAD_REQUEST');
like $res->{json}{request_id}, qr/^[0-9a-f]{24}$/, 'a number of our own';
$log->done;
done_testing;
