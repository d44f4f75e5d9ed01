package WxLogin::Test::Waiting;

=head1 NAME

WxLogin::Test::Waiting - sign-ins that wait for WeChat, and what they cost meanwhile

=head1 SYNOPSIS

    use WxLogin::Test::Waiting;

    my $wechat = WxLogin::Test::FakeWeChat->new;
    my $httpd = waiting_httpd($wechat, children => 2, timeout => 5, more => 'WxLoginExchangeMode blocking')->start;

    my $waiting = WxLogin::Test::Waiting->send($httpd, map { login($_) } $wechat->codes(300, latency => 1500));
    my $arrived = arrivals($httpd);      # from here on; its LogLevel must have http:trace4
    $arrived->(300, 2);                  # waits until so many requests have been read; true if they were
    asked($wechat, 300);                 # waits until WeChat has been asked so often; the number
    $waiting->first(5, 10);              # waits until five are answered; their answers
    my @res = $waiting->answers(10);     # as Client's, in the order of the requests
    my @fh  = $waiting->sockets;         # to be reset, half closed ...

    gauges($httpd);                      # '300 parked, 0 blocking'

    my $before = load($pid);             # {fds => N, threads => N, kb => N} of a process
    until_true(sub { ... }, 5);          # asks every 20 ms; undef: not in time
    load_back($pid, $before, 5);         # waits until fds and threads are back; '' or what is left

    my ($ms) = slowest(sub { get($httpd, '/index.html') }, 2);    # the slowest of many, for 2 seconds

gauges needs mod_status at /status.  waiting_httpd makes an httpd of one's own with room for some hundred waiting sign-ins: options
are those of WxLogin::Test::Httpd and timeout (3), connect (1), more (directives); C<url> instead of a
FakeWeChat.  The times are three times as long, so that a machine that is slow does not end an exchange,
unless exact => 1 is said.  C<patient(MS)> gives latencies that grow under a checker; better is an answer
that is held until the test has seen what it wanted to see.

=cut

use strict;
use warnings;
use Exporter 'import';
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Httpd;
use WxLogin::Test::Process;

our @EXPORT = qw(waiting_httpd patient login arrivals asked gauges load load_back until_true slowest statuses);

