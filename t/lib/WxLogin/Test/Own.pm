package WxLogin::Test::Own;

=head1 NAME

WxLogin::Test::Own - an httpd and a Postgres for tests that do them harm

=head1 SYNOPSIS

    my $pg = own_postgres();                                # running, with the tables in "wxlogin"
    my $httpd = own_httpd($pg, max => 2, mpm => 'prefork'); # mock mode, not yet started
    my $httpd = own_httpd($pg, connect => 2);               # seconds until a connection is given up
    my $httpd = own_httpd($pg, options => '-c lock_timeout=700', config => "WxLoginUserCache off\n");
    sign_in($httpd, 'somebody');                            # the answer
    heals($httpd, 'name', 5);                               # one test: signs in again within 5 seconds

=cut

use strict;
use warnings;
use Exporter 'import';
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Httpd;
use WxLogin::Test::Postgres;
use WxLogin::Test::Process;

our @EXPORT = qw(own_postgres own_httpd sign_in heals);

sub own_postgres { return WxLogin::Test::Postgres->new(@_)->start->create('wxlogin') }

sub own_httpd {
    my ($pg, %o) = @_;
    my $max = delete $o{max} // 8;
    my $options = delete $o{options};
    my $connect = delete $o{connect} // 10;
    my $db = delete $o{db} // 'wxlogin';
    my $more = delete $o{config} // '';
    my $params = $pg->params($db) . " application_name=wxlogin connect_timeout=$connect" . ($options ? " options='$options'" : '');
    return WxLogin::Test::Httpd->new(%o, config => <<"CONF");
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
DBDriver pgsql
DBDParams "$params"
DBDMin 1
DBDKeep $max
DBDMax $max
\@ENDPOINTS\@
$more
CONF
}

sub sign_in {
    my ($httpd, $who) = @_;
    return post_json($httpd, '/api/login/', { code => $who });
}

# Asks until it is answered 200; for how long it was not is diag'ed.
sub heals {
    my ($httpd, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = time;
    my ($res, %seen);
    while (time < $began + WxLogin::Test::Process::slow($seconds)) {
        $res = sign_in($httpd, 'healed');
        $seen{ $res->{status} }++;
        last if $res->{status} == 200;
        sleep 0.05;
    }
    my $count = join ', ', map { "$seen{$_} x $_" } sort keys %seen;
    diag sprintf '%s: after %.2f s (%s)', $name, time - $began, $count;
    return is $res->{status}, 200, "$name: within $seconds s" || diag $res->{raw};
}

1;
