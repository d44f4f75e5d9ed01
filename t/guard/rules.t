# Require in all its forms, in all the places it may stand in; subrequests, redirects, .htaccess.
# Once: httpd asks who somebody is in the same way under every MPM
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;

my $cgi = ($ENV{WX_MPM} || 'event') eq 'prefork' ? 'cgi' : 'cgid';
# ids: anna 1, admin-boss 2, carl 3
my @rules = (
    # name, what stands in the section; status without a token, of anna, of boss, of carl
    [ 'valid',      'Require valid-user',                                                401, 200, 200, 200 ],
    [ 'staff',      'Require wxlogin-staff',                                             401, 403, 200, 403 ],
    [ 'superuser',  'Require wxlogin-superuser',                                         401, 403, 200, 403 ],
    [ 'type',       'Require wxlogin-type admin editor',                                 401, 403, 200, 200 ],
    [ 'type2',      'Require wxlogin-type wechat',                                       401, 200, 403, 403 ],
    [ 'user',       'Require wxlogin-user 1 3',                                          401, 200, 403, 200 ],
    [ 'user2',      'Require user 2',                                                    401, 403, 200, 403 ],
    [ 'lines',      "Require wxlogin-staff\nRequire wxlogin-user 3",                     401, 403, 200, 200 ],
    [ 'any',        "<RequireAny>\nRequire wxlogin-staff\nRequire wxlogin-user 1\n</RequireAny>", 401, 200, 200, 403 ],
    [ 'all',        "<RequireAll>\nRequire valid-user\nRequire wxlogin-type wechat\n</RequireAll>", 401, 200, 403, 403 ],
    [ 'not',        "<RequireAll>\nRequire valid-user\nRequire not wxlogin-type admin\n</RequireAll>", 401, 200, 403, 200 ],
    [ 'none',       "<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire wxlogin-user 1\nRequire wxlogin-staff\n</RequireNone>\n</RequireAll>", 401, 403, 403, 200 ],
    [ 'nested',     "<RequireAny>\n<RequireAll>\nRequire wxlogin-type wechat\nRequire wxlogin-user 1\n</RequireAll>\nRequire wxlogin-superuser\n</RequireAny>", 401, 200, 200, 403 ],
    [ 'expr',       q{Require expr "%{REMOTE_USER} == '1'"},                             401, 200, 403, 403 ],
    [ 'method',     "<RequireAny>\nRequire method GET\nRequire wxlogin-staff\n</RequireAny>", 200, 200, 200, 200 ],
    [ 'here',       "<RequireAny>\nRequire ip 127.0.0.0/8\nRequire valid-user\n</RequireAny>", 200, 200, 200, 200 ],
    [ 'elsewhere',  "<RequireAll>\nRequire ip 10.0.0.0/8\nRequire valid-user\n</RequireAll>", 403, 403, 403, 403 ],
    [ 'or-here',    "<RequireAny>\nRequire ip 10.0.0.0/8\nRequire wxlogin-staff\n</RequireAny>", 401, 403, 200, 403 ],
    [ 'nobody',     'Require all denied',                                                403, 403, 403, 403 ],
    [ 'open',       'Require all granted',                                               200, 200, 200, 200 ],
    [ 'forbidding', "AuthzSendForbiddenOnFailure On\nRequire wxlogin-staff",             401, 403, 200, 403 ],
    [ 'opt-open',   "WxLoginGuard optional\nRequire all granted",                        200, 200, 200, 200 ],
    [ 'opt-valid',  "WxLoginGuard optional\nRequire valid-user",                         200, 200, 200, 200 ],
    [ 'opt-staff',  "WxLoginGuard optional\nRequire wxlogin-staff",                      401, 403, 200, 403 ],
    [ 'opt-not',    "WxLoginGuard optional\n<RequireAll>\nRequire all granted\nRequire not wxlogin-user 1\n</RequireAll>", 200, 403, 200, 200 ],
    [ 'opt-denied', "WxLoginGuard optional\nRequire all denied",                         403, 403, 403, 403 ],
);
my $config = join '', map { <<"CONF" } @rules;
ProxyPass "/r/$_->[0]/" http://\@BACKEND\@/
<Location "/r/$_->[0]/">
    AuthType WxLogin
    $_->[1]
