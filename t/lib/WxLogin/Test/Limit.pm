package WxLogin::Test::Limit;

=head1 NAME

WxLogin::Test::Limit - many requests, and whether a rate limit has treated them as it should

=head1 SYNOPSIS

    use WxLogin::Test::Limit;

    my $c = WxLogin::Test::Limit->connect($httpd);           # one connection, kept alive
    my $e = $c->ask('/api/x', 'X-Client' => '192.0.2.1');    # {sent, came, status, headers, body, open}
    $c->ask('/api/x', -method => 'POST', -body => '{}', ...);

    my @events = hammer(4, sub { my ($number, $report) = @_; ... $report->($client, $event); });
    model_ok(\@events, 5, 2.0, 'five in two seconds');       # one test

    statuses($httpd, '/x', 7, @headers)                      # "200 200 429 ...": one after the other
    snippet($text)                                           # a mock server for limits, with $text in it

C<hammer> runs the code in so many processes and collects what they report.

C<model_ok> replays the events of each client against the plain rule: a request is
admitted if, and only if, fewer than N were admitted in the T before it.  The client
knows of each decision only that it fell between sending and answer; so an event is
wrong if it cannot be right at any moment in between.  Not one may be wrong.  A request
without an answer (status 0: its child died) may have been admitted or not.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Exporter 'import';
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use WxLogin::Test::Client qw(target);

our @EXPORT = qw(hammer model_ok statuses snippet now);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub connect {
    my ($class, $target) = @_;
    return bless { target => $target }, $class;
}

sub _socket {
    my $self = shift;
    my ($host, $port) = target($self->{target});
    $self->{fh} //= IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 20) or return;
    setsockopt $self->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;
    return $self->{fh};
}

# One request on the connection; a connection that was closed is made anew.
sub ask {
    my ($self, $path, @headers) = @_;
    my %o;
    while (@headers && $headers[0] =~ /^-(\w+)/) { $o{$1} = $headers[1]; splice @headers, 0, 2 }
    my $method = $o{method} // 'GET';
    my $body = $o{body} // '';
    my $head = join '', map { "$headers[2 * $_]: $headers[2 * $_ + 1]\r\n" } 0 .. @headers / 2 - 1;
    $head .= "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n" if $method eq 'POST' || length $body;
    my %event = (status => 0, sent => now());
    my $fh = $self->_socket or return { %event, came => now() };
    local $SIG{PIPE} = 'IGNORE';
    syswrite $fh, "$method $path HTTP/1.1\r\nHost: localhost\r\n$head\r\n$body";
    $event{text} = _read_answer($fh, $method);
    $event{came} = now();
    if ($event{text} =~ m{^HTTP/1\.1 (\d+)}) { $event{status} = $1 }
    ($event{head}, $event{body}) = split /\r\n\r\n/, $event{text}, 2;
    $event{headers} = { map { /^([^:]+):\s*(.*)/ ? (lc $1 => $2) : () } split /\r\n/, $event{head} // '' };
    $event{open} = $event{status} && ($event{headers}{connection} // '') ne 'close' ? 1 : 0;
    close delete $self->{fh} if !$event{open};
    return \%event;
}

sub _read_answer {
    my ($fh, $method) = @_;
    my $text = '';
    while (1) {
        if ($text =~ /\r\n\r\n/) {
            my $head = $+[0];
            return $text if $method eq 'HEAD' || substr($text, 0, $head) =~ m{^HTTP/1\.1 (?:204|304)};
            return $text if substr($text, 0, $head) =~ /^Content-Length: (\d+)/mi && length($text) >= $head + $1;
            return $text if substr($text, 0, $head) =~ /^Transfer-Encoding: chunked/mi && $text =~ /\r\n0\r\n\r\n\z/;
        }
        sysread $fh, $text, 65_536, length $text or return $text;
    }
}

sub hammer {
    my ($processes, $code) = @_;
    my (@readers, @events, @pids);
    for my $number (1 .. $processes) {
        pipe(my $reader, my $writer) or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            close $reader;
            srand 1000 * $number + $$;
            my $text = '';    # a pipe that fills up would stop us
            eval {
                $code->($number, sub { my ($who, $e) = @_; $text .= join(' ', $who, @$e{qw(sent came status)}) . "\n" });
                1;
            } or print STDERR $@;
            print {$writer} $text;
            close $writer;
            require POSIX;
            POSIX::_exit(0);    # no END block, no destructor of the parent's
        }
        close $writer;
        push @readers, $reader;
        push @pids, $pid;
    }
    for my $reader (@readers) {
        while (my $line = <$reader>) {
            my %e;
            @e{qw(who sent came status)} = split ' ', $line;
            push @events, \%e;
        }
    }
    waitpid $_, 0 for @pids;
    return @events;
}

# More than N admitted that certainly lie within less than T of each other.
sub _too_many {
    my ($admitted, $n, $window) = @_;
    my $wrong = 0;
    for my $i ($n .. $#$admitted) {
        # by time of sending; the last of these N + 1 answers
        my ($last) = sort { $b <=> $a } map { $_->{came} } @$admitted[ $i - $n .. $i ];
        $wrong++ if $last - $admitted->[ $i - $n ]{sent} < $window;
    }
    return $wrong;
}

# Refused although fewer than N can have been admitted in the T before.
sub _too_few {
    my ($admitted, $refused, $n, $window) = @_;
    my ($wrong, $from) = (0, 0);
    for my $r (@$refused) {
        $from++ while $from < @$admitted && $admitted->[$from]{came} <= $r->{sent} - $window - 20;
        my $possible = 0;
        for (my $i = $from; $i < @$admitted && $admitted->[$i]{sent} <= $r->{came}; $i++) {
            $possible++ if $admitted->[$i]{came} > $r->{sent} - $window;
        }
        $wrong++ if $possible < $n;
    }
    return $wrong;
}

sub model_ok {
    my ($events, $n, $window, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (%client, %sum);
    push @{ $client{ $_->{who} } }, $_ for sort { $a->{sent} <=> $b->{sent} } @$events;
    for my $all (values %client) {
        my @admitted = grep { $_->{status} != 429 && $_->{status} } @$all;
        my @perhaps = grep { $_->{status} != 429 } @$all;
        my @refused = grep { $_->{status} == 429 } @$all;
        $sum{admitted} += @admitted;
        $sum{refused} += @refused;
        # the clocks of both sides are the same one, but rounded
        $sum{over} += _too_many(\@admitted, $n, $window - 0.0001);
        $sum{under} += _too_few(\@perhaps, \@refused, $n, $window + 0.0001);
    }
    note sprintf '%d clients: %d admitted, %d refused', scalar keys %client, $sum{admitted}, $sum{refused};
    ok($sum{admitted} && $sum{refused} && !$sum{over} && !$sum{under}, $name)
        or diag "admitted $sum{admitted}, too many: $sum{over}; refused $sum{refused}, for nothing: $sum{under}";
    return;
}

sub statuses {
    my ($target, $path, $times, @headers) = @_;
    my $c = __PACKAGE__->connect($target);
    return join ' ', map { $c->ask($path, @headers)->{status} } 1 .. $times;
}

sub snippet {
    my $text = shift;
    return <<"CONF" . $text;
WxLoginEnvironment development
WxLoginSecretKey 0123456789abcdef0123456789abcdef
\@SQLITE\@
KeepAliveTimeout 20
MaxKeepAliveRequests 0
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1 ::1
CONF
}

1;
