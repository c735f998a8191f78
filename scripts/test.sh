#!/usr/bin/env bash
# Installs what the tests need and runs all checks: format, lints, docs, the
# direction of imports, the numbered claims and every test. The tests mount
# real file systems; set ARRAYFS_SKIP_FUSE=1 to leave those out where there is
# no FUSE.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev python3 python3-venv proj-data mount strace \
    e2fsprogs xfsprogs btrfs-progs attr \
    curl file bsdextrautils less nginx-light parallel rsync unzip vim-tiny xxd zip \
    gfortran nodejs fio
need_rust
if [ -z "${ARRAYFS_SKIP_FUSE:-}" ]; then
    need_fuse
fi

# The judges: NumPy, and real arrays that come inside other packages, of which
# only the files are wanted.
target="${CARGO_TARGET_DIR:-target}"
venv="$target/venv"
if ! "$venv/bin/python3" -c 'import numpy, sys; sys.exit(not numpy.__version__.startswith("2.4."))' 2>/dev/null; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'numpy==2.4.*'
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    scikit-image scipy astropy duckdb
PATH="$(cd "$venv/bin" && pwd):$PATH"
export PATH

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step cargo fmt --check
step cargo clippy --all-targets --quiet -- -D warnings
step env RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
step scripts/check-direction.sh
step scripts/check-claims.sh
step cargo test
step scripts/languages.sh
step scripts/fuzz.sh 15

# Once more with the portable twin of what only Linux has, as macOS builds it.
portable=(env RUSTFLAGS='--cfg arrayfs_portable' CARGO_TARGET_DIR="$target/portable")
step "${portable[@]}" cargo clippy --all-targets --quiet -- -D warnings
# What does not depend on it is left out.
step "${portable[@]}" cargo test --lib --bins --test backing --test command --test ends --test fstab \
    --test numpy --test semantics --test syscalls --test tools --test users
