#!/usr/bin/perl
# Once: httpd walks through directories in the same way under every MPM
# An endpoint has no file, and httpd is spared the look for one: what is there makes no difference,
# and what the configuration says of directories and files holds as ever.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Httpd;

my $httpd = WxLogin::Test::Httpd->new(config => <<'CONF');
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
@SQLITE@
Alias /elsewhere "@ROOT@/elsewhere"
<Directory "@ROOT@/htdocs">
    AllowOverride All
    Options FollowSymLinks MultiViews
    Header always append X-Seen root
</Directory>
<Directory "@ROOT@/htdocs/denied">
    Require all denied
</Directory>
<Directory "@ROOT@/elsewhere">
    Require all granted
    Header always append X-Seen elsewhere
</Directory>
<DirectoryMatch "/htdocs/(?:far|match/login)$">
    Header always append X-Seen match
</DirectoryMatch>
<Files "named">
    Require all denied
</Files>
<LocationMatch "/(?:login|named)$">
    SetHandler wxlogin-login
</LocationMatch>
<Location "/off/login">
    SetHandler none
</Location>
CONF
for my $name (qw(denied hidden match file off)) { mkdir $httpd->root . "/htdocs/$name" or die }
mkdir $httpd->root . '/elsewhere' or die;
symlink 'denied', $httpd->root . '/htdocs/link' or die;
$httpd->write('htdocs/hidden/.htaccess', "Require all denied\n");
$httpd->write("htdocs/$_", "a file\n") for qw(file/login file/named off/login plain);
$httpd->start;

sub answer {
    my ($path, $status, $seen, $name) = @_;
    my $res = post_json($httpd, $path, { code => 'anna' });
    is $res->{status}, $status, "$path: $name";
    is $res->{headers}{'x-seen'}, $seen, '... and the sections of its directories hold' if defined $seen;
    return $res;
}

ok answer('/login', 200, 'root', 'nothing is there')->{json}{access}, 'somebody is signed in';
answer('/far/away/from/any/login', 200, 'root, match', 'no directory either');
answer('/plain/login', 200, 'root', 'below a file');
ok answer('/file/login', 200, 'root', 'a file is there')->{json}{access}, 'it is not in the way';
is get($httpd, '/file/login')->{status}, 405, 'nor is it shown';
answer('/match/login', 200, 'root, match', 'a section by regular expression');
answer('/denied/login', 403, undef, 'a directory that is denied');
answer('/link/login', 200, 'root', 'a link to it: by its own name');
answer('/hidden/login', 403, undef, 'a directory that is denied by its .htaccess');
answer('/file/named', 403, undef, 'a file that is denied by its name');
answer('/elsewhere/login', 200, 'elsewhere', 'outside DocumentRoot');
is get($httpd, '/off/login')->{body}, "a file\n", 'where the handler is switched off again there are files';
is get($httpd, '/plain')->{body}, "a file\n", 'and everywhere else';

# httpd itself has to look where a link or a name of the client's leads to the directory
my $dir = WxLogin::Test::Httpd::libexecdir();
my $strict = WxLogin::Test::Httpd->new(
    loadmodules => sub { "$_[0]LoadModule vhost_alias_module $dir/mod_vhost_alias.so\n" },
    config => <<'CONF');
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
@SQLITE@
DocumentRoot "@ROOT@/link"
<Directory "@ROOT@">
    Options None
</Directory>
<Directory "@ROOT@/vhosts/*">
    Header always append X-Seen host
</Directory>
<LocationMatch "/login$">
    SetHandler wxlogin-login
</LocationMatch>
<VirtualHost *>
    ServerName link.example
</VirtualHost>
<VirtualHost *>
    ServerName plain.example
    DocumentRoot "@ROOT@/htdocs"
</VirtualHost>
<VirtualHost *>
    ServerName any.example
    ServerAlias *.example
    VirtualDocumentRoot "@ROOT@/vhosts/%0"
</VirtualHost>
CONF
symlink 'htdocs', $strict->root . '/link' or die;
for my $name ('vhosts', 'vhosts/here.example') { mkdir $strict->root . "/$name" or die }
$strict->start;
for (
    [ 'plain.example', 200, undef,  'a directory' ],
    [ 'link.example',  403, undef,  'a link, and they are not followed' ],
    [ 'here.example',  200, 'host', "a host's own directory" ],
    [ 'gone.example',  200, undef,  'a host without a directory has no section of it' ],
) {
    my ($host, $status, $seen, $name) = @$_;
    my $res = post_json($strict, '/login', { code => 'anna' }, Host => $host);
    is $res->{status}, $status, "$host: $name";
    is $res->{headers}{'x-seen'}, $seen, '... and its sections';
}
done_testing;
