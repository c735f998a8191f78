#!/usr/bin/env bash
# Benchmarks arrayfs against direct file access, NumPy and a minimal FUSE file system, and writes
# docs/PERFORMANCE.md. Takes about an hour. Needs root, 8 GiB of memory and an idle machine.
#
#   scripts/bench.sh [--pairs N] [--only REGEX] [--list] [--quick] [--dir DIRECTORY]
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
# With --quick no timing is of use.
profile=release
if [[ " $* " == *" --quick "* ]]; then
    profile=debug
fi
cargo build --profile "${profile/debug/dev}" --quiet --bins --example floor
built="${CARGO_TARGET_DIR:-target}/$profile"
built="$(cd "$built" && pwd)"
exec python3 scripts/bench/bench.py "$@" --arrayfs "$built/arrayfs" --floor "$built/examples/floor"
