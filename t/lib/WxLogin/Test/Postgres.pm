package WxLogin::Test::Postgres;

=head1 NAME

WxLogin::Test::Postgres - a PostgreSQL cluster of one's own

=head1 SYNOPSIS

    my $pg = WxLogin::Test::Postgres->attach;      # the suite's own (leave it running)
    my $pg = WxLogin::Test::Postgres->new(         # a private one: initdb, not yet started
        tcp  => 1,                                 # also on 127.0.0.1 (->port); the socket is always there
        conf => { max_connections => 50 },
    )->start;

    $pg->create('wxlogin');                        # a data base with conf/schema/pgsql.sql in it
    $pg->params('wxlogin');                        # for DBDParams: host=... port=... dbname=... user=...
    my $dbh = $pg->dbh('wxlogin');                 # DBD::Pg, RaiseError, AutoCommit
    $pg->psql('wxlogin', $file);

    $pg->kill_backends('wxlogin');                 # pg_terminate_backend by application_name; how many
    $pg->stop; $pg->stop('immediate'); $pg->start; $pg->restart;
    $pg->freeze; $pg->thaw;                        # SIGSTOP, SIGCONT to postmaster and all backends

The cluster lives in a directory under /tmp with a short name (the path of a
unix socket is limited), is stopped by pid and removed when the object goes.
Neither a service nor a cluster of the system is touched.  It does not run as
root; C<< WxLogin::Test::Postgres->missing >> says why it cannot be used, or ''.

=cut

use strict;
use warnings;
use Carp qw(croak);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use POSIX ();
use Time::HiRes qw(sleep);
use WxLogin::Test::Process;

our $USER = 'wxlogin';

# Durability is not what is tested: a cluster that dies is thrown away.
my %CONF = (
    listen_addresses  => '', max_connections => 200, shared_buffers => '16MB', fsync => 'off',
    full_page_writes  => 'off', lc_messages => 'C', timezone => 'UTC', log_min_messages => 'warning',
    log_line_prefix   => '%m [%p] %a ', superuser_reserved_connections => 3, max_wal_size => '64MB',
    min_wal_size      => '32MB', dynamic_shared_memory_type => 'mmap',
);

# The newest PostgreSQL there is.
sub bindir {
    my ($best) = sort { ($b =~ m{/(\d+)/bin})[0] <=> ($a =~ m{/(\d+)/bin})[0] } glob '/usr/lib/postgresql/*/bin';
    return $best if $best;
    my ($path) = grep { -x "$_/initdb" } split /:/, $ENV{PATH};
    return $path;
}

sub missing {
    return 'PostgreSQL server programs are not installed' if !bindir();
    return 'DBD::Pg is not installed'                     if !eval { require DBD::Pg };
    return 'PostgreSQL does not run as root'              if $> == 0;
    return '';
}

sub new {
    my ($class, %o) = @_;
    my $why = missing();
    croak $why if $why;
    my $dir = tempdir('wxp.XXXXXX', DIR => '/tmp');
    my $self = bless { dir => $dir, owner => $$, bin => bindir(), host => $dir }, $class;
    ($self->{port}) = WxLogin::Test::Process->free_ports(1);
    $self->_initdb;
    my %conf = (%CONF, $o{tcp} ? (listen_addresses => '127.0.0.1') : (), %{ $o{conf} || {} },
                port => $self->{port}, unix_socket_directories => $dir);
    open my $fh, '>>', "$dir/data/postgresql.conf" or croak "postgresql.conf: $!";
    print {$fh} "$_ = '$conf{$_}'\n" for sort keys %conf;
    close $fh;
    return $self;
}

sub _initdb {
    my $self = shift;
    _quietly("$self->{dir}/initdb.log", "$self->{bin}/initdb", '--no-sync', '-A', 'trust', '-U', $USER,
             '-E', 'UTF8', '--locale=C', '-D', "$self->{dir}/data");
    return;
}

sub _quietly {
    my ($log, @command) = @_;
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        no warnings 'exec';
        exec { $command[0] } @command;
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return if !$?;
    open my $fh, '<', $log;
    local $/;
    croak "@command failed: " . ($fh ? <$fh> : '');
}

