#!/bin/sh
# What `make test` ends in: runs t/run, as an unprivileged user. httpd's test framework and Postgres
# both refuse to work as root, so root hands a copy of the tree to "nobody" and steps down.
# From the environment: MPMS, WRAPPER and TESTS are for t/run; KEEP=1 keeps the copy.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$source_dir"
# t/run may call make; it shall not take itself for a part of the make that called us
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

if [ "$(id -u)" -ne 0 ]; then
    exec t/run </dev/null
fi

user=nobody
copy=$(mktemp -d /tmp/wxlogin-test.XXXXXX)
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    if [ -n "${KEEP:-}" ]; then
        echo "Kept: $copy" >&2
    else
        rm -rf "$copy"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The files of the project and what has been built of them; not build/run, which has its own state.
list_files() {
    if [ -e .git ] && git ls-files -z --cached --others --exclude-standard 2>/dev/null >"$copy/list"; then
        find .libs build/obj build/unit build/flags -type f -print0 2>/dev/null >>"$copy/list" || true
    else
        find . \( -path ./.git -o -path ./build/run -o -path ./t/logs \) -prune \
            -o ! -type d -print0 >"$copy/list"
    fi
}
list_files
# a file that was deleted but not yet committed is in the list, too
tar --null --no-recursion --ignore-failed-read -T "$copy/list" -cf - 2>/dev/null |
    tar -C "$copy" -xf -
rm -f "$copy/list"
mkdir "$copy/tmp"
chown -R "$user:$(id -gn $user)" "$copy"

set -- PATH="$PATH" HOME="$copy/tmp" TMPDIR="$copy/tmp" USER=$user LOGNAME=$user LANG=C.UTF-8
for name in CI MPMS WRAPPER WX_SLOW TESTS SOAK_SECONDS RESTART_SECONDS CC WERROR EXTRA_CFLAGS EXTRA_LDFLAGS; do
    value=
    eval "given=\${$name+yes} value=\${$name-}"
    [ -z "$given" ] || set -- "$@" "$name=$value"
done

# Nothing else of root's environment goes along: no PG…, no credentials, no proxy.
# Not exec: the copy is removed afterwards.
(cd "$copy" && exec "$source_dir/build-aux/as-user.sh" $user env -i "$@" t/run) </dev/null
