package WxLogin::Test::FakeWeChat::Server;

=head1 NAME

WxLogin::Test::FakeWeChat::Server - the event loop of the fake WeChat

=head1 DESCRIPTION

A small HTTP/1.1 server on 127.0.0.1: one process, one select loop, so that
hundreds of answers can be delayed at once.  What is answered is decided by a
callback; this file only knows how to send an answer, and how to send it badly.

    my $server = WxLogin::Test::FakeWeChat::Server->new(
        port   => 0,
        answer => sub ($request) { return (\@steps, keep_alive) },
    );
    print $server->port;
    $server->run;

A request is a hash {method, path, raw_query, version, headers, body,
connection, nth, reused, at}; C<answered> appears in it when the answer was sent
as a whole, C<gone> when the client hung up before.  A step is one of

    [ send => $bytes ]   [ wait => $ms ]   [ hold => $name ]   [ 'close' ]   [ 'reset' ]   [ 'stall' ]

C<stall> keeps the connection open and silent until the client leaves; C<hold>
until C<< $server->release($name) >>, which also holds for those who come later.

=cut

use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use constant { MAX_HEAD => 65_536, FOREVER => 1e18 };

sub new {
    my ($class, %o) = @_;
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $o{port} || 0, Listen => 1024, ReuseAddr => 1,
    ) or die "cannot listen: $!\n";
    $listener->blocking(0);
    return bless { listener => $listener, answer => $o{answer}, conns => {}, serial => 0, released => {} }, $class;
}

sub port { return $_[0]{listener}->sockport }

sub release {
    my ($self, @names) = @_;
    my @held = grep { defined $_->{held} } values %{ $self->{conns} };
    $self->{released}{$_} = 1 for @names ? @names : map { $_->{held} } @held;
    for my $c (grep { $self->{released}{ $_->{held} } } @held) {
        delete $c->{held};
        $c->{wake} = time;
    }
    return;
}

sub run {
    my $self = shift;
    local $SIG{PIPE} = 'IGNORE';
    $self->_turn while 1;
}

# One round: wait for something to happen, then let every connection concerned go on.
sub _turn {
    my $self = shift;
    my ($read, $write, $wake) = ('', '', FOREVER);
    vec($read, fileno $self->{listener}, 1) = 1;
    for my $c (values %{ $self->{conns} }) {
        vec($read,  $c->{fd}, 1) = 1;
        vec($write, $c->{fd}, 1) = 1 if length $c->{out};
        $wake = $c->{wake} if $c->{wake} < $wake && $c->{wake};
    }
    my $left = $wake - time;
    select $read, $write, undef, $wake == FOREVER ? undef : $left > 0 ? $left : 0;

    for my $c (values %{ $self->{conns} }) {
        $self->_hear($c) if vec $read, $c->{fd}, 1;
        $self->_go_on($c) if $c->{fh};
    }
    $self->_accept if vec $read, fileno $self->{listener}, 1;
}

sub _accept {
    my $self = shift;
    while (my $fh = $self->{listener}->accept) {
        $fh->blocking(0);
        setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1;
        my $c = { fh => $fh, fd => fileno $fh, id => ++$self->{serial}, in => '', out => '',
                  steps => undef, wake => 0, served => 0 };
        $self->{conns}{ $c->{fd} } = $c;
    }
}

sub _drop {
    my ($self, $c, $reset) = @_;
    setsockopt $c->{fh}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
    delete $self->{conns}{ $c->{fd} };
    close delete $c->{fh};
}

sub _hear {
    my ($self, $c) = @_;
    my $n = sysread $c->{fh}, $c->{in}, 65_536, length $c->{in};
    return if !defined $n && ($!{EAGAIN} || $!{EINTR});
    return if $n;
    # end of file: a client may half-close after its request, curl and httpd never do
    $c->{request}{gone} = 1 if $c->{steps} && $c->{request};
    $self->_drop($c);
}

# As far as this connection can go now: send, take the next step, read the next request.
sub _go_on {
    my ($self, $c) = @_;
    while ($c->{fh}) {
        return if length $c->{out} && !$self->_send($c);
        if ($c->{wake}) {
            return if $c->{wake} > time;
            $c->{wake} = 0;
        }
        if ($c->{steps}) {
            $self->_step($c);
            next;
        }
        my $request = _parse($c) or return;
        @$request{qw(connection nth reused at)} = ($c->{id}, $c->{served} + 1, $c->{served} > 0, time);
        $c->{request} = $request;
        ($c->{steps}, $c->{keep}) = $self->{answer}->($request);
    }
}

sub _send {
    my ($self, $c) = @_;
    my $n = syswrite $c->{fh}, $c->{out}, 1 << 20, $c->{sent} // 0;
    if (!defined $n) {
        return 0 if $!{EAGAIN} || $!{EINTR};
        $c->{request}{gone} = 1 if $c->{request};
        $self->_drop($c);
        return 0;
    }
    $c->{sent} += $n;
    return 0 if $c->{sent} < length $c->{out};
    @$c{qw(out sent)} = ('', 0);
    return 1;
}

sub _step {
    my ($self, $c) = @_;
    my $step = shift @{ $c->{steps} };
    if (!$step) {
        $c->{steps} = undef;
        $c->{served}++;
        $c->{request}{answered} = time;
        return $c->{keep} ? () : $self->_drop($c);
    }
    my ($verb, $what) = @$step;
    if    ($verb eq 'send')  { $c->{out} .= $what }
    elsif ($verb eq 'wait')  { $c->{wake} = time + $what / 1000 }
    elsif ($verb eq 'stall') { $c->{wake} = FOREVER }
    elsif ($verb eq 'hold')  { @$c{qw(wake held)} = (FOREVER, $what) if !$self->{released}{$what} }
    else                     { $self->_drop($c, $verb eq 'reset') }
    return;
}

# Takes one whole request off the input, or returns nothing if it is not there yet.
sub _parse {
    my $c = shift;
    my $end = index $c->{in}, "\r\n\r\n";
    if ($end < 0) {
        $c->{in} = '' if length $c->{in} > MAX_HEAD;
        return;
    }
    my ($first, @lines) = split /\r\n/, substr $c->{in}, 0, $end;
    my ($method, $target, $version) = ($first // '') =~ m{^(\S+) (\S+) HTTP/(1\.[01])$};
    my %headers = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1, $2) : () } @lines;
    my $length = $headers{'content-length'} || 0;
    return if length $c->{in} < $end + 4 + $length;
    my $body = substr $c->{in}, $end + 4, $length;
    substr $c->{in}, 0, $end + 4 + $length, '';
    my ($path, $query) = split /\?/, $target // '/_fake/bad', 2;
    return { method => $method // 'BAD', path => $path, raw_query => $query // '',
             version => $version // '1.0', headers => \%headers, body => $body };
}

1;
