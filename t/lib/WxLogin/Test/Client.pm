package WxLogin::Test::Client;

=head1 NAME

WxLogin::Test::Client - speaks HTTP to a server under test, byte by byte if need be

=head1 SYNOPSIS

    use WxLogin::Test::Client;

    my $res = post_json('sqlite', '/api/login/', { code => $code }, 'Accept-Language' => 'en');
    my $res = post_json('sqlite', '/api/login/', '{"code":', ...);      # a string goes as it is
    my $res = request('pgsql', PATCH => '/api/user/profile/', body => ..., headers => [...], timeout => 5);
    my $res = raw('sqlite', "POST /api/login/ HTTP/1.1\r\n...", slow => 20, half_close => 1);
    my @res = parallel('sqlite', map { json_request('/api/login/', { code => $_ }) } @codes);

An answer is a hash: status (0: none), reason, headers (lower case; a name that came
twice has its values joined by ", "), body (bytes), json (decoded, or undef), raw (all
that came), interim (statuses 1xx), took (seconds), error (connect, timeout, closed or
undef), port.

A target is the name of a virtual host of the suite, a WxLogin::Test::Httpd, or
"address:port".

=over

=item raw(target, bytes, slow => MS, chunk => BYTES, half_close => 1, timeout => S, all => 1)

sends exactly these bytes: in pieces of C<chunk> (1) every C<slow> ms if asked,
then shuts its side down if asked.  Reads one answer, or with C<all> until the
server closes or the time is up: C<< $res->{all} >> then holds every answer.

=item parallel(target, requests, ...)

every request on its own connection, really at once: all of them are connected and
sent but for the last byte, then the last bytes go out together.  The answers come
in the order of the requests.

=item json_request(path, data, headers), http_request(method, path, body, headers)

the bytes of a request.

=back

What answers must look like is in L<WxLogin::Test::Contract>; tokens are in
L<WxLogin::Test::Token>.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Exporter 'import';
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time sleep);
use WxLogin::Test::Process;

our @EXPORT = qw(post_json post_form get request raw parallel json_request http_request target encode);

# by request_id: the port that answered; ErrorLog reads this
our %SEEN;

my $json = JSON::PP->new->utf8->allow_nonref;

sub encode { return ref $_[0] ? $json->encode($_[0]) : $_[0] }

# (address, port)
sub target {
    my $target = shift // croak 'no target';
    return split /:/, $target->at if ref $target;
    return ($1, $2) if $target =~ /^(.+):(\d+)$/;
    require Apache::Test;
    my $vhost = Apache::Test::config()->{vhosts}{$target} or croak "no virtual host $target in t/conf/extra.conf.in";
    return ('127.0.0.1', $vhost->{port});
}

sub http_request {
    my ($method, $path, $body, @headers) = @_;
    my $text = "$method $path HTTP/1.1\r\n";
    my %has = map { lc $headers[$_] => 1 } grep { !($_ & 1) } 0 .. $#headers;
    unshift @headers, Host => '127.0.0.1' if !$has{host};
    push @headers, 'Content-Length' => length $body
        if defined $body && !$has{'content-length'} && !$has{'transfer-encoding'};
    push @headers, Connection => 'close' if !$has{connection};
    while (my ($name, $value) = splice @headers, 0, 2) { $text .= "$name: $value\r\n" }
    return "$text\r\n" . ($body // '');
}

sub json_request {
    my ($path, $data, @headers) = @_;
    my $typed = grep { lc eq 'content-type' } @headers;
    unshift @headers, 'Content-Type' => 'application/json' if !$typed;
    return http_request(POST => $path, encode($data), @headers);
}

sub post_json {
    my ($target, $path, $data, @headers) = @_;
    return raw($target, json_request($path, $data, @headers));
}

sub post_form {
    my ($target, $path, $body, @headers) = @_;
    return raw($target, http_request(POST => $path, $body, 'Content-Type' => 'application/x-www-form-urlencoded', @headers));
}

sub get {
    my ($target, $path, @headers) = @_;
    return raw($target, http_request(GET => $path, undef, @headers));
}

sub request {
    my ($target, $method, $path, %o) = @_;
    my $bytes = http_request($method, $path, defined $o{body} ? encode($o{body}) : undef, @{ $o{headers} || [] });
    return raw($target, $bytes, %o);
}

sub _connect {
    my ($address, $port) = target($_[0]);
    return IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 10), $port;
}

sub raw {
    my ($target, $bytes, %o) = @_;
    my ($fh, $port) = _connect($target);
    return _result({ raw => '', error => 'connect', started => time }) if !$fh;
    my $job = { fh => $fh, port => $port, raw => '', started => time, method => _method($bytes), all => $o{all} };
    local $SIG{PIPE} = 'IGNORE';
    my $sent = $o{slow} ? _send_slowly($job, $bytes, %o) : _send($job, $bytes);
    shutdown $fh, 1 if $o{half_close};
    _collect($o{timeout}, $job);
    return _result($job);
}

sub _method { return $_[0] =~ /^(\S+)/ ? $1 : '' }

# Blocking, but the answer may come before all is sent (413, 408): then the rest is of no use.
sub _send {
    my ($job, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $job->{fh}, $bytes, 65_536, $at;
        return 0 if !$n;
        $at += $n;
    }
    return 1;
}

