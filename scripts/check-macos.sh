#!/usr/bin/env bash
# Checks that arrayfs with its tests, benchmark and example compiles and links for macOS, without
# warnings from rustc or clippy. No program is run. The target is Apple silicon; --all adds Intel.
#
#   scripts/check-macos.sh [--all]
#
# Needs Rust from rustup, about 2 GB of disk, and 210 MB of downloads on the first run.
#
# - The standard library is built from Debian's rust-web-src with Debian's compiler of the same
#   version. No package registry offers it prebuilt for macOS.
# - The symbols of macOS' libSystem come from the Python package ziglang, which has a stub of
#   macOS 11.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

targets=(aarch64-apple-darwin)
case "${1:-}" in
    --all) targets+=(x86_64-apple-darwin) ;;
    '') ;;
    *)
        echo "check-macos.sh: unknown argument '$1': expected --all or nothing" >&2
        exit 2
        ;;
esac

install_packages rustc-web rust-web-src rust-web-clippy python3 python3-venv
need_rust

mkdir -p "${CARGO_TARGET_DIR:-target}/macos"
out="$(cd "${CARGO_TARGET_DIR:-target}/macos" && pwd)"
export CARGO_TARGET_DIR="$out"

# Linker stubs of macOS' libraries.
lib="$out/sdk/usr/lib"
if [ ! -e "$lib/libiconv.tbd" ]; then
    mkdir -p "$lib"
    python3 -m venv --clear "$out/venv"
    "$out/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps \
        --dest "$out/wheel" ziglang==0.9.1
    python3 - "$out"/wheel/*.whl "$lib" <<'PYTHON'
import sys, zipfile
stub = zipfile.ZipFile(sys.argv[1]).read("ziglang/lib/libc/darwin/libSystem.11.tbd")
for name in "System", "c", "m":
    with open(f"{sys.argv[2]}/lib{name}.tbd", "wb") as file:
        file.write(stub)
PYTHON
    rm -r "$out/wheel" "$out/venv"
    # The crate libc links it. No symbol of it is used.
    cat >"$lib/libiconv.tbd" <<'TBD'
--- !tapi-tbd
tbd-version:     4
targets:         [ x86_64-macos, arm64-macos ]
install-name:    '/usr/lib/libiconv.2.dylib'
...
TBD
fi
export SDKROOT="$out/sdk"

# fuser looks for macFUSE with pkg-config. A version number satisfies it.
printf '#!/bin/sh\necho 2.9.9\n' >"$out/pkg-config"
chmod +x "$out/pkg-config"
export PKG_CONFIG="$out/pkg-config" PKG_CONFIG_ALLOW_CROSS=1

toolchain="$(dirname "$(dirname "$(rustup which rustc)")")"
# Debian's compiler is a stable one. Building the standard library needs RUSTC_BOOTSTRAP.
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
# Like cargo clippy, but with a complete build. Lints are errors.
export RUSTC_WORKSPACE_WRAPPER=/usr/bin/clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
# The linker of the toolchain. The one function of macFUSE stays undefined.
linker="$toolchain/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld"
export CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER="$linker"
export CARGO_TARGET_X86_64_APPLE_DARWIN_LINKER="$linker"
export RUSTFLAGS='-Clinker-flavor=ld64.lld -Clink-arg=-U -Clink-arg=_fuse_mount_compat25'
# No debug information is needed, and there is no tool to strip it.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=none CARGO_INCREMENTAL=0

for target in "${targets[@]}"; do
    "$toolchain/bin/cargo" test --no-run --locked --quiet --all-targets \
        -Zbuild-std=std,panic_abort,test --target "$target"
    printf '%s: compiles and links without warnings\n' "$target"
done
