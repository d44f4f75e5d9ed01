package WxLogin::Test::Sessions;

=head1 NAME

WxLogin::Test::Sessions - an httpd with one virtual host for each rotation, and the rows of sessions

=head1 SYNOPSIS

    for_each_db { my $site = WxLogin::Test::Sessions->new(shift, config => <<'CONF'); ... };
    WxLoginSessionIdle 1h
    CONF

    my $s = $site->sign_in('strict', 'anna', 'X-Device' => 'Anna');   # {access, refresh, sid, user_id}
    my $res = $site->refresh('strict', $s->{refresh});
    my $res = $site->logout('off', { scope => 'all' }, $s->{access});
    my $res = $site->ask('off', GET => '/api/sessions/', $s->{access});

    my $row = $site->row($s->{sid});       # hash: hex ids, times in microseconds, on both data bases
    $site->rows($s->{user_id});            # all of a user, oldest first
    $site->shift($s->{sid}, last_used_at => -3600);     # moves a time by seconds
    $site->disable($s->{user_id}); $site->delete_user($s->{user_id});
    $site->httpd; $site->at('off'); $site->dbh; $site->log;

    my $claims = claims($token);
    digest($jti);                          # as it stands in the row

Rotations: off, tolerant, strict; "stateless" is a server with WxLoginSessions off.
for_each_db makes a subtest for sqlite, and one for pgsql where it can be had.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use Test::More;
use WxLogin::Test::Client ();
use WxLogin::Test::Env;
use WxLogin::Test::Guard qw(for_each_db);
use WxLogin::Test::Httpd;
use WxLogin::Test::Postgres;
use WxLogin::Test::Token;
use WxLogin::Test::Users;

our @EXPORT = qw(for_each_db claims digest);

my @MODES = qw(off tolerant strict stateless);
my @TIMES = qw(created_at last_used_at expires_at revoked_at rotated_at);

sub claims { return jwt_claims($_[0]) }
sub digest { return substr sha256_hex($_[0]), 0, 32 }