sub _send_slowly {
    my ($job, $bytes, %o) = @_;
    my $chunk = $o{chunk} || 1;
    for (my $at = 0; $at < length $bytes; $at += $chunk) {
        return 0 if !syswrite $job->{fh}, $bytes, $chunk, $at;
        sleep $o{slow} / 1000;
        my $early = '';
        vec($early, fileno $job->{fh}, 1) = 1;
        return 1 if select $early, undef, undef, 0;
    }
    return 1;
}

sub parallel {
    my ($target, @requests) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my @jobs = map {
        my ($fh, $port) = _connect($target);
        $fh ? { fh => $fh, port => $port, raw => '', method => _method($_) } : { raw => '', error => 'connect' };
    } @requests;
    my @live = grep { $_->{fh} } @jobs;
    for my $i (0 .. $#jobs) { _send($jobs[$i], substr $requests[$i], 0, -1) if $jobs[$i]{fh} }
    for my $i (0 .. $#jobs) {
        $jobs[$i]{started} = time;
        _send($jobs[$i], substr $requests[$i], -1) if $jobs[$i]{fh};
    }
    _collect(undef, @live);
    return map { _result($_) } @jobs;
}

# Reads for all jobs until each has its answer, was closed, or the time is up.
sub _collect {
    my ($timeout, @jobs) = @_;
    $_->{error} = 'timeout' for _listen($timeout, scalar @jobs, @jobs);
    close $_->{fh} for @jobs;
    return;
}

# Until so many of them have ended; those that have not.
sub _listen {
    my ($timeout, $enough, @jobs) = @_;
    my $until = time + WxLogin::Test::Process::slow($timeout || 30);
    my %open = map { fileno $_->{fh} => $_ } grep { !defined $_->{took} } @jobs;
    while (%open && @jobs - keys %open < $enough) {
        my $want = '';
        vec($want, $_, 1) = 1 for keys %open;
        my $left = $until - time;
        last if $left <= 0 || !select $want, undef, undef, $left;
        for my $fd (grep { vec $want, $_, 1 } keys %open) {
            my $job = $open{$fd};
            my $n = sysread $job->{fh}, $job->{raw}, 65_536, length $job->{raw};
            $job->{closed} = 1 if !$n;
            next if $n && ($job->{all} || !_complete($job));
            $job->{took} = time - $job->{started};
            delete $open{$fd};
            close $job->{fh};    # or httpd's lingering close holds a thread for two seconds
        }
    }
    return values %open;
}

sub _complete {
    my $job = shift;
    my ($answer, $used) = _parse($job->{raw}, $job);
    return $answer && defined $used;
}

# One answer off the text: (answer, bytes used); used is undef while the body is not complete.
sub _parse {
    my ($text, $job) = @_;
    my ($at, @interim) = (0);
    while (substr($text, $at) =~ m{^HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r\n((?:[^\r\n]+\r\n)*)\r\n}) {
        my ($status, $reason, $head) = ($1, $2, $3);
        $at += $+[0];
        if ($status < 200) { push @interim, $status; next }
        my %headers;
        for (split /\r\n/, $head) {
            my ($name, $value) = /^([^:]+):[ \t]*(.*?)\s*$/ or next;
            $headers{ lc $name } = defined $headers{ lc $name } ? "$headers{lc $name}, $value" : $value;
        }
        my ($body, $used) = _body(substr($text, $at), $status, \%headers, $job);
        return { status => $status, reason => $reason, headers => \%headers, body => $body, interim => \@interim },
            defined $used ? $at + $used : undef;
    }
    return;
}

sub _body {
    my ($rest, $status, $headers, $job) = @_;
    return ('', 0) if $status == 204 || $status == 304 || $job->{method} eq 'HEAD';
    if (($headers->{'transfer-encoding'} // '') =~ /chunked/i) {
        my ($body, $at) = ('', 0);
        while (substr($rest, $at) =~ /^([0-9a-fA-F]+)[^\r\n]*\r\n/) {
            my ($size, $line) = (hex $1, $+[0]);
            return ($body, undef) if length($rest) < $at + $line + $size + 2;
            $body .= substr $rest, $at + $line, $size;
            $at += $line + $size + 2;
            return ($body, $at) if !$size;
        }
        return ($body, undef);
    }
    my $length = $headers->{'content-length'};
    return ($rest, $job->{closed} ? length $rest : undef) if !defined $length;
    return (substr($rest, 0, $length), length $rest >= $length ? $length : undef);
}

sub _result {
    my $job = shift;
    my %common = map { $_ => $job->{$_} } qw(raw port error);
    $common{took} = $job->{took} // time - ($job->{started} // time);
    my @all;
    my $text = $job->{raw};
    while (my ($answer, $used) = _parse($text, $job)) {
        $answer->{json} = eval { $json->decode($answer->{body}) } if length $answer->{body};
        my $id = ref $answer->{json} eq 'HASH' && $answer->{json}{request_id};
        $SEEN{$id} = $job->{port} if $id && !ref $id;
        push @all, { %$answer, %common };
        last if !defined $used;
        $text = substr $text, $used;
    }
    $all[0]{all} = \@all if $job->{all} && @all;
    return $all[0] || { status => 0, reason => '', headers => {}, body => '', interim => [], %common,
                        error => $job->{error} // 'closed', $job->{all} ? (all => []) : () };
}

1;
