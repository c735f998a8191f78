#!/usr/bin/env bash
# Has a model checker for threads try out how those of fs::coherence can take turns: the
# real code, between a simulated kernel and a simulated file.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

need_rust

# Optimised, since many thousand orders are tried.
RUSTFLAGS='--cfg shuttle' CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/shuttle" \
    cargo test --release --quiet --lib coherence::simulation
