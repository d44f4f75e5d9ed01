# Once: httpd -t, nothing is served.
# Directives that are right one by one and wrong together: httpd does not start, and says in
# which file and line the end point is, and what to write.  No secret is in what it says.
use strict;
use warnings;
use Test::More;
use WxLogin::Test::Httpd;

my $secret = 'app-secret-that-nobody-may-see-0001';
my $key = 'secret-key-that-nobody-may-see-at-all-0002';
my $short = 'secret-key-nobody-may-see-00031';    # 31 bytes
my %env = (WX_T_SECRET => $secret, WX_T_KEY => $key, WX_T_SHORT => $short, WX_T_32 => "$short.", WX_T_EMPTY => '', WX_T_UNSET => undef);
is length "$short.", 32, 'to the byte';
my $said_in_all = '';

sub configtest {
    my ($text, %o) = @_;
    my ($status, $said) = WxLogin::Test::Httpd->configtest($text, loglevel => 'warn', env => \%env, %o);
    $said_in_all .= $said;
    return ($status, $said);
}
sub refused {
    my ($name, $text, $want, %o) = @_;
    my ($status, $said) = configtest($text, %o);
    my @wanted = ref $want eq 'ARRAY' ? @$want : $want;
    subtest $name => sub {
        isnt $status, 0, 'does not start';
        unlike $said, qr/Syntax OK/, 'nor seems to';
        for (@wanted) { like $said, ref $_ ? $_ : qr/: \Q$_\E$/m, 'and says why' }
        my @lines = $said =~ /WXL05[01]\d/g;
        is scalar @lines, scalar @wanted, 'once' if !$o{own};
    } or diag $said;
    return;
}
sub accepted {
    my ($name, $text, @want) = @_;
    my ($status, $said) = configtest($text);
    subtest $name => sub {
        is $status, 0, 'starts';
        like $said, qr/Syntax OK/, 'and says so';
        like $said, qr/: \Q$_\E$/m, 'with a warning' for @want;
        my @warnings = $said =~ /WXL\d{4}/g;
        is scalar @warnings, scalar @want, 'and no other';
    } or diag $said;
    return;
}

my %good = (
    WxLoginEnvironment => 'production', WxLoginAppId => 'wx0123456789abcdef', WxLoginAppSecret => 'env:WX_T_SECRET',
    WxLoginSecretKey => 'env:WX_T_KEY', '@SQLITE@' => '', '@ENDPOINTS@' => '',
);
# the good configuration with changes; undef takes a line away
sub with {
    my (%change) = @_;
    my %all = (%good, %change);
    return join '', map { "$_ $all{$_}\n" } grep { defined $all{$_} } sort keys %all;
}
my $how_key = 'with a file made by: openssl rand -hex 32';
my $sources = 'file:/path, env:NAME or exec:PROGRAM';
my $no_credentials = 'production needs the credentials of the mini program: write WxLoginAppId and WxLoginAppSecret, '
    . 'or WxLoginEnvironment development to sign in without WeChat';
my $no_secret = "WxLoginAppId is set but WxLoginAppSecret is missing or empty: write WxLoginAppSecret $sources, or remove both";
my $no_appid = 'WxLoginAppSecret is set but WxLoginAppId is missing or empty: write WxLoginAppId with the AppID of the mini program, '
    . 'or remove both';
my $no_key = "WxLoginSecretKey is missing or empty: write WxLoginSecretKey file:/path, $how_key";
my $short_key = 'WxLoginSecretKey is shorter than 32 bytes: write one made by: openssl rand -hex 32';

accepted('production, as it should be', with());
accepted('production is what it is by default', with(WxLoginEnvironment => undef));
refused('and wants credentials', with(WxLoginEnvironment => undef, WxLoginAppId => undef, WxLoginAppSecret => undef), $no_credentials);

