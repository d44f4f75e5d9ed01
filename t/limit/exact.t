# A limit is exact: random arrivals from several connections, processes and children, over many
# windows, replayed against the plain rule. Not one request is admitted or refused that should not be.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $SECONDS = 7;

my $httpd = WxLogin::Test::Httpd->new(children => 2, loglevel => 'warn', config => snippet(<<'CONF'));
<Location /one>
    WxLoginRateLimit 1/1s
</Location>
<Location /five>
    WxLoginRateLimit 5/2s
</Location>
<Location /many>
    WxLoginRateLimit 64/1s
</Location>
<Location /login>
    SetHandler wxlogin-login
</Location>
WxLoginRateLimit 5/2s
CONF
$httpd->start;

# Each process has clients of its own: now in bursts, now slowly, from below the limit to far above.
sub arrivals {
    my ($path, $pause, $clients, @options) = @_;
    return sub {
        my ($number, $report) = @_;
        my @connections = map { WxLogin::Test::Limit->connect($httpd) } 1 .. 3;
        my $end = now() + $SECONDS;
        while (now() < $end) {
            my $who = "10.$number.0." . int rand $clients;
            $report->($who, $connections[ rand @connections ]->ask($path, @options, 'X-Client' => $who));
            sleep rand $pause if rand() < 0.5;
        }
    };
}

# All processes are the same few clients.
sub crowd {
    my ($path, $clients, @options) = @_;
    return sub {
        my ($number, $report) = @_;
        my $c = WxLogin::Test::Limit->connect($httpd);
        my $end = now() + $SECONDS;
        while (now() < $end) {
            my $who = '10.9.0.' . int rand $clients;
            $report->($who, $c->ask($path, @options, 'X-Client' => $who));
            sleep rand 0.02 if rand() < 0.2;
        }
    };
}

my @post = (-method => 'POST', -body => '{"code":"x"}');
my @all = hammer(9, sub {
    my ($number, $report) = @_;
    my @story = (
        arrivals('/five', 0.1, 6), arrivals('/five', 0.3, 6), arrivals('/one', 0.2, 6), arrivals('/many', 0.01, 1),
        crowd('/five', 2), crowd('/five', 2), crowd('/five', 2), crowd('/login', 1, @post), crowd('/login', 1, @post),
    );
    my $prefix = $number <= 2 || ($number >= 5 && $number <= 7) ? 'five' : $number == 3 ? 'one' : $number == 4 ? 'many' : 'login';
    $story[ $number - 1 ]->($number, sub { $report->("$prefix:$_[0]", $_[1]) });
});

is scalar(grep { $_->{status} !~ /^(?:200|404|429)$/ } @all), 0, 'every request has its answer';
for my $case ([ one => 1, 1 ], [ five => 5, 2 ], [ many => 64, 1 ], [ login => 5, 2 ]) {
    my ($prefix, $n, $window) = @$case;
    model_ok([ grep { $_->{who} =~ /^$prefix:/ } @all ], $n, $window, "$prefix: $n in $window s, no difference from the rule");
}
done_testing;
