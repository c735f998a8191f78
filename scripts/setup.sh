# shellcheck shell=bash
# What the scripts share: installing what they need, and saying what they skip.
# Sourced, not run.

# Installs the Debian packages named, unless all of them are there.
install_packages() {
    if dpkg -s "$@" >/dev/null 2>&1; then
        return
    fi
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@"
}

# Makes sure that there is a Rust toolchain.
need_rust() {
    if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
        # shellcheck source=/dev/null
        . "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        echo "Rust is missing. Install it from https://rustup.rs:" >&2
        echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2
        exit 1
    fi
}

# Makes sure that there is the NumPy that judges, first in PATH.
need_numpy() {
    install_packages python3 python3-venv
    local venv="${CARGO_TARGET_DIR:-target}/venv"
    if ! "$venv/bin/python3" -c 'import numpy, sys; sys.exit(not numpy.__version__.startswith("2.4."))' 2>/dev/null; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check \
            "$(grep '^numpy==' tests/requirements.txt)"
    fi
    PATH="$(cd "$venv/bin" && pwd):$PATH"
    export PATH
}

# Makes sure that there are NumPy and all that the tests use of Python's.
need_python_packages() {
    need_numpy
    pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements.txt
}

# Makes sure that FUSE file systems can be mounted. Where they cannot, and
# ARRAYFS_SKIP_FUSE=1 says that this is no failure, the script ends as skipped.
need_fuse() {
    if ( : <>/dev/fuse ) 2>/dev/null; then
        return
    fi
    if [ "${ARRAYFS_SKIP_FUSE:-}" = 1 ]; then
        skip "$(basename "$0")" "/dev/fuse cannot be opened"
        exit 0
    fi
    echo "/dev/fuse cannot be opened: load the module with 'modprobe fuse'," >&2
    echo "or give the container the device." >&2
    exit 1
}

# Makes sure that there is the file system exerciser, in PATH.
need_fsx() {
    local tools="${CARGO_TARGET_DIR:-target}/tools"
    if [ ! -x "$tools/bin/fsx" ]; then
        cargo install --quiet --locked --version 0.3.2 --root "$tools" fsx
    fi
    PATH="$(cd "$tools/bin" && pwd):$PATH"
    export PATH
}

# skip NAME REASON: says that something is left out, which scripts/test.sh counts.
skip() {
    echo "skipped: $1: $2"
    if [ -n "${ARRAYFS_SKIPPED:-}" ]; then
        printf '%s\t\t%s\n' "$1" "$2" >>"$ARRAYFS_SKIPPED"
    fi
}
