#!/usr/bin/env bash
# Attacks what is promised about consistency and faults, and prints one table:
# what was done, how often, and how often it failed. Exit status 1 if anything
# failed, or could not be tried.
#
#   scripts/stress.sh [SECONDS]   every attack, for SECONDS in all (600)
#   scripts/stress.sh --counts    every attack as often as proves it: hours
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
