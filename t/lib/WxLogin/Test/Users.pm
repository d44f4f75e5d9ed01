package WxLogin::Test::Users;

=head1 NAME

WxLogin::Test::Users - the table of users, as an administrator sees it

=head1 SYNOPSIS

    my $users = WxLogin::Test::Users->of('pgsql');          # by a virtual host of the suite
    my $users = WxLogin::Test::Users->new($dbh);            # any DBI handle (Pg or SQLite)
    my $users = WxLogin::Test::Users->sqlite($file);

    $users->row($openid);                                   # hash of all columns, as they are stored
    $users->count($openid);
    $users->change($openid, phone => '123', is_active => 0);
    $users->add(openid => $openid, username => 'x', date_joined => $microseconds);
    $users->usec($openid, 'last_login_at');                 # microseconds since 1970, on both
    $users->is_pg; $users->dbh;

Times given to change and add are microseconds since 1970, or undef.

=cut

use strict;
use warnings;
use Carp qw(croak);
use DBI;
use WxLogin::Test::Env;
use WxLogin::Test::Postgres;

my %SQLITE = map { $_ => 'WX_SQLITE' } qw(sqlite en smallbody shortttl hasty tls noone);
my $TIME = qr/^(?:date_joined|last_login_at)$/;

sub new {
    my ($class, $dbh) = @_;
    return bless { dbh => $dbh, pg => $dbh->{Driver}{Name} eq 'Pg' }, $class;
}

sub sqlite {
    my ($class, $file) = @_;
    return $class->new(DBI->connect("dbi:SQLite:dbname=$file", '', '',
        { RaiseError => 1, PrintError => 0, AutoCommit => 1, sqlite_unicode => 1, sqlite_busy_timeout => 20_000 }));
}

sub of {
    my ($class, $vhost) = @_;
    return $class->sqlite($ENV{WX_SQLITE_MOCK}) if $vhost eq 'mocksqlite';
    return $class->sqlite($ENV{ $SQLITE{$vhost} }) if $SQLITE{$vhost};
    return $class->new(WxLogin::Test::Postgres->attach->dbh('wxlogin'));
}

sub dbh   { return $_[0]{dbh} }
sub is_pg { return $_[0]{pg} }

sub row {
    my ($self, $openid) = @_;
    return $self->{dbh}->selectrow_hashref('SELECT * FROM wxlogin_user WHERE openid = ?', undef, $openid);
}

sub count {
    my ($self, $openid) = @_;
    return ($self->{dbh}->selectrow_array('SELECT count(*) FROM wxlogin_user WHERE openid = ?', undef, $openid))[0];
}

# What stands for a value in the statement
sub _mark {
    my ($self, $column) = @_;
    return $self->{pg} && $column =~ $TIME ? "'epoch'::timestamptz + ?::bigint * interval '1 microsecond'" : '?';
}

sub change {
    my ($self, $openid, %to) = @_;
    my @columns = sort keys %to;
    my $set = join ', ', map { "$_ = " . $self->_mark($_) } @columns;
    my $n = $self->{dbh}->do("UPDATE wxlogin_user SET $set WHERE openid = ?", undef, @to{@columns}, $openid);
    croak "no user $openid" if $n != 1;
    return $self;
}

sub add {
    my ($self, %with) = @_;
    my @columns = sort keys %with;
    my $marks = join ', ', map { $self->_mark($_) } @columns;
    $self->{dbh}->do("INSERT INTO wxlogin_user (@{[join ', ', @columns]}) VALUES ($marks)", undef, @with{@columns});
    return $self;
}

sub usec {
    my ($self, $openid, $column) = @_;
    my $value = $self->{pg} ? "(extract(epoch FROM $column) * 1000000)::bigint" : $column;
    return ($self->{dbh}->selectrow_array("SELECT $value FROM wxlogin_user WHERE openid = ?", undef, $openid))[0];
}

1;
