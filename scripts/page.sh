#!/usr/bin/env bash
# Tests index.html of mounts in a headless Chromium (tests/page). Where Debian's Chromium cannot be
# installed, the tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev nginx-light
need_rust
need_fuse
if ! install_packages chromium-headless-shell fonts-dejavu-core; then
    skip page.sh "chromium-headless-shell cannot be installed"
    exit 0
fi
need_python_packages
cargo build --quiet
arrayfs="${CARGO_TARGET_DIR:-target}/debug/arrayfs"

export PYTHONPATH=tests/common:tests/numpy:tests/formats:tests/page
# Side by side, since a page mostly waits.
scripts=(values_on_page use_of_page)
running=()
for script in "${scripts[@]}"; do
    python3 -B "tests/page/$script.py" --arrayfs "$arrayfs" &
    running+=($!)
done
status=0
for process in "${running[@]}"; do
    wait "$process" || status=1
done
exit "$status"
