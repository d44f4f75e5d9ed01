# Once: needs no particular MPM.
# Where limits hold: any location of the server, once a request, each with its own count.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $libexec = WxLogin::Test::Httpd::libexecdir();
my $more = <<"CONF" . <<'CONF';
LoadModule cgid_module $libexec/mod_cgid.so
LoadModule dir_module $libexec/mod_dir.so
LoadModule include_module $libexec/mod_include.so
LoadModule deflate_module $libexec/mod_deflate.so
CONF
ScriptSock @ROOT@/logs/cgisock
Header always set X-Always here
ScriptAlias /cgi/ @ROOT@/cgi/
ProxyPass /proxied/ http://127.0.0.1:@PORT2@/
Listen 127.0.0.1:@PORT2@
Listen 127.0.0.1:@PORT3@
<VirtualHost 127.0.0.1:@PORT2@>
    ServerName back
    <LocationMatch "^/static/">
        WxLoginRateLimit off
    </LocationMatch>
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT3@>
    ServerName other
</VirtualHost>
<LocationMatch "^/(?:static|cgi|proxied)/">
    WxLoginRateLimit 2/60s
</LocationMatch>
<Location /pair>
    WxLoginRateLimit 2/5s
    WxLoginRateLimit 3/60s key=ip name=pair-long
</Location>
<Location /pair/half>
    WxLoginRateLimit 100/60s name=inner
</Location>
<Location /pair/off>
    WxLoginRateLimit off
</Location>
<Location /shared/a>
    WxLoginRateLimit 2/60s name=shared
</Location>
<Location /shared/b>
    WxLoginRateLimit 2/60s name=shared
</Location>
<Location /dry>
    WxLoginRateLimit 1/60s dry-run
</Location>
<Location /failures>
    WxLoginRateLimit 2/60s count=failures
</Location>
<If "%{QUERY_STRING} =~ /expensive/">
    WxLoginRateLimit 1/60s
</If>
<Directory @ROOT@/htdocs/dir>
    WxLoginRateLimit 3/60s
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    DirectoryIndex page.shtml
</Directory>
RewriteEngine on
RewriteRule ^/once$ /dir/plain.html [PT]
<Directory @ROOT@/htdocs/again>
    RewriteEngine on
    RewriteRule ^x$ /shared/b/x [L]
    WxLoginRateLimit 2/60s name=shared
</Directory>
<Location /errors>
    WxLoginRateLimit 1/60s
    ErrorDocument 404 /errors/not-found.html
</Location>
CONF
my $httpd = WxLogin::Test::Httpd->new(ports => 3, loglevel => 'info', config => snippet($more));
mkdir $httpd->root . "/$_" for qw(cgi htdocs/static htdocs/dir htdocs/again htdocs/failures htdocs/dry htdocs/errors);
$httpd->write('cgi/hello' => "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n");
chmod 0755, $httpd->root . '/cgi/hello';
$httpd->write("htdocs/$_" => "plain\n") for qw(static/x.html dir/plain.html dry/x.html failures/x.html errors/not-found.html);
$httpd->write('htdocs/dir/page.shtml' => '<!--#include virtual="plain.html" --><!--#include virtual="plain.html" -->');
$httpd->start;

my $n = 0;
sub client { return ('X-Client' => '192.0.2.' . ++$n) }

is statuses($httpd, '/static/x.html', 3, client()), '200 200 429', 'a file';
is statuses($httpd, '/cgi/hello', 3, client()), '200 200 429', 'a program';
is statuses($httpd, '/proxied/static/x.html', 2, client()), '200 200', 'what another server answers';
my @who = client();
my $c = WxLogin::Test::Limit->connect($httpd);
is join(' ', map { $c->ask('/proxied/static/x.html', @who)->{headers}{'ratelimit-remaining'} } 1 .. 2), '1 0',
    'with RateLimit-Remaining on its answers';
is $c->ask('/proxied/static/x.html', @who)->{status}, 429, 'until it is used up';
is statuses($httpd, '/static/x.html', 1, @who), 429, 'one section, one count';
is statuses($httpd->at(3), '/static/x.html', 3, @who), '200 200 429', 'another virtual host counts for itself';

