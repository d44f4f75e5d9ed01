#!/bin/sh
# What `make run` ends in: a private httpd in the foreground, in development mode, with all that it
# writes under build/run. Ctrl-C stops it. From the environment:
#
#   PORT (8000), PREFIX (/api)     http://127.0.0.1:$PORT$PREFIX/login/
#   WECHAT_APPID, WECHAT_SECRET    with them codes are exchanged with WeChat, without them the code
#                                  itself is the openid
#   SECRET_KEY                     signs the tokens; otherwise build/run/secret.key is made
#   DB=pgsql, PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD …   Postgres instead of SQLite
set -eu

fail() {
    echo "make run: $*" >&2
    exit 1
}

source_dir=$(cd "$(dirname "$0")/.." && pwd -P)
PORT=${PORT:-8000}
PREFIX=${PREFIX-/api}
PREFIX=${PREFIX%/}
DB=${DB:-sqlite3}

case $PORT in
'' | *[!0-9]*) fail "PORT=$PORT is not a port number" ;;
esac
case $PREFIX in
'' | /*) ;;
*) fail "PREFIX=$PREFIX must begin with a slash" ;;
esac
case $PREFIX in
*[!A-Za-z0-9/_-]*) fail "PREFIX=$PREFIX may hold letters, digits and / _ - only" ;;
esac

apxs=$(command -v "${APXS:-apxs}" || command -v apxs2) || fail "apxs is missing: apt-get install apache2-dev"
httpd=$("$apxs" -q sbindir)/$("$apxs" -q progname)
[ -x "$httpd" ] || fail "$httpd is missing: apt-get install apache2-bin"
[ -r "$source_dir/.libs/mod_wxlogin.so" ] || fail ".libs/mod_wxlogin.so is missing: run make first"

# -- who the children are, and where they may write -----------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
    run_user=www-data
    id "$run_user" >/dev/null 2>&1 || run_user=nobody
    run_group=$(id -gn "$run_user")
    as_run_user() { "$source_dir/build-aux/as-user.sh" "$run_user" "$@"; }
else
    run_user="#$(id -u)"
    run_group="#$(id -g)"
    as_run_user() { "$@"; }
fi

run_dir=$source_dir/build/run
# a link (see below) to a directory that a clean-up of /var/tmp has taken away
if [ -L "$run_dir" ] && [ ! -O "$run_dir/" ]; then rm -f "$run_dir"; fi
mkdir -p "$run_dir" || fail "$run_dir cannot be made"
# A clone in /root, say: the children could not reach it, so the state goes where they can.
if ! as_run_user test -x "$run_dir"; then
    [ -L "$run_dir" ] || rmdir "$run_dir" 2>/dev/null ||
        fail "user $run_user cannot reach $run_dir: move it away, or open its parent directories"
    rm -f "$run_dir"
    elsewhere=$(mktemp -d /var/tmp/wxlogin-run.XXXXXX 2>/dev/null || mktemp -d /tmp/wxlogin-run.XXXXXX)
    chmod 755 "$elsewhere"
    ln -s "$elsewhere" "$run_dir"
fi
run_dir=$(cd "$run_dir" && pwd -P)
[ -w "$run_dir" ] || fail "$run_dir belongs to another user: remove it, or become that user"
mkdir -p "$run_dir/logs" "$run_dir/mutex" "$run_dir/htdocs" "$run_dir/db"

old_pid=$(cat "$run_dir/httpd.pid" 2>/dev/null || true)
if [ -n "$old_pid" ] && grep -qs "$run_dir" "/proc/$old_pid/cmdline"; then
    fail "a server is running on build/run already (process $old_pid); stop it first"
fi
rm -f "$run_dir/httpd.pid"

perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
    LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1)' "$PORT" ||
    fail "port $PORT of 127.0.0.1 is taken or not allowed; choose another: make run PORT=8001"

# -- the data base --------------------------------------------------------------------------------

case $DB in
sqlite3)
    database=$run_dir/db/wxlogin.db
    if [ ! -e "$database" ]; then
        # made under another name, so that an interrupted run leaves no half of it
        rm -f "$database.new"*
        sqlite3 -bail "$database.new" <"$source_dir/conf/schema/sqlite3.sql" >/dev/null
        mv "$database.new" "$database"
    else # an older version may have made it
        sqlite3 -bail "$database" <"$source_dir/conf/schema/sqlite3-upgrade.sql" | sqlite3 -bail "$database"
        sqlite3 -bail "$database" <"$source_dir/conf/schema/sqlite3.sql" >/dev/null
    fi
    # SQLite writes files beside the data base: the directory must be the run user's, too
    [ "$(id -u)" -ne 0 ] || chown -R "$run_user:$run_group" "$run_dir/db"
    ln -sf db/wxlogin.db "$run_dir/wxlogin.db"
    store="SQLite, build/run/wxlogin.db"
    ;;
pgsql)
    # libpq reads PGHOST and its sisters itself, here and in httpd
    export PGUSER="${PGUSER:-$(id -un)}"
    export PGDATABASE="${PGDATABASE:-$PGUSER}"
    if command -v psql >/dev/null; then
        table=$(PGCONNECT_TIMEOUT=5 psql -XAtw -c "SELECT to_regclass('wxlogin_session')") ||
            fail "Postgres cannot be reached: see PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD"
        [ -n "$table" ] || # also where an older version made only the other table
            psql -Xqw -v ON_ERROR_STOP=1 -f "$source_dir/conf/schema/pgsql.sql" ||
            fail "conf/schema/pgsql.sql could not be loaded"
    else
        echo "There is no psql here: load conf/schema/pgsql.sql yourself, if that is not done yet."
    fi
    store="Postgres, data base $PGDATABASE"
    ;;
*) fail "DB=$DB: sqlite3 or pgsql" ;;
esac

# -- the key that signs the tokens ----------------------------------------------------------------

defines="-D FOREGROUND -D WXLOGIN_DB_$DB"
if [ -z "${SECRET_KEY:-}" ]; then
    key=$run_dir/secret.key
    [ -s "$key" ] || (umask 077 && openssl rand -hex 32 >"$key")
    defines="$defines -D WXLOGIN_KEY_FILE"
fi

# -- httpd ----------------------------------------------------------------------------------------

# For ${…} in conf/quickstart.conf. httpd knows no empty variables; (?:) is the empty pattern.
export WXLOGIN_SOURCE="$source_dir" WXLOGIN_RUN="$run_dir" WXLOGIN_RUN_PREFIX="${PREFIX:-(?:)}"
export WXLOGIN_PORT="$PORT" WXLOGIN_USER="$run_user" WXLOGIN_GROUP="$run_group"
WXLOGIN_MODULES=$("$apxs" -q LIBEXECDIR)
export WXLOGIN_MODULES
unset HOME # libpq would look for certificates in a home that the children cannot read

: >"$run_dir/logs/error_log"
pid=
# shellcheck disable=SC2317 # called by the traps
stop() {
    trap '' INT TERM HUP
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
}
trap stop INT TERM HUP

# In the background and waited for: so Ctrl-C comes here alone, and httpd stops in its own order.
# shellcheck disable=SC2086 # several words
"$httpd" -d "$run_dir" -f "$source_dir/conf/quickstart.conf" $defines &
pid=$!
# httpd writes this file when it listens
while [ ! -s "$run_dir/httpd.pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done

if kill -0 "$pid" 2>/dev/null; then
    mode="the code is taken for the openid (no WECHAT_APPID and WECHAT_SECRET)"
    if [ -n "${WECHAT_APPID:-}" ] && [ -n "${WECHAT_SECRET:-}" ]; then
        mode="codes are exchanged with WeChat (appid $WECHAT_APPID)"
    fi
    cat <<EOT

mod_wxlogin serves http://127.0.0.1:$PORT$PREFIX/ in development mode
  $mode
  users: $store    logs: build/run/logs/

A first sign-in, in another terminal:

  curl -d '{"code":"abc"}' -H 'Content-Type: application/json' http://127.0.0.1:$PORT$PREFIX/login/

Ctrl-C stops it. What httpd has to say follows.

EOT
fi
tail -n +1 --pid="$pid" -f "$run_dir/logs/error_log" >&2 &
tail_pid=$!

# a signal ends the first wait at once; the second one is for httpd's own end
status=0
wait "$pid" || status=$?
while kill -0 "$pid" 2>/dev/null; do
    status=0
    wait "$pid" || status=$?
done
wait "$tail_pid" || true
exit "$status"
