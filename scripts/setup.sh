# What demo.sh and test.sh share: installing packages. Sourced, not run.

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
        . "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        echo "Rust is missing. Install it from https://rustup.rs:" >&2
        echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2
        exit 1
    fi
}

# Makes sure that FUSE file systems can be mounted.
need_fuse() {
    if [ ! -e /dev/fuse ]; then
        echo "/dev/fuse is missing: load the module with 'modprobe fuse', or give the container the device." >&2
        exit 1
    fi
}