subtest 'two limits on one location' => sub {
    my @me = client();
    my $one = WxLogin::Test::Limit->connect($httpd);
    is join(' ', map { $one->ask('/pair', @me)->{headers}{'ratelimit-limit'} } 1 .. 2), '2 2', 'the headers are of the one with less left';
    my $refused = $one->ask('/pair', @me);
    is "$refused->{status} $refused->{headers}{'ratelimit-limit'}", '429 2', 'the short one refuses';
    sleep 5.1;
    is $one->ask('/pair', @me)->{status}, 404, 'its time is over; what it refused did not count in the long one';
    $refused = $one->ask('/pair', @me);
    is "$refused->{status} $refused->{headers}{'ratelimit-limit'}", '429 3', 'now the long one refuses';
    cmp_ok $refused->{headers}{'retry-after'}, '>', 20, 'for long';
    is statuses($httpd, '/pair/half', 3, @me), '404 404 404', 'an inner section that names limits has no others';
    is statuses($httpd, '/pair/off', 3, @me), '404 404 404', 'off clears';
};

@who = client();
is statuses($httpd, '/shared/a', 1, @who) . statuses($httpd, '/shared/b', 2, @who), '404404 429', 'one name, one count';
is statuses($httpd->at(3), '/shared/a', 1, @who), '429', 'also in another virtual host';

@who = client();
is statuses($httpd, '/dry/x.html', 4, @who), '200 200 200 200', 'dry-run refuses nobody';
is scalar(grep { /WXL0131: GET \/dry\/x.html would be refused: client 192\.0\.2\.$n /} split /\n/, $httpd->log), 1, 'and says so, once';

@who = client();
is statuses($httpd, '/failures/x.html', 5, @who), '200 200 200 200 200', 'count=failures: what succeeds does not count';
is statuses($httpd, '/failures/none', 3, @who), '404 404 429', 'what fails does';
is statuses($httpd, '/failures/x.html', 2, @who), '429 429', 'then all is refused';

is statuses($httpd, '/static/x.html?expensive', 2, client()), '200 429', 'a section <If>';

subtest 'a request counts once' => sub {
    my @me = client();
    is statuses($httpd, '/dir/', 4, @me), '200 200 200 429', 'a page that is made of others';
    is statuses($httpd, '/once', 4, client()), '200 200 200 429', 'one that is rewritten';
    is statuses($httpd, '/again/x', 3, client()), '404 404 429', 'one that is redirected into the same count';
    @me = client();
    my $one = WxLogin::Test::Limit->connect($httpd);
    my $missing = $one->ask('/errors/none', @me);
    like "$missing->{status} $missing->{body}", qr/^404 plain/, 'an error document';
    is $one->ask('/errors/none', @me)->{status}, 429, 'does not count, the request does';
};

subtest 'on the wire' => sub {
    my @me = client();
    statuses($httpd, '/static/x.html', 2, @me);
    my $one = WxLogin::Test::Limit->connect($httpd);
    my $refused = $one->ask('/static/x.html', @me);
    ok $refused->{open}, 'the connection stays open';
    is $refused->{headers}{'x-always'}, 'here', 'Header always is applied';
    is $refused->{headers}{'content-type'}, 'application/json', 'JSON, whatever the location serves';
    my $head = $one->ask('/static/x.html', -method => 'HEAD', @me);
    is "$head->{status}|$head->{body}", '429|', 'HEAD: no body';
    is $head->{headers}{'content-length'}, length($refused->{body}), 'and the length that GET would have had';
    my $post = $one->ask('/static/x.html', -method => 'POST', -body => 'x' x 1000, @me);
    ok $post->{status} == 429 && $post->{open}, 'a short body is read and dropped, the connection stays';
    is $one->ask('/static/x.html', @me)->{status}, 429, 'and is in order';
    my $long = $one->ask('/static/x.html', -method => 'POST', -body => 'x' x 100_000, @me);
    ok $long->{status} == 429 && !$long->{open}, 'a long one is not read, the connection ends';
    my $expecting = raw($httpd, "POST /static/x.html HTTP/1.1\r\nHost: x\r\nX-Client: $me[1]\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n", timeout => 3);
    is_deeply [ $expecting->{status}, $expecting->{interim} ], [ 429, [] ], 'who waits for 100 Continue is told 429 at once';
    my $http10 = raw($httpd, "GET /static/x.html HTTP/1.0\r\nX-Client: $me[1]\r\n\r\n");
    is $http10->{status}, 429, 'HTTP/1.0';
};
done_testing;
