# A token in the query or a cookie: it opens, and nobody else gets to see it: not the back end, not
# the access log, not the error log of any module, at trace8 (httpd's own core and http, which log
# what they read before any module is asked, at trace3).
# Once: httpd asks who somebody is in the same way under every MPM
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;

my $cgi = ($ENV{WX_MPM} || 'event') eq 'prefork' ? 'cgi' : 'cgid';
my $config = <<'CONF';
LogLevel trace8 core:trace3 http:trace3
CustomLog logs/wide_log "%r | %q | %U | %{REQUEST_URI}e | %{QUERY_STRING}e | %f"
AddHandler cgi-script .cgi
<Directory "@ROOT@/htdocs/cgi">
    Options ExecCGI
</Directory>
<LocationMatch "^/(?:cgi|file|plain|raw|rewritten|mapped)/">
    AuthType WxLogin
    Require valid-user
    WxLoginTokenFrom header query:access_token query:t cookie:wx_access
</LocationMatch>
ProxyPass /plain/ http://@BACKEND@/plain/
ProxyPass /raw/ http://@BACKEND@/raw/ nocanon
ProxyPass /mapped/ http://@BACKEND@/mapped/ mapping=encoded
ProxyPass /other/ http://@BACKEND@/other/
RewriteEngine On
RewriteRule "^/rewritten/(.*)" "http://@BACKEND@/rewritten/$1?was=%{QUERY_STRING}&uri=%{REQUEST_URI}" [P]
<Directory "@ROOT@/htdocs/late">
    AuthType WxLogin
    Require valid-user
    WxLoginTokenFrom query:access_token
</Directory>
<Location "/only-cookie/">
    AuthType WxLogin
    Require valid-user
    WxLoginTokenFrom cookie:wx_access
</Location>
ProxyPass /only-cookie/ http://@BACKEND@/only-cookie/
CONF

