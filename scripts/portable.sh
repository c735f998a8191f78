#!/usr/bin/env bash
# Tests the portable code that macOS uses instead of the Linux-only code, on Linux. What does not
# depend on it is left out: parsers, text, languages, documentation, and stress tests of the
# invalidation that it lacks. Needs what scripts/test.sh installs.
#
#   scripts/portable.sh [--all]
#
# --all adds the suites that compare with NumPy, exports and tools, in which it differs little.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

suites=(--lib --bins --test backing --test command --test ends --test fstab --test semantics
    --test syscalls --test users)
case "${1:-}" in
    "") ;;
    --all) suites+=(--test export --test numpy --test tools) ;;
    *) echo "usage: scripts/portable.sh [--all]" >&2; exit 2 ;;
esac
need_rust
need_fuse
need_python_packages
test=(cargo test --no-fail-fast)
if cargo nextest --version >/dev/null 2>&1; then
    test=(cargo nextest run)
fi
# The environment of Python is that of the other tests.
export RUSTFLAGS='--cfg arrayfs_portable' CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/portable"
exec "${test[@]}" "${suites[@]}" -- --skip readers_of_tables --skip text_reads_back \
    --skip real_files --skip numpy_loads --skip types_of_ml_dtypes --skip every_view_reads \
    --skip large:: --skip science::
