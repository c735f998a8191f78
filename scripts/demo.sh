#!/usr/bin/env bash
# Demonstrates arrayfs: builds it, mounts Fisher's iris data in a temporary directory, and runs
# commands on the files. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev
need_rust
need_fuse
cargo build --release --quiet
arrayfs="${CARGO_TARGET_DIR:-target}/release/arrayfs"

work=$(mktemp -d)
mount="$work/iris"
clean_up() {
    trap '' INT TERM
    if mountpoint -q "$mount"; then
        "$arrayfs" -u "$mount"
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show() {
    printf '\n$ %s\n' "$*"
    (cd "$work" && eval "$*")
}

cp tests/data/iris.f64 "$work/iris.f64"
mkdir "$mount"
echo "150 flowers, 4 measurements of each, as raw little-endian doubles: iris.f64"

printf '\n$ arrayfs iris.f64 iris --dtype float64 --shape 150,4\n'
"$arrayfs" "$work/iris.f64" "$mount" --dtype float64 --shape 150,4

show ls iris
show cat iris/meta.json
echo; echo "Row 0, the first flower, is a file of four numbers:"
show od -A d -t f8 iris/rows/0
echo; echo "Column 2, the petal lengths, is a file too, although its bytes are not contiguous:"
show 'od -A n -t f8 -w8 iris/cols/2 | sort -n | tail -n 3'
echo; echo "Files are written in place. Flower 0 becomes a copy of flower 149:"
show dd if=iris/rows/149 of=iris/rows/0 bs=32 status=none
show od -A d -t f8 iris/rows/0
echo; echo "The backing file and every other view show the change:"
show 'cmp -n 32 iris.f64 iris/rows/149 && echo same'
show 'head -c 8 iris/T/rows/3 | od -A n -t f8'
