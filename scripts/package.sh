#!/usr/bin/env bash
# Builds the release artifacts in target/dist, and installs and uses each on this machine: a .deb, a
# static binary, an archive with that binary and its documentation, a wheel for pip, and in
# target/dist/source a source distribution, the crate, and the Homebrew formula for that crate.
# Also tries `cargo install` and the recipes of packaging/.
#
#   scripts/package.sh           all of it, with release builds: minutes
#   scripts/package.sh --quick   the wheel, cargo install, the crate and the recipes, with debug builds
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

case "${1:-}" in
    "") quick= ;;
    --quick) quick=1 ;;
    *) echo "usage: scripts/package.sh [--quick]" >&2; exit 2 ;;
esac

if [ -z "$quick" ] && dpkg -s arrayfs >/dev/null 2>&1; then
    echo "arrayfs is installed. The test of the .deb would replace and remove it." >&2
    echo "Remove it first: sudo apt-get remove arrayfs" >&2
    exit 1
fi
install_packages fuse3 binutils gcc libc6-dev dpkg-dev file man-db systemd python3 python3-venv \
    bash-completion zsh fish patchelf ruby nix-bin
need_rust
need_fuse
need_numpy
pip install --quiet --disable-pip-version-check --no-deps \
    "$(grep '^maturin==' tests/requirements.txt)" "$(grep '^py-rattler-build==' tests/requirements.txt)"

target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
dist="$target/dist"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
machine="$(uname -m)"
work=$(mktemp -d)
home="$work/home"
source="$work/arrayfs-$version"
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
fi
clean_up() {
    umount -q "$work/iris" 2>/dev/null || true
    [ -z "$deb_is_installed" ] || "${as_root[@]}" dpkg --purge arrayfs
    rm -rf "$work"
}
deb_is_installed=
trap clean_up EXIT
rm -rf "$dist"
mkdir -p "$dist/source"
if [ -z "$quick" ]; then
    # What is released names no directory of this machine.
    RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    export RUSTFLAGS
fi
if ! python3 packaging/notices.py | cmp - docs/generated/THIRD-PARTY-NOTICES; then
    echo "docs/generated/THIRD-PARTY-NOTICES is old: run scripts/generate.sh" >&2
    exit 1
fi

# use ARRAYFS: mounts an array with that program, reads and writes it, and unmounts it.
use() {
    local arrayfs="$1"
    cp tests/data/iris.f64 "$work/iris.f64"
    test "$("$arrayfs" --version)" = "arrayfs $version"
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

# as_user BIN COMMAND...: runs a command as a new user would, whose PATH begins with BIN.
as_user() {
    env -i HOME="$home" TERM=dumb PATH="$1:/usr/bin:/bin" "${@:2}"
}

# manual_is PAGE BIN: man finds PAGE, of this version and without warnings, because of BIN in PATH.
manual_is() {
    test "$(as_user "$2" man -w arrayfs)" = "$1"
    grep -q "^v${version//./\\.}$" "$1"
    test -z "$(as_user "$2" man --warnings arrayfs 2>&1 >/dev/null)"
    echo "man arrayfs: $1"
}

# links_work DIR: what its pages link to is there, but for the tests.
links_work() {
    local page link
    grep -roE --include='*.md' '\]\([^)#]+' "$1" | sed 's/:\](/ /' | while read -r page link; do
        case "$link" in
            http:* | https:* | ../tests) ;;
            *) test -e "$(dirname "$page")/$link" || { echo "$page links to $link" >&2; exit 1; } ;;
        esac
    done
}

