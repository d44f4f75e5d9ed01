package WxLogin::Test::Load;

=head1 NAME

WxLogin::Test::Load - clients that sign in, one request after the other, while a test does harm

=head1 SYNOPSIS

    my $load = WxLogin::Test::Load->start($httpd, clients => 8, request => sub {
        my ($client, $n) = @_;                              # in the client's process
        return json_request('/api/login/', { code => "client-$client" });
    });
    ...                                                     # harm
    my $seen = $load->stop;                                 # every answer, in the order of time

    $load->wait_for(sub { $_->{status} == 200 }, 10);       # the next such answer from now on, or undef
    $load->all_answered(10);                                # by now none waits that waited before
    WxLogin::Test::Load->count($seen);                      # { 200 => 812, 503 => 4 }

An answer is a hash: at (when it was there), took, status, error (of Client), error_code,
retry_after, client.  Clients are processes of their own and end with the object.

=cut

use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use POSIX ();
use Time::HiRes qw(time sleep);
use WxLogin::Test::Client;
use WxLogin::Test::Process;

sub start {
    my ($class, $target, %o) = @_;
    my $self = bless { owner => $$, clients => $o{clients} || 4, pids => [], seen => [], text => {}, select => IO::Select->new }, $class;
    for my $client (1 .. $self->{clients}) {
        pipe(my $read, my $write) or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            close $read;
            eval { _client($write, $client, $target, $o{request}, $o{pause}) };
            POSIX::_exit(0);    # nothing of the test's own is cleaned up here
        }
        close $write;
        push @{ $self->{pids} }, $pid;
        $self->{select}->add($read);
    }
    return $self;
}

sub _client {
    my ($out, $client, $target, $request, $pause) = @_;
    my $go_on = 1;
    $SIG{TERM} = sub { $go_on = 0 };
    $SIG{PIPE} = 'DEFAULT';    # the owner is gone
    for (my $n = 1; $go_on; $n++) {
        my $res = raw($target, $request->($client, $n));
        my $json = ref $res->{json} eq 'HASH' ? $res->{json} : {};
        my @fields = (time, $res->{took}, $res->{status}, $res->{error}, $json->{error_code}, $json->{retry_after}, $client);
        syswrite $out, join("\t", map { $_ // '' } @fields) . "\n";
        sleep $pause if $pause;
    }
    return;
}

# Takes what is there, waiting up to $seconds for something; false when all clients have ended.
sub _take {
    my ($self, $seconds) = @_;
    for my $fh ($self->{select}->can_read($seconds)) {
        my $n = sysread $fh, $self->{text}{$fh}, 65_536, length($self->{text}{$fh} // '');
        $self->{select}->remove($fh) if !$n;
        while ($self->{text}{$fh} =~ s/^(.*)\n//) {
            my %answer;
            @answer{qw(at took status error error_code retry_after client)} = split /\t/, $1, -1;
            push @{ $self->{seen} }, \%answer;
        }
    }
    return $self->{select}->count;
}

sub wait_for {
    my ($self, $condition, $seconds) = @_;
    my ($now, $looked) = (time, scalar @{ $self->{seen} });
    while (time < $now + WxLogin::Test::Process::slow($seconds // 10)) {
        last if !$self->_take(0.1);
        for (@{ $self->{seen} }[ $looked .. $#{ $self->{seen} } ]) { return $_ if $_->{at} >= $now && $condition->() }
        $looked = @{ $self->{seen} };
    }
    return;
}

sub all_answered {
    my ($self, $seconds) = @_;
    my %waits = map { $_ => 1 } 1 .. $self->{clients};
    return $self->wait_for(sub { delete $waits{ $_->{client} }; !%waits }, $seconds);
}

# Lets the load go on for so long
sub go_on {
    my ($self, $seconds) = @_;
    my $until = time + $seconds;
    while ((my $left = $until - time) > 0) { last if !$self->_take($left) }
    return $self;
}

sub stop {
    my $self = shift;
    kill 'TERM', @{ $self->{pids} };
    1 while $self->_take(1);
    waitpid $_, 0 for splice @{ $self->{pids} };
    return [ sort { $a->{at} <=> $b->{at} } @{ $self->{seen} } ];
}

sub count {
    my ($class, $seen) = @_;
    my %count;
    $count{ $_->{status} }++ for @$seen;
    return \%count;
}

sub DESTROY {
    my $self = shift;
    return if $self->{owner} != $$;
    local ($?, $!, $@);
    kill 'KILL', @{ $self->{pids} };
    waitpid $_, 0 for splice @{ $self->{pids} };
}

1;
