#!/usr/bin/env bash
# Makes the pictures of index.html in docs/images: mounts real arrays, and photographs their pages
# in a headless Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev chromium-headless-shell fonts-dejavu-core
need_rust
need_fuse
need_python_packages
cargo build --release --quiet
arrayfs="$(realpath "${CARGO_TARGET_DIR:-target}/release/arrayfs")"

export PYTHONPATH=tests/common:tests/numpy:tests/formats:tests/page
python3 -B tests/page/screenshots.py --arrayfs "$arrayfs" --images docs/images