# The suite's own cluster, wherever t/TEST started it.
sub attach {
    my $class = shift;
    croak 'no WX_PG_HOST: is this running under t/TEST?' if !$ENV{WX_PG_HOST};
    return bless { host => $ENV{WX_PG_HOST}, port => $ENV{WX_PG_PORT}, bin => bindir() }, $class;
}

sub host { return $_[0]{host} }    # the socket's directory
sub port { return $_[0]{port} }
sub dir  { return $_[0]{dir} }
sub pid  { return $_[0]{process} && $_[0]{process}->pid }
sub log  { return $_[0]{process} ? $_[0]{process}->log : '' }

sub start {
    my $self = shift;
    my $ready = "$self->{dir}/data/postmaster.pid";
    $self->{process} = WxLogin::Test::Process->spawn(
        command => [ "$self->{bin}/postgres", '-D', "$self->{dir}/data" ],
        log => "$self->{dir}/log", signal => 'QUIT', grace => 10,
    );
    $self->{process}->until(sub { _state($ready) eq 'ready' }, 30) or croak 'Postgres does not start: ' . $self->log;
    return $self;
}

# The eighth line of postmaster.pid is what pg_ctl looks at, too.
sub _state {
    open my $fh, '<', $_[0] or return '';
    my @lines = <$fh>;
    return ($lines[7] // '') =~ /^(\w+)/ ? $1 : '';
}

my %MODE = (smart => 'TERM', fast => 'INT', immediate => 'QUIT');

sub stop {
    my ($self, $mode) = @_;
    my $process = $self->{process} or return;
    $self->thaw if $self->{frozen};
    return $process->stop($MODE{ $mode || 'fast' } || croak "no such mode: $mode");
}

sub restart {
    my ($self, $mode) = @_;
    $self->stop($mode);
    return $self->start;
}

# postmaster and its children, read from /proc
sub _family {
    my $self = shift;
    my $head = $self->pid or return;
    my @family = ($head);
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $stat or next;
        my ($pid, $parent) = (<$fh> // '') =~ /^(\d+) \(.*\) \S (\d+) /;
        push @family, $pid if $parent && $parent == $head;
    }
    return @family;
}

# A server that is there but never answers: connections are accepted by the kernel, nothing moves.
sub freeze {
    my $self = shift;
    kill 'STOP', $_ for $self->_family;
    $self->{frozen} = 1;
    return $self;
}

sub thaw {
    my $self = shift;
    kill 'CONT', $_ for reverse $self->_family;
    $self->{frozen} = 0;
    return $self;
}

sub params {
    my ($self, $db) = @_;
    return "host=$self->{host} port=$self->{port} user=$USER dbname=" . ($db || 'postgres');
}

sub dbh {
    my ($self, $db) = @_;
    require DBI;
    return DBI->connect('dbi:Pg:' . $self->params($db) =~ tr/ /;/r . ';application_name=test', '', '',
                        { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 1 });
}

sub psql {
    my ($self, $db, $file) = @_;
    my $log = ($self->{dir} || '/tmp') . "/psql.$$.log";
    _quietly($log, "$self->{bin}/psql", '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $self->params($db), '-f', $file);
    unlink $log;
    return $self;
}

sub schema_file { return "$WxLogin::Test::Process::T/../conf/schema/pgsql.sql" }

# create(NAME): with our tables; create(NAME, 0): empty
sub create {
    my ($self, $db, $schema) = @_;
    my $dbh = $self->dbh;
    $dbh->do("CREATE DATABASE $db");
    $dbh->disconnect;
    $self->psql($db, schema_file()) if $schema // 1;
    return $self;
}

sub kill_backends {
    my ($self, $application) = @_;
    my $dbh = $self->dbh;
    my ($n) = $dbh->selectrow_array(
        'SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . ' WHERE pid <> pg_backend_pid() AND application_name = ?) AS k', undef, $application // 'wxlogin');
    $dbh->disconnect;
    return $n;
}

sub DESTROY {
    my $self = shift;
    return if !$self->{owner} || $self->{owner} != $$;
    local ($?, $!, $@);
    eval { $self->stop('immediate') };
    remove_tree($self->{dir});
}

1;
