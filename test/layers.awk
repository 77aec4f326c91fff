# Reads src/LAYERS and the sources: a file may include only headers of files
# that src/LAYERS lists before it.  One layer a line: "0 compat wire histogram".

function base(path) { sub(/.*\//, "", path); sub(/\.[ch]$/, "", path); return path }

FILENAME ~ /LAYERS$/ { for (i = 2; i <= NF; i++) rank[$i] = ++files; next }

FNR == 1 {
    file = base(FILENAME)
    if (!(file in rank))
        complain(FILENAME " is not in src/LAYERS")
}

/^#include "[a-z_]+\.h"/ {
    split($2, part, "\"")
    header = base(part[2])
    if (header in rank && rank[header] > rank[file])
        complain(FILENAME " includes " header ".h, which lies above it")
}

function complain(what) { print what; bad = 1 }

END { exit bad }
