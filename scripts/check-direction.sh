#!/usr/bin/env bash
# Checks the layering of the crate:
#
# - each layer (floor) imports only layers below it;
# - there are no import cycles within a layer;
# - only fs uses fuser;
# - unsafe code is only in the modules meant for it.
set -euo pipefail
cd "$(dirname "$0")/.."

floors=(dtype array platform mapping source vfile tree readme fs cli daemon)
failed=0

complain() {
    echo "$1" >&2
    sed 's/^/    /' >&2
    failed=1
}

# The source files of a layer: src/FLOOR.rs and src/FLOOR/**.
files_of() {
    find src -path "src/$1.rs" -o -path "src/$1/*.rs"
}

known=()
for floor in "${floors[@]}"; do
    mapfile -t files < <(files_of "$floor")
    if [ "${#files[@]}" = 0 ]; then
        complain "layer $floor has no source files" </dev/null
        continue
    fi
    for other in "${floors[@]}"; do
        case " ${known[*]} $floor " in *" $other "*) continue ;; esac
        if found=$(grep -nE "crate::($other\b|\{[^}]*\b$other\b)" "${files[@]}"); then
            complain "$floor must not import $other, which is not below it:" <<<"$found"
        fi
    done
    known+=("$floor")
done

if found=$(grep -rnE '(^|[^":])\bfuser::|use fuser\b' src --include='*.rs' | grep -v '^src/fs/'); then
    complain "only fs may use fuser:" <<<"$found"
fi
if found=$(grep -rlE 'unsafe (\{|fn|impl|extern)' src --include='*.rs' \
    | grep -vE '^src/(mapping/|daemon/(background|watchdog)\.rs)'); then
    complain "unsafe code is allowed in mapping, daemon/background.rs and daemon/watchdog.rs only:" <<<"$found"
fi
if modules=$(find src -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | sed 's/\.rs$//' | grep -vxE "$(IFS='|'; echo "${floors[*]}")|lib|main"); then
    complain "module outside the layers:" <<<"$modules"
fi
python3 scripts/circles.py || failed=1
[ "$failed" = 0 ] && echo "imports point down only"
exit "$failed"
