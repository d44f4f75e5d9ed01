package WxLogin::Test::FakeWeChat;

=head1 NAME

WxLogin::Test::FakeWeChat - a WeChat that does what it is told, and remembers

=head1 SYNOPSIS

    my $wechat = WxLogin::Test::FakeWeChat->attach;        # the suite's own
    my $wechat = WxLogin::Test::FakeWeChat->new;           # one of yours, ends with the object
    $wechat->port; $wechat->url;

    my $code = $wechat->code;                              # fresh; signs in
    my $code = $wechat->code(errcode => 40029);            # refused
    my $code = $wechat->code(latency => 500, say => 'empty_object');
    my $code = $wechat->code(hold => 1);                   # not answered until
    $wechat->release($code);
    my @codes = $wechat->codes(50, openid => $openid);     # fifty codes of one person

    $wechat->asked($code);           # how many exchanges with this code
    $wechat->last_request($code);    # {method, path, raw_query, query, headers, connection, reused, at, answered, gone}
    $wechat->requests($code);        # all of them
    $wechat->asked_in_all;           # how many exchanges there were
    $wechat->answered_in_all;        # how many answers have left as a whole
    $wechat->openid_of($code);       # what the answer says, 28 characters beginning with o
    $wechat->session_key_of($code);  # 24 characters: must never be seen anywhere

Orders are kept by code and every code is new, so tests that run side by side do
not meet.  A code can be used once; then WeChat says 40163.  The server is a real
one, in a process of its own, and may be C<attach>ed to from anywhere by its port.

=head1 ORDERS

What is said:

    openid => $s, unionid => 1|$s, session_key => $s
    errcode => N             refuse; the text is WeChat's own, with its rid
    errcode_quoted => 1      the number as a string ("40029"; on success with errcode_zero "0")
    errcode_zero => 1        a success that carries errcode 0
    errmsg => anything       instead of the usual text; need not be a string
    say => NAME              a strange body, see below
    body => $bytes           exactly this; body_base64 => the same, any bytes
    size => BYTES            a success padded to about this size (10_000_000)
    reuse => 1               the code may be used again

How it is said:

    latency => MS            before the first byte
    hold => 1                not a byte before $wechat->release(@codes); no code: all
    cut => 'before'          close without a byte       'reset'   the same by RST
           'head'            in the middle of the head  'body'    in the middle of the body
           'stall'           half of the body, then silence       'silence'  not a byte, never
    stale => 1               on a connection that served before: close without a byte (on a new one: answer)
    then_close => 1          answer promises keep-alive, the connection is closed all the same
    drip => MS               the body byte by byte, so slow
    status => N              200, 302 (with location => URL), 412, 500, 502 ...
    html => 1                a web page as the body     content_type => 'x/y'
    gzip => 'asked'|'always' Content-Encoding: gzip
    length => N|'+N'|'-N'    a Content-Length that is not true

Strange bodies (C<say>): empty_body, empty_object, array, null, text, truncated,
trailing, bom, invalid_utf8, nul, deep (100,000 levels), duplicate_keys, openid_64,
openid_65, openid_number, openid_empty, openid_null, no_session_key,
session_key_empty, session_key_number, errcode_text, errcode_null, errmsg_number,
no_errmsg, all_empty.  C<strange> lists them.  An unknown order dies.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha256_hex);
use File::Temp ();
use HTTP::Tiny;
use JSON::PP ();
use Time::HiRes qw(time);
use WxLogin::Test::Env;
use WxLogin::Test::FakeWeChat::Answers qw(openid_for session_key_for);
use WxLogin::Test::Process;

my $json = JSON::PP->new->utf8;
my $serial = 0;

# new(appid => ..., secret => ..., port => ...)
sub new {
    my ($class, %o) = (shift, appid => $ENV{WX_APP_ID}, secret => $ENV{WX_APP_SECRET}, @_);
    my $dir = File::Temp->newdir('wxf.XXXXXX', TMPDIR => 1);
    my $process = WxLogin::Test::Process->spawn(
        command => [ $^X, "$WxLogin::Test::Process::T/bin/fake-wechat", '--ready', "$dir/port",
                     map { defined $o{$_} ? ("--$_", $o{$_}) : () } qw(port appid secret) ],
        log => "$dir/log",
    );
    $process->until(sub { -e "$dir/port" }) or croak 'fake WeChat: ' . $process->log;
    open my $fh, '<', "$dir/port" or croak "$dir/port: $!";
    chomp(my $port = <$fh>);
    return bless { port => $port, process => $process, dir => $dir, openid => {} }, $class;
}

sub attach {
    my ($class, $port) = @_;
    $port ||= $ENV{WX_FAKE_PORT} or croak 'no WX_FAKE_PORT: is this running under t/TEST?';
    return bless { port => $port, openid => {} }, $class;
}

sub port { return $_[0]{port} }
sub url  { return "http://127.0.0.1:$_[0]{port}" }
sub stop { return $_[0]{process} && $_[0]{process}->stop }
sub log  { return $_[0]{process} ? $_[0]{process}->log : '' }

sub strange { return WxLogin::Test::FakeWeChat::Answers::strange_names() }

# 32 letters and digits beginning with 0, like the real ones
sub _fresh {
    return '0' . substr sha256_hex(join ':', $$, time, rand, ++$serial), 0, 31;
}

sub codes {
    my ($self, $n, %order) = @_;
    my @codes = map { _fresh() } 1 .. $n;
    $self->order(map { $_ => \%order } @codes) if %order;
    @{ $self->{openid} }{@codes} = ($order{openid}) x $n if defined $order{openid};
    return @codes;
}

sub code {
    my ($self, %order) = @_;
    return ($self->codes(1, %order))[0];
}

# order(CODE => {...}, ...): for codes of your own choice
sub order {
    my ($self, %orders) = @_;
    $self->_call(POST => '/_fake/order', { content => $json->encode(\%orders) });
    return $self;
}

# Those who have asked with these codes are answered, and those who will
sub release {
    my ($self, @codes) = @_;
    $self->_call(POST => '/_fake/release', { content => $json->encode(\@codes) });
    return $self;
}

sub openid_of      { return $_[0]{openid}{ $_[1] } // openid_for($_[1]) }
sub session_key_of { return session_key_for($_[1]) }

sub requests {
    my ($self, $code) = @_;
    my $hex = unpack 'H*', $code;
    return @{ $self->_call(GET => '/_fake/asked?code=' . $hex =~ s/(..)/%$1/gr)->{requests} };
}

sub asked        { my ($self, $code) = @_; my @all = $self->requests($code); return scalar @all }
sub last_request { my ($self, $code) = @_; return ($self->requests($code))[-1] }
sub asked_in_all { return $_[0]->_call(GET => '/_fake/asked')->{count} }
sub answered_in_all { return $_[0]->_call(GET => '/_fake/asked')->{answered} }

sub _call {
    my ($self, $method, $target, $options) = @_;
    my $answer = HTTP::Tiny->new(timeout => WxLogin::Test::Process::slow(20))
                           ->request($method, $self->url . $target, $options || {});
    $answer->{success} or croak "fake WeChat, $target: $answer->{status} $answer->{content}";
    return $json->decode($answer->{content});
}

1;
