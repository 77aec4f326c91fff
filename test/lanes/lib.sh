# Common to the lanes: sourced with $top set to the tree. A lane works on a copy
# of the tree, with a server of its own, in $root, which the user that runs
# servers can read. What was downloaded, built or logged stays in $cache.
. "$top/test/lib.sh"
. "$top/test/packages.sh"
exec </dev/null
lane=$(basename "$0")
cache=$top/test/tmp/lanes
logs=$cache/logs/$lane
mkdir -p "$cache"
rm -rf "$logs"

# verdict NAME COMMAND...: whether it succeeds, as a line of TAP.
verdict() {
    name=$1
    shift
    if "$@"; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        return 1
    fi
}

# open_lane SERVER BIN: a copy of the tree and of this folder with a server, whose
# programs are in BIN.
open_lane() {
    root=$(mktemp -d /tmp/pooler-lane.XXXXXX) && chmod 755 "$root" || exit
    trap 'as_root rm -rf "$root"' EXIT
    tree=$root/tree
    mkdir -p "$tree/test/tmp"
    (cd "$top" && tar -c --exclude=./.git --exclude=./test/tmp --exclude='*.o' \
        --exclude='*.so' .) | tar -x -C "$tree" || exit
    mkdir -p "$top/test/tmp/go"
    ln -s "$top/test/tmp/node" "$top/test/tmp/go" "$tree/test/tmp/"
    cp -r "$1" "$root/server" || exit
    PG_CONFIG=$root/server/$2/pg_config
}

# suite STAGE...: of test/run, in the copy; its end is the lane's.
suite() {
    "$tree/test/run" "$@"
    code=$?
    mkdir -p "$logs" && cp -r "$tree/test/tmp/logs/." "$logs"
    return $code
}

# wrap_postgres COMMAND: the server proper (not initdb's) starts through it. With
# exec -a "$0" pg_ctl restart does so, too.
wrap_postgres() {
    bin=$($PG_CONFIG --bindir)
    mv "$bin/postgres" "$bin/postgres.bin"
    cat >"$bin/postgres" <<END
#!/bin/bash
case " \$* " in
    *' -D '*) $1 $bin/postgres.bin "\$@" ;;
    *) exec $bin/postgres.bin "\$@" ;;
esac
END
    chmod 755 "$bin/postgres"
}

# PostgreSQL from the source of Debian's package, in $cache/debug: assertions,
# and valgrind is told what palloc'd memory is in use.
debug_server() {
    "$top/test/setup" || exit
    # one that an older tree has built may lack the library
    libraries=$("$cache/debug/bin/pg_config" --pkglibdir 2>/dev/null) &&
        [ -e "$libraries/auth_delay.so" ] && return
    need bzip2 valgrind libssl-dev libperl-dev || exit
    rm -rf "$cache/source" "$cache/debug.new"
    fetch_source postgresql-15 "$cache/source" || exit
    # its headers are made first where no make has started this one
    (
        unset MAKELEVEL MAKEFLAGS
        cd "$cache/source" &&
            ./configure --prefix="$cache/debug" --enable-cassert --enable-debug \
                --enable-tap-tests --with-openssl --with-perl --without-readline \
                --without-zlib CFLAGS='-O1 -g -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND &&
            make -s -j"$(nproc)" &&
            for part in . contrib/auth_delay contrib/dblink contrib/fuzzystrmatch contrib/hstore \
                contrib/pg_stat_statements; do
                make -s -C $part install DESTDIR="$cache/debug.new" || exit
            done
    ) >"$cache/build.log" 2>&1 || { tail -20 "$cache/build.log"; exit 1; }
    rm -rf "$cache/debug"
    mv "$cache/debug.new$cache/debug" "$cache/debug"
    rm -rf "$cache/debug.new"
}
