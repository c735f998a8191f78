#!/usr/bin/env bash
# Tests thread interleavings of fs::coherence with the model checker shuttle: the real code runs
# between a simulated kernel and a simulated file.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

need_rust

# Optimized, since thousands of interleavings are run.
RUSTFLAGS='--cfg shuttle' CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/shuttle" \
    cargo test --release --quiet --lib coherence::simulation
