"""An exported file that reads a table, in Python: named columns must give what Go gives by the file that reads ids."""

import json
import os
import pathlib
import subprocess

import onnx
import onnxruntime
import pytest

import run_table

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def table():
    folder = pathlib.Path(os.environ.get("ESPALIER_INTEROP_DIR", "")) / "table"
    assert (folder / "text.onnx").exists(), "there is no table: run the tests with `make interop`"
    return folder


def check(table, outputs):
    cases = json.loads((table / "cases.json").read_text())
    assert set(outputs) == {o["tensor"] for t in cases["tasks"] for o in t["outputs"]}
    for row, answer in enumerate(cases["answers"]):
        for task, want in zip(cases["tasks"], answer["tasks"], strict=True):
            got = {o["role"]: outputs[o["tensor"]][row] for o in task["outputs"]}
            if task["type"] == "regression":
                assert got["value"] == pytest.approx(want["value"], rel=1e-5, abs=1e-5)
                continue
            assert got["probabilities"] == pytest.approx(want["probabilities"], abs=1e-5)
            if task["type"] == "multilabel":
                assert got["label"] == [int(l in want["labels"]) for l in task["labels"]]
            else:
                assert got["label"] == want["label"]


def columns(table):
    return json.loads((table / "cases.json").read_text())["columns"]


def test_checker_accepts_both_files(table):
    for name in ("text.onnx", "ids.onnx"):
        onnx.checker.check_model(str(table / name), full_check=True)
        inputs = [i.name for i in onnx.load(table / name).graph.input]
        assert inputs == ["age", "work", "wage", "sex"]


def test_newest_onnxruntime_agrees(table):
    assert onnxruntime.__version__ == "1.32.0"
    check(table, run_table.run(str(table / "text.onnx"), columns(table)))


def test_oldest_onnxruntime_agrees(table):
    python = os.environ.get("ESPALIER_PYTHON_OLD", "")
    assert python, "ESPALIER_PYTHON_OLD is not set: run the tests with `make interop`"
    command = [python, str(HERE / "run_table.py"), str(table / "text.onnx")]
    done = subprocess.run(command, input=json.dumps(columns(table)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, outputs = json.loads(done.stdout)
    assert version == "1.15.0"
    check(table, outputs)
