#!/usr/bin/env bash
# Checks that every numbered claim of docs/SEMANTICS.md has its test, a function
# claim_NN_... in tests/ or, where no client can bring it about, in src/, and that
# every such test has its claim.
set -euo pipefail
cd "$(dirname "$0")/.."

claims=$(sed -nE 's/^\*\*([0-9]+)\.\*\*.*/\1/p' docs/SEMANTICS.md | sort -n)
tests=$(grep -rhoE 'fn claim_[0-9]+' tests src | sed -E 's/fn claim_0*//' | sort -n | uniq)

if [ "$(uniq <<<"$claims")" != "$claims" ]; then
    echo "docs/SEMANTICS.md: a claim's number is given twice" >&2
    exit 1
fi
if ! diff <(echo "$claims") <(echo "$tests") >&2; then
    echo "docs/SEMANTICS.md and the tests: < is a claim without its test, > a test without its claim" >&2
    exit 1
fi
echo "$(wc -l <<<"$claims") claims have their tests"
