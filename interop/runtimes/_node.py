"""Packages of Node, from the folder that ESPALIER_NODE_DIR names."""

import os
import pathlib

HERE = pathlib.Path(__file__).parent


def command(package, matrix, answers):
    return node(package, "run.js", package, matrix, answers)


def browser(package, matrix, answers):
    """In Chromium, which is unpacked beside the packages."""
    return node(package, "browser.js", matrix, answers)


def node(package, script, *arguments):
    folder = pathlib.Path(os.environ.get("ESPALIER_NODE_DIR", ""))
    modules = folder / "node_modules"
    if not (modules / package).is_dir():
        raise RuntimeError(f"ESPALIER_NODE_DIR has no package {package}: run the tests with `make interop`")
    (folder / "browser").mkdir(exist_ok=True)
    return ["env", f"NODE_PATH={modules}", f"TMPDIR={folder / 'browser'}", "node", str(HERE.parent / script), *arguments]
