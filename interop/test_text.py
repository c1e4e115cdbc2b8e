"""Exported files that read text, in Python and in Node, must give what Go's own tokenizers and the file that reads ids
give."""

import json
import os
import pathlib
import subprocess

import onnxruntime
import pytest

import run_texts

BOUND = 1e-5  # largest difference of a probability
HERE = pathlib.Path(__file__).parent


def pytest_generate_tests(metafunc):
    folder = pathlib.Path(os.environ.get("ESPALIER_INTEROP_DIR", "")) / "text"
    folders = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(folders) != 8:
        raise pytest.UsageError(f"{folder} does not hold the models that read text: run the tests with `make interop`")
    metafunc.parametrize("model", folders, ids=[f.name for f in folders])


def load(model):
    cases = json.loads((model / "cases.json").read_text())
    return cases, [[cases["texts"][i] for i in batch] for batch in cases["batches"]]


def rows(output, batch):
    """The rows of an output of any rank, flat."""
    assert output["shape"][0] == len(batch)
    size = len(output["data"]) // len(batch)
    return [output["data"][i * size : (i + 1) * size] for i in range(len(batch))]


def near(a, b):
    assert len(a) == len(b) and all(abs(x - y) <= BOUND for x, y in zip(a, b)), f"{a} is not {b}"


def check(cases, answers):
    """Compares the answers to each batch with Go's."""
    assert len(answers) == len(cases["batches"])
    names = {"tokens"} | {o["tensor"] for t in cases["tasks"] for o in t["outputs"]}
    for batch, outputs in zip(cases["batches"], answers):
        assert set(outputs) == names
        if not batch:
            assert all(o["shape"][0] == 0 and o["data"] == [] for o in outputs.values())
            continue
        length = max([len(cases["tokens"][i]) for i in batch] + [1])
        assert outputs["tokens"]["shape"] == [len(batch), length]
        assert outputs["entities_probabilities"]["shape"] == [len(batch), length, 5]
        outputs = {name: rows(o, batch) for name, o in outputs.items()}
        for row, i in enumerate(batch):
            tokens = cases["tokens"][i]
            assert outputs["tokens"][row] == tokens + [""] * (length - len(tokens))
            for task, answer in zip(cases["tasks"], cases["answers"][i]["tasks"], strict=True):
                check_task(task, answer, {o["role"]: outputs[o["tensor"]][row] for o in task["outputs"]}, length)


def check_task(task, answer, outputs, length):
    """Compares a row of a task's outputs, by role, with Go's answer."""
    assert task["name"] == answer["task"]
    if task["type"] == "regression":
        near(outputs["value"], [answer["value"]])
        return
    labels, probabilities = task["labels"], outputs["probabilities"]
    if task["type"] != "tagging":
        near(probabilities, answer["probabilities"])
        applies = answer.get("labels", [])
        want = [int(l in applies) for l in labels] if task["type"] == "multilabel" else [answer["label"]]
        assert outputs["label"] == want
        return
    tags = answer.get("tags", [])
    assert outputs["label"] == [t["label"] for t in tags] + [""] * (length - len(tags))
    of_tags = [probabilities[j * len(labels) + labels.index(t["label"])] for j, t in enumerate(tags)]
    near(of_tags, [t["probability"] for t in tags])


def test_newest_onnxruntime_agrees(model):
    assert onnxruntime.__version__ == "1.32.0"
    cases, batches = load(model)
    check(cases, run_texts.run(str(model / "text.onnx"), batches))


def test_oldest_onnxruntime_agrees(model):
    python = os.environ.get("ESPALIER_PYTHON_OLD", "")
    assert python, "ESPALIER_PYTHON_OLD is not set: run the tests with `make interop`"
    cases, batches = load(model)
    command = [python, str(HERE / "run_texts.py"), str(model / "text.onnx")]
    done = subprocess.run(command, input=json.dumps(batches), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, answers = json.loads(done.stdout)
    assert version == "1.15.0"
    check(cases, answers)


def test_node_agrees(model):
    folder = os.environ.get("ESPALIER_NODE_DIR", "")
    modules = pathlib.Path(folder) / "node_modules"
    assert folder and modules.is_dir(), "ESPALIER_NODE_DIR has no packages: run the tests with `make interop`"
    assert json.loads((modules / "onnxruntime-node" / "package.json").read_text())["version"] == "1.30.0"
    cases, batches = load(model)
    command = ["node", str(HERE / "run.js"), str(model / "text.onnx")]
    done = subprocess.run(command, input=json.dumps(batches), capture_output=True, text=True, env=os.environ | {"NODE_PATH": str(modules)})
    assert done.returncode == 0, done.stderr
    check(cases, json.loads(done.stdout))
