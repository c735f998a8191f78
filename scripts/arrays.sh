#!/usr/bin/env bash
# Copies the example arrays of README.md and docs/COOKBOOK.md into a directory. All are real
# data: two are part of the project, the others of Python packages.
#
#   scripts/arrays.sh DIR
set -euo pipefail
into="$(realpath "${1:?the directory to copy into}")"
cd "$(dirname "$0")/.."
. scripts/setup.sh

need_numpy
packages="${CARGO_TARGET_DIR:-target}/arrays"
grep -E '^(scikit-image|scipy|astropy)==' tests/requirements.txt |
    pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$packages" \
        -r /dev/stdin

cp tests/data/iris.f64 tests/data/functional.nii "$into"
cp "$packages/skimage/data/lfw_subset.npy" "$into/faces.npy"
cp "$packages/astropy/io/fits/tests/data/arange.fits" "$into/cube.fits"
cp "$packages/scipy/io/tests/data/test-44100Hz-2ch-32bit-float-be.wav" "$into/tone.wav"
cp "$packages/scipy/stats/tests/data/levy_stable/stable-loc-scale-sample-data.npy" "$into/records.npy"
