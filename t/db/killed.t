# Once: it has a Postgres and httpds of its own.
# An administrator ends our connections, again and again, while people sign in (a restart of a
# pooler, a failover and an idle timeout look the same from here).  Nobody notices: the connection
# is made anew and the statement run again.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::Load;
use WxLogin::Test::Own;
use WxLogin::Test::Postgres;

plan skip_all => WxLogin::Test::Postgres->missing if WxLogin::Test::Postgres->missing;
my $ROUNDS = 8;
my $pg = own_postgres();

# The longest time between two good answers: whatever went wrong, it did not last
sub gap {
    my @good = map { $_->{at} } grep { $_->{status} == 200 } @_;
    my $longest = 0;
    for my $i (1 .. $#good) { $longest = $good[$i] - $good[ $i - 1 ] if $good[$i] - $good[ $i - 1 ] > $longest }
    return $longest;
}

sub under_load {
    my $mpm = shift;
    my $httpd = own_httpd($pg, mpm => $mpm, max => 4)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $load = WxLogin::Test::Load->start($httpd, clients => 6, request => sub { json_request('/api/login/', { code => "client-$_[0]" }) });
    ok $load->wait_for(sub { $_->{status} == 200 }), 'they sign in' or return;
    my ($killed, $began) = (0, time);
    for (1 .. $ROUNDS) {
        $load->go_on(0.4);
        $load->all_answered;    # nobody meets two of them
        $killed += $pg->kill_backends;
    }
    my $last = time;
    ok $load->wait_for(sub { $_->{status} == 200 }), 'and do after the last of it';
    $load->go_on(0.3);
    my $seen = $load->stop;
    my $count = WxLogin::Test::Load->count($seen);
    diag sprintf '%s: %d connections killed in %.1f s; answers: %s; longest gap %.0f ms', $mpm, $killed, time - $began,
        join(', ', map { "$count->{$_} x $_" } sort keys %$count), gap(@$seen) * 1000;
    cmp_ok $killed, '>=', $ROUNDS, 'connections were killed';
    my @bad = grep { $_->{status} != 200 } @$seen;
    is scalar @bad, 0, 'every answer is 200' or diag map { "$_->{status} $_->{error_code} $_->{error} $_->{took} s\n" } @bad[ 0 .. ($#bad > 9 ? 9 : $#bad) ];
    cmp_ok gap(@$seen), '<', WxLogin::Test::Process::slow(1), 'nobody waits';
    $log->done;
    return;
}

# Nothing is going on: the connections die in silence, and the next sign-in finds them dead.
sub idle {
    my $mpm = shift;
    my $httpd = own_httpd($pg, mpm => $mpm)->start;
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my %status;
    for my $round (1 .. 25) {
        $status{ sign_in($httpd, 'idle')->{status} }++;
        $pg->kill_backends;
        $status{ sign_in($httpd, 'idle')->{status} }++;
    }
    is_deeply \%status, { 200 => 50 }, 'every first sign-in after a kill is answered 200';
    $log->done;
    return;
}

for my $mpm (qw(event prefork)) {
    subtest "$mpm, under load" => sub { under_load($mpm) };
    subtest "$mpm, idle"       => sub { idle($mpm) };
}
done_testing;