sub new {
    my ($class, $db, %o) = @_;
    my $self = bless { db => $db }, $class;
    my $config = <<"CONF" . ($o{config} // '');
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
LogLevel warn wxlogin:trace8
@{[ $db eq 'pgsql' ? $self->_pgsql($o{options}) : '@SQLITE@' ]}
CONF
    for my $n (1 .. @MODES) {
        my $mode = $MODES[ $n - 1 ];
        my $what = $mode eq 'stateless' ? 'WxLoginSessions off' : "WxLoginRefreshRotation $mode";
        my $listen = $n > 1 ? "Listen 127.0.0.1:\@PORT$n\@\n" : '';
        $config .= "$listen<VirtualHost 127.0.0.1:\@PORT$n\@>\n$what\n\@ENDPOINTS\@\n"
            . "<Location /api/user/profile/>\nSetHandler wxlogin-profile\n</Location>\n</VirtualHost>\n";
    }
    $self->{httpd} = WxLogin::Test::Httpd->new(config => $config, ports => scalar @MODES, children => 2, %{ $o{httpd} || {} });
    $self->{httpd}->start if !$o{asleep};
    return $self;
}

sub _pgsql {
    my ($self, $options) = @_;
    $self->{pg} = $ENV{WX_PG_HOST} ? WxLogin::Test::Postgres->attach : WxLogin::Test::Postgres->new->start;
    $self->{name} = 'session_' . join '_', $$, time, int rand 1e6;
    $self->{pg}->create($self->{name});
    return 'DBDriver pgsql' . "\n" . 'DBDParams "' . $self->{pg}->params($self->{name})
        . " application_name=$self->{name} connect_timeout=10 options='-c lc_messages=C -c TimeZone=UTC"
        . ($options // '') . "'\"\nDBDMax 8\nDBDKeep 8\n";
}

sub httpd { return $_[0]{httpd} }
sub pg    { return $_[0]{pg} }
sub log   { return $_[0]{httpd}->log }

sub at {
    my ($self, $mode) = @_;
    my ($n) = grep { $MODES[ $_ - 1 ] eq $mode } 1 .. @MODES;
    return $self->{httpd}->at($n // croak "no such rotation: $mode");
}

sub users {
    my $self = shift;
    return $self->{users} ||= $self->{pg} ? WxLogin::Test::Users->new($self->{pg}->dbh($self->{name}))
        : WxLogin::Test::Users->sqlite($self->{httpd}->root . '/wxlogin.db');
}

sub dbh { return $_[0]->users->dbh }

# -- over the wire

sub sign_in {
    my ($self, $mode, $code, @headers) = @_;
    my $res = WxLogin::Test::Client::post_json($self->at($mode), '/api/login/', { code => $code }, @headers);
    croak "no sign-in: $res->{raw}" if $res->{status} != 200;
    return { access => $res->{json}{access}, refresh => $res->{json}{refresh}, user_id => $res->{json}{user}{id},
             sid => claims($res->{json}{refresh})->{sid} };
}

sub refresh {
    my ($self, $mode, $token) = @_;
    return WxLogin::Test::Client::post_json($self->at($mode), '/api/token/refresh/', { refresh => $token });
}

sub refresh_request { return WxLogin::Test::Client::json_request('/api/token/refresh/', { refresh => $_[1] }) }

sub logout {
    my ($self, $mode, $body, $access) = @_;
    return WxLogin::Test::Client::post_json($self->at($mode), '/api/logout/', $body,
                                            defined $access ? (Authorization => "Bearer $access") : ());
}

sub ask {
    my ($self, $mode, $method, $path, $access) = @_;
    return WxLogin::Test::Client::request($self->at($mode), $method, $path,
        headers => [ defined $access ? (Authorization => "Bearer $access") : () ]);
}

# Fifty requests with the same refresh token at once, round after round with what they got: all must get
# one and the same successor.  One test a data base and rotation.
sub chains {
    my ($self, $mode, $rounds, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $s = $self->sign_in($mode, "chain-$mode");
    my ($token, @bad, %seen) = ($s->{refresh});
    for my $round (1 .. $rounds) {
        my @res = WxLogin::Test::Client::parallel($self->at($mode), map { $self->refresh_request($token) } 1 .. 50);
        # on a machine so slow that the last of fifty waits for three seconds he is sent away, and comes again
        for (grep { $_->{status} == 503 && $_->{took} > 2.9 } @res) { $_ = $self->refresh($mode, $token) }
        my %status;
        $status{ $_->{status} }++ for @res;
        push @bad, "round $round: " . join ', ', map { "$status{$_} x $_" } sort keys %status if keys %status != 1 || !$status{200};
        my %next = map { ($_->{json}{refresh} // 'none') => 1 } grep { $_->{json} } @res;
        push @bad, "round $round: " . keys(%next) . ' successors' if keys %next != 1;
        my ($next) = keys %next;
        push @bad, "round $round: a successor that was there before" if $mode ne 'off' && $seen{$next}++;
        last if @bad;
        my $row = $self->row($s->{sid});
        my ($counts, $before) = map { digest(claims($_)->{jti}) } $mode eq 'off' ? ($token) : ($next, $token);
        push @bad, "round $round: the row" if $row->{refresh_digest} ne $counts || ($row->{previous_digest} // '') ne ($before // '');
        push @bad, "round $round: the session is over" if defined $row->{revoked_at};
        $token = $next if $mode ne 'off';
    }
    return Test::More::is("@bad", '', $name // "$mode: $rounds rounds of fifty end in one chain");
}

# The client of the original: it stores `access` alone, refreshes on a 401, repeats the request once,
# and signs in where the refresh is refused.  Gives how often each of these happened.
sub original_client {
    my ($self, $mode, $expiries, %o) = @_;
    my (%count, $stored);
    my $sign_in = sub { $stored = $self->sign_in($mode, $o{code} // "original-$mode"); $count{'sign-ins'}++ };
    my $ask = sub { $self->ask($mode, GET => '/api/user/profile/', $stored->{access})->{status} };
    $sign_in->();
    for my $expiry (1 .. $expiries) {
        my %claims = %{ claims($stored->{access}) };
        $stored->{access} = make_jwt(claims => access_claims(%claims, exp => time - 1, iat => time - 10));
        $count{ 'expired ' . $ask->() }++;
        my $res = $self->refresh($mode, $stored->{refresh});
        $count{"refresh $res->{status}"}++;
        if   ($res->{status} == 200) { $stored->{access} = $res->{json}{access} }
        else                         { $sign_in->() }
        $count{ 'repeated ' . $ask->() }++;
    }
    return \%count;
}

# -- in the data base

sub _hex { my $text = shift; $text =~ tr/-//d if defined $text; return $text }

sub _columns {
    my $self = shift;
    return '*' if !$self->{pg};
    return join ', ', '*', map { "(extract(epoch FROM $_) * 1000000)::bigint AS ${_}_usec" } @TIMES;
}

sub _tidy {
    my ($self, $row) = @_;
    return if !$row;
    for my $name (@TIMES) { $row->{$name} = delete $row->{"${name}_usec"} if exists $row->{"${name}_usec"} }
    $row->{$_} = _hex($row->{$_}) for qw(sid refresh_digest previous_digest);
    return $row;
}

sub row {
    my ($self, $sid) = @_;
    return $self->_tidy($self->dbh->selectrow_hashref(
        "SELECT @{[ $self->_columns ]} FROM wxlogin_session WHERE sid = ?", undef, $sid));
}

sub rows {
    my ($self, $user_id) = @_;
    return map { $self->_tidy($_) } @{ $self->dbh->selectall_arrayref(
        "SELECT @{[ $self->_columns ]} FROM wxlogin_session WHERE user_id = ? ORDER BY created_at, sid",
        { Slice => {} }, $user_id) };
}

sub alive { my ($self, $user_id) = @_; return grep { !defined $_->{revoked_at} } $self->rows($user_id) }

# by so many seconds
sub shift {
    my ($self, $sid, %by) = @_;
    for my $column (sort keys %by) {
        my $usec = sprintf '%.0f', $by{$column} * 1e6;
        my $to = $self->{pg} ? "$column + $usec * interval '1 microsecond'" : "$column + $usec";
        my $n = $self->dbh->do("UPDATE wxlogin_session SET $column = $to WHERE sid = ?", undef, $sid);
        croak "no session $sid" if $n != 1;
    }
    return $self;
}

sub _user {
    my ($self, $sql, $user_id) = @_;
    $self->dbh->do($sql, undef, $user_id) == 1 or croak "no user $user_id";
    return $self;
}

sub disable     { return $_[0]->_user('UPDATE wxlogin_user SET is_active = ' . ($_[0]{pg} ? 'false' : '0') . ' WHERE id = ?', $_[1]) }
sub enable      { return $_[0]->_user('UPDATE wxlogin_user SET is_active = ' . ($_[0]{pg} ? 'true' : '1') . ' WHERE id = ?', $_[1]) }
sub delete_user { return $_[0]->_user('DELETE FROM wxlogin_user WHERE id = ?', $_[1]) }

sub DESTROY {
    my $self = CORE::shift;
    local ($?, $!, $@);
    undef $self->{httpd};
    delete($self->{users})->dbh->disconnect if $self->{users};
    return;
}

1;
