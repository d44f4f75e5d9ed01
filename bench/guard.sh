#!/bin/sh
# What the guard costs: CPU microseconds of httpd (parent and children, from /proc) for one request
# of a small static file, with keep-alive, in one and the same server:
#
#   open   nobody asks            ours   AuthType WxLogin, Require valid-user
#   oidc   mod_auth_openidc checks a JWT of HS256 by itself (AuthType oauth20), Require valid-user
#
#   bench/guard.sh            ROUNDS (7) times SECONDS_EACH (3) s of each; prints the medians
#
# Needs the built module, sqlite3, perl, wrk, and for the third row libapache2-mod-auth-openidc.
# Nothing is installed; all files are in a temporary directory; the server is ended by its pid.
set -eu

ROUNDS=${ROUNDS:-7}
SECONDS_EACH=${SECONDS_EACH:-3}
tree=$(cd "$(dirname "$0")/.." && pwd -P)
apxs=$(command -v apxs || command -v apxs2)
libexec=$("$apxs" -q LIBEXECDIR)
httpd=${HTTPD:-$("$apxs" -q sbindir)/$("$apxs" -q progname)}
for tool in wrk sqlite3 perl curl; do
    command -v $tool >/dev/null || { echo "bench/guard.sh: $tool is not installed" >&2; exit 1; }
done
key=bench-bench-bench-bench-bench-bench-bench
root=$(mktemp -d /tmp/wxbench.XXXXXX)
pid=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
    Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0)->sockport')
mkdir "$root/htdocs" "$root/logs" "$root/db"
head -c 200 /dev/zero | tr '\0' x >"$root/htdocs/small.txt"
sqlite3 -bail "$root/db/wxlogin.db" <"$tree/conf/schema/sqlite3.sql" >/dev/null
if [ "$(id -u)" -eq 0 ]; then
    user="User nobody"
    chmod 755 "$root"
    chown -R nobody "$root/db" "$root/logs"
else
    user=
fi

load() { # the modules there are, built in or not
    for module in "$@"; do
        [ ! -e "$libexec/mod_$module.so" ] || echo "LoadModule ${module}_module $libexec/mod_$module.so"
    done
}
oidc=
[ ! -e "$libexec/mod_auth_openidc.so" ] || oidc=yes
{
    load mpm_event unixd authn_core authz_core authz_user alias mime dbd
    echo "LoadModule wxlogin_module $tree/.libs/mod_wxlogin.so"
    [ -z "$oidc" ] || load auth_openidc
    cat <<EOT
ServerRoot $root
ServerName 127.0.0.1
Listen 127.0.0.1:$port
PidFile logs/pid
DefaultRuntimeDir logs
ErrorLog logs/error_log
LogLevel crit
TypesConfig /dev/null
$user
ServerLimit 1
StartServers 1
ThreadsPerChild 16
ThreadLimit 16
MaxRequestWorkers 16
KeepAlive On
MaxKeepAliveRequests 0
DBDriver sqlite3
DBDParams $root/db/wxlogin.db
WxLoginEnvironment development
WxLoginSecretKey $key
EnableMMAP Off
<Directory />
    AllowOverride None
    Require all granted
</Directory>
<Location /login>
    SetHandler wxlogin-login
</Location>
Alias /open $root/htdocs
Alias /ours $root/htdocs
Alias /oidc $root/htdocs
<Location /ours>
    AuthType WxLogin
    Require valid-user
</Location>
EOT
    [ -z "$oidc" ] || cat <<EOT
OIDCOAuthVerifySharedKeys $key
OIDCOAuthRemoteUserClaim user_id
OIDCCryptoPassphrase bench
<Location /oidc>
    AuthType oauth20
    Require valid-user
</Location>
EOT
} >"$root/httpd.conf"

"$httpd" -d "$root" -f "$root/httpd.conf" -D FOREGROUND &
pid=$!
tries=100
until curl -sf -o /dev/null "http://127.0.0.1:$port/open/small.txt"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { cat "$root/logs/error_log" >&2; exit 1; }
    sleep 0.1
done

ours=$(curl -s -H 'Content-Type: application/json' -d '{"code":"bench"}' \
    "http://127.0.0.1:$port/login" | sed 's/.*"access":"\([^"]*\)".*/\1/')
# the same claims, signed by the same key, for the other module
places="open ours${oidc:+ oidc}"
for place in $places; do
    status=$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $ours" \
        "http://127.0.0.1:$port/$place/small.txt")
    [ "$status" = 200 ] || { echo "$place answers $status" >&2; cat "$root/logs/error_log" >&2; exit 1; }
done

# CPU time of the tree so far, in microseconds
cpu() {
    perl -MPOSIX -e '
        my $hz = POSIX::sysconf(POSIX::_SC_CLK_TCK());
        my %parent; my %used;
        for (glob "/proc/[0-9]*/stat") {
            open my $fh, "<", $_ or next;
            my ($id, $rest) = (<$fh> // "") =~ /^(\d+) \(.*\) (.*)/ or next;
            my @f = split / /, $rest;
            $parent{$id} = $f[1];
            $used{$id} = $f[11] + $f[12];
        }
        my $sum = 0;
        for my $id (keys %used) {
            $sum += $used{$id} if $id == $ARGV[0] || $parent{$id} == $ARGV[0];
        }
        printf "%d\n", $sum / $hz * 1e6;
    ' "$pid"
}

one() { # PLACE: microseconds of one request
    before=$(cpu)
    requests=$(wrk -t1 -c8 -d"${SECONDS_EACH}s" -H "Authorization: Bearer $ours" \
        "http://127.0.0.1:$port/$1/small.txt" |
        awk '/requests in/ { n = $1 } /Non-2xx/ { bad = 1 } END { if (bad) exit 1; print n }')
    after=$(cpu)
    echo "$after $before $requests" | awk '{ printf "%.2f\n", ($1 - $2) / $3 }'
}

for place in $places; do one "$place" >/dev/null; done # warm up
round=0
while [ $round -lt "$ROUNDS" ]; do
    for place in $places; do one "$place" >>"$root/$place.us"; done
    round=$((round + 1))
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
base=$(median "$root/open.us")
echo "httpd CPU per request, median of $ROUNDS rounds of $SECONDS_EACH s, microseconds:"
for place in $places; do
    value=$(median "$root/$place.us")
    echo "$place $value $base $(sort -n "$root/$place.us" | tr '\n' ' ')" |
        awk '{ printf "  %-5s %7.2f   %+6.2f   (", $1, $2, $2 - $3; for (i = 4; i <= NF; i++) printf "%s%s", (i > 4 ? " " : ""), $i; print ")" }'
done
