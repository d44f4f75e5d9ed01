package WxLogin::Test::ErrorLog;

=head1 NAME

WxLogin::Test::ErrorLog - no error in the log that nobody announced

=head1 SYNOPSIS

    use WxLogin::Test::ErrorLog;

    my $log = WxLogin::Test::ErrorLog->watch;            # the suite's httpd, from here on
    my $log = WxLogin::Test::ErrorLog->watch($httpd);    # a WxLogin::Test::Httpd

    error_ok(post_json(...), 400, 'BAD_REQUEST');        # announces its own line
    $log->announce(qr/WXL0301: .*data base lost/);       # lines that may come as well
    $log->announce(qr/AH00052/, 4);                      # four lines that must come
    $log->wait_for(qr/resuming normal operations/, 10);  # waits until it is there
    $log->lines(qr/WXL/);                                # new lines, those that match
    $log->done;                                          # one test

C<done> fails when there is a line of mod_wxlogin of level warn or worse, or a
child that died (AH00051, AH00052), a sanitizer's report or a failed assertion, that no
one announced; when an answer checked by C<error_ok> has no line with its request_id,
more than one, or one of another level; and when announced lines that must come did not.

Where test files run side by side (WX_JOBS > 1) the lines of others are in the same
log: then only those with a request_id this file has seen are judged, and dead children.

=cut

use strict;
use warnings;
use Carp qw(croak);
use Time::HiRes qw(sleep time);
use Test::More ();
use WxLogin::Test::Client ();
use WxLogin::Test::Contract ();
use WxLogin::Test::Process;

my $LEVEL = qr/\[(\w*):(\w+)\]/;
my $BAD   = qr/^(?:warn|error|crit|alert|emerg)$/;
my $DEAD  = qr/AH0005[12]:|AddressSanitizer|runtime error:|Assertion|stack smashing|double free|corrupted/;

sub watch {
    my ($class, $httpd) = @_;
    my $self = bless { announced => [] }, $class;
    if ($httpd) {
        $self->{file} = $httpd->root . '/logs/error_log';
        $self->{mine} = sub { my $port = shift; return scalar grep { $_ == $port } @{ $httpd->{port} } };
    }
    else {
        require Apache::Test;
        my $config = Apache::Test::config();
        my %port = map { $_->{port} => 1 } values %{ $config->{vhosts} };
        $self->{file} = "$config->{vars}{t_logs}/error_log";
        $self->{mine} = sub { return $port{ $_[0] } };
    }
    $self->{from} = -s $self->{file} || 0;
    # what earlier answers of this file brought stands before the mark
    $self->{before} = { %WxLogin::Test::Contract::EXPECTED };
    return $self;
}

sub announce {
    my ($self, $pattern, $count) = @_;
    push @{ $self->{announced} }, { pattern => $pattern, want => $count, seen => 0 };
    return $self;
}

sub lines {
    my ($self, $pattern) = @_;
    open my $fh, '<', $self->{file} or return;
    seek $fh, $self->{from}, 0;
    chomp(my @lines = <$fh>);
    return $pattern ? grep { $_ =~ $pattern } @lines : @lines;
}

# The line, once it is there; undef if it does not come in time.
sub wait_for {
    my ($self, $pattern, $seconds) = @_;
    my $until = time + WxLogin::Test::Process::slow($seconds // 5);
    while (1) {
        my ($line) = $self->lines($pattern);
        return $line if defined $line;
        return if time > $until;
        sleep 0.02;
    }
}

sub _expected {
    my $self = shift;
    my $all = \%WxLogin::Test::Contract::EXPECTED;
    return grep { !$self->{before}{$_} && $self->{mine}->($all->{$_}{port}) } keys %$all;
}

sub done {
    my ($self, $name) = @_;
    my @expected = $self->_expected;
    # a line may be written a moment after the answer
    $self->wait_for(qr/\Q$_\E/, 2) for @expected;
    my @lines = $self->lines;
    my @faults = ($self->_unannounced(\@lines, { map { $_ => 1 } @expected }),
                  map { $self->_own_line($_, \@lines) } @expected);
    for my $a (grep { defined $_->{want} && $_->{seen} != $_->{want} } @{ $self->{announced} }) {
        push @faults, "$a->{seen} lines, not $a->{want}, like $a->{pattern}";
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = Test::More::ok(!@faults, $name // 'the error log has what it should have, and nothing else');
    Test::More::diag($_) for @faults[ 0 .. (@faults > 20 ? 19 : $#faults) ];
    $self->{from} = -s $self->{file} || 0;
    $self->{before} = { %WxLogin::Test::Contract::EXPECTED };
    $self->{announced} = [];
    return $ok;
}

sub _unannounced {
    my ($self, $lines, $expected) = @_;
    my @faults;
    for my $line (@$lines) {
        my ($module, $level) = $line =~ $LEVEL;
        my $bad = $line =~ $DEAD || (($module // '') eq 'wxlogin' || $line =~ /\bWXL\d{4}/) && ($level // '') =~ $BAD;
        my $known = 0;
        for my $a (@{ $self->{announced} }) {
            next if $line !~ $a->{pattern};
            $a->{seen}++;
            $known = 1;
        }
        next if !$bad || $known;
        my ($id) = $line =~ /\(request_id ([^)]+)\)/;
        next if $id && $expected->{$id};
        next if ($ENV{WX_JOBS} || 1) > 1 && $line !~ $DEAD && !($id && $WxLogin::Test::Client::SEEN{$id});
        push @faults, "not announced: $line";
    }
    return @faults;
}

sub _own_line {
    my ($self, $id, $lines) = @_;
    my $want = $WxLogin::Test::Contract::EXPECTED{$id}{level};
    my @own = grep { /WXL\d{4}/ && index($_, $id) >= 0 } @$lines;
    return "no line for request_id $id" if !@own;
    return map { "one of several for request_id $id: $_" } @own if @own > 1;
    my (undef, $level) = $own[0] =~ $LEVEL;
    return $level =~ /^(?:$want)$/ ? () : "level $level, not $want: $own[0]";
}

1;
