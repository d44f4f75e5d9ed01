# Counts outlive graceful restarts and the death of children at any moment.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use WxLogin::Test::Httpd;
use WxLogin::Test::Limit;

my $DEATHS = ($ENV{WX_MPM} || 'event') eq 'event' ? 100 : 25;

sub config {
    my $rate = shift;
    return snippet(<<"CONF");
<Location /five>
    WxLoginRateLimit 5/4s name=five
</Location>
<Location /long>
    WxLoginRateLimit $rate name=long
</Location>
<Location /gone>
    WxLoginRateLimit 3/60s name=gone
</Location>
CONF
}
my $httpd = WxLogin::Test::Httpd->new(children => 2, loglevel => 'info', config => config('3/60s'));
$httpd->start;
my @me = ('X-Client' => '192.0.2.1');

subtest 'a graceful restart in the middle' => sub {
    is statuses($httpd, '/long', 2, @me), '404 404', 'two of three before';
    $httpd->graceful;
    is statuses($httpd, '/long', 2, @me), '404 429', 'one after';
    $httpd->hup;
    is statuses($httpd, '/long', 1, @me), '429', 'none after a hard one';
    like $httpd->log, qr/WXL0543: rate limit long 3\/60s goes on; so far 1 requests were refused/, 'the log says that it goes on';
    statuses($httpd, '/gone', 3, @me);
    $httpd->config(config('4/60s'));
    $httpd->graceful;
    is statuses($httpd, '/long', 5, @me), '404 404 404 404 429', 'a limit that was changed begins anew';
    is statuses($httpd, '/gone', 1, @me), '429', 'the others do not';
};

subtest 'a limit is the same during a restart' => sub {
    my @events = hammer(3, sub {
        my ($number, $report) = @_;
        my $c = WxLogin::Test::Limit->connect($httpd);
        my $end = now() + 6;
        my $again = now() + 1.5;
        while (now() < $end) {
            if ($number == 1 && now() > $again) { $httpd->signal('USR1'); $again += 1.5 }
            $report->('x', $c->ask('/five', 'X-Client' => '192.0.2.2'));
            sleep 0.01;
        }
    });
    model_ok(\@events, 5, 4, 'through three graceful restarts');
};

# Children die under load. All that are not in them must have their answer in time.
subtest "$DEATHS children killed" => sub {
    my $reaper = fork // die "fork: $!";
    if (!$reaper) {
        my $missed = $DEATHS;
        while ($missed) {
            my @children = $httpd->children;
            $missed -= @children ? kill('KILL', $children[ rand @children ]) : 0;
            sleep 0.06 + rand 0.06;
        }
        require POSIX;
        POSIX::_exit($missed);
    }
    my $end = now() + 0.13 * $DEATHS;
    my @events = hammer(4, sub {
        my ($number, $report) = @_;
        my $c = WxLogin::Test::Limit->connect($httpd);
        while (now() < $end) {
            my $who = '192.0.3.' . int rand 3;
            $report->($who, $c->ask('/five', 'X-Client' => $who));
            sleep 0.002;
        }
    });
    waitpid $reaper, 0;
    is $?, 0, 'they were killed';
    my @lost = grep { !$_->{status} } @events;
    my @slow = grep { $_->{status} && $_->{came} - $_->{sent} > WxLogin::Test::Process::slow(10) } @events;
    note scalar(@lost), ' of ', scalar(@events), ' requests died with a child';
    is @slow, 0, 'nobody waits for the dead';
    model_ok(\@events, 5, 4, 'no window has one too many, no count was lost');
    sleep 5;
    is statuses($httpd, '/five', 6, 'X-Client' => '192.0.3.0'), '404 404 404 404 404 429', 'afterwards the limit is what it was';
};
done_testing;
