#!/usr/bin/env bash
# Builds the release artifacts in target/package and tests them on this machine: a .deb, which is
# installed, used and purged, and a static binary.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev dpkg-dev file man-db systemd
need_rust
need_fuse
if ! cargo deb --version >/dev/null 2>&1; then
    cargo install --locked cargo-deb
fi

target="${CARGO_TARGET_DIR:-target}"
package="$target/package"
work=$(mktemp -d)
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
fi
clean_up() {
    umount -q "$work/iris" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
rm -rf "$package"
mkdir -p "$package"

# use ARRAYFS: mounts an array with that program, reads and writes it, and unmounts it.
use() {
    local arrayfs="$1"
    cp tests/data/iris.f64 "$work/iris.f64"
    (
        cd "$work"
        "$arrayfs" iris.f64 iris --dtype f8 --shape 150,4
        cmp -n 32 iris.f64 iris/rows/0
        dd if=iris/rows/149 of=iris/rows/0 bs=32 status=none
        cmp -n 32 iris.f64 iris/rows/149
        "$arrayfs" --list | grep -q " $work/iris.f64  *<f8  *150,4  *r+$"
        "$arrayfs" -u iris
        test ! -e iris
    )
    echo "used: $arrayfs"
}

cargo deb --quiet --output "$package"
deb=$(echo "$package"/*.deb)
dpkg-deb --info "$deb" | grep -E '^ (Package|Version|Depends):'
"${as_root[@]}" dpkg -i "$deb" >/dev/null
use /usr/bin/arrayfs
man --warnings arrayfs >/dev/null
bash -c 'source /usr/share/bash-completion/completions/arrayfs && complete -p arrayfs' >/dev/null
systemd-analyze verify docs/systemd/*.service docs/systemd/*.mount docs/systemd/*.automount
"${as_root[@]}" dpkg --purge arrayfs >/dev/null
test ! -e /usr/bin/arrayfs
test ! -e /usr/share/doc/arrayfs
echo "installed, used and removed: $deb"

musl="$(uname -m)-unknown-linux-musl"
if rustup target add "$musl" >/dev/null 2>&1; then
    cargo build --release --quiet --target "$musl" --config profile.release.strip=true
    cp "$target/$musl/release/arrayfs" "$package/arrayfs-$(uname -m)"
    file "$package/arrayfs-$(uname -m)" | grep -qE 'static-pie linked|statically linked'
    use "$(realpath "$package/arrayfs-$(uname -m)")"
else
    echo "skipped: the static binary: target $musl cannot be installed"
fi
ls -l "$package"
