# The deployments of conf/examples/ do what docs/deploy.md says of them.
use strict;
use warnings;
use utf8;
use Test::More;
use WxLogin::Test::Contract;
use WxLogin::Test::Guard;
use WxLogin::Test::Process;

my $TREE = "$WxLogin::Test::Process::T/..";

# An example as it stands, with the places of this machine in it.
sub example {
    my ($name, %swap) = @_;
    open my $fh, '<', "$TREE/conf/examples/$name.conf" or die "$name: $!";
    my $text = do { local $/; <$fh> };
    $text =~ s{^Include conf/wxlogin\.conf$}{Include "$TREE/conf/wxlogin.conf"}m or die "$name includes nothing";
    $text =~ s/^#(RemoteIP\w+)/$1/mg;
    $text =~ s/^#((?:DavLockDB|<Location "\/files\/shared|    |<\/Location).*)/$1/mg if $name eq 'files';
    while (my ($from, $to) = each %swap) { $text =~ s/\Q$from\E/$to/g or die "$name has no $from" }
    return "Define WXLOGIN_OWN_DBD\nDefine WXLOGIN_PREFIX /api\n$text\nWxLoginEnvironment development\nWxLoginSecretKey env:WX_SECRET_KEY\n";
}

my @modules = qw(proxy_fcgi dav dav_fs dir);
my %env = (env => { WECHAT_APPID => undef, WECHAT_SECRET => undef, SECRET_KEY => undef });
sub site {
    my ($name, %swap) = @_;
    return WxLogin::Test::Guard->new('sqlite', modules => \@modules, config => example($name, %swap), httpd => {%env}, endpoints => 0,
        prepare => sub {
            my $httpd = shift;
            mkdir $httpd->root . "/$_" for qw(files files/shared);
            $httpd->write('files/a.txt', "a file\n");
        });
}

subtest 'Django' => sub {
    my $site = site('django', '127.0.0.1:8001' => '@BACKEND@');
    my ($anna, $boss) = map { $site->sign_in($_) } qw(anna admin-boss);
    my $ask = sub { my ($path, $user, $method) = @_; return $site->ask($method || 'GET', $path, token => $user && $user->{access}) };
    error_ok($ask->('/api/orders/'), 401, 'NOT_AUTHENTICATED');
    my $got = $ask->('/api/orders/?a=1', $anna)->{got};
    is $got->{target}, '/api/orders/?a=1', 'Django is asked';
    is header_of($got, 'X-Wx-User-Id'), $anna->{id}, 'and told';
    error_ok($ask->('/api/admin/users/', $anna), 403, 'PERMISSION_DENIED');
    is $ask->('/api/admin/users/', $boss)->{status}, 200, 'staff';
    is header_of($ask->('/api/public/x')->{got}, 'X-Wx-User-Id'), undef, 'nobody in public';
    is header_of($ask->('/api/public/x', $anna)->{got}, 'X-Wx-User-Id'), $anna->{id}, 'somebody in public';
    is $ask->($_, $anna)->{json}{id}, $anna->{id}, $_ for '/api/user/profile/', '/api/v1/user/profile';
    error_ok($ask->('/api/user/profile/'), 401, 'NOT_AUTHENTICATED');
    my $moved = $site->ask(GET => '/api/orders/', token => $anna->{access}, headers => [ 'X-Forwarded-For' => '192.0.2.7' ]);
    like header_of($moved->{got}, 'X-Forwarded-For'), qr/127\.0\.0\.1/, 'who is no proxy of ours is not believed';
};

subtest 'PHP' => sub {
    my $site = site('php', '/srv/shop/public' => '@ROOT@/htdocs', 'proxy:unix:/run/php/php8.2-fpm.sock|fcgi://localhost' => 'default-handler');
    my ($anna, $boss) = map { $site->sign_in($_) } qw(anna admin-boss);
    for my $case ([ '/account/x.php', $anna, 404 ], [ '/office/x.php', $boss, 404 ]) {
        error_ok($site->ask(GET => $case->[0]), 401, 'NOT_AUTHENTICATED');
        is $site->ask(GET => $case->[0], token => $case->[1]{access})->{status}, $case->[2], "$case->[0]: let through to what is not there";
    }
    error_ok($site->ask(GET => '/office/x.php', token => $anna->{access}), 403, 'PERMISSION_DENIED');
};

subtest 'files and H5' => sub {
    my $site = site('files', '/srv/files' => '@ROOT@/files', '/var/lib/apache2/davlock' => '@ROOT@/logs/davlock');
    my ($anna, $boss) = map { $site->sign_in($_) } qw(anna admin-boss);
    my $h5 = [ Origin => 'https://h5.example.com' ];
    my $refused = $site->ask(GET => '/files/a.txt', headers => $h5);
    error_ok($refused, 401, 'NOT_AUTHENTICATED');
    is $refused->{headers}{'access-control-allow-origin'}, 'https://h5.example.com', 'which a page may read';
    my $file = $site->ask(GET => "/files/a.txt?access_token=$anna->{access}");
    is $file->{body}, "a file\n", 'a token in the query';
    is $file->{headers}{'cache-control'}, 'private', 'for one person';
    my $preflight = $site->ask(OPTIONS => '/files/a.txt', headers => [ @$h5, 'Access-Control-Request-Method' => 'GET' ]);
    is $preflight->{status}, 204, 'preflight';
    is $preflight->{headers}{'access-control-allow-headers'}, 'Authorization, Content-Type', 'with what it may send';
    my $stranger = $site->ask(OPTIONS => '/files/a.txt', headers => [ Origin => 'https://h5.example.com.evil.cn', 'Access-Control-Request-Method' => 'GET' ]);
    is $stranger->{headers}{'access-control-allow-origin'}, undef, 'no word for another origin';
    my $dav = sub { my ($method, $user, @headers) = @_; return $site->ask($method, '/files/shared/b.txt', token => $user->{access}, body => $method eq 'PUT' ? 'b' : undef, headers => \@headers) };
    error_ok($dav->(PUT => $anna), 403, 'PERMISSION_DENIED');
    is $dav->(PUT => $boss)->{status}, 201, 'staff writes';
    is $dav->(PROPFIND => $anna, Depth => 0)->{status}, 207, 'everybody who is signed in reads';
};
done_testing;
