# Common to the scripts of test/: sourced with $top set to the tree.
#
# initdb refuses root, and an ordinary user may not be able to read this tree:
# so the tree is built where it is, and everything that needs a server runs as
# that user in $work, a folder of its own under /tmp with a copy of test/.

set -u
PG_CONFIG=${PG_CONFIG:-pg_config}
export PG_CONFIG LC_ALL=C.UTF-8
# LANGUAGE is stronger than LC_ALL; libpq and pg_ctl would go to the server of the
# environment (PGHOST, PGSERVICE, PGDATA and the like).
unset LANGUAGE $(env | sed -n 's/^\(PG[A-Z][A-Z_]*\)=.*/\1/p' | grep -vx PGCTLTIMEOUT)

# sudo asks for a password where there is somebody to ask.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif (: </dev/tty) 2>/dev/null; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# The user that runs servers: root's is the one of Debian's package.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$work" && HOME=$work runuser -u postgres -- "$@")
    else
        (cd "$work" && HOME=$work "$@")
    fi
}

free_port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# prepare [tests]: builds and installs the tree, and makes $work, which goes when
# the script ends; for the tests with the library whose steps can be made to fail
# and what is in JavaScript.
prepare() {
    make -s -C "$top" all ${1:+inject} &&
        as_root make -s -C "$top" install PG_CONFIG="$PG_CONFIG" &&
        work=$(mktemp -d /tmp/pooler-test.XXXXXX) || return
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    cp -r "$top/test" "$top/expected" "$top/monitoring" "$top/README.md" "$work/" || return
    rm -rf "$work/test/tmp"
    if [ $# != 0 ]; then
        export POOLER_INJECTED="$work/inject" NODE_MODULES="$work/node_modules"
        mkdir "$POOLER_INJECTED" &&
            cp "$top/test/tmp/inject/pooler.so" "$POOLER_INJECTED/" &&
            cp -r "$top/test/tmp/node/node_modules" "$NODE_MODULES" || return
    fi
    if [ "$(id -u)" = 0 ]; then chown -R postgres: "$work"; fi
    bindir=$($PG_CONFIG --bindir)
    pgxs=$(dirname "$($PG_CONFIG --pgxs)")
    PATH=$bindir:$PATH
    PG_REGRESS=$pgxs/../test/regress/pg_regress
    PERL5LIB=$pgxs/../test/perl:$work/test/t
    export PATH PG_REGRESS PERL5LIB
}
