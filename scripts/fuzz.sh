#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input, each for SECONDS (600), starting from fuzz/seeds. Fails
# if one crashes, and keeps its input in fuzz/artifacts. With less than a minute for each, the
# targets are built without optimisation and sanitizer, which takes minutes less. One target runs on
# each processor. Skipped without a nightly toolchain.
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

# fuzz TARGET: fuzzes one target, and prints what it did once it has ended.
fuzz() {
    local output status=0
    mkdir -p "fuzz/corpus/$1"
    # A single allocation and the run time must be bounded by the length of the input, not by
    # the numbers in it.
    output="$(cargo +nightly fuzz run "${build[@]}" "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" -- \
        -max_total_time="$seconds" -malloc_limit_mb=64 -timeout=10 -print_final_stats=1 2>&1)" ||
        status=$?
    printf '\n== %s, %s s\n%s\n' "$1" "$seconds" "$output"
    return "$status"
}

running=()
status=0
for target in $(cargo +nightly fuzz list); do
    # One on each processor.
    if [ "${#running[@]}" = "$(nproc)" ]; then
        wait "${running[0]}" || status=1
        running=("${running[@]:1}")
    fi
    fuzz "$target" &
    running+=($!)
done
for process in "${running[@]}"; do
    wait "$process" || status=1
done
exit "$status"
