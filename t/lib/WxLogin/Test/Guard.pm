package WxLogin::Test::Guard;

=head1 NAME

WxLogin::Test::Guard - an httpd with guarded places, a back end that echoes, and people

=head1 SYNOPSIS

    my $site = WxLogin::Test::Guard->new('sqlite', config => <<'CONF', modules => [qw(cgid dav)]);
    <Location "/staff"> AuthType WxLogin
    Require wxlogin-staff </Location>
    CONF

    my $anna = $site->sign_in('anna');           # {id, access, refresh, username, ...}
    my $boss = $site->sign_in('admin-boss');     # an administrator, as development makes them
    $site->change($anna, is_active => 0);        # in the data base, behind the module's back
    my $res = $site->ask(GET => '/staff/', token => $anna->{access}, headers => [...], body => ...);
    $res->{got};                                 # what the back end or the CGI says it received
    header_of($res->{got}, 'X-Wx-User-Id');      # and a header of it
    $site->httpd; $site->log; $site->access_log; $site->received;

    for_each_db { my $db = shift; ... };         # a subtest for sqlite, and for pgsql where it can be had

The data base is the site's own; the WX_PG_... of t/TEST are used for Postgres.
Everything ends with the object.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Exporter 'import';
use File::Path qw(make_path);
use JSON::PP ();
use Test::More;
use WxLogin::Test::Client ();
use WxLogin::Test::Httpd;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;
use WxLogin::Test::Token;
use WxLogin::Test::Users;

our @EXPORT = qw(for_each_db header_of);

my $T = $WxLogin::Test::Process::T;
my $json = JSON::PP->new->utf8;

sub for_each_db(&) {
    my $test = shift;
    for my $db (qw(sqlite pgsql)) {
        subtest $db => sub {
            plan skip_all => 'no Postgres here' if $db eq 'pgsql' && !$ENV{WX_PG_HOST};
            $test->($db);
        };
    }
    return;
}

# What the back end got under a name, in any case; all values of it, joined.
sub header_of {
    my ($got, $name) = @_;
    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $got->{headers} || [] };
    return @values ? join ' + ', @values : undef;
}

# The path of a module of httpd, or '' where this httpd has it built in or not at all.
sub module_file {
    my $file = WxLogin::Test::Httpd::libexecdir() . "/mod_$_[0].so";
    return -e $file ? $file : '';
}

sub load {
    return join '', map { my $file = module_file($_); $file ? "LoadModule ${_}_module $file\n" : '' } @_;
}

