#!/bin/sh
# Runs a command as another user; root calls this:   build-aux/as-user.sh USER COMMAND [ARGUMENT…]
set -eu
user=$1
shift
if command -v setpriv >/dev/null; then
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"
fi
exec runuser -u "$user" -- "$@"