# prefix DIR ARRAYFS: lays out the program and its files below DIR, as below /usr or ~/.local.
prefix() {
    local doc="$1/share/doc/arrayfs"
    mkdir -p "$1/bin" "$doc/docs/performance"
    cp "$2" "$1/bin/arrayfs"
    strip "$1/bin/arrayfs"
    cp -rL packaging/wheel/data/share/. "$1/share"
    # Laid out as in the sources, so that links between pages work.
    cp README.md CHANGELOG.md LICENSE-* docs/generated/THIRD-PARTY-NOTICES "$doc"
    cp -r docs/*.md docs/container docs/images docs/systemd "$doc/docs"
    cp docs/performance/*.svg "$doc/docs/performance"
    links_work "$doc"
}

# What Debian's policy asks for: it has the text of the other licence.
copyright() {
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    printf '\nFiles: *\nCopyright: %s\n' "$(sed -n 's/^Copyright (c) //p' LICENSE-MIT)"
    printf 'License: Expat or Apache-2.0\n\nLicense: Expat\n'
    sed '1,/^Copyright/d; 1,/./{/^$/d}; s/^$/./; s/^/ /' LICENSE-MIT
    printf '\nLicense: Apache-2.0\n Its text is in /usr/share/common-licenses/Apache-2.0.\n'
    printf '\nComment: THIRD-PARTY-NOTICES has the licences of the crates in the program.\n'
}

# The program in it is for the libc of this machine, so it is built on the oldest Debian.
deb() {
    local build="$work/deb" root="$work/deb/debian/arrayfs" doc arch deb
    local who="The arrayfs authors <arrayfs@arrayfs.invalid>"
    install_packages lintian
    doc="$root/usr/share/doc/arrayfs"
    arch="$(dpkg --print-architecture)"
    deb="$dist/arrayfs_${version}_$arch.deb"
    cargo build --release --quiet --locked
    prefix "$root/usr" "$target/release/arrayfs"
    mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"
    gzip -9n "$root/usr/share/man/man1/arrayfs.1"
    install -D -m 644 docs/systemd/arrayfs@.service -t "$root/usr/lib/systemd/system"
    copyright >"$doc/copyright"
    rm "$doc"/LICENSE-*
    printf 'arrayfs (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' \
        "$version" "$who" "$(date -R -r CHANGELOG.md)" | gzip -9n >"$doc/changelog.gz"
    mkdir "$root/DEBIAN"
    printf 'Source: arrayfs\n\nPackage: arrayfs\nArchitecture: any\n' >"$build/debian/control"
    cat >"$root/DEBIAN/control" <<CONTROL
Package: arrayfs
Version: $version
Architecture: $arch
Maintainer: $who
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: $(cd "$build" && dpkg-shlibdeps -O debian/arrayfs/usr/bin/arrayfs | sed 's/^shlibs:Depends=//'), fuse3
Section: science
Priority: optional
Description: $(sed -n 's/^description = "\(.*\)"/\1/p' Cargo.toml)
 Any program that opens a path reads and writes rows, columns and other slices
 in place: of raw dumps, .npy, HDF5, NetCDF, FITS, NIfTI and more.
CONTROL
    dpkg-deb --root-owner-group --build "$root" "$deb" >/dev/null
    dpkg-deb --info "$deb" | grep -E '^ (Package|Version|Depends):'
    lintian --allow-root --fail-on error "$deb"

    deb_is_installed=1
    "${as_root[@]}" dpkg -i "$deb" >/dev/null
    use /usr/bin/arrayfs
    man --warnings arrayfs >/dev/null
    bash -c 'source /usr/share/bash-completion/completions/arrayfs && complete -p arrayfs' >/dev/null
    systemd-analyze verify docs/systemd/*.service docs/systemd/*.mount docs/systemd/*.automount
    links_work /usr/share/doc/arrayfs
    "${as_root[@]}" dpkg --purge arrayfs >/dev/null
    deb_is_installed=
    test ! -e /usr/bin/arrayfs
    test ! -e /usr/share/doc/arrayfs
    echo "installed, used and removed: $deb"
}

# The sources for pip: what is unpacked has all that its metadata names.
sdist() {
    maturin sdist --out "$dist/source"
    tar -C "$work" -xzf "$dist/source/arrayfs-$version.tar.gz"
    (cd "$source" && maturin pep517 write-dist-info --metadata-directory "$work/metadata")
    grep -x "Summary: $(sed -n 's/^description = "\(.*\)"/\1/p' Cargo.toml)" \
        "$work/metadata/arrayfs-$version.dist-info/METADATA"
}

# wheel DIR [OPTION]...: builds a wheel of the sources in DIR with these options of maturin, and uses
# it in a new environment.
wheel() {
    (
        cd "$1"
        CARGO_TARGET_DIR="$target" CARGO_PROFILE_RELEASE_STRIP=true \
            maturin build --quiet --out "$dist" "${@:2}"
    )
    python3 -m venv --clear "$work/venv"
    "$work/venv/bin/pip" install --quiet --no-index --find-links "$dist" arrayfs
    use "$work/venv/bin/arrayfs"
    manual_is "$work/venv/share/man/man1/arrayfs.1" "$work/venv/bin"
    local file
    for file in bash-completion/completions/arrayfs zsh/site-functions/_arrayfs \
        fish/vendor_completions.d/arrayfs.fish; do
        cmp "$work/venv/share/$file" "packaging/wheel/data/share/$file"
    done
    rm -rf "$work/venv"
    echo "installed and used: $(echo "$dist"/*.whl)"
}

# One static binary is in the wheel, which any Linux can take, and in the archive.
static() {
    local musl="$machine-unknown-linux-musl" name="arrayfs-$version-$machine" tag
    if ! rustup target add "$musl" >/dev/null 2>&1; then
        skip "package.sh: the static binary and the wheel" "target $musl cannot be installed"
        return
    fi
    wheel "$source" --release --target "$musl" --compatibility manylinux2014 musllinux_1_1
    for tag in manylinux2014 musllinux_1_1; do
        pip download --quiet --no-index --find-links "$dist" \
            --only-binary :all: --platform "${tag}_$machine" --dest "$work/$tag" arrayfs
    done
    prefix "$work/$name" "$target/$musl/release/arrayfs"
    cp "$work/$name/bin/arrayfs" "$dist/arrayfs-$machine"
    if strings "$dist/arrayfs-$machine" | grep -F "${CARGO_HOME:-$HOME/.cargo}/"; then
        echo "the program names directories of this machine" >&2
        exit 1
    fi
    file "$dist/arrayfs-$machine" | grep -E 'static(-pie|ally) linked.*, stripped$'
    tar -C "$work" --owner 0 --group 0 -czf "$dist/$name.tar.gz" "$name"
    mkdir -p "$home/.local"
    tar -C "$home/.local" --strip-components 1 -xzf "$dist/$name.tar.gz"
    use "$home/.local/bin/arrayfs"
    manual_is "$home/.local/share/man/man1/arrayfs.1" "$home/.local/bin"
    rm -rf "$home"
}

# cargo_install OPTION...: what README.md says, in a new home directory.
cargo_install() {
    local bin="$home/.cargo/bin"
    cargo install --quiet --locked --path . --root "$home/.cargo" --target-dir "$target" "$@" \
        2> >(grep -v 'be sure to add' >&2)
    # shellcheck disable=SC2016 # The user's shell expands it.
    as_user "$bin" bash -euc '
        cd
        mkdir -p ~/.cargo/share/man/man1 ~/.local/share/bash-completion/completions
        arrayfs --generate man > ~/.cargo/share/man/man1/arrayfs.1
        arrayfs --generate bash > ~/.local/share/bash-completion/completions/arrayfs
        mkdir -p ~/.zfunc ~/.config/fish/completions
        arrayfs --generate zsh > ~/.zfunc/_arrayfs
        echo "fpath+=~/.zfunc; autoload -U compinit; compinit" >> ~/.zshrc
        arrayfs --generate fish > ~/.config/fish/completions/arrayfs.fish'
    use "$bin/arrayfs"
    manual_is "$home/.cargo/share/man/man1/arrayfs.1" "$bin"
    as_user "$bin" bash -c '. /usr/share/bash-completion/bash_completion
        _completion_loader arrayfs; complete -p arrayfs'
    # shellcheck disable=SC2016 # zsh expands it.
    test "$(as_user "$bin" zsh -ic 'print $_comps[arrayfs]')" = _arrayfs
    as_user "$bin" fish -c 'complete -C "arrayfs --form"' | grep '^--format' >/dev/null
    rm -rf "$home"
}

# The crate as it would be published: it builds from what it holds, and holds nothing large.
crate() {
    local dirty=() crate="$target/package/arrayfs-$version.crate"
    # A working tree with changes can be tried, but not released.
    [ -z "$quick" ] || dirty=(--allow-dirty)
    cargo publish --dry-run --locked "${dirty[@]}"
    cargo package --no-verify --quiet --locked "${dirty[@]}"
    test "$(stat -c %s "$crate")" -lt 1000000
    cp "$crate" "$dist/source"
    sed "s/^  sha256 .*/  sha256 \"$(sha256sum "$crate" | cut -d ' ' -f 1)\"/" \
        packaging/arrayfs.rb >"$dist/source/arrayfs.rb"
}

# recipes [--build]: packaging/README.md says what this shows of each recipe, and what it cannot.
recipes() {
    local file
    for file in packaging/arrayfs.rb packaging/package.nix packaging/recipe.yaml; do
        grep -qE "[\"-]${version//./\\.}(\"|\.crate)" "$file" || { echo "$file: the version is not $version" >&2; exit 1; }
    done
    ruby -c packaging/arrayfs.rb
    nix-instantiate --parse packaging/package.nix >/dev/null
    CARGO_TARGET_DIR="$target" python3 packaging/check_recipe.py "$@"
}

sdist
if [ -n "$quick" ]; then
    wheel . --profile dev --compatibility linux
    cargo_install --debug
else
    deb
    static
    cargo_install
fi
crate
if [ -n "$quick" ]; then recipes; else recipes --build; fi
ls -lR "$dist"
