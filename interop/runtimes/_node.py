"""Packages of Node, from the folder that ESPALIER_NODE_DIR names."""

import os
import pathlib

HERE = pathlib.Path(__file__).parent


def command(package, matrix, answers):
    modules = pathlib.Path(os.environ.get("ESPALIER_NODE_DIR", "")) / "node_modules"
    if not (modules / package).is_dir():
        raise RuntimeError(f"ESPALIER_NODE_DIR has no package {package}: run the tests with `make interop`")
    return ["env", f"NODE_PATH={modules}", "node", str(HERE.parent / "run.js"), package, matrix, answers]