sub waiting_httpd {
    my ($wechat, %o) = @_;
    my ($timeout, $connect) = (delete $o{timeout} // 3, delete $o{connect} // 1);
    ($timeout, $connect) = map { 3 * $_ } $timeout, $connect if !delete $o{exact};
    my $more = delete $o{more} // '';
    my $url = delete $o{url} // $wechat->url;
    my $mpm = $o{mpm} || $ENV{WX_MPM} || 'event';
    my $slack = 4 * ($o{children} || 1) + 4;
    my $room = $mpm eq 'prefork' ? '' : "ServerLimit $slack\n" . ($mpm eq 'event' ? "AsyncRequestWorkerFactor 100\n" : '');
    return WxLogin::Test::Httpd->new(loglevel => 'info wxlogin:debug', %o, config => <<"CONF");
$room
ListenBacklog 1024
WxLoginEnvironment development
WxLoginSecretKey env:WX_SECRET_KEY
WxLoginAppId \${WX_APP_ID}
WxLoginAppSecret env:WX_APP_SECRET
WxLoginExchangeURL $url
WxLoginExchangeTimeout $timeout connect=$connect
\@SQLITE\@
\@ENDPOINTS\@
$more
CONF
}

# Times that WeChat takes grow where all is slow: but within httpd's TimeOut
sub patient {
    my $time = shift;
    my $slow = $ENV{WX_SLOW} || 1;
    return $time * ($slow > 3 ? 3 : $slow);
}

sub login {
    my ($code, @headers) = @_;
    return json_request('/api/login/', { code => $code }, @headers);
}

# Sent, and nobody waits for the answer yet.
sub send {
    my ($class, $target, @requests) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my @jobs = map {
        my ($fh, $port) = WxLogin::Test::Client::_connect($target);
        my $job = { fh => $fh, port => $port, raw => '', method => 'POST', started => time };
        $fh ? WxLogin::Test::Client::_send($job, $_) : ($job->{error} = 'connect');
        $job;
    } @requests;
    return bless { jobs => \@jobs }, $class;
}

sub sockets { return map { $_->{fh} } @{ $_[0]{jobs} } }

sub first {
    my ($self, $n, $seconds) = @_;
    WxLogin::Test::Client::_listen($seconds, $n, @{ $self->{jobs} });
    return map { WxLogin::Test::Client::_result($_) } grep { defined $_->{took} } @{ $self->{jobs} };
}

sub answers {
    my ($self, $seconds) = @_;
    my @jobs = @{ $self->{jobs} };
    WxLogin::Test::Client::_collect($seconds, grep { $_->{fh} } @jobs);
    return map { WxLogin::Test::Client::_result($_) } @jobs;
}

# {200 => 17, 'timeout' => 1}
sub statuses {
    my %count;
    $count{ $_->{status} || $_->{error} || 'none' }++ for @_;
    return \%count;
}

sub until_true {
    my ($condition, $seconds) = @_;
    my $until = time + WxLogin::Test::Process::slow($seconds // 5);
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return if time > $until;
        sleep 0.02;
    }
}

sub arrivals {
    my $httpd = shift;
    open my $log, '<', $httpd->root . '/logs/error_log' or die "error_log: $!\n";
    seek $log, 0, 2;
    my $arrived = 0;
    return sub {
        my ($n, $seconds) = @_;
        my $until = time + $seconds;
        while (1) {
            seek $log, 0, 1;    # there may be more by now
            while (my $line = <$log>) { $arrived++ if $line =~ /Headers received from client/ }
            return $arrived >= $n if $arrived >= $n || time > $until;
            sleep 0.02;
        }
    };
}

sub asked {
    my ($wechat, $n, $seconds) = @_;
    until_true(sub { $wechat->asked_in_all >= $n }, $seconds // 10);
    return $wechat->asked_in_all;
}

sub gauges {
    my %status = map { /^([^:]+): (.*)$/ ? ($1 => $2) : () } split /\r?\n/, get($_[0], '/status?auto')->{body};
    return join ', ', map { ($status{$_->[0]} // 'no') . " $_->[1]" } [ WxLoginParked => 'parked' ], [ WxLoginBlocking => 'blocking' ];
}

sub load {
    my $pid = shift;
    my %load = (fds => 0, threads => 0, kb => 0);
    opendir my $dh, "/proc/$pid/fd" or return \%load;
    $load{fds} = grep { !/^\./ } readdir $dh;
    open my $fh, '<', "/proc/$pid/status" or return \%load;
    while (my $line = <$fh>) {
        $load{threads} = $1 if $line =~ /^Threads:\s+(\d+)/;
        $load{kb}      = $1 if $line =~ /^RssAnon:\s+(\d+)/;    # not what is shared: the table of codes fills up
    }
    return \%load;
}

# Connections to WeChat are kept, so a few descriptors more than at first are no leak.
sub load_back {
    my ($pid, $before, $seconds, $kept) = @_;
    my $now;
    return '' if until_true(sub {
        $now = load($pid);
        return $now->{fds} <= $before->{fds} + ($kept // 0) && $now->{threads} <= $before->{threads};
    }, $seconds);
    return "fds $before->{fds} -> $now->{fds}, threads $before->{threads} -> $now->{threads}";
}

# In milliseconds: (the slowest, how many there were)
sub slowest {
    my ($do, $seconds) = @_;
    my ($worst, $n) = (0, 0);
    my $until = time + $seconds;
    while (time < $until) {
        my $began = time;
        $do->();
        my $ms = 1000 * (time - $began);
        $worst = $ms if $ms > $worst;
        $n++;
        sleep 0.01;
    }
    return ($worst, $n);
}

1;
