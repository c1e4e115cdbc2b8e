#!/usr/bin/env bash
# Makes the Python environment that the benchmarks compare with. PyTorch's
# wheel links to libraries for accelerators and brings them along: the
# environment takes several gigabytes, which is why only `make bench` and
# `make results` make it.
set -euo pipefail
"${PYTHON:-python3}" -m venv --clear "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$(dirname "$0")/requirements.txt"
