# Once: needs no particular MPM.
# Who is counted: addresses, networks of IPv6, users; who is not; and that nobody can pose as another.
use strict;
use warnings;
use Test::More;
use IO::Socket::IP ();
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $users = "ann:{SHA}" . sha('a') . "\nben:{SHA}" . sha('b') . "\n";
my $v6 = eval { IO::Socket::IP->new(LocalHost => '::1', Listen => 1) } ? 1 : 0;
my $more = <<'CONF';
LoadModule auth_basic_module @LIBEXEC@/mod_auth_basic.so
LoadModule authn_file_module @LIBEXEC@/mod_authn_file.so
<Location /ip>
    WxLoginRateLimit 2/60s
</Location>
<Location /except>
    WxLoginRateLimit 1/60s except=10.0.0.0/8,192.0.2.7,2001:db8:f::/48
</Location>
<Location /private>
    AuthType Basic
    AuthName private
    AuthUserFile @ROOT@/users
    Require valid-user
</Location>
<Location /private/client>
    WxLoginRateLimit 2/60s
</Location>
<Location /private/user>
    WxLoginRateLimit 2/60s key=user
</Location>
<Location /private/ip>
    WxLoginRateLimit 2/60s key=ip
</Location>
<Location /user>
    WxLoginRateLimit 1/60s key=user
</Location>
CONF
$more =~ s/\@LIBEXEC\@/WxLogin::Test::Httpd::libexecdir()/ge;
$more .= "Listen [::1]:\@PORT2\@\n" if $v6;
my $plain = "Listen 127.0.0.1:\@PORT3\@\n<Location /ip>\nWxLoginRateLimit 2/60s\n</Location>\n";

my $httpd = WxLogin::Test::Httpd->new(ports => 3, config => snippet($more));
$httpd->write(users => $users);
$httpd->start;

sub sha { require Digest::SHA; return Digest::SHA::sha1_base64($_[0]) . '=' }
sub from { return ('X-Client' => $_[0]) }
sub as { require MIME::Base64; return (Authorization => 'Basic ' . MIME::Base64::encode_base64("$_[0]:$_[1]", '')) }

is statuses($httpd, '/ip', 3, from('192.0.2.1')), '404 404 429', 'an address';
is statuses($httpd, '/ip', 3, from('192.0.2.2')), '404 404 429', 'its neighbour is another client';
is statuses($httpd, '/ip', 1, from('::ffff:192.0.2.1')), '429', 'IPv4 inside of IPv6 is IPv4';

is statuses($httpd, '/ip', 2, from('2001:db8:1:2::1')), '404 404', 'an address of IPv6';
is statuses($httpd, '/ip', 1, from("2001:db8:1:2:$_:1:2:3")), '429', "and $_ in the same /64" for qw(ffff 1234);
is statuses($httpd, '/ip', 1, from('2001:db8:1:3::1')), '404', 'the next /64 is another client';

SKIP: {
    skip 'no IPv6 here', 2 if !$v6;
    my $direct = "[::1]:" . $httpd->port(2);
    my $ask = sub {
        my $s = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $httpd->port(2)) or return "no connection: $@";
        print {$s} "GET /ip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        return (<$s> // '') =~ / (\d+) / ? $1 : 'nothing';
    };
    is join(' ', map { $ask->() } 1 .. 3), '404 404 429', "a real connection from ::1 ($direct)";
    is statuses($httpd, '/ip', 1, from('::2')), '429', 'whose /64 it is';
}

is statuses($httpd, '/except', 4, from('10.1.2.3')), '404 404 404 404', 'except= a network';
is statuses($httpd, '/except', 3, from('192.0.2.7')), '404 404 404', 'an address';
is statuses($httpd, '/except', 3, from('2001:db8:f:1::9')), '404 404 404', 'and a network of IPv6';
is statuses($httpd, '/except', 2, from('192.0.2.8')), '404 429', 'all others are counted';

is statuses($httpd, '/private/client', 3, from('192.0.2.10'), as('ann', 'a')), '404 404 429', 'a user who is signed in';
is statuses($httpd, '/private/client', 1, from('192.0.2.11'), as('ann', 'a')), '429', 'is the same from another address';
is statuses($httpd, '/private/client', 1, from('192.0.2.10'), as('ben', 'b')), '404', 'and another is not, from the same';
is statuses($httpd, '/private/client', 4, from('192.0.2.12'), as('ann', 'wrong')), '401 401 401 401',
    'who fails to sign in does not use up what the user has';
is statuses($httpd, '/private/user', 3, from('192.0.2.13'), as('ann', 'a')), '404 404 429', 'key=user';
is statuses($httpd, '/private/ip', 3, from('192.0.2.14'), as('ann', 'wrong')), '401 401 429',
    'key=ip is in front of the sign-in: no more guesses';
is statuses($httpd, '/private/ip', 1, from('192.0.2.14'), as('ann', 'a')), '429', 'for that address';
is statuses($httpd, '/private/ip', 1, from('192.0.2.15'), as('ann', 'a')), '404', 'and not for the user';
is statuses($httpd, '/user', 3, from('192.0.2.16')), '404 404 404', 'key=user where nobody signs in counts nobody';

is statuses($httpd, '/ip', 1, from('192.0.2.20'), 'X-Forwarded-For' => '192.0.2.99'), '404', 'X-Forwarded-For';
is statuses($httpd, '/ip', 2, from('192.0.2.20'), 'X-Forwarded-For' => "192.0.2.98"), '404 429', 'is not read';
$httpd->stop;

# without mod_remoteip no header makes another client
my $bare = WxLogin::Test::Httpd->new(ports => 3, config => $plain, loadmodules => sub { $_[0] =~ s/^.*remoteip.*$//mr });
$bare->start;
my @forged = map { [ $_ => '198.51.100.' . int rand 256 ] } qw(X-Forwarded-For X-Client X-Real-IP Forwarded Client-IP True-Client-IP);
is join(' ', map { statuses($bare, '/ip', 1, @$_) } @forged), '404 404 429 429 429 429', 'no header makes another client';
$bare->stop;
done_testing;