for_each_db {
    my $site = WxLogin::Test::Guard->new(shift, config => $config, modules => [$cgi], prepare => sub {
        mkdir $_[0]->root . '/htdocs/late';
        $_[0]->write('htdocs/late/a.txt', "late\n");
    });
    my $anna = $site->sign_in('anna');
    my $t = $anna->{access};
    # asked, [what the back end is asked for]; in each the token is somewhere
    my @good = (
        [ '/plain/x?access_token=TOKEN',             '/plain/x' ],
        [ '/plain/x?t=TOKEN',                        '/plain/x' ],
        [ '/plain/x?a=1&access_token=TOKEN',         '/plain/x?a=1' ],
        [ '/plain/x?access_token=TOKEN&b=2',         '/plain/x?b=2' ],
        [ '/plain/x?a=1&access_token=TOKEN&b=2',     '/plain/x?a=1&b=2' ],
        [ '/plain/x?a=1&&access_token=TOKEN&&b=%26', '/plain/x?a=1&&&b=%26' ],
        [ '/plain/x?access%5Ftoken=TOKEN&b',         '/plain/x?b' ],
        [ '/plain/x?%61ccess_token=TOKEN',           '/plain/x' ],
        [ '/plain/x?access_tokens=y&t=TOKEN',        '/plain/x?access_tokens=y' ],
        [ '/plain/x?b=access_token=y&t=TOKEN',       '/plain/x?b=access_token=y' ],
        [ '/plain/%E6%96%87?t=TOKEN&c=%E6%96%87',    '/plain/%E6%96%87?c=%E6%96%87' ],
        [ '/raw/x%2Fy?access_token=TOKEN&b=2',       undef ],
        [ '/raw/x?b=2&access_token=TOKEN',           '/raw/x?b=2' ],
        [ '/mapped/x?b=2&access_token=TOKEN',        '/mapped/x?b=2' ],
        [ '/rewritten/x?b=2&access_token=TOKEN',     '/rewritten/x?was=b=2&uri=/rewritten/x' ],
        [ '/%70lain/x?b=2&access_token=TOKEN',       '/plain/x?b=2' ],
        [ '/plain/./y/../x?access_token=TOKEN',      '/plain/x' ],
    );
    for my $case (@good) {
        my ($path, $target) = @$case;
        (my $asked = $path) =~ s/TOKEN/$t/;
        my $res = $site->ask(GET => $asked);
        if ($path =~ /%2F/) { is $res->{status}, 404, "$path: httpd refuses it"; next }
        is $res->{status}, 200, "$path: let in" or diag $res->{raw};
        is $res->{got}{target}, $target, "$path: what the back end is asked for" if $target;
        is header_of($res->{got}, 'X-Wx-User-Id'), $anna->{id}, "$path: who it was";
        is header_of($res->{got}, 'Authorization'), undef, "$path: no token made up for it";
    }
    my $env = $site->ask(GET => "/cgi/env.cgi?access_token=$t&b=2")->{got}{env};
    is $env->{QUERY_STRING}, 'b=2', 'CGI: QUERY_STRING';
    is $env->{REQUEST_URI}, '/cgi/env.cgi?b=2', 'CGI: REQUEST_URI';
    is $env->{WXLOGIN_USER_ID}, $anna->{id}, 'CGI: who it was';
    is $site->ask(GET => "/file/hello.txt?t=$t")->{body}, "hello\n", 'a file';
    is $site->ask(GET => "/late/a.txt?access_token=$t")->{body}, "late\n", '<Directory>';

    # cookies
    my $cookie = sub { return $site->ask(GET => $_[0], headers => [ Cookie => $_[1] ]) };
    is $cookie->('/plain/x', "a=b; wx_access=$t; c=d")->{status}, 200, 'a cookie';
    is $cookie->('/only-cookie/x', "wx_access=$t")->{status}, 200, 'a cookie alone';
    error_ok($site->ask(GET => '/only-cookie/x', token => $t), 401, 'NOT_AUTHENTICATED', name => 'no header where none is looked for');
    error_ok($cookie->('/plain/x', 'wx_access='), 401, 'NOT_AUTHENTICATED', name => 'an empty cookie');
    error_ok($cookie->('/plain/x', "wx_access=x; wx_access=$t"), 401, 'BAD_AUTHORIZATION_HEADER', name => 'two cookies');
    error_ok($cookie->('/plain/x', 'wx_access=x'), 401, 'TOKEN_NOT_VALID', name => 'a bad cookie');

    # refused; still nobody sees it
    my %refused = ("t=$t&access_token=$t" => 'BAD_AUTHORIZATION_HEADER', "t=$t&t=$t" => 'BAD_AUTHORIZATION_HEADER',
                   "t=${t}x" => 'TOKEN_NOT_VALID', "t=$anna->{refresh}" => 'TOKEN_NOT_VALID', 't=' => 'NOT_AUTHENTICATED',
                   't' => 'NOT_AUTHENTICATED', "T=$t" => 'NOT_AUTHENTICATED');
    for my $query (sort keys %refused) {
        next if $query =~ /^T/;
        error_ok($site->ask(GET => "/plain/x?$query"), 401, $refused{$query}, name => "refused: $refused{$query}");
    }
    is $site->ask(GET => "/plain/x?t=$anna->{refresh}", token => $t)->{status}, 200, 'the header comes first';
    is $site->ask(GET => "/plain/x?t=$anna->{refresh}", token => $t)->{got}{target}, '/plain/x', 'the query is cleaned all the same';

    # what fails before there is a location
    raw($site->httpd, "GET /plain/x?access_token=$t HTTP/1.1\r\n\r\n");
    raw($site->httpd, "GET /plain/../../x?access_token=$t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw($site->httpd, "GET /plain/%zz?access_token=$t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw($site->httpd, "GET /plain/x?access_token=$t HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n");
    raw($site->httpd, "GET /plain/x?access_token=$t#part HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    $site->ask(GET => "/nowhere?access_token=$t");
    $site->ask(XYZ => "/nowhere?access_token=$t");
    # elsewhere a parameter of that name is none of ours, but still stays out of the log
    my $other = $site->ask(GET => "/other/x?access_token=$t")->{got};
    is $other->{target}, "/other/x?access_token=$t", 'a place without query tokens keeps its query';

    $site->httpd->stop;
    my ($signature) = $t =~ /\.([^.]+)$/;
    my %text = ('access log' => $site->access_log, 'error log' => $site->log);
    open my $fh, '<', $site->httpd->root . '/logs/wide_log' or die;
    $text{'wide log'} = join '', <$fh>;
    for my $log (sort keys %text) {
        cmp_ok length $text{$log}, '>', 2000, "$log is there";
        # the error log of mod_proxy names the URL of that other place
        my @seen = grep { /\Q$signature\E/ && !m{/other/x} } split /\n/, $text{$log};
        is_deeply \@seen, [], "$log does not show the token";
    }
    like $text{'access log'}, qr{"GET /plain/x\?a=1&b=2 HTTP/1.1" 200}, 'the rest of the query is in it';
    my @back = grep { /\Q$signature\E/ && !m{^GET /other/|^Authorization: Bearer|^Cookie: } } split /\n/, $site->received;
    is_deeply \@back, [], 'the back end has not seen it';
};
done_testing;
