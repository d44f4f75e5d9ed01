# The one who asks about a code may die; and a code of one mini program is none of another's.
# Once: it kills a child
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Contract;
use WxLogin::Test::ErrorLog;
use WxLogin::Test::FakeWeChat;
use WxLogin::Test::Process;
use WxLogin::Test::Waiting;

my $wechat = WxLogin::Test::FakeWeChat->new;

for my $mode (qw(auto blocking)) {
    subtest "the child that asks is killed, $mode" => sub {
        my $httpd = waiting_httpd($wechat, children => 3, threads => 70, timeout => 5, exact => 1, more => "WxLoginExchangeMode $mode")->start;
        my $log = WxLogin::Test::ErrorLog->watch($httpd)->announce(qr/WXL0202/);
        my @children;
        until_true(sub { @children = $httpd->children; 3 == grep { load($_)->{threads} > 70 } @children }, 10);
        my $code = $wechat->code(hold => 1, reuse => 1);
        my $began = time;
        my $first = WxLogin::Test::Waiting->send($httpd, login($code));
        until_true(sub { $wechat->asked($code) }, 5);
        my ($asking) = grep { is_asking($_, $wechat->port) } @children;
        ok $asking, 'this one asks' or return;
        kill 'STOP', $asking;    # so that the others are accepted elsewhere
        until_true(sub { !grep { !is_stopped($_) } glob "/proc/$asking/task/*/stat" }, 5);
        my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($code) } 1 .. 30);
        sleep 0.3;
        kill 'KILL', $asking;
        $wechat->release($code);
        is +($first->answers(5))[0]{status}, 0, 'its client is cut off';
        my @res = $waiting->answers(15);
        my $took = time - $began;
        my $count = statuses(@res);
        is $count->{timeout} // 0, 0, 'nobody hangs' or diag explain $count;
        my @heard = grep { $_->{status} } @res;
        is scalar @heard, 30, 'those in other children are answered' or diag explain $count;
        is_deeply statuses(@heard), { 200 => scalar @heard }, '... and signed in';
        cmp_ok $took, '<', WxLogin::Test::Process::slow(2 * (5 + 2) + 1), "within the deadline and one exchange: $took s";
        is $wechat->asked($code), 2, 'by one more question, not by one each';
        login_ok(post_json($httpd, '/api/login/', { code => $wechat->code }), name => 'the server goes on');
        $log->done;
    };
}

sub is_stopped {
    open my $fh, '<', $_[0] or return 1;
    return (<$fh> // '') =~ /\) T /;
}

# Does this process have a connection to that port?
sub is_asking {
    my ($pid, $port) = @_;
    open my $tcp, '<', "/proc/$pid/net/tcp" or return 0;
    my $remote = sprintf ':%04X', $port;
    my %inode;
    while (my $line = <$tcp>) {
        my @f = split ' ', $line;
        $inode{ $f[9] } = 1 if $f[2] =~ /$remote$/ && $f[3] eq '01';
    }
    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ && $inode{$1} } glob "/proc/$pid/fd/*";
}

subtest 'two mini programs' => sub {
    my $other = WxLogin::Test::FakeWeChat->new(appid => 'wxother');
    my $url = $other->url;
    my $httpd = waiting_httpd($wechat, threads => 8, ports => 3, more => <<"CONF")->start;
Listen 127.0.0.1:\@PORT2\@
<VirtualHost 127.0.0.1:\@PORT2\@>
    WxLoginAppId wxother
    WxLoginExchangeURL $url
    \@ENDPOINTS\@
</VirtualHost>
Listen 127.0.0.1:\@PORT3\@
<VirtualHost 127.0.0.1:\@PORT3\@>
    \@ENDPOINTS\@
</VirtualHost>
CONF
    my $log = WxLogin::Test::ErrorLog->watch($httpd);
    my $code = $wechat->code(latency => 300);
    $other->order($code => { latency => 300, openid => 'oOfTheOther' });
    my $one = WxLogin::Test::Waiting->send($httpd, login($code));
    my $two = WxLogin::Test::Waiting->send($httpd->at(2), login($code));
    my $same = WxLogin::Test::Waiting->send($httpd->at(3), login($code));
    login_ok(($one->answers(5))[0], name => 'the first', openid => $wechat->openid_of($code));
    login_ok(($two->answers(5))[0], name => 'the second', openid => 'oOfTheOther');
    login_ok(($same->answers(5))[0], name => 'the first, by another door', openid => $wechat->openid_of($code));
    is $wechat->asked($code), 1, 'the first was asked once';
    is $other->asked($code), 1, 'the second was asked once';
    $log->done;
};

done_testing;
