#!/usr/bin/env bash
# Shows that arrayfs compiles for macOS without a warning from rustc or clippy, with its
# tests, benchmark and example, and links there. It shows nothing of how it runs: no program
# is started. The target is Apple silicon; with --all it is Intel too.
#
#   scripts/check-macos.sh [--all]
#
# Needs Rust from rustup, and takes 210 MB of downloads once and about 2 GB of disk.
# - The standard library is built from Debian's rust-web-src, by Debian's compiler of the same
#   version, since no package registry has it built for macOS.
# - The linker takes the names that macOS' libSystem has from the Python package ziglang, which
#   has those of macOS 11.
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
own="$(cd "${CARGO_TARGET_DIR:-target}/macos" && pwd)"
export CARGO_TARGET_DIR="$own"

# The names of macOS' libraries.
lib="$own/sdk/usr/lib"
if [ ! -e "$lib/libiconv.tbd" ]; then
    mkdir -p "$lib"
    python3 -m venv --clear "$own/venv"
    "$own/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps \
        --dest "$own/wheel" ziglang==0.9.1
    python3 - "$own"/wheel/*.whl "$lib" <<'PYTHON'
import sys, zipfile
stub = zipfile.ZipFile(sys.argv[1]).read("ziglang/lib/libc/darwin/libSystem.11.tbd")
for name in "System", "c", "m":
    with open(f"{sys.argv[2]}/lib{name}.tbd", "wb") as file:
        file.write(stub)
PYTHON
    rm -r "$own/wheel" "$own/venv"
    # The crate libc asks for it, and nothing here uses it.
    cat >"$lib/libiconv.tbd" <<'TBD'
--- !tapi-tbd
tbd-version:     4
targets:         [ x86_64-macos, arm64-macos ]
install-name:    '/usr/lib/libiconv.2.dylib'
...
TBD
fi
export SDKROOT="$own/sdk"

# fuser asks pkg-config for macFUSE, and is content with a version.
printf '#!/bin/sh\necho 2.9.9\n' >"$own/pkg-config"
chmod +x "$own/pkg-config"
export PKG_CONFIG="$own/pkg-config" PKG_CONFIG_ALLOW_CROSS=1

toolchain="$(dirname "$(dirname "$(rustup which rustc)")")"
# Debian's compiler is no nightly one, and would not build the standard library.
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
# As cargo clippy does, but for a whole build. Lints are errors.
export RUSTC_WORKSPACE_WRAPPER=/usr/bin/clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
# The toolchain's own linker. macFUSE's one function stays undefined.
linker="$toolchain/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld"
export CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER="$linker"
export CARGO_TARGET_X86_64_APPLE_DARWIN_LINKER="$linker"
export RUSTFLAGS='-Clinker-flavor=ld64.lld -Clink-arg=-U -Clink-arg=_fuse_mount_compat25'
# Nobody debugs it, and a tool to strip it with is not there.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=none CARGO_INCREMENTAL=0

for target in "${targets[@]}"; do
    "$toolchain/bin/cargo" test --no-run --locked --quiet --all-targets \
        -Zbuild-std=std,panic_abort,test --target "$target"
    printf '%s: compiles without warnings, and links\n' "$target"
done
