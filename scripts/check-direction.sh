#!/usr/bin/env bash
# Checks the direction of imports: each floor of the house knows only those
# below it, no modules of a floor import each other in a circle, fuser is known to
# the file system alone, and unsafe code keeps to the modules that are there for it.
set -euo pipefail
cd "$(dirname "$0")/.."

floors=(dtype array platform mapping source vfile tree readme fs cli daemon)
failed=0

complain() {
    echo "$1" >&2
    sed 's/^/    /' >&2
    failed=1
}

# Files of a floor: src/FLOOR.rs and src/FLOOR/**.
files_of() {
    find src -path "src/$1.rs" -o -path "src/$1/*.rs"
}

known=()
for floor in "${floors[@]}"; do
    mapfile -t files < <(files_of "$floor")
    if [ "${#files[@]}" = 0 ]; then
        complain "there is no floor $floor" </dev/null
        continue
    fi
    for other in "${floors[@]}"; do
        case " ${known[*]} $floor " in *" $other "*) continue ;; esac
        if found=$(grep -nE "crate::($other\b|\{[^}]*\b$other\b)" "${files[@]}"); then
            complain "$floor must not know $other:" <<<"$found"
        fi
    done
    known+=("$floor")
done

if found=$(grep -rnE '(^|[^":])\bfuser::|use fuser\b' src --include='*.rs' | grep -v '^src/fs/'); then
    complain "only fs knows fuser:" <<<"$found"
fi
if found=$(grep -rlE 'unsafe (\{|fn|impl|extern)' src --include='*.rs' \
    | grep -vE '^src/(mapping/|daemon/(background|watchdog)\.rs)'); then
    complain "unsafe code belongs in mapping, and for fork in daemon/background.rs and daemon/watchdog.rs:" <<<"$found"
fi
if modules=$(find src -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | sed 's/\.rs$//' | grep -vxE "$(IFS='|'; echo "${floors[*]}")|lib|main"); then
    complain "not a floor of the house:" <<<"$modules"
fi
python3 scripts/circles.py || failed=1
[ "$failed" = 0 ] && echo "imports go down only"
exit "$failed"
