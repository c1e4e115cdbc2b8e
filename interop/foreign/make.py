"""Makes small models with PyTorch, Keras and scikit-learn, exports each with its
framework's own exporter, and writes what the framework itself answers, for the Go
test beside this file.

    python interop/foreign/make.py FOLDER
"""

import logging
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")  # of exporters about their own future
logging.disable(logging.WARNING)

import from_keras
import from_sklearn
import from_torch


def main(folder):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for framework in (from_torch, from_keras, from_sklearn):
        framework.make(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