</Location>
CONF
$config .= <<'CONF';
ErrorDocument 401 "nobody reads this"
ErrorDocument 403 "nor that"
AddHandler cgi-script .cgi
<Directory "@ROOT@/htdocs">
    Options ExecCGI Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    AllowOverride None
</Directory>
<Directory "@ROOT@/htdocs/ht">
    AllowOverride AuthConfig
</Directory>
<Directory "@ROOT@/htdocs/strict">
    AllowOverride Indexes
</Directory>
<Location "/file">
    AuthType WxLogin
    Require wxlogin-staff
    <If "%{QUERY_STRING} == 'anna'">
        Require wxlogin-user 1
    </If>
</Location>
<Location "/file/open.txt">
    Require all granted
</Location>
<Location "/write/">
    AuthType WxLogin
    <LimitExcept GET HEAD OPTIONS>
        Require wxlogin-staff
    </LimitExcept>
    <Limit GET HEAD OPTIONS>
        Require all granted
    </Limit>
</Location>
ProxyPass /write/ http://@BACKEND@/
<Directory "@ROOT@/htdocs/dir">
    <Files "index.html">
        AuthType WxLogin
        Require valid-user
    </Files>
    DirectoryIndex index.html
</Directory>
<Location "/cgi">
    AuthType WxLogin
    Require valid-user
    DirectoryIndex env.cgi
    ErrorDocument 404 /cgi/env.cgi
</Location>
<Location "/lost">
    AuthType WxLogin
    Require valid-user
    ErrorDocument 404 /free/after
</Location>
ProxyPass /free/ http://@BACKEND@/
<Location "/found">
    ErrorDocument 404 /cgi/env.cgi
</Location>
Protocols h2c http/1.1
CONF

