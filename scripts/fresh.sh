#!/usr/bin/env bash
# Measures how long a new user needs: in a fresh Debian, installs arrayfs in each way that
# README.md names, mounts a FITS file, and fetches the page and a slice from a web server. Each way
# starts from the same minimal system, made by debootstrap. Needs root, and the artifacts of
# scripts/package.sh.
#
#   scripts/fresh.sh [WAY]...     of: deb static wheel cargo; all by default
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

if [ "$(id -u)" != 0 ]; then
    echo "debootstrap and chroot need root: sudo scripts/fresh.sh" >&2
    exit 1
fi
install_packages debootstrap fuse3 mount
need_fuse
dist="$(realpath -m "${CARGO_TARGET_DIR:-target}/dist")"
if ! ls "$dist"/*.deb "$dist"/*.whl "$dist"/*.tar.gz >/dev/null; then
    echo "the artifacts are missing: run scripts/package.sh" >&2
    exit 1
fi
ways=("$@")
[ $# != 0 ] || ways=(deb static wheel cargo)

work=$(mktemp -d)
root="$work/root"
clean_up() {
    # The mounts below it, the last one first.
    awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | tac |
        xargs -r -n 1 umount -l
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT

started=$SECONDS
if ! debootstrap --variant=minbase --include=ca-certificates trixie "$work/base" >"$work/log" 2>&1; then
    tail "$work/log" >&2
    exit 1
fi
# What lets this machine reach the registries.
cp /etc/resolv.conf /etc/hosts "$work/base/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
echo "fresh Debian trixie: $((SECONDS - started)) s, not counted below"

# shellcheck disable=SC2016 # The shell in the fresh system expands them.
# The lines of README.md, each run by root in a home directory of its own.
lines() {
    echo 'apt-get update -qq; export DEBIAN_FRONTEND=noninteractive'
    case "$1" in
        deb) echo 'apt-get install -y -qq /dist/*.deb' ;;
        static)
            echo 'apt-get install -y -qq fuse3'
            echo 'tar -C /usr/local --strip-components 1 -xzf /dist/arrayfs-*.tar.gz' ;;
        wheel)
            echo 'apt-get install -y -qq fuse3 python3-venv'
            echo 'python3 -m venv ~/venv; . ~/venv/bin/activate'
            echo 'pip install --quiet --find-links /dist --no-index arrayfs' ;;
        cargo)
            echo 'apt-get install -y -qq fuse3 gcc libc6-dev rustup'
            echo 'echo "[$SECONDS s until Rust is being installed]"'
            echo 'rustup --quiet set profile minimal; rustup --quiet default stable'
            echo 'echo "[$SECONDS s until cargo install]"'
            echo 'export PATH="$HOME/.cargo/bin:$PATH" CARGO_TARGET_DIR=/tmp/target'
            echo 'cargo install --quiet --locked --path /source'
            echo 'mkdir -p ~/.cargo/share/man/man1'
            echo 'arrayfs --generate man > ~/.cargo/share/man/man1/arrayfs.1' ;;
        *) echo "unknown way: $1" >&2; exit 2 ;;
    esac
}

# What follows is the same for each way. The server prints a line when it listens.
look() {
    cat <<'LOOK'
echo "[$SECONDS s until it is installed]"
arrayfs --version
cd /root
arrayfs image.fits
trap 'arrayfs -u image' EXIT
apt-get install -y -qq python3
exec 3< <(exec python3 -u -m http.server --bind 127.0.0.1 --directory image 0)
trap "kill $!; arrayfs -u image" EXIT
# Serving HTTP on 127.0.0.1 port 12345 ...
read -r _ _ _ _ _ port _ <&3
python3 - "$port" <<'FETCH'
import struct
import sys
from urllib.request import urlopen

root = f"http://127.0.0.1:{sys.argv[1]}"
page = urlopen(f"{root}/index.html").read()
assert page.lower().startswith(b"<!doctype html>"), page[:100]
four = urlopen(f"{root}/PRIMARY/slices/1,:4").read()
assert struct.unpack(">4h", four) == (300, 301, 302, 303), four
print("the page and a[1, :4] came from the web server")
FETCH
LOOK
}

# A FITS image of 200 rows of 300 numbers, a[i, j] = 300 i + j modulo 32768.
python3 - "$work/image.fits" <<'FITS'
import struct, sys

cards = ["SIMPLE  =                    T", "BITPIX  =                   16",
         "NAXIS   =                    2", "NAXIS1  =                  300",
         "NAXIS2  =                  200", "END"]
header = "".join(card.ljust(80) for card in cards).encode().ljust(2880)
data = struct.pack(">60000h", *(n % 32768 for n in range(60000)))
open(sys.argv[1], "wb").write(header + data.ljust(-(-len(data) // 2880) * 2880, b"\0"))
FITS

for way in "${ways[@]}"; do
    mkdir "$work/upper" "$work/work" "$root"
    mount -t overlay overlay \
        -o "lowerdir=$work/base,upperdir=$work/upper,workdir=$work/work" "$root"
    mkdir "$root/dist" "$root/source"
    mount --bind "$dist" "$root/dist"
    mount --bind "$PWD" "$root/source"
    mount -o remount,bind,ro "$root/source"
    mount -t proc proc "$root/proc"
    touch "$root/dev/fuse"
    mount --bind /dev/fuse "$root/dev/fuse"
    cp "$work/image.fits" "$root/root/"
    started=$SECONDS
    { echo set -eu; lines "$way"; look; } >"$root/lines"
    if ! env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        timeout 1800 chroot "$root" bash /lines >"$work/log" 2>&1; then
        tail -n 30 "$work/log" >&2
        echo "$way: FAILED" >&2
        exit 1
    fi
    seconds=$((SECONDS - started))
    grep -E '^\[|came from' "$work/log"
    printf '%s: %d:%02d minutes\n' "$way" $((seconds / 60)) $((seconds % 60))
    awk -v below="$root/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | tac |
        xargs -r -n 1 umount
    umount "$root"
    rm -rf "$work/upper" "$work/work" "$root"
done
