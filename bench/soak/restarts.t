# A graceful restart every second for half a minute, while sign-ins come and go: none is lost, no
# child dies, and none stays.
# Once: it restarts httpd (RESTART_SECONDS, 30)
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Waiting;

my $seconds = $ENV{RESTART_SECONDS} || 30;
my $wechat = WxLogin::Test::FakeWeChat->new;
my $httpd = waiting_httpd($wechat, children => 2, threads => 16, timeout => 5)->start;
my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL053[01]/);
my ($restarts, $next, $until) = (0, time + 0.5, time + $seconds);
my (%sum, @flight, @lost);

# Those that got no answer, and how often WeChat was asked about them
sub land {
    my ($codes, $waiting) = @{ $_[0] };
    my @res = $waiting->answers(20);
    my $count = statuses(@res);
    $sum{$_} += $count->{$_} for keys %$count;
    push @lost, map { "$codes->[$_]: $res[$_]{error}, asked " . $wechat->asked($codes->[$_]) } grep { $res[$_]{status} != 200 } 0 .. $#res;
    return;
}

while (time < $until) {
    # thirty new ones now and then, so that there are always some hundred under way
    my @codes = $wechat->codes(30, openid => 'oRestarts', latency => 200 + int rand 1800);
    push @flight, [ \@codes, WxLogin::Test::Waiting->send($httpd, map { login($_) } @codes) ];
    # and some that leave before they are answered
    my $leaving = WxLogin::Test::Waiting->send($httpd, map { login($_) } $wechat->codes(3, latency => 1000));
    close $_ for $leaving->sockets;
    if (time >= $next) {
        $httpd->signal('USR1');
        $restarts++;
        $next += 1;
    }
    land(shift @flight) if @flight > 8;
    sleep 0.1;
}
land($_) for @flight;
diag "$restarts restarts, " . ($sum{200} // 0) . ' sign-ins, ' . @lost . ' lost';
is_deeply \@lost, [], 'every sign-in was answered' or diag explain \@lost, \%sum;
cmp_ok $restarts, '>=', $seconds * 0.6, 'there were restarts';
ok until_true(sub { my @now = $httpd->children; @now == 2 }, 10), 'two children are left';
$log->done('no child died');
done_testing;
