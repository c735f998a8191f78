#!/usr/bin/env bash
# Benchmarks arrayfs against direct file access, NumPy and a minimal FUSE file system, and writes
# docs/PERFORMANCE.md. Takes about half an hour. Needs root, 8 GiB of memory and an idle machine.
#
#   scripts/bench.sh [--pairs N] [--only WORDS] [--quick] [--dir DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev e2fsprogs mount
need_rust
need_fuse
need_python_packages
if ! python3 -c 'import matplotlib' 2>/dev/null; then
    pip install --quiet --disable-pip-version-check -r scripts/bench/requirements.txt
fi
cargo build --release --quiet --bins --example floor
built="${CARGO_TARGET_DIR:-target}/release"
built="$(cd "$built" && pwd)"
exec python3 scripts/bench/bench.py "$@" --arrayfs "$built/arrayfs" --floor "$built/examples/floor"
