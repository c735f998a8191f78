#!/usr/bin/env bash
# Writes the man page and the completions of docs/generated anew, from the
# option definitions. A test compares them with what the program prints.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet
arrayfs="${CARGO_TARGET_DIR:-target}/debug/arrayfs"
"$arrayfs" --generate man > docs/generated/arrayfs.1
"$arrayfs" --generate bash > docs/generated/arrayfs.bash
"$arrayfs" --generate zsh > docs/generated/_arrayfs
"$arrayfs" --generate fish > docs/generated/arrayfs.fish
