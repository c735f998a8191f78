# shellcheck shell=bash
# Shared functions of the scripts: installing dependencies, and reporting what is skipped.
# To be sourced.

# install_packages NAME...: installs the Debian packages that are missing.
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

# Checks that a Rust toolchain is installed, and puts it into PATH.
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

# Installs the reference NumPy of the tests in a virtual environment, first in PATH.
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

# Installs NumPy and the other Python packages of the tests.
need_python_packages() {
    need_numpy
    pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements.txt
}

# Installs the packages for Node of the tests.
need_node_packages() {
    install_packages nodejs
    command -v npm >/dev/null || install_packages npm
    local packages="${CARGO_TARGET_DIR:-target}/node"
    mkdir -p "$packages"
    cp tests/forms/node/package*.json "$packages"
    npm ci --prefix "$packages" --ignore-scripts --no-audit --no-fund --silent
}

# Checks that FUSE file systems can be mounted. If not, the script fails, or with
# ARRAYFS_SKIP_FUSE=1 exits as skipped.
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

# Installs fsx, the file system exerciser, and puts it into PATH.
need_fsx() {
    local tools="${CARGO_TARGET_DIR:-target}/tools"
    if [ ! -x "$tools/bin/fsx" ]; then
        cargo install --quiet --locked --version 0.3.2 --root "$tools" fsx
    fi
    PATH="$(cd "$tools/bin" && pwd):$PATH"
    export PATH
}

# Installs zarrita, a reader of Zarr stores for Node, for the tests.
need_zarrita() {
    local tools="${CARGO_TARGET_DIR:-target}/tools"
    if [ ! -d "$tools/node_modules/zarrita" ]; then
        # Node that is not Debian's has its own npm.
        command -v npm >/dev/null || install_packages nodejs npm
        npm install --silent --no-save --prefix "$tools" \
            zarrita@0.5.4 @zarrita/storage@0.1.4 numcodecs@0.3.2
    fi
}

# skip NAME REASON: reports that something is skipped. scripts/test.sh counts these reports.
skip() {
    echo "skipped: $1: $2"
    if [ -n "${ARRAYFS_SKIPPED:-}" ]; then
        printf '%s\t\t%s\n' "$1" "$2" >>"$ARRAYFS_SKIPPED"
    fi
}
