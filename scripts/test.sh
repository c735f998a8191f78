#!/usr/bin/env bash
# Installs what the tests need and runs all checks: format, lints, docs, the
# direction of imports, the numbered claims and every test. The tests mount
# real file systems; set ARRAYFS_SKIP_FUSE=1 to leave those out where there is
# no FUSE.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev proj-data mount strace \
    e2fsprogs xfsprogs btrfs-progs acl attr make \
    nfs-ganesha nfs-ganesha-vfs libnfs-utils openssh-client openssh-sftp-server \
    curl file bsdextrautils less nginx-light parallel rsync unzip vim-tiny xxd zip \
    gfortran nodejs fio git inotify-tools libglib2.0-bin perl samba smbclient \
    man-db ffmpeg gnuplot-nox procps r-base-core shellcheck miller sqlite3
need_rust
if [ -z "${ARRAYFS_SKIP_FUSE:-}" ]; then
    need_fuse
    need_fsx
fi

need_numpy
# Real arrays that come inside other packages, of which only the files are wanted.
target="${CARGO_TARGET_DIR:-target}"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    scikit-image scipy astropy
# Programs that are run, with what they depend on.
"$target/venv/bin/pip" install --quiet --disable-pip-version-check duckdb joblib h5py \
    'pandas==3.1.*' 'polars==2.1.*'

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step shellcheck -x scripts/*.sh .ci/run
step cargo fmt --check
step cargo clippy --all-targets --quiet -- -D warnings
step env RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
step scripts/check-direction.sh
step scripts/check-claims.sh
step cargo test
step scripts/interleavings.sh
step scripts/languages.sh
step scripts/fuzz.sh 15
# Whether they work, not how long anything takes.
step cargo bench --quiet --bench kernels -- --test
step scripts/bench.sh --quick

# Once more with the portable twin of what only Linux has, as macOS builds it.
portable=(env RUSTFLAGS='--cfg arrayfs_portable' CARGO_TARGET_DIR="$target/portable")
step "${portable[@]}" cargo clippy --all-targets --quiet -- -D warnings
# What does not depend on it is left out, and the suites that extend files all over, which
# cannot be done portably: backing, ends, numpy, users.
step "${portable[@]}" cargo test --lib --bins --test command --test semantics
