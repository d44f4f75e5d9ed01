package WxLogin::Test::Httpd;

=head1 NAME

WxLogin::Test::Httpd - an httpd of one's own

=head1 SYNOPSIS

    my $httpd = WxLogin::Test::Httpd->new(config => <<'CONF', ports => 2);
    WxLoginEnvironment development
    ...
    Listen 127.0.0.1:@PORT2@          # @PORT1@ is listened on anyway
    <VirtualHost 127.0.0.1:@PORT2@> ... </VirtualHost>
    CONF
    $httpd->start;                    # returns once it answers; dies with the log if it does not
    post_json($httpd, '/api/login/', {...});          # Client takes the object as a target
    post_json($httpd->at(2), ...);                    # its second port
    $httpd->log;                      # error_log as text
    $httpd->graceful; $httpd->hup; $httpd->stop; $httpd->kill; $httpd->start;
    $httpd->children;                 # pids of the child processes
    $httpd->write('secret', $text);   # a file under @ROOT@; its path comes back

    my ($status, $stderr) = WxLogin::Test::Httpd->configtest($snippet, %options);
    like $stderr, qr/Syntax OK/;      # httpd -t in the same surroundings

In a snippet @ROOT@ is the private server root, @PORT1@ (or @PORT@), @PORT2@ ...
free ports on 127.0.0.1, @ENDPOINTS@ the Location sections of every end point,
@SQLITE@ the DBD lines for a data base file with the schema in it.  ${WX_...} of
t/TEST's environment work as well.

Options: config, ports (1), mpm ($ENV{WX_MPM} or event), module (0: without
mod_wxlogin), loadmodules => sub { filter LoadModule lines in $_[0] },
env => {NAME => value or undef}, loglevel (trace8), threads (25), children (1).
The server runs in the foreground under WxLogin::Test::Process: it cannot be
left behind.  $ENV{WX_HTTPD} (a wrapper for ASan or valgrind) is honoured.

=cut

use strict;
use warnings;
use Carp qw(croak);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use POSIX ();
use WxLogin::Test::Env;
use WxLogin::Test::Process;

my $T = $WxLogin::Test::Process::T;

# The first of these programs in PATH or /usr/sbin (where PATH of a plain user does not look).
sub _which {
    my @names = @_;
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin') {
        for my $name (@names) { return "$dir/$name" if -x "$dir/$name" }
    }
    croak "none of these is installed: @names";
}

sub httpd  { return $ENV{WX_HTTPD} || _which(qw(apache2 httpd)) }
sub apxs   { return $ENV{WX_APXS} || _which(qw(apxs apxs2)) }
sub module { return $ENV{WX_MODULE} || "$T/../.libs/mod_wxlogin.so" }