# --- credentials
refused('no credentials', with(WxLoginAppId => undef, WxLoginAppSecret => undef), $no_credentials);
refused('variables without credentials', with(WxLoginAppId => 'env:WX_T_UNSET', WxLoginAppSecret => 'env:WX_T_EMPTY'), $no_credentials);
refused('an AppId alone', with(WxLoginAppSecret => undef), $no_secret);
refused('an AppId and an empty variable', with(WxLoginAppSecret => 'env:WX_T_EMPTY'), $no_secret);
refused('an AppSecret alone', with(WxLoginAppId => undef), $no_appid);
refused('an AppSecret and a variable that is not set', with(WxLoginAppId => 'env:WX_T_UNSET'), $no_appid);
refused("one of the two in $_->[0]", with(WxLoginEnvironment => 'development', $_->[1] => undef), $_->[2])
    for [ 'development', 'WxLoginAppSecret', $no_secret ], [ 'development, too', 'WxLoginAppId', $no_appid ];
refused('a secret in the file itself', with(WxLoginAppSecret => $secret),
        "WxLoginAppSecret stands in the configuration file itself: write WxLoginAppSecret $sources");
accepted('the same in development', with(WxLoginEnvironment => 'development', WxLoginAppSecret => $secret));

# --- the key
refused('no key', with(WxLoginSecretKey => undef), $no_key);
refused("no key in $_", with(WxLoginSecretKey => $_), $no_key) for qw(env:WX_T_UNSET env:WX_T_EMPTY);
refused('a key of 31 bytes', with(WxLoginSecretKey => 'env:WX_T_SHORT'), $short_key);
accepted('a key of 32 bytes', with(WxLoginSecretKey => 'env:WX_T_32'));
refused('a key in the file itself', with(WxLoginSecretKey => $key),
        "WxLoginSecretKey stands in the configuration file itself: write WxLoginSecretKey $sources");
accepted('a short literal in development', with(WxLoginEnvironment => 'development', WxLoginSecretKey => 'x'));
accepted('no key in development', with(WxLoginEnvironment => 'development', WxLoginSecretKey => undef),
         'WxLoginSecretKey is not set: a random key was made, tokens end with the next restart; write WxLoginSecretKey file:/path');
accepted('no credentials in development', with(WxLoginEnvironment => 'development', WxLoginAppId => undef, WxLoginAppSecret => undef),
         'development without credentials: WeChat is not asked, every code signs in (mock mode)');
accepted('a refresh token that lives shorter', with(WxLoginAccessTTL => '2d', WxLoginRefreshTTL => '1d'),
         'WxLoginRefreshTTL is shorter than WxLoginAccessTTL: refresh tokens are of no use');

