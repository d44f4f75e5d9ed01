#!/usr/bin/perl
# Who may include, call and know what: the floors of modules/, and one room for each library.
use strict;
use warnings;
use lib 't/house';
use Test::More;
use House;

my %FLOOR = (base => 0, gate => 1, core => 2, web => 3);
my %ROOM = (    # the one place below gate/ where a library's headers are included
    'jansson.h'   => [ 'gate/json' ],
    'curl/'       => [ 'gate/http_easy' ],
    'jwt.h'       => [ 'gate/jwt' ],
    # two: secrets and random numbers are the whole house's, key pairs only the tokens'
    'openssl/'    => [ 'gate/crypto', 'gate/keys' ],
    'apr_dbd.h'   => [ 'gate/db' ],
    'libpq-fe.h'  => [ 'gate/db' ],
    'sqlite3.h'   => [ 'gate/db' ],
);
my $HTTPD = qr{^(?:httpd|http_\w+|ap_\w+|mod_\w+|util_\w+|scoreboard|mpm_common)\.h$};

my (%include, @quoted, @foreign);    # file => [what]; [file, what]
for my $file (modules_files()) {
    $include{$file} = [];
    my $text = code(slurp($file));
    while ($text =~ /^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]/mg) {
        push @{ $include{$file} }, $2;
        push @{ $1 eq '<' ? \@foreign : \@quoted }, [$file, $2];
    }
}
my @ours = map { my $f = $_; map { [$f, $_] } grep { m{^\w+/} && exists $FLOOR{ (split m{/})[0] } } @{ $include{$f} } }
    sort keys %include;

sub floor_of { my ($floor) = $_[0] =~ m{^(?:modules/)?(\w+)/}; return defined $floor ? $FLOOR{$floor} : 9 }
sub room_of { (my $room = $_[0]) =~ s{^modules/|\.[ch]$}{}g; return $room }

found(scalar keys %include, 40, 'source files');
found(scalar @ours, 80, 'includes of our own headers');
found(scalar @foreign, 60, 'includes of others');

rule('every folder of modules/ is a floor', grep { !exists $FLOOR{$_} } map { m{^modules/(\w+)/} } keys %include);
rule('every file of the floors ends with .c or .h', grep { !/\.[ch]$/ } below('modules'));
rule('a floor includes itself and the floors below it, none above',
     map { "$_->[0] includes $_->[1]" } grep { floor_of($_->[1]) > floor_of($_->[0]) } @ours);
rule('an include of ours names its floor',
     map { "$_->[0] includes \"$_->[1]\"" } grep { $_->[1] !~ m{^\w+/} } @quoted);
rule('what is included is there', map { "$_->[0] includes $_->[1]" } grep { !-e "modules/$_->[1]" } @ours);
rule('a .c file includes its own header first',
     map { my $f = $_; my $own = room_of($f) . '.h';
           -e "modules/$own" && ($include{$f}[0] // '') ne $own ? "$f begins with " . ($include{$f}[0] // 'nothing') : () }
         grep { m{^modules/.*\.c$} } sort keys %include);

# Circles among rooms: a room is its .h and its .c together.
my %room;
$room{ room_of($_->[0]) }{ room_of($_->[1]) } = 1 for grep { room_of($_->[0]) ne room_of($_->[1]) } @ours;
my (%done, @circles);
sub walk {
    my ($room, @way) = @_;
    for my $i (0 .. $#way) { return push @circles, join ' > ', @way[$i .. $#way], $room if $way[$i] eq $room }
    return if $done{$room};
    walk($_, @way, $room) for sort keys %{ $room{$room} || {} };
    $done{$room} = 1;
    return;
}
# web/call is the desk's paper, web/config holds what the other rooms of web/ set up: their
# headers may be named by both sides, so circles are looked for among headers there.
my %header;
$header{$_->[0]}{"modules/$_->[1]"} = 1 for grep { $_->[0] =~ /\.h$/ } @ours;
walk($_) for sort keys %room;
my @deep = grep { !m{web/} } @circles;
rule('no circle among the rooms below web/', @deep);
(%done, @circles) = ();
%room = %header;
walk($_) for sort keys %room;
rule('no circle among headers', @circles);

for my $library (sort keys %ROOM) {
    my @users = grep { index($_->[1], $library) == 0 } @foreign;
    my %room_of = map { $_ => 1 } @{ $ROOM{$library} };
    rule("<$library> is known in its room only",
         map { "$_->[0] includes <$_->[1]>" } grep { !$room_of{ room_of($_->[0]) } } @users);
    my %c = map { $_->[0] => 1 } grep { $_->[0] =~ /\.c$/ } @users;
    rule("<$library> is included by one .c file a room at most", keys %c > keys %room_of ? sort keys %c : ());
}
for my $library (qw(jansson.h curl/ jwt.h openssl/ apr_dbd.h)) {
    found(scalar(grep { index($_->[1], $library) == 0 } @foreign), 1, "<$library> is used at all");
}

rule('httpd is known in web/ and in the roof only',
     map { "$_->[0] includes <$_->[1]>" } grep { $_->[1] =~ $HTTPD && $_->[0] =~ m{^modules/(?!web/)} } @foreign);
my (@httpd_below, @hooks, @logs, @requests, @config, @raw_config);
my ($hooks, $logs) = (0, 0);
for my $file (modules_files()) {
    my @lines = lines_of(code(slurp($file), 1));
    for my $i (0 .. $#lines) {
        local $_ = $lines[$i];
        my $at = "$file:" . ($i + 1);
        push @httpd_below, "$at: $_" if $file =~ m{^modules/(?!web/)} && /\b(?:request_rec|server_rec|conn_rec|cmd_parms)\b/;
        if (/\bap_hook_\w+\s*\(|\bAPR_OPTIONAL_HOOK\s*\(/) {
            $hooks++;
            push @hooks, "$at: $_" if $file ne 'mod_wxlogin.c';
        }
        if (/\bap_log_\w*error\s*\(/) {
            $logs++;
            push @logs, "$at: $_" if $file !~ m{^modules/web/|^mod_wxlogin\.c$};
            my $call = join ' ', @lines[$i .. ($i + 1 < $#lines ? $i + 1 : $#lines)];
            push @requests, "$at: $_" if $call =~ /ap_log_rerror\s*\(\s*APLOG_MARK\s*,\s*(\w+)/ && $1 !~ /^APLOG_(?:NOTICE|INFO|DEBUG|TRACE\d)$/
                && $file ne 'modules/web/reply.c';
        }
        push @logs, "$at: $_" if $file !~ m{^modules/web/|^mod_} && /\b(?:f?printf|syslog|perror|puts)\s*\(/;
        push @config, "$at: $_" if /\bwxlogin_module\b/ && !/\bconn_config\b/ && $file !~ m{^modules/web/(?:config\.c|visit\.c|private\.h)$};    # a visit is of one request
    }
}
rule('a request_rec or server_rec is unknown below web/', @httpd_below);
rule('all hooks stand in the roof', @hooks);
found($hooks, 5, 'hooks');
rule('rooms below web/ write no log', @logs);
found($logs, 5, 'log lines');
rule('a request that failed is logged by web/reply alone', @requests);
rule('configuration is fetched by web/config alone', @config);

done_testing;
