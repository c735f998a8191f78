#!/usr/bin/env bash
# Checks that every numbered claim of docs/SEMANTICS.md has a test, and that every such test has
# a claim. The test of claim NN is a function claim_NN_... in tests/, or in src/ if no client can
# trigger the behaviour.
set -euo pipefail
cd "$(dirname "$0")/.."

claims=$(sed -nE 's/^\*\*([0-9]+)\.\*\*.*/\1/p' docs/SEMANTICS.md | sort -n)
tests=$(grep -rhoE 'fn claim_[0-9]+' tests src | sed -E 's/fn claim_0*//' | sort -n | uniq)

if [ "$(uniq <<<"$claims")" != "$claims" ]; then
    echo "docs/SEMANTICS.md: duplicate claim number" >&2
    exit 1
fi
if ! diff <(echo "$claims") <(echo "$tests") >&2; then
    echo "docs/SEMANTICS.md and tests differ: < is a claim without a test, > a test without a claim" >&2
    exit 1
fi
echo "$(wc -l <<<"$claims") claims have tests"