# --- where the AppSecret goes
for my $url (qw(http://api.weixin.qq.com http://192.0.2.7:8080 http://127.example.com http://localhost.example.com http://[2001:db8::1] HTTP://api.weixin.qq.com)) {
    my $shown = $url =~ s/^HTTP:/HTTP:/r;
    refused("unencrypted to $url", with(WxLoginExchangeURL => $url),
            qr{WxLoginExchangeURL \Q$shown\E would send the AppSecret unencrypted: write https://, or the address of this host itself$}im);
}
accepted('unencrypted to this host', with(WxLoginExchangeURL => $_))
    for qw(http://127.0.0.1:8080 http://localhost http://LOCALHOST:1 http://[::1]:8080 http://127.8.9.10);
accepted('encrypted to anybody', with(WxLoginExchangeURL => 'https://192.0.2.7'));
accepted('unencrypted in development', with(WxLoginEnvironment => 'development', WxLoginExchangeURL => 'http://192.0.2.7'));

# --- the data base
my $db = 'a data base is needed:';
refused('no DBDriver', with('@SQLITE@' => undef),
        "$db no data base is configured; write DBDriver pgsql or DBDriver sqlite3, and DBDParams");
for my $driver (qw(sqlite3 pgsql)) {
    refused("no DBDParams for $driver", with('@SQLITE@' => undef, DBDriver => $driver),
            qq($db DBDParams is missing; write DBDParams "host=... dbname=..." for pgsql, the path of the file for sqlite3));
}
refused('mod_dbd is not loaded', with('@SQLITE@' => undef),
        "$db mod_dbd is not loaded; write LoadModule dbd_module modules/mod_dbd.so, DBDriver and DBDParams",
        loadmodules => sub { $_[0] =~ s/^LoadModule dbd_module.*\n//mr });
refused("a driver that is not installed", with('@SQLITE@' => undef, DBDriver => 'mysql'), qr/Can't load driver file apr_dbd_mysql/, own => 1);
refused('no DBDriver in development', with('@SQLITE@' => undef, WxLoginEnvironment => 'development'), qr/WXL0509/);
my $refresh_only = qq(<Location "/refresh">\nSetHandler wxlogin-refresh\n</Location>\n);
accepted('the refresh alone needs neither data base nor credentials',
         "WxLoginSecretKey env:WX_T_KEY\n$refresh_only");
refused('but a key', $refresh_only, $no_key);

# --- who is meant
my $login = qq(<Location "/login">\nSetHandler wxlogin-login\n</Location>\n);
refused('several faults are told at once', $login, [ $no_key, $no_credentials, qr/WXL0509/ ]);
my ($status, $said) = configtest("$good{WxLoginAppId}\n" =~ s/.*//r . "\n\n$login");
like $said, qr{WXL0506: \S+/httpd\.conf:\d+: SetHandler wxlogin-login: production}, 'file, line and handler are named';
my $vhosts = <<'CONF';
WxLoginSecretKey env:WX_T_KEY
@SQLITE@
<VirtualHost 127.0.0.1:@PORT1@>
    ServerName fine.example
    WxLoginAppId wx
    WxLoginAppSecret env:WX_T_SECRET
    @ENDPOINTS@
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT1@>
    ServerName none.example
</VirtualHost>
CONF
accepted('a virtual host without an end point needs nothing', $vhosts);
refused('one with an end point does', $vhosts . "<VirtualHost 127.0.0.1:\@PORT1\@>\nServerName bad.example\n$login</VirtualHost>\n", $no_credentials);
refused('an end point of the main server is one of every virtual host', $vhosts . $login, [ $no_credentials, $no_credentials ]);
refused('directives and no end point in sight: it will come by another way', "WxLoginLanguage en\n", [ $no_key, $no_credentials ]);
refused('AddHandler', with('@ENDPOINTS@' => undef, WxLoginSecretKey => undef) . "AddHandler wxlogin-login .login\n", $no_key);
refused('SetHandler in a section in a section',
        qq(<Location "/x">\n<If "true">\nSetHandler wxlogin-refresh\n</If>\n</Location>\n), $no_key);
refused('SetHandler in other letters', qq(<Location "/x">\nsethandler "wxlogin-refresh"\n</Location>\n), $no_key);

# --- the module alone
accepted('the module and nothing else', '');
accepted('and the handlers of others', qq(<Location "/x">\nSetHandler server-status\n</Location>\n));

unlike $said_in_all, qr/nobody-may-see/, 'no secret was told';
like $said_in_all, qr/WXL05/, 'though much was';
# nor in the configuration as mod_info shows it, where a secret stands elsewhere
my $httpd = WxLogin::Test::Httpd->new(
    config => with(), env => \%env,
    loadmodules => sub { my $dir = WxLogin::Test::Httpd::libexecdir(); $_[0] . (-e "$dir/mod_info.so" ? "LoadModule info_module $dir/mod_info.so\n" : '') },
);
my $dump = qx(@{[ map { "'$_'" } $httpd->_command(qw(-t -DDUMP_CONFIG)) ]} 2>&1);
SKIP: {
    skip 'mod_info is not there', 2 if $dump !~ /WxLoginAppSecret/;
    like $dump, qr/WxLoginAppSecret env:WX_T_SECRET/, 'DUMP_CONFIG shows where the secret is';
    unlike $dump, qr/nobody-may-see/, 'and not what it is';
}
done_testing;
