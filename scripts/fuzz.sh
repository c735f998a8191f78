#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input, each for SECONDS (600), starting from fuzz/seeds. Fails
# at the first crash and keeps its input in fuzz/artifacts. With less than a minute for each, the
# targets are built without optimisation and sanitizer, which takes minutes less. Skipped without a
# nightly toolchain.
#
#   scripts/fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

seconds="${1:-600}"
build=()
if [ "$seconds" -lt 60 ]; then
    build=(--dev --sanitizer none)
fi
need_rust
if ! cargo +nightly --version >/dev/null 2>&1; then
    skip fuzz.sh "there is no nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi
install_packages g++
if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --locked cargo-fuzz
fi

cargo +nightly fuzz build "${build[@]}"
for target in $(cargo +nightly fuzz list); do
    printf '\n== %s, %s s\n' "$target" "$seconds"
    mkdir -p "fuzz/corpus/$target"
    # A single allocation and the run time must be bounded by the length of the input, not by
    # the numbers in it.
    cargo +nightly fuzz run "${build[@]}" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -malloc_limit_mb=64 -timeout=10 -print_final_stats=1
done
