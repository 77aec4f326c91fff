# Packages of Debian: installed, or of another suite and only unpacked. Sourced
# after lib.sh.

# need PACKAGE...: installs those that are missing. No service of a package
# shall start here: pgbouncer's would take port 6432.
need() {
    missing=
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
            grep -qx installed || missing="$missing $package"
    done
    [ -z "$missing" ] && return
    as_root apt-get -qq update &&
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
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
