"""Finds the exported models that `go run ./interop/generate` wrote."""

import pytest

import matrix


def pytest_configure():
    try:
        matrix.models()
    except RuntimeError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc):
    if "model" in metafunc.fixturenames and "runtime" not in metafunc.fixturenames:
        metafunc.parametrize("model", matrix.models().values(), ids=list(matrix.models()))


@pytest.fixture
def model_path(model):
    return str(matrix.folder() / model["file"])


@pytest.fixture
def files(model):
    """The file with all tasks, and those with one."""
    return [str(matrix.folder() / f["file"]) for f in (model, *model["tasks"].values())]
