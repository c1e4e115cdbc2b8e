"""An exported file that reads a table, in Python: named columns must give what Go gives by the file that reads ids."""

import json
import os
import pathlib

import numpy
import onnx
import onnxruntime
import pytest


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
            if "value" in want:
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


def test_columns_give_what_ids_give(table):
    session = onnxruntime.InferenceSession(str(table / "text.onnx"), providers=["CPUExecutionProvider"])
    feeds = {}
    for of in session.get_inputs():
        cells = columns(table)[of.name]
        if of.type == "tensor(float)":
            feeds[of.name] = numpy.array([float("nan") if x is None else x for x in cells], dtype=numpy.float32)
        else:
            assert of.type == "tensor(string)", of.type
            feeds[of.name] = numpy.array(cells, dtype=object)
    names = [o.name for o in session.get_outputs()]
    check(table, {n: o.tolist() for n, o in zip(names, session.run(names, feeds))})
