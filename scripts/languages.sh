#!/usr/bin/env bash
# Tests the code snippets of README.txt of a mount, in every language that Debian packages. R and
# Octave are installed. Snippets for Julia and MATLAB are not tested anywhere. NumPy is taken from
# the environment of scripts/test.sh, if it has been run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev gfortran octave r-base-core
if ! command -v node >/dev/null; then
    install_packages nodejs
fi
need_rust
need_fuse
venv="${CARGO_TARGET_DIR:-target}/venv/bin"
if [ -d "$venv" ]; then
    PATH="$(cd "$venv" && pwd):$PATH"
fi
export ARRAYFS_LANGUAGES='Shell,Python,R,MATLAB and Octave,C,Fortran,Node,awk'
cargo test --test readme -- --nocapture
