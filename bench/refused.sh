#!/bin/sh
# What a refused sign-in costs beside a static 404 of the same httpd: requests a second, and
# microseconds of CPU each. Both are POSTs with the same body on connections that are kept alive;
# they take turns, so that whatever else the machine does hits both.
#
#     bench/refused.sh          ROUNDS=16 SECONDS_EACH=1 CONNECTIONS=32 PORT=8099
#
# Needs wrk. As root, httpd's children run as "nobody". Loopback only.
set -eu

rounds=${ROUNDS:-16} each=${SECONDS_EACH:-1} connections=${CONNECTIONS:-32} port=${PORT:-8099}
tree=$(cd "$(dirname "$0")/.." && pwd -P)
httpd=${HTTPD:-$(command -v apache2 || command -v /usr/sbin/apache2 || command -v httpd)}
modules=$(${APXS:-apxs} -q LIBEXECDIR)
command -v wrk >/dev/null || { echo "wrk is missing: apt-get install wrk" >&2; exit 1; }
[ -f "$tree/.libs/mod_wxlogin.so" ] || { echo "run make first" >&2; exit 1; }

root=$(mktemp -d /tmp/wxlogin-bench.XXXXXX)
pid=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid" || true; } 2>/dev/null
    rm -rf "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

mkdir "$root/htdocs" "$root/logs"
cp "$tree/.libs/mod_wxlogin.so" "$root/"
[ "$(id -u)" -ne 0 ] || { chmod 755 "$root"; user="User nobody
Group $(id -gn nobody)"; }
cat >"$root/httpd.conf" <<CONF
ServerRoot "$root"
ServerName 127.0.0.1
Listen 127.0.0.1:$port
PidFile logs/httpd.pid
DefaultRuntimeDir logs
ErrorLog logs/error_log
LogLevel warn
DocumentRoot htdocs
${user-}
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule unique_id_module $modules/mod_unique_id.so
LoadModule dbd_module $modules/mod_dbd.so
LoadModule wxlogin_module "$root/mod_wxlogin.so"
StartServers 2
ServerLimit 2
ThreadsPerChild 32
MaxRequestWorkers 64
MaxSpareThreads 64
KeepAlive On
MaxKeepAliveRequests 0
<Directory />
    AllowOverride None
    Require all granted
</Directory>
WxLoginEnvironment development
WxLoginSecretKey 0123456789abcdef0123456789abcdef
DBDriver sqlite3
DBDParams $root/none.db
<Location "/login/">
    SetHandler wxlogin-login
</Location>
WxLoginRateLimit 1/1d
CONF
cat >"$root/post.lua" <<'LUA'
wrk.method = "POST"
wrk.body = '{"code":"081Kq4Ga1MSox41ufcFa1Xx2QF2Kq4GD"}'
wrk.headers["Content-Type"] = "application/json"
LUA
"$httpd" -d "$root" -f "$root/httpd.conf" -DFOREGROUND >"$root/logs/output" 2>&1 &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -f "$root/logs/httpd.pid" ] && break
    sleep 0.1
done

cpu_ticks() { # of httpd and its children
    cat /proc/"$pid"/stat $(for c in $(cat /proc/"$pid"/task/"$pid"/children); do echo /proc/"$c"/stat; done) |
        sed 's/.*) //' | awk '{ticks += $12 + $13} END {print ticks}'
}

measure() { # NAME PATH: prints "NAME requests/s CPU-microseconds"
    before=$(cpu_ticks)
    wrk -t1 -c"$connections" -d"${each}s" -s "$root/post.lua" "http://127.0.0.1:$port$2" >"$root/wrk"
    after=$(cpu_ticks)
    awk -v name="$1" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        /requests in/ {n = $1} /Requests\/sec/ {rate = $2}
        END {printf "%s %.0f %.2f\n", name, rate, ticks / hz * 1e6 / n}' "$root/wrk"
}

# Each pair is measured at once, in turns the one first and the other; their ratios are what counts.
measure warm-up /login/ >/dev/null
round=0
while [ "$round" -lt "$rounds" ]; do
    if [ $((round % 2)) -eq 0 ]; then
        a=$(measure refused /login/) b=$(measure static-404 /nothing)
    else
        b=$(measure static-404 /nothing) a=$(measure refused /login/)
    fi
    echo "$a $b"
    round=$((round + 1))
done | tee "$root/results"

median() { sort -n | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }
column() { awk "{print $1}" "$root/results" | median; }
echo "medians:    refused $(column '$2') requests/s, $(column '$3') us of CPU" \
    "; static 404 $(column '$5') requests/s, $(column '$6') us of CPU"
echo "refused : static 404, median of the pairs: $(column '$2 / $5') in requests/s, $(column '$3 / $6') in CPU"