sub furnish {
    my $httpd = shift;
    mkdir $httpd->root . "/htdocs/$_" for qw(ht strict dir);
    $httpd->write('htdocs/ht/a.txt', "a\n");
    $httpd->write('htdocs/ht/.htaccess', "AuthType WxLogin\nWxLoginRealm ht\nRequire wxlogin-type wechat\n");
    mkdir $httpd->root . '/htdocs/ht/maybe';
    $httpd->write('htdocs/ht/maybe/a.txt', "a\n");
    $httpd->write('htdocs/ht/maybe/.htaccess', "WxLoginGuard optional\nRequire all granted\n");
    mkdir $httpd->root . '/htdocs/ht/query';
    $httpd->write('htdocs/ht/query/a.txt', "a\n");
    $httpd->write('htdocs/ht/query/.htaccess', "WxLoginTokenFrom query:t\n");
    $httpd->write('htdocs/strict/a.txt', "a\n");
    $httpd->write('htdocs/strict/.htaccess', "WxLoginGuard optional\n");
    $httpd->write('htdocs/dir/index.html', "the index\n");
    $httpd->write('htdocs/file/open.txt', "open\n");
    $httpd->write('htdocs/ssi/page.shtml', 'file:<!--#include virtual="/file/hello.txt"--> cgi:<!--#include virtual="/cgi/env.cgi"-->.');
    return;
}

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift, config => $config, prepare => \&furnish,
        modules => [ $cgi, qw(include dir access_compat) ]);
    my ($anna, $boss, $carl) = map { $site->sign_in($_) } qw(anna admin-boss carl);
    is "$anna->{id} $boss->{id} $carl->{id}", '1 2 3', 'the ids that Require names';
    $site->change($carl, user_type => 'editor');
    $site->httpd->stop;
    $site->httpd->start;

    my @who = ([ 'nobody' ], [ anna => $anna ], [ boss => $boss ], [ carl => $carl ]);
    for my $rule (@rules) {
        my ($name, $text, @status) = @$rule;
        for my $i (0 .. 3) {
            my $user = $who[$i][1];
            my $res = $site->ask(GET => "/r/$name/x", token => $user && $user->{access});
            my $title = "$name, $who[$i][0]";
            if ($status[$i] == 200) {
                is $res->{status}, 200, "$title: let in";
                # where nobody had to be asked for, nobody was, unless the guard is optional
                my $known = $user && ($name =~ /^opt-/ || $status[0] != 200) ? $user->{id} : undef;
                is header_of($res->{got}, 'X-Wx-User-Id'), $known, "$title: and told of";
            }
            else {
                error_ok($res, $status[$i], $status[$i] == 401 ? 'NOT_AUTHENTICATED' : 'PERMISSION_DENIED', name => "$title: $status[$i]");
            }
        }
        my $bad = $site->ask(GET => "/r/$name/x", token => 'bad');
        if ($status[0] == 401 || $name =~ /^opt-(?!denied)/) { error_ok($bad, 401, 'TOKEN_NOT_VALID', name => "$name, a bad token") }
        elsif ($name ne 'opt-denied') { is $bad->{status}, $status[0], "$name, a bad token nobody asked for" }
    }

    my $as = sub { my ($user, $path, $method) = @_; return $site->ask($method || 'GET', $path, token => $user && $user->{access}) };
    subtest '<If> and nested sections' => sub {
        error_ok($as->($anna, '/file/hello.txt'), 403, 'PERMISSION_DENIED');
        is $as->($anna, '/file/hello.txt?anna')->{status}, 200, '<If> lets her in';
        error_ok($as->($boss, '/file/hello.txt?anna'), 403, 'PERMISSION_DENIED');
        is $as->(undef, '/file/open.txt')->{body}, "open\n", 'a section inside opens again';
    };
    subtest '<Limit>' => sub {
        is $as->(undef, '/write/x')->{status}, 200, 'reading';
        is $as->(undef, '/write/x', 'OPTIONS')->{status}, 200, 'preflight';
        error_ok($as->(undef, '/write/x', 'DELETE'), 401, 'NOT_AUTHENTICATED');
        error_ok($as->($anna, '/write/x', 'DELETE'), 403, 'PERMISSION_DENIED');
        is $as->($boss, '/write/x', 'DELETE')->{status}, 200, 'writing';
    };
    subtest '.htaccess' => sub {
        my $none = $as->(undef, '/ht/a.txt');
        error_ok($none, 401, 'NOT_AUTHENTICATED');
        is $none->{headers}{'www-authenticate'}, 'Bearer realm="ht"', 'its realm';
        is $as->($anna, '/ht/a.txt')->{body}, "a\n", 'let in';
        error_ok($as->($boss, '/ht/a.txt'), 403, 'PERMISSION_DENIED');
        is $as->(undef, '/ht/maybe/a.txt')->{body}, "a\n", 'optional below';
        error_ok($site->ask(GET => '/ht/maybe/a.txt', token => 'x'), 401, 'TOKEN_NOT_VALID');
        is $as->(undef, '/strict/a.txt')->{status}, 500, 'not without AllowOverride AuthConfig';
        is $as->(undef, '/ht/query/a.txt')->{status}, 500, 'WxLoginTokenFrom is not for .htaccess';
    };
    subtest 'subrequests' => sub {
        my $none = $as->(undef, '/ssi/page.shtml');
        is $none->{status}, 200, 'the page is open';
        unlike $none->{body}, qr/hello|echo/, 'what is guarded is not in it';
        unlike $none->{body}, qr/NOT_AUTHENTICATED/, 'nor is its refusal';
        my $staff = $as->($boss, '/ssi/page.shtml')->{body};
        like $staff, qr/file:hello\n/, 'for staff it is';
        like $staff, qr/"WXLOGIN_USER_ID":"2"/, 'and the CGI in it knows who';
        my $user = $as->($anna, '/ssi/page.shtml')->{body};
        unlike $user, qr/hello/, 'each part by its own rule';
        like $user, qr/"WXLOGIN_USER_ID":"1"/, 'so this one is there';
    };
    subtest 'an index that is guarded by itself' => sub {
        my $none = $as->(undef, '/dir/');
        error_ok($none, 401, 'NOT_AUTHENTICATED');
        like $none->{headers}{'www-authenticate'}, qr/^Bearer realm="wxlogin"/, 'with its challenge';
        is $as->($anna, '/dir/')->{body}, "the index\n", 'let in';
    };
    subtest 'internal redirects' => sub {
        my $after = $as->($anna, '/lost/x')->{got};
        is $after->{target}, '/after', 'from a guarded place to an open one';
        is header_of($after, 'X-Wx-User-Id'), undef, 'whose back end is not told';
        error_ok($as->(undef, '/lost/x'), 401, 'NOT_AUTHENTICATED', name => 'refused before anything was looked for');
        is $as->($anna, '/found/x')->{got}{env}{WXLOGIN_USER_ID}, 1, 'from an open place to a guarded one';
        is $as->(undef, '/found/x')->{status}, 404, 'where a refusal stays what it was: httpd answers for the first request';
        for my $path ('/cgi/', '/cgi/lost.cgi') {
            my $env = $as->($carl, $path)->{got}{env};
            is $env->{WXLOGIN_USER_ID}, 3, "within one guarded place: $path";
            is $env->{REMOTE_USER}, 3, 'REMOTE_USER, too';
        }
    };
    subtest 'keep-alive and bodies' => sub {
        my $text = "POST /r/valid/x HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" . 'x' x 70_000
            . "GET /r/valid/y HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $anna->{access}\r\nConnection: close\r\n\r\n";
        my $res = raw($site->httpd, $text, all => 1, timeout => 10);
        is join(' ', map { $_->{status} } @{ $res->{all} || [] }), '401 200', 'what was refused is read over';
    };
    subtest 'HTTP/2' => sub {
        my ($features) = qx(curl --version 2>/dev/null) =~ /^Features:(.*)/m;
        plan skip_all => 'curl without HTTP/2' if ($features // '') !~ /HTTP2/;
        plan skip_all => 'no mod_http2' if !WxLogin::Test::Guard::module_file('http2');
        my $curl = sub {
            my ($path, @args) = @_;
            my $url = $site->httpd->url . $path;
            return scalar qx(curl -s -i --http2-prior-knowledge @{[ map { "'$_'" } @args ]} '$url');
        };
        my $none = $curl->('/r/valid/x');
        like $none, qr{^HTTP/2 401}, 'refused';
        like $none, qr/"error_code":"NOT_AUTHENTICATED"/, 'as JSON';
        like $none, qr/^content-type: application\/json\r$/m, 'and says so';
        my $in = $curl->('/r/valid/x', '-H', "Authorization: Bearer $anna->{access}", '-H', 'X-Wx-User-Id: 7777');
        like $in, qr{^HTTP/2 200}, 'let in';
        like $in, qr/\["X-Wx-User-Id","1"\]/, 'and told of';
        unlike $in, qr/7777/, 'by us alone';
        like $curl->('/r/staff/x', '-H', "Authorization: Bearer $anna->{access}"), qr{^HTTP/2 403.*PERMISSION_DENIED}s, 'denied';
        my $head = $curl->('/r/valid/x', '-I');
        like $head, qr{^HTTP/2 401.*content-length: \d{3}\r}s, 'HEAD';
    } if ($ENV{WX_MPM} || 'event') ne 'prefork';
    my @bad = grep { /\[wxlogin:(?:error|crit)\]|AH0005[12]/ } split /\n/, $site->log;
    is_deeply \@bad, [], 'no error in the log';
};
done_testing;
