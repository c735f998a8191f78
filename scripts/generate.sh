#!/usr/bin/env bash
# Regenerates docs/generated: the man page and the shell completions from the option definitions,
# and the notices of the linked crates from their sources. A test checks that the former are up to
# date, scripts/package.sh the latter.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet
arrayfs="${CARGO_TARGET_DIR:-target}/debug/arrayfs"
"$arrayfs" --generate man > docs/generated/arrayfs.1
"$arrayfs" --generate bash > docs/generated/arrayfs.bash
"$arrayfs" --generate zsh > docs/generated/_arrayfs
"$arrayfs" --generate fish > docs/generated/arrayfs.fish
python3 packaging/notices.py > docs/generated/THIRD-PARTY-NOTICES
