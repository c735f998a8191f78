#!/usr/bin/env bash
# Stress-tests the promises about consistency and storage faults. Prints a table with the number of
# operations and failures of each attack. The exit status is 1 if an attack failed or could not
# run.
#
#   scripts/stress.sh [SECONDS]   all attacks, for SECONDS in total (600)
#   scripts/stress.sh --counts    all attacks, each with its full number of operations: hours
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 e2fsprogs mount xfsprogs btrfs-progs fio
need_rust
need_fuse
need_numpy
need_fsx

case "${1:-600}" in
    --counts) export ARRAYFS_STRESS_COUNTS=1 ;;
    *[!0-9]*) echo "usage: scripts/stress.sh [SECONDS | --counts]" >&2; exit 2 ;;
    *) export ARRAYFS_STRESS_SECONDS="${1:-600}" ;;
esac
cargo test --release --quiet --test stress -- --ignored --exact table --nocapture |
    grep --line-buffered -v -e '^test ' -e '^running ' -e '^$'
