package WxLogin::Test::Process;

=head1 NAME

WxLogin::Test::Process - a helper process that ends with its owner

=head1 SYNOPSIS

    my $p = WxLogin::Test::Process->spawn(
        command => [ 'postgres', '-D', $dir ],
        log     => "$dir/log",
        signal  => 'QUIT',      # how it is asked to end, TERM if not said
        grace   => 10,          # seconds until SIGKILL
    );
    $p->pid; $p->alive; $p->signal('HUP');
    $p->wait(5);                # waitpid's status, or undef: still running
    $p->stop; $p->stop('INT');

    my @ports = WxLogin::Test::Process->free_ports(2);
    $p->until(sub { -e $file }, 10) or die "it did not come up: " . $p->log;

Processes are ended by pid, never by name: when C<stop> is called, when the
object goes out of scope, and when the owner dies in whatever way (t/bin/mind
sees to that).  C<until> asks a condition every 10 ms and gives up at once
when the process has ended.

=cut

use strict;
use warnings;
use Carp qw(croak);
use File::Basename qw(dirname);
use File::Spec;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

# .../t, wherever the tree stands
our $T = dirname(dirname(dirname(dirname(File::Spec->rel2abs(__FILE__)))));

# How long to wait for what must come, and how long something may take: the seconds of a quiet machine
# made long, as nobody but a test that fails waits so long. Under a checker t/run says how much.
sub slow {
    my $times = $ENV{WX_SLOW} || 1;
    return $_[-1] * ($times > 5 ? $times : 5);
}

sub spawn {
    my ($class, %o) = @_;
    my $self = bless { owner => $$, log => $o{log}, signal => $o{signal} || 'TERM',
                       grace => slow($o{grace} || 10) }, $class;
    pipe(my $life_r, my $life_w) or croak "pipe: $!";
    pipe(my $news_r, my $news_w) or croak "pipe: $!";
    my $mind = fork // croak "fork: $!";
    if (!$mind) {
        # dup2 clears close-on-exec; every other descriptor closes at exec
        POSIX::dup2(fileno $life_r, 0);
        POSIX::dup2(fileno $news_w, 1);
        @ENV{ keys %{ $o{env} } } = values %{ $o{env} } if $o{env};
        no warnings "exec";    # what follows is reached if it fails
        exec { $^X } $^X, "$T/bin/mind", $self->{signal}, $self->{grace}, $o{log}, @{ $o{command} };
        POSIX::_exit(127);
    }
    @$self{qw(mind lifeline news)} = ($mind, $life_w, $news_r);
    ($self->{pid}) = ($self->_hear(slow(10)) // '') =~ /^pid (\d+)/
        or croak "cannot start $o{command}[0]";
    return $self;
}

sub pid { return $_[0]{pid} }

# The next line from mind, or undef after $seconds.
sub _hear {
    my ($self, $seconds) = @_;
    my $until = time + $seconds;
    while (1) {
        return $1 if ($self->{heard} //= '') =~ s/^(.*)\n//;
        my $left = $until - time;
        return if !IO::Select->new($self->{news})->can_read($left > 0 ? $left : 0);
        sysread($self->{news}, $self->{heard}, 4096, length $self->{heard})
            or return 'status -1';
    }
}

sub wait {
    my ($self, $seconds) = @_;
    return $self->{status} if defined $self->{status};
    my ($status) = ($self->_hear($seconds // slow(30)) // return) =~ /^status (-?\d+)/;
    close $self->{lifeline};
    waitpid $self->{mind}, 0;
    return $self->{status} = $status // -1;
}

sub alive { return !defined $_[0]->wait(0) }

sub signal {
    my ($self, $signal) = @_;
    return $self->alive && kill $signal, $self->{pid};
}

sub stop {
    my ($self, $signal) = @_;
    local ($?, $!, $@);
    return $self->{status} if !$self->alive;
    kill 'CONT', $self->{pid};    # one that was stopped cannot hear
    kill $signal || $self->{signal}, $self->{pid};
    my $status = $self->wait($self->{grace});
    return $status if defined $status;
    kill 'KILL', $self->{pid};
    return $self->wait(slow(10));
}

sub until {
    my ($self, $condition, $seconds) = @_;
    my $until = time + slow($seconds // 10);
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return if time > $until || !$self->alive;
        sleep 0.01;
    }
}

sub log {
    my $self = shift;
    open my $fh, '<', $self->{log} or return '';
    local $/;
    return scalar <$fh>;
}

# Ports nobody listens on now.  All are held until the last is found, so they differ.
sub free_ports {
    my ($class, $n) = @_;
    my @held = map {
        IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0)
            or croak "no free port: $!"
    } 1 .. $n || 1;
    return map { $_->sockport } @held;
}

sub DESTROY {
    my $self = shift;
    $self->stop if $self->{owner} == $$ && $self->{pid};
}

1;
