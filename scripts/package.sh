#!/usr/bin/env bash
# Builds the release artifacts in target/dist, and installs and uses each on this machine: a .deb, a
# static binary, an archive with that binary and its documentation, a wheel for pip, the crate, and
# the Homebrew formula for that crate. Also tries `cargo install` and the recipes of packaging/.
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

install_packages fuse3 gcc libc6-dev dpkg-dev file man-db systemd python3 python3-venv \
    bash-completion zsh fish ruby nix-bin
need_rust
need_fuse
need_numpy
pip install --quiet --disable-pip-version-check --no-deps \
    "$(grep '^maturin==' tests/requirements.txt)" "$(grep '^py-rattler-build==' tests/requirements.txt)"

target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
dist="$target/dist"
tools="$target/tools"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
machine="$(uname -m)"
work=$(mktemp -d)
home="$work/home"
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
fi
clean_up() {
    umount -q "$work/iris" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
rm -rf "$dist"
mkdir -p "$dist"

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

deb() {
    if [ "$("$tools/bin/cargo-deb" --version 2>/dev/null)" != 3.8.0 ]; then
        cargo install --quiet --locked --version 3.8.0 --root "$tools" cargo-deb
    fi
    CARGO_PROFILE_RELEASE_STRIP=true "$tools/bin/cargo-deb" --quiet --output "$dist"
    local deb
    deb=$(echo "$dist"/*.deb)
    dpkg-deb --info "$deb" | grep -E '^ (Package|Version|Depends):'
    "${as_root[@]}" dpkg -i "$deb" >/dev/null
    use /usr/bin/arrayfs
    file /usr/bin/arrayfs | grep -q ', stripped$'
    man --warnings arrayfs >/dev/null
    bash -c 'source /usr/share/bash-completion/completions/arrayfs && complete -p arrayfs' >/dev/null
    systemd-analyze verify docs/systemd/*.service docs/systemd/*.mount docs/systemd/*.automount
    links_work /usr/share/doc/arrayfs
    "${as_root[@]}" dpkg --purge arrayfs >/dev/null
    test ! -e /usr/bin/arrayfs
    test ! -e /usr/share/doc/arrayfs
    echo "installed, used and removed: $deb"
}

# links_work DIR: what its pages link to is there, but for the tests.
links_work() {
    find "$1" -name '*.md' | while read -r page; do
        grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -vE '^https?:|^\.\./tests$' |
            while read -r link; do
                test -e "$(dirname "$page")/$link" || { echo "$page links to $link" >&2; exit 1; }
            done
    done
}

# wheel [OPTION]...: builds a wheel with these options of maturin, and uses it in a new environment.
wheel() {
    CARGO_PROFILE_RELEASE_STRIP=true maturin build --quiet --out "$dist" "$@"
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
    wheel --release --target "$musl" --compatibility manylinux2014 musllinux_1_1
    for tag in manylinux2014 musllinux_1_1; do
        pip download --quiet --no-index --find-links "$dist" \
            --only-binary :all: --platform "${tag}_$machine" --dest "$work/$tag" arrayfs
    done
    cp "$target/$musl/release/arrayfs" "$dist/arrayfs-$machine"
    file "$dist/arrayfs-$machine" | grep -qE 'static(-pie|ally) linked, .*, stripped$|static(-pie|ally) linked, stripped$'

    local share="$work/$name/share"
    mkdir -p "$work/$name/bin" "$share/doc/arrayfs/docs"
    cp "$dist/arrayfs-$machine" "$work/$name/bin/arrayfs"
    cp -rL packaging/wheel/data/share/. "$share"
    cp README.md CHANGELOG.md LICENSE-* "$share/doc/arrayfs"
    cp -r docs/*.md docs/container docs/images docs/performance docs/systemd "$share/doc/arrayfs/docs"
    links_work "$share/doc/arrayfs"
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
    as_user "$bin" fish -c 'complete -C "arrayfs --form"' | grep -q '^--format'
    rm -rf "$home"
}

# The crate as it would be published: it builds from what it holds, and holds nothing large.
crate() {
    local dirty=()
    # A working tree with changes is tried too; a release is not.
    [ -z "$quick" ] || dirty=(--allow-dirty)
    cargo publish --dry-run --quiet --locked "${dirty[@]}"
    # Cargo says nowhere where a dry run leaves it.
    local crate
    crate="$(find "$target/package" -name "arrayfs-$version.crate" -printf '%T@ %p\n' | sort -n |
        sed -n '$s/^[^ ]* //p')"
    test "$(stat -c %s "$crate")" -lt 1000000
    cp "$crate" "$dist"
    sed "s/^  sha256 .*/  sha256 \"$(sha256sum "$crate" | cut -d ' ' -f 1)\"/" \
        packaging/arrayfs.rb >"$dist/arrayfs.rb"
}

# recipes [--build]: packaging/README.md says what this shows of each recipe, and what it cannot.
recipes() {
    local file
    for file in packaging/arrayfs.rb packaging/package.nix packaging/recipe.yaml; do
        grep -qF "\"$version\"" "$file" || { echo "$file: the version is not $version" >&2; exit 1; }
    done
    ruby -c packaging/arrayfs.rb
    nix-instantiate --parse packaging/package.nix >/dev/null
    python3 packaging/check_recipe.py "$@"
}

if [ -n "$quick" ]; then
    wheel --profile dev --compatibility linux
    cargo_install --debug
else
    deb
    static
    cargo_install
fi
crate
if [ -n "$quick" ]; then recipes; else recipes --build; fi
ls -l "$dist"
