#!/usr/bin/env bash
# Measures how long a new user needs. In a fresh Debian, a user with sudo types the lines of
# README.md, "Install", for one way, mounts a FITS file, reads the manual, and fetches the page and
# the array from a web server. Each way starts from the same system, made by debootstrap. Needs
# root, and the artifacts of scripts/package.sh.
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
target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
if ! ls "$target"/dist/*.deb "$target"/dist/*.whl "$target"/dist/*.tar.gz >/dev/null; then
    echo "the artifacts are missing: run scripts/package.sh" >&2
    exit 1
fi
mkdir -p target
ways=("$@")
[ $# != 0 ] || ways=(deb static wheel cargo)

work=$(mktemp -d)
root="$work/root"
home="$work/base/home/user"
# The mounts below a directory, the last one first.
mounts_below() {
    awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | tac
}
clean_up() {
    mounts_below "$work" | xargs -r -n 1 umount -l
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT

# What Debian's installer adds to a minimal system, as far as it matters here.
installed=ca-certificates,sudo,man-db,bash-completion
started=$SECONDS
if ! debootstrap --variant=minbase --include="$installed" trixie "$work/base" >"$work/log" 2>&1; then
    tail "$work/log" >&2
    exit 1
fi
# What lets this machine reach the registries.
cp /etc/resolv.conf /etc/hosts "$work/base/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
# systemd makes this link.
ln -s ../proc/self/mounts "$work/base/etc/mtab"
# Nobody is there to answer.
echo 'APT::Get::Assume-Yes "true";' >"$work/base/etc/apt/apt.conf.d/90yes"
echo 'user ALL = NOPASSWD: ALL' >"$work/base/etc/sudoers.d/user"
chroot "$work/base" useradd --create-home --shell /bin/bash user
# Cargo builds in the directory of the source, which is mounted read-only.
mkdir "$home/.cargo" "$work/arrays"
printf '[build]\ntarget-dir = "/tmp/target"\n' >"$home/.cargo/config.toml"
scripts/arrays.sh "$work/arrays"
cp "$work/arrays/cube.fits" "$home"
chroot "$work/base" chown -R user: /home/user
echo "fresh Debian trixie: $((SECONDS - started)) s, not counted below"

# lines WAY: the block of README.md, "Install", that has a word of this way.
lines() {
    local -A words=([deb]=.deb [static]='tar -C' [wheel]='pip install' [cargo]='cargo install')
    [ -n "${words[$1]:-}" ] || { echo "unknown way: $1" >&2; exit 2; }
    awk -v word="${words[$1]}" '
        /^## / { on = $2 == "Install" }
        on && /^```/ {
            if (index(block, word)) printf "%s", block
            block = ""
            inside = !inside
            next
        }
        on && inside { block = block $0 "\n" }' README.md
}

# What follows is the same for each way. The server prints a line when it listens.
look() {
    cat <<'LOOK'
echo "[$SECONDS s until it is installed]"
cd
arrayfs cube.fits
trap 'arrayfs -u cube' EXIT
MANPAGER=cat man arrayfs | grep -A1 '^NAME' >/dev/null
(
    set +eu
    . /usr/share/bash-completion/bash_completion
    _comp_load arrayfs
    complete -p arrayfs | grep -- '-F _arrayfs'
)
sudo apt-get install -qq python3
exec 3< <(exec python3 -u -m http.server --bind 127.0.0.1 --directory cube 0)
trap "kill $!; arrayfs -u cube" EXIT
# Serving HTTP on 127.0.0.1 port 12345 ...
read -r _ _ _ _ _ port _ <&3
python3 - "$port" <<'FETCH'
import sys
from pathlib import Path
from urllib.request import urlopen

root = f"http://127.0.0.1:{sys.argv[1]}"
page = urlopen(f"{root}/index.html").read()
assert page.lower().startswith(b"<!doctype html>"), page[:100]
data = urlopen(f"{root}/PRIMARY/data").read()
# The file has one header of 2880 bytes.
assert data and Path("cube.fits").read_bytes()[2880:].startswith(data), data[:100]
print(f"the page and {len(data)} bytes of the array came from the web server")
FETCH
LOOK
}

for way in "${ways[@]}"; do
    mkdir "$work/upper" "$work/work" "$root"
    mount -t overlay overlay \
        -o "lowerdir=$work/base,upperdir=$work/upper,workdir=$work/work" "$root"
    mkdir "$root/source"
    mount --bind "$PWD" "$root/source"
    mount --bind "$target" "$root/source/target"
    mount -o remount,bind,ro "$root/source"
    mount -t proc proc "$root/proc"
    # As Debian's udev makes it, whatever it is on this machine.
    mknod -m 666 "$root/dev/fuse" c 10 229
    started=$SECONDS
    { echo 'set -eux; cd /source; sudo apt-get update -qq'; lines "$way"; look; } >"$root/lines"
    if ! timeout 1800 chroot --userspec user "$root" env -i HOME=/home/user USER=user \
        PATH=/usr/local/bin:/usr/bin:/bin bash /lines >"$work/log" 2>&1 </dev/null; then
        tail -n 30 "$work/log" >&2
        echo "$way: FAILED" >&2
        exit 1
    fi
    seconds=$((SECONDS - started))
    grep -E '^\[|came from' "$work/log"
    printf '%s: %d:%02d minutes\n' "$way" $((seconds / 60)) $((seconds % 60))
    mounts_below "$root" | xargs -r -n 1 umount
    umount "$root"
    rm -rf "$work/upper" "$work/work" "$root"
done
