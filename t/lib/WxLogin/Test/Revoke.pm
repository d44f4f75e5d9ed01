package WxLogin::Test::Revoke;

=head1 NAME

WxLogin::Test::Revoke - guarded httpds, and tokens that are good until somebody ends them

=head1 SYNOPSIS

    my $httpd = guarded($pg, config => "WxLoginRevocationPoll 1s\n", children => 2)->start;
    my $httpd = guarded('sqlite')->start;
    my $anna = enters($httpd, 'anna');              # {id, access, refresh, sid, openid}
    lives($httpd, $anna, 'a name');                 # one test: the guard lets her in
    dies($httpd, $anna, 'TOKEN_NOT_VALID', 'name'); # one test: within the poll she is refused
    dead($httpd, $anna, 'TOKEN_NOT_VALID', 'name'); # one test: she is refused now, by every child
    revoke($dbh, $anna);                            # as an administrator does it
    bare($anna);                                    # a token of hers without a session
    ask($httpd, $anna);                             # the answer of the guard

The poll is one second unless the configuration says otherwise.

=cut

use strict;
use warnings;
use Exporter 'import';
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::Httpd;
use WxLogin::Test::Own;
use WxLogin::Test::Process;
use WxLogin::Test::Token;

our @EXPORT = qw(guarded enters lives dies dead revoke bare ask);

my $GUARDED = <<'CONF';
WxLoginRevocationPoll 1s
<Location "/index.html">
    AuthType WxLogin
    Require valid-user
</Location>
CONF

sub guarded {
    my ($pg, %o) = @_;
    my $more = $GUARDED . (delete $o{config} // '');
    return own_httpd($pg, %o, config => $more) if ref $pg;
    return WxLogin::Test::Httpd->new(%o, config => <<"CONF");
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
\@SQLITE\@
\@ENDPOINTS\@
$more
CONF
}

sub enters {
    my ($httpd, $who) = @_;
    my $res = sign_in($httpd, $who);
    die "no sign-in: $res->{raw}" if $res->{status} != 200;
    my %user = (%{ $res->{json}{user} }, map { $_ => $res->{json}{$_} } qw(access refresh));
    $user{sid} = jwt_claims($user{access})->{sid};
    return \%user;
}

# A token as simplejwt makes it: of no session.
sub bare {
    my ($user, %claims) = @_;
    return { %$user, access => make_jwt(claims => access_claims(user_id => "$user->{id}", %claims)), sid => undef };
}

sub ask {
    my ($httpd, $user) = @_;
    return get($httpd, '/index.html', Authorization => "Bearer $user->{access}");
}

sub lives {
    my ($httpd, $user, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $res = ask($httpd, $user);
    return is($res->{status}, 200, $name) || diag $res->{raw};
}

sub dies {
    my ($httpd, $user, $code, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = time;
    my ($res, %seen);
    while (time < $began + WxLogin::Test::Process::slow($seconds // 8)) {
        $res = ask($httpd, $user);
        last if $res->{status} != 200;
        sleep 0.05;
    }
    note sprintf '%s: after %.2f s', $name, time - $began;
    return error_ok($res, 401, $code, name => $name);
}

# Children are many: whoever answers must know.
sub dead {
    my ($httpd, $user, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @all = map { http_request(GET => '/index.html', undef, Authorization => "Bearer $user->{access}") } 1 .. 8;
    my @res = parallel($httpd, @all);
    return is(join(' ', map { ($_->{json} || {})->{error_code} // $_->{status} } @res), join(' ', ($code) x 8), $name);
}

sub revoke {
    my ($dbh, $user) = @_;
    my $now = $dbh->{Driver}{Name} eq 'Pg' ? 'now()' : "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)";
    my $n = $dbh->do("UPDATE wxlogin_session SET revoked_at = $now WHERE sid = ?", undef, $user->{sid});
    die "no session $user->{sid}" if $n != 1;
    return;
}

1;