my $libexec;
sub libexecdir {
    chomp($libexec //= qx(${\apxs()} -q LIBEXECDIR));
    return $libexec;
}

# t/conf/base_<mpm>.conf with its Include and its paths resolved.
# Modules this httpd has built in, or does not have, are left out.
sub base_config {
    my ($class, $file) = @_;
    my $text = _slurp($file);
    $text =~ s{^Include (\S+)$}{_slurp("$T/conf/$1")}gme;
    $text =~ s{^(LoadModule \S+ )modules/(\S+)$}{-e libexecdir() . "/$2" ? $1 . libexecdir() . "/$2" : "# no $2"}gme;
    return $text;
}

sub _slurp {
    open my $fh, '<', $_[0] or croak "$_[0]: $!";
    local $/;
    return scalar <$fh>;
}

sub new {
    my ($class, %o) = @_;
    my $root = tempdir('wxh.XXXXXX', DIR => '/tmp');
    my $self = bless {
        mpm => $ENV{WX_MPM} || 'event', module => 1, loglevel => 'trace8', threads => 25, children => 1,
        ports => 1, env => {}, %o, root => $root, owner => $$,
    }, $class;
    mkdir "$root/$_" for qw(logs htdocs);
    $self->write('htdocs/index.html', "it works\n");
    $self->write('mime.types', "text/html html\n");
    $self->_write_config;
    return $self;
}

sub root { return $_[0]{root} }
sub port { return $_[0]{port}[ ($_[1] || 1) - 1 ] }
sub at   { return '127.0.0.1:' . $_[0]->port($_[1]) }
sub url  { return 'http://' . $_[0]->at($_[1]) }
sub pid  { return $_[0]{process} && $_[0]{process}->pid }
sub log  { return -e "$_[0]{root}/logs/error_log" ? _slurp("$_[0]{root}/logs/error_log") : '' }
sub output { return $_[0]{process} ? $_[0]{process}->log : '' }

sub write {
    my ($self, $name, $text) = @_;
    my $file = "$self->{root}/$name";
    open my $fh, '>', $file or croak "$file: $!";
    print {$fh} $text;
    close $fh;
    return $file;
}

# config(TEXT) replaces the snippet; it counts from the next start, graceful or configtest
sub config {
    my ($self, $text) = @_;
    $self->{config} = $text;
    $self->_write_config(1);
    return $self;
}

sub _write_config {
    my ($self, $keep_ports) = @_;
    my $root = $self->{root};
    $self->{port} = [ WxLogin::Test::Process->free_ports($self->{ports}) ] if !$keep_ports;
    my $load = $self->base_config("$T/conf/base_$self->{mpm}.conf");
    $load .= 'LoadModule wxlogin_module ' . module() . "\n" if $self->{module};
    $load = $self->{loadmodules}->($load) if $self->{loadmodules};
    my $n = $self->{children};
    my $all = $n * $self->{threads};
    my $text = <<"CONF";
ServerRoot "$root"
$load
ServerName 127.0.0.1
Listen 127.0.0.1:\@PORT1\@
PidFile logs/httpd.pid
DefaultRuntimeDir logs
ErrorLog logs/error_log
ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P:tid %T] [id %-L] [%-A] %M"
LogLevel $self->{loglevel}
CustomLog logs/access_log "%h %t \\"%r\\" %>s %b"
DocumentRoot htdocs
TypesConfig mime.types
Timeout 20
GracefulShutdownTimeout 5
<IfModule !mpm_prefork_module>
    StartServers $n
    ThreadsPerChild $self->{threads}
    ThreadLimit $self->{threads}
    MinSpareThreads 1
    MaxSpareThreads $all
    MaxRequestWorkers $all
    ServerLimit $n
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 3
    MinSpareServers 1
    MaxRequestWorkers $all
</IfModule>
<Directory />
    Require all granted
</Directory>
CONF
    $self->write('httpd.conf', $self->expand($text . ($self->{config} // '')));
    return;
}

sub expand {
    my ($self, $text) = @_;
    $text =~ s/\@SQLITE\@/$self->_sqlite/ge;
    $text =~ s/\@ENDPOINTS\@/Include "$T\/conf\/endpoints.conf"/g;
    $text =~ s/\@ROOT\@/$self->{root}/g;
    $text =~ s/\@PORT(\d*)\@/$self->port($1) \/\/ croak "no port $1: say ports => $1"/ge;
    return $text;
}

sub _sqlite {
    my $self = shift;
    sqlite_schema("$self->{root}/wxlogin.db") if !-e "$self->{root}/wxlogin.db";
    return "DBDriver sqlite3\nDBDParams $self->{root}/wxlogin.db\nDBDMax 4\nDBDKeep 4\n";
}

# The tool and not DBD::SQLite: it is what an administrator uses on the same file.
sub sqlite_schema {
    my $file = shift;
    my $schema = "$T/../conf/schema/sqlite3.sql";
    system("sqlite3 -batch -bail -cmd '.timeout 20000' '$file' < '$schema' > /dev/null") == 0 or croak "cannot load $schema";
    return $file;
}

# httpd's arguments; the environment of this process plus ->{env}, undef taking a name away
sub _command {
    my ($self, @more) = @_;
    my @unset = map { ('-u', $_) } 'HOME', grep { !defined $self->{env}{$_} } keys %{ $self->{env} };
    my @set = map { "$_=$self->{env}{$_}" } grep { defined $self->{env}{$_} } keys %{ $self->{env} };
    return ('env', @unset, @set, httpd(), '-d', $self->{root}, '-f', "$self->{root}/httpd.conf", @more);
}

sub start {
    my $self = shift;
    for my $try (1 .. 3) {
        $self->{process} = WxLogin::Test::Process->spawn(
            command => [ $self->_command('-DFOREGROUND') ], log => "$self->{root}/logs/output", grace => 15);
        return $self if $self->{process}->until(sub { $self->answers }, 30);
        last if $self->output !~ /Address already in use/;
        $self->_write_config;    # somebody was faster: other ports
    }
    croak "httpd does not start:\n" . $self->output . join "\n", (split /\n/, $self->log)[-20 .. -1];
}

sub answers {
    my $self = shift;
    return 0 if !-e "$self->{root}/logs/httpd.pid";
    my $patience = WxLogin::Test::Process::slow(0.5);
    return HTTP::Tiny->new(timeout => $patience)->get($self->url . '/index.html')->{status} != 599;
}

sub signal   { my ($self, $signal) = @_; return $self->{process} && $self->{process}->signal($signal) }
sub alive    { return $_[0]{process} && $_[0]{process}->alive }
sub stop     { return $_[0]{process} && $_[0]{process}->stop('TERM') }

# kill -9 of the whole family: a parent killed alone leaves its children serving
sub kill {
    my $self = shift;
    my @children = $self->children;
    $self->{process}->stop('KILL');
    return CORE::kill('KILL', @children);
}

sub graceful { return $_[0]->_reload('USR1') }
sub hup      { return $_[0]->_reload('HUP') }

# Returns when the new generation is configured.
sub _reload {
    my ($self, $signal) = @_;
    my $before = () = $self->log =~ /resuming normal operations/g;
    $self->signal($signal);
    $self->{process}->until(sub { (() = $self->log =~ /resuming normal operations/g) > $before }, 20)
        or croak "no restart after $signal: " . $self->log;
    $self->{process}->until(sub { $self->answers }, 10);
    return $self;
}

sub children {
    my $self = shift;
    my $parent = $self->pid or return;
    return map { m{/proc/(\d+)/} } grep { (_stat($_))[1] == $parent } glob '/proc/[0-9]*/stat';
}

sub _stat {
    open my $fh, '<', $_[0] or return (0, 0);
    return (<$fh> // '') =~ /^(\d+) \(.*\) \S (\d+) / ? ($1, $2) : (0, 0);
}

# (exit status, what -t printed).  As a class method it takes a snippet and options.
sub configtest {
    my ($self, $snippet, %o) = @_;
    $self = $self->new(%o, config => $snippet) if !ref $self;
    my $pid = open(my $out, '-|') // croak "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec $self->_command('-t') or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out>;
    close $out;
    return ($? >> 8 || $? & 127, $text);
}

# Under a checker: what it wrote into this log counts, too; t/run looks into the directory.
sub _report {
    my $self = shift;
    my @lines = grep { /runtime error:|AddressSanitizer/ } split /^/, $self->output . $self->log;
    return if !@lines;
    open my $fh, '>>', "$ENV{WX_REPORTS}/own.$$" or return;
    print {$fh} @lines;
    close $fh;
    return;
}

sub DESTROY {
    my $self = shift;
    return if $self->{owner} != $$;
    local ($?, $!, $@);
    $self->stop;
    $self->_report if $ENV{WX_REPORTS};
    remove_tree($self->{root}) if !$ENV{WX_KEEP};
}

1;
