#!/usr/bin/env bash
# Regenerates the man page and the shell completions in docs/generated from the option
# definitions. A test checks that they are up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet
arrayfs="${CARGO_TARGET_DIR:-target}/debug/arrayfs"
"$arrayfs" --generate man > docs/generated/arrayfs.1
"$arrayfs" --generate bash > docs/generated/arrayfs.bash
"$arrayfs" --generate zsh > docs/generated/_arrayfs
"$arrayfs" --generate fish > docs/generated/arrayfs.fish
