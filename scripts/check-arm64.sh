#!/usr/bin/env bash
# Runs the unit tests of arrayfs for Linux on arm64, with the processor emulated by qemu. System
# calls go to the kernel of this machine, so memory pages have its size.
#
#   scripts/check-arm64.sh [FILTER]...    FILTER as for cargo test, such as mapping::
#
# Needs Rust from rustup.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

if [ "$(uname -m)" = aarch64 ]; then
    skip check-arm64.sh "this machine runs all tests on arm64 as they are"
    exit 0
fi
install_packages qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
need_rust
need_numpy
target=aarch64-unknown-linux-gnu
rustup --quiet target add "$target"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/arm64"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64-static -L /usr/aarch64-linux-gnu'
# Emulation is slow: the time of some optimization is won back.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0

spawn=a_failed_command_gives_its_last_error_line
socket=a_bound_name_is_listed_with_its_owner_until_it_is_dropped
skip "arm64: $spawn" "qemu does not report that a program to run is missing"
skip "arm64: $socket" "qemu has no sock_diag(7)"
cargo test --locked --quiet --target "$target" --lib --bins -- "$@" --skip "$spawn" --skip "$socket"
