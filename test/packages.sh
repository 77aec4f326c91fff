# Packages of Debian: installed, or of another suite and only unpacked. Sourced
# after lib.sh.

# quietly COMMAND...: an installation that starts no service (pgbouncer's would take
# port 6432) and makes no cluster. A machine's own policy stays as it is.
quietly() (
    policy=/usr/sbin/policy-rc.d
    clusters=/etc/postgresql-common/createcluster.d
    made=$clusters/pooler-test.conf
    trap 'as_root rm -f $made; as_root rmdir --ignore-fail-on-non-empty $clusters' EXIT
    trap 'exit 130' INT TERM
    as_root mkdir -p $clusters &&
        echo 'create_main_cluster = false' | as_root tee $made >/dev/null || exit
    if ! as_root test -e $policy; then
        made="$made $policy"
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null &&
            as_root chmod 755 $policy || exit
    fi
    "$@"
)

# need PACKAGE...: installs those that are missing.
need() {
    missing=
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
            grep -qx installed || missing="$missing $package"
    done
    [ -z "$missing" ] && return
    as_root apt-get -qq update &&
        quietly as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get -qq -y --no-install-recommends install $missing >/dev/null
}

# use_suites deb|deb-src SUITE...: what apt() below knows of, in $cache.
use_suites() {
    kind=$1
    shift
    mkdir -p "$cache/lists/partial" "$cache/archives/partial"
    for suite; do
        case $suite in *-security) archive=debian-security ;; *) archive=debian ;; esac
        echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
            "http://deb.debian.org/$archive $suite main"
    done >"$cache/sources.list"
}

# apt TOOL ARGUMENT...: with lists and packages of its own, in $cache: the
# system's stay as they are.
apt() {
    tool=$1
    shift
    (cd "$cache" && "$tool" -qq -o Dir::Etc::sourcelist="$cache/sources.list" \
        -o Dir::Etc::sourceparts=- -o Dir::State::lists="$cache/lists" \
        -o Dir::Cache="$cache" -o APT::Sandbox::User="$(id -un)" "$@")
}

# fetch_source PACKAGE FOLDER: unpacks the newest upstream source of it that the
# archive has (it may lack one that its list names), without Debian's patches,
# which fix the folders to those of the installed server.
fetch_source() {
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    use_suites deb-src "$release" "$release-security"
    apt apt-get update || return
    for version in $(apt apt-cache showsrc "$1" | sed -n 's/^Version: //p' | sort -rVu); do
        apt apt-get source --download-only "$1=$version" && break
    done
    rm -rf "$2.new"
    mkdir -p "$2.new" &&
        tar -C "$2.new" --strip-components=1 -xf "$(ls -v "$cache/$1"_*.orig.tar.* | tail -1)" &&
        mv "$2.new" "$2"
}
