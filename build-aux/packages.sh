#!/bin/sh
# Installs the Debian or Ubuntu packages that are missing for a purpose:
#
#   build-aux/packages.sh run build test load bench peers profile valgrind fuzz format lint
#
# Only what is missing is installed, nothing is removed, no service is started or stopped and no
# Postgres cluster is made. Where there is no apt-get the list is shown, and that is all.
set -eu

# One word is one package; `a|b`: either will do, the first is installed if there is none.
packages_for() {
    case $1 in
    run)      echo 'apache2-bin libaprutil1-dbd-sqlite3 libaprutil1-dbd-pgsql sqlite3' \
                   'openssl ca-certificates curl perl' ;;
    build)    echo 'gcc libc6-dev make pkg-config|pkgconf apache2-dev libjansson-dev libjwt-dev' \
                   'libcurl4-openssl-dev|libcurl4-gnutls-dev|libcurl4-nss-dev libssl-dev' ;;
    # the tests check tokens against two other libraries: Crypt::JWT and simplejwt (which forgets
    # to depend on pkg_resources)
    test)     echo 'libapache2-mod-perl2 libwww-perl postgresql libdbd-pg-perl' \
                   'libdbd-sqlite3-perl libcrypt-jwt-perl' \
                   'python3-djangorestframework-simplejwt python3-pkg-resources python3-jwt' \
                   'python3-cryptography util-linux' ;;
    load)     echo 'python3 postgresql util-linux' ;;
    bench)    echo 'python3 postgresql util-linux wrk nginx-light libnginx-mod-http-echo openssl' ;;
    # what the module is compared with; Node may have come from elsewhere
    peers)    command -v node >/dev/null && command -v npm >/dev/null || echo 'nodejs npm'
              echo 'gunicorn python3-django python3-djangorestframework' \
                   'python3-djangorestframework-simplejwt python3-pkg-resources python3-psycopg2' \
                   'python3-requests golang-go golang-github-jackc-pgx-v4-dev' \
                   'golang-github-golang-jwt-jwt-dev golang-golang-x-time-dev' \
                   'libapache2-mod-auth-openidc' ;;
    profile)  echo 'python3 postgresql util-linux valgrind strace' ;;
    valgrind) echo 'valgrind' ;;
    fuzz)     echo 'clang' ;;
    format)   echo 'clang-format' ;;
    lint)     echo 'clang-tidy' ;;
    *)        echo "$0: run, build, test, load, bench, peers, profile, valgrind, fuzz, format or lint, not '$1'" >&2; exit 2 ;;
    esac
}

is_installed() { # grep: a package of two architectures has two lines
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

one_is_installed() { # a|b|c
    for package in $(echo "$1" | tr '|' ' '); do
        is_installed "$package" && return
    done
    return 1
}

wanted=
for purpose in "$@"; do
    wanted="$wanted $(packages_for "$purpose")" || exit
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "There is no apt-get here. What is needed goes by these names on Debian:$wanted" >&2
    exit 0
fi

missing=
for choice in $wanted; do
    one_is_installed "$choice" || missing="$missing ${choice%%|*}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then
        echo "To be installed, by sudo:$missing"
        # without a terminal nobody could type a password: fail rather than wait
        if [ -t 0 ]; then exec sudo "$0" "$@"; fi
        sudo -n true 2>/dev/null && exec sudo -n "$0" "$@"
    fi
    echo "Packages are missing; as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

log=$(mktemp)
policy=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    rm -f "$log"
    [ -z "$policy" ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# While this file is there, maintainer scripts start and stop nothing.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

# The tests make a data base server of their own; a cluster "main" would only lie about.
cluster_conf=/etc/postgresql-common/createcluster.conf
case $missing in
*postgresql*)
    if [ ! -e $cluster_conf ]; then
        mkdir -p "${cluster_conf%/*}"
        echo 'create_main_cluster = false' >$cluster_conf
        echo "Written: $cluster_conf (installing postgresql shall not create a cluster)"
    fi
    ;;
esac

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1 </dev/null
}

echo "Installing (a minute or so):$missing"
apt update || true # old lists may do; if not, the next line says so
# shellcheck disable=SC2086 # one word a package
if ! apt install --no-install-recommends --no-remove $missing; then
    tail -n 25 "$log" >&2
    echo "apt-get failed (Ubuntu: the component 'universe' is needed). Wanted:$missing" >&2
    exit 1
fi
