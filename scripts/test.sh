#!/usr/bin/env bash
# Installs the dependencies of the checks and runs them: format, lints, docs, the direction of
# imports, the numbered claims and the tests. Prints the duration of each step and the output of
# failed ones. Ends with the number of passed, failed and skipped tests. The tests mount file
# systems; ARRAYFS_SKIP_FUSE=1 skips those on machines without FUSE.
#
#   scripts/test.sh         the checks for every change: minutes
#   scripts/test.sh --all   also the portable build, all languages of README.txt, index.html in a
#                           browser, fuzzing, thread interleavings, packages, the licences of
#                           crates, benchmarks, macOS compilation and short stress tests
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

case "${1:-}" in
    "") all= ;;
    --all) all=1 ;;
    *) echo "usage: scripts/test.sh [--all]" >&2; exit 2 ;;
esac

target="${CARGO_TARGET_DIR:-target}"
logs="$target/test-logs"
rm -rf "$logs"
mkdir -p "$logs"
logs="$(cd "$logs" && pwd)"

passed=0
failed=0
failed_steps=()
running=
log=

# If the script is interrupted, the output of the current step is shown.
exec 3>&1
trap 'if [ -n "$running" ]; then { echo "INTERRUPTED"; cat "$log"; } >&3; fi' EXIT

begin() {
    running="$1"
    log="$logs/${1//[^A-Za-z0-9]/-}.log"
    export ARRAYFS_SKIPPED="$log.skipped"
    started=$SECONDS
    printf '%-48s' "$running"
}

# step NAME COMMAND...: runs a command, and shows its output only if it fails.
step() {
    local status=0
    begin "$1"
    shift
    "$@" >"$log" 2>&1 </dev/null || status=$?
    count
    if [ "$status" = 0 ]; then
        printf '%5d s%s\n' "$((SECONDS - started))" "$counted"
    else
        printf '%5d s%s  FAILED\n' "$((SECONDS - started))" "$counted"
        cat "$log"
        failed_steps+=("$running")
    fi
    running=
}

# Adds the counts in the output of a step's test runner to the totals.
count() {
    local counts ran well
    counts="$(sed -nE 's/^ *Summary \[.*\] *([0-9]+)(\/[0-9]+)? tests? run: ([0-9]+) passed.*/\1 \3/p' "$log")"
    if [ -z "$counts" ]; then
        counts="$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed;.*/\1 \2/p' "$log" |
            awk '{ well += $1; badly += $2 } END { if (NR) print well + badly, well }')"
    fi
    counted=
    if [ -n "$counts" ]; then
        read -r ran well <<<"$counts"
        failed=$((failed + ran - well))
        # The runner counts a test that skips itself as passed.
        if [ -e "$ARRAYFS_SKIPPED" ]; then
            well=$((well - $(awk -F'\t' '$2 == "" && !seen[$1]++' "$ARRAYFS_SKIPPED" | wc -l)))
        fi
        passed=$((passed + well))
        counted="  $well passed"
    fi
}

# Lists the skipped tests and cases with the reason, each once per step.
skipped() {
    local list portably
    for list in "$logs"/*.skipped; do
        portably=
        [[ "$list" != */portable-* ]] || portably=" (portable)"
        [ ! -e "$list" ] || sort -u "$list" | sed -E "s/\t\t/: /; s/\t/: /g; s/$/$portably/"
    done
}

# A block in this shell, since it changes PATH for the later steps.
begin "install the dependencies"
{
    install_packages fuse3 gcc libc6-dev proj-data mount strace \
        bash-completion fish zsh \
        e2fsprogs xfsprogs btrfs-progs acl attr make \
        nfs-ganesha nfs-ganesha-vfs libnfs-utils openssh-client openssh-sftp-server \
        curl feh file bsdextrautils less nginx-light parallel rsync unzip vim-tiny xxd zip \
        gfortran nano nodejs git inotify-tools libglib2.0-bin perl samba smbclient \
        man-db ffmpeg gnuplot-nox procps shellcheck miller sqlite3 \
        fitsverify hdf5-tools netcdf-bin libtiff-tools
    need_rust
    if [ "${ARRAYFS_SKIP_FUSE:-}" != 1 ]; then
        need_fuse
    fi
    need_python_packages
    if [ -n "$all" ]; then
        install_packages emacs-nox r-base-core fio
        # The judges of images: GDAL and ImageJ. That of stores is zarrita.
        install_packages python3-gdal imagej default-jdk-headless
        need_node_packages
        need_fsx
        need_zarrita
    fi
} >"$log" 2>&1 </dev/null
printf '%5d s\n' "$((SECONDS - started))"
running=

test=(cargo test --no-fail-fast)
if cargo nextest --version >/dev/null 2>&1; then
    test=(cargo nextest run)
fi

step "shell scripts: shellcheck" shellcheck -x scripts/*.sh .ci/run \
    docs/generated/arrayfs.bash
step "format: cargo fmt" cargo fmt --check
step "python: ruff check" ruff check fuzz packaging scripts tests
step "python: ruff format" ruff format --check fuzz packaging scripts tests
step "lints: cargo clippy" cargo clippy --all-targets --quiet -- -D warnings
step "docs: cargo doc" env RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
step "imports point down: check-direction.sh" scripts/check-direction.sh
step "claims have tests: check-claims.sh" scripts/check-claims.sh
step "build the tests" "${test[@]}" --no-run
step "tests: ${test[*]}" "${test[@]}" -- --skip attacks::

if [ -n "$all" ]; then
    # Not advisories: their database changes without a change here, and may be out of reach.
    step "licences and sources of crates: cargo-deny" \
        cargo-deny --log-level error check licenses bans sources
    step "short stress tests: attacks" "${test[@]}" --test stress -- attacks::
    step "languages of README.txt: languages.sh" scripts/languages.sh
    step "index.html in a browser: page.sh" scripts/page.sh
    step "thread interleavings: interleavings.sh" scripts/interleavings.sh
    step "fuzzing: fuzz.sh" scripts/fuzz.sh 3
    step "packages install: package.sh" scripts/package.sh --quick
    step "macOS compiles: check-macos.sh" scripts/check-macos.sh
    # These check that the benchmarks work. Timings are not evaluated.
    step "benchmarks work: kernels" cargo test --quiet --bench kernels -- --test
    step "benchmarks work: bench.sh" scripts/bench.sh --quick
    step "portable lints: cargo clippy" env RUSTFLAGS='--cfg arrayfs_portable' \
        CARGO_TARGET_DIR="$target/portable" cargo clippy --all-targets --quiet -- -D warnings
    step "portable tests: portable.sh" scripts/portable.sh
fi

skipped="$(skipped)"
if [ -n "$skipped" ]; then
    printf '\nskipped:\n%s\n' "$skipped"
fi
if [ "${#failed_steps[@]}" != 0 ]; then
    printf '\nfailed steps:\n'
    printf '%s\n' "${failed_steps[@]}"
fi
printf '\n%d passed, %d failed, %d skipped, in %d s\n' \
    "$passed" "$failed" "$(grep -c . <<<"$skipped")" "$SECONDS"
[ "${#failed_steps[@]}" = 0 ]
