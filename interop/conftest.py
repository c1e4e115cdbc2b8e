"""Finds the exported models that `go run ./interop/generate` wrote."""

import json
import os
import pathlib

import numpy
import pytest


def cases_folder():
    folder = os.environ.get("ESPALIER_INTEROP_DIR", "")
    if not folder or not pathlib.Path(folder).is_dir():
        raise pytest.UsageError("ESPALIER_INTEROP_DIR names no folder: run the tests with `make interop`")
    models = sorted(p for p in pathlib.Path(folder).iterdir() if (p / "model.onnx").exists())
    if not models:
        raise pytest.UsageError(f"{folder} holds no models: run the tests with `make interop`")
    return models


def pytest_generate_tests(metafunc):
    if "folder" in metafunc.fixturenames:
        folders = cases_folder()
        metafunc.parametrize("folder", folders, ids=[f.name for f in folders])


def tensor(value):
    """A tensor as the Go program wrote it."""
    return numpy.array(value["data"] or [], dtype=value["dtype"]).reshape(value["shape"])


@pytest.fixture
def model_path(folder):
    return str(folder / "model.onnx")


@pytest.fixture
def calls(folder):
    """Pairs of inputs and outputs by name."""
    content = json.loads((folder / "cases.json").read_text())
    assert content["calls"], "there are no cases"
    return [
        ({v["name"]: tensor(v) for v in c["inputs"]}, {v["name"]: tensor(v) for v in c["outputs"]})
        for c in content["calls"]
    ]