sub new {
    my ($class, $db, %o) = @_;
    my $self = bless { db => $db }, $class;
    my $backend = $self->_start_backend;
    my $head = load(@{ $o{modules} || [] }) . <<"CONF";
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
ServerName 127.0.0.1
LogLevel trace8 core:trace3 http:trace3 http2:info
@{[ $db eq 'pgsql' ? $self->_pgsql : '@SQLITE@' ]}
CONF
    $head .= <<'CONF' if $o{endpoints} // 1;
@ENDPOINTS@
<LocationMatch "^/api(/v1)?/user/profile/?$">
    SetHandler wxlogin-profile
</LocationMatch>
CONF
    my $config = $head . ($o{config} // '');
    $config =~ s/\@BACKEND\@/127.0.0.1:$backend/g;
    $self->{httpd} = WxLogin::Test::Httpd->new(config => $config, %{ $o{httpd} || {} });
    $self->_furnish;
    $o{prepare}->($self->{httpd}) if $o{prepare};
    $self->{httpd}->start if !$o{asleep};
    return $self;
}

sub _pgsql {
    my $self = shift;
    my $pg = $self->{pg} = WxLogin::Test::Postgres->attach;
    $self->{name} = 'guard_' . join '_', $$, time, int rand 1e6;
    $pg->create($self->{name});
    return 'DBDriver pgsql' . "\n" . 'DBDParams "' . $pg->params($self->{name})
        . " application_name=$self->{name} connect_timeout=10 options='-c lc_messages=C'\"\nDBDMax 4\nDBDKeep 4\n";
}

# Files to be guarded: htdocs/NAME/hello.txt; a CGI that tells what it got; a page with includes.
sub folder {
    my ($self, $name) = @_;
    my $path = $self->{httpd}->root . "/htdocs/$name";
    make_path($path) if !-d $path;
    return $path;
}

sub _furnish {
    my $self = shift;
    my $httpd = $self->{httpd};
    for my $name (qw(file cgi dav ssi)) { $self->folder($name) }
    $httpd->write('htdocs/file/hello.txt', "hello\n");
    $httpd->write('htdocs/file/index.html', "index\n");
    $httpd->write('htdocs/cgi/env.cgi', <<"CGI");
#!$^X
use JSON::PP;
my \$body = ''; read STDIN, \$body, \$ENV{CONTENT_LENGTH} || 0;
print "Content-Type: application/json\n\n", JSON::PP->new->latin1->canonical->encode({ echo => 'cgi', env => { %ENV }, body => \$body });
CGI
    chmod 0755, $httpd->root . '/htdocs/cgi/env.cgi';
    return;
}

sub _start_backend {
    my $self = shift;
    my $file = "/tmp/wxecho.$$." . int rand 1e9;
    $self->{backend} = WxLogin::Test::Process->spawn(
        command => [ $^X, "$T/bin/echo-back", $file ], log => "$file.log");
    $self->{backend}->until(sub { -s $file }, 10) or croak 'the back end does not start: ' . $self->{backend}->log;
    $self->{files} = [ $file, "$file.log" ];
    open my $fh, '<', $file or croak "$file: $!";
    chomp(my $port = <$fh>);
    return $port;
}

sub httpd { return $_[0]{httpd} }
sub at    { return $_[0]{httpd}->at($_[1]) }
sub log   { return $_[0]{httpd}->log }

sub access_log {
    my $self = shift;
    open my $fh, '<', $self->{httpd}->root . '/logs/access_log' or return '';
    local $/;
    return scalar <$fh>;
}

# Everything that ever reached the back end, as bytes.
sub received {
    my $self = shift;
    open my $fh, '<', $self->{files}[1] or return '';
    local $/;
    return scalar <$fh>;
}

sub users {
    my $self = shift;
    return $self->{users} ||= $self->{pg} ? WxLogin::Test::Users->new($self->{pg}->dbh($self->{name}))
        : WxLogin::Test::Users->sqlite($self->{httpd}->root . '/wxlogin.db');
}

sub sign_in {
    my ($self, $code) = @_;
    my $res = WxLogin::Test::Client::post_json($self->{httpd}, '/api/login/', { code => $code });
    croak "no sign-in: $res->{raw}" if $res->{status} != 200;
    return { %{ $res->{json}{user} }, map { $_ => $res->{json}{$_} } qw(access refresh) };
}

sub change {
    my ($self, $user, %change) = @_;
    return $self->users->change($user->{openid}, %change);
}

sub delete {
    my ($self, $user) = @_;
    return $self->users->dbh->do('DELETE FROM wxlogin_user WHERE id = ?', undef, $user->{id});
}

sub token_for {
    my ($self, $id, %more) = @_;
    return make_jwt(claims => access_claims(user_id => "$id", %more));
}

sub ask {
    my ($self, $method, $path, %o) = @_;
    my @headers = @{ $o{headers} || [] };
    push @headers, Authorization => "Bearer $o{token}" if defined $o{token};
    my $res = WxLogin::Test::Client::request($o{at} || $self->{httpd}, $method, $path, body => $o{body}, headers => \@headers);
    $res->{got} = $res->{json} if ref $res->{json} eq 'HASH' && $res->{json}{echo};
    return $res;
}

sub DESTROY {
    my $self = shift;
    local ($?, $!, $@);
    undef $self->{httpd};
    delete($self->{users})->dbh->disconnect if $self->{users};
    undef $self->{backend};
    unlink @{ $self->{files} || [] };
}

1;
