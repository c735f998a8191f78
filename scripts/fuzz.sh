#!/usr/bin/env bash
# Feeds random input to the parsers of what comes from outside, each for
# SECONDS (600), from the seeds in fuzz/seeds on. Fails on the first input that
# breaks one, which is then kept in fuzz/artifacts. Needs a nightly toolchain,
# and says so where there is none.
#
#   scripts/fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

seconds="${1:-600}"
need_rust
if ! cargo +nightly --version >/dev/null 2>&1; then
    skip fuzz.sh "there is no nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi
install_packages g++
if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --locked cargo-fuzz
fi

for target in $(cargo +nightly fuzz list); do
    printf '\n== %s, %s s\n' "$target" "$seconds"
    mkdir -p "fuzz/corpus/$target"
    # What a parser allocates in one go, and how long it takes, is limited by the
    # length of the text, not by the numbers in it.
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -malloc_limit_mb=64 -timeout=10 -print_final_stats=1
done
