#!/usr/bin/env bash
# Runs tests under two sanitizers:
#
# - Miri, for undefined behaviour in code without unsupported system calls (views, segments, tree,
#   parsers);
# - ThreadSanitizer, for data races in the daemon under mounted tests.
#
# Both need a nightly toolchain, which is installed with rustup.
#
#   scripts/sanitize.sh [miri|threads]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev
need_rust
need_fuse
need_numpy
target="$(realpath "${CARGO_TARGET_DIR:-target}")"
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    rustup toolchain install nightly --profile minimal --component miri,rust-src
fi

# Exhaustive tests, which would take hours under Miri.
slow=(
    columns_have_the_bytes_of_the_view
    the_rows_of_grids_are_the_runs_of_the_view
    bytes_in_a_range_of_the_file_are_among_those_named
    every_range_of_every_view_of_small_arrays
    a_long_text_is_cut_in_the_message
    errors_quote_the_place_and_cut_it_short
    long_values_are_cut_in_a_message
    excess_names_are_popped
    numbers_of_open_selections_are_not_reused
    unused_selections_are_evicted
    the_bytes_of_indices_are_counted
    no_time_is_wider_than_its_unit_says
    vfile::text::tests::every_part_is_that_of_the_whole
)
# Tests that start Python, or that use floating-point functions, to whose results Miri adds random
# rounding errors.
foreign=(numpy_and_python_read_back_the_values every_half_reads_back)

miri() {
    local skip=()
    for name in "${slow[@]}" "${foreign[@]}"; do
        skip+=(--skip "$name")
    done
    MIRIFLAGS=-Zmiri-disable-isolation CARGO_TARGET_DIR="$target/miri" \
        cargo +nightly miri test --lib -- \
        array:: dtype:: tree:: vfile:: source:: cli:: mapping::interleave mapping::mode "${skip[@]}"
}

# Threads that still run when the daemon exits are intended.
threads() {
    RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS="report_thread_leaks=0 exitcode=66 log_path=$target/threads.log" \
        CARGO_TARGET_DIR="$target/threads" \
        cargo +nightly test -Zbuild-std --target "$(uname -m)-unknown-linux-gnu" "$@"
}

what="${1:-both}"
if [ "$what" != threads ]; then
    miri
fi
if [ "$what" != miri ]; then
    rm -f "$target"/threads.log*
    threads --lib -- fs:: mapping::column_cache mapping::parts mapping::growth tree:: source::
    # Instrumented, the skipped test exceeds the deadline of a command.
    threads --test semantics -- claim_ --skip claim_47_what_is_written_is_seen
    if compgen -G "$target/threads.log*" >/dev/null; then
        cat "$target"/threads.log*
        exit 1
    fi
fi
