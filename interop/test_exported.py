"""Exported files in Python: the official checker, ONNX Runtime new and old, and the reference evaluator
must give what Go gives."""

import json
import os
import pickle
import subprocess
import sys

import numpy
import onnx
import onnx.utils
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

BOUND = 1e-5  # largest difference of a probability


def compare(got, want, where):
    assert set(got) == set(want)
    for name, expected in want.items():
        value = numpy.asarray(got[name])
        assert value.shape == expected.shape, f"{where}: {name} is {value.shape}, Go has {expected.shape}"
        if expected.dtype == numpy.int64:
            assert (value == expected).all(), f"{where}: {name} has other labels"
        elif expected.size:
            difference = numpy.abs(value - expected).max()
            assert difference <= BOUND, f"{where}: {name} differs by {difference}"


def test_checker_accepts_the_file(model_path):
    onnx.checker.check_model(model_path, full_check=True)


def test_strict_shape_inference_agrees_with_the_declared_shapes(model_path):
    model = onnx.load(model_path)
    declared = {o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output}
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for output in inferred.graph.output:
        dims = output.type.tensor_type.shape.dim
        assert len(dims) == len(declared[output.name])
        for dim, name in zip(dims, declared[output.name]):
            if dim.HasField("dim_value"):
                assert dim.dim_value == name


def test_versions_and_metadata(model_path):
    model = onnx.load(model_path)
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    metadata = {p.key: p.value for p in model.metadata_props}
    assert metadata["espalier.schema_version"] == "1"
    schema = json.loads(metadata["espalier.schema"])
    outputs = [o["tensor"] for t in schema["tasks"] for o in t["outputs"]]
    assert outputs == [o.name for o in model.graph.output]
    assert json.loads(metadata["espalier.training"])


def test_newest_onnxruntime_agrees(model_path, calls):
    assert onnxruntime.__version__ == "1.32.0"
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    for inputs, outputs in calls:
        compare(dict(zip(names, session.run(names, inputs))), outputs, f"ids {inputs['ids'].shape}")


# What the old release runs: it reads the calls from its input and writes the answers, so that its own numpy
# is used.
OLD = """
import pickle, sys
import numpy
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
names = [o.name for o in session.get_outputs()]
answers = []
for call in pickle.load(sys.stdin.buffer):
    inputs = {n: numpy.array(data, dtype=numpy.int64).reshape(shape) for n, (shape, data) in call.items()}
    answers.append([(n, a.dtype.str, a.shape, a.tobytes()) for n, a in zip(names, session.run(names, inputs))])
pickle.dump((onnxruntime.__version__, answers), sys.stdout.buffer, protocol=4)
"""


def test_oldest_onnxruntime_agrees(model_path, calls):
    python = os.environ.get("ESPALIER_PYTHON_OLD", "")
    assert python, "ESPALIER_PYTHON_OLD is not set: run the tests with `make interop`"
    work = pickle.dumps([{n: (x.shape, x.ravel().tolist()) for n, x in inputs.items()} for inputs, _ in calls], protocol=4)
    done = subprocess.run([python, "-c", OLD, model_path], input=work, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    version, answers = pickle.loads(done.stdout)
    assert version == "1.15.0"
    for (inputs, outputs), answer in zip(calls, answers, strict=True):
        got = {n: numpy.frombuffer(b, dtype=d).reshape(s) for n, d, s, b in answer}
        compare(got, outputs, f"ids {inputs['ids'].shape}")


def backwards(node):
    """Whether a node is a Scan from the end of a sequence to its start."""
    return node.op_type == "Scan" and any(
        a.name in ("scan_input_directions", "scan_output_directions") and any(a.ints) for a in node.attribute
    )


def reachable(model):
    """The outputs that need no Scan which runs backwards."""
    beyond = set()
    for node in model.graph.node:
        body = {i for a in node.attribute for n in a.g.node for i in n.input}
        if backwards(node) or beyond & (set(node.input) | body):
            beyond |= set(node.output)
    return [o.name for o in model.graph.output if o.name not in beyond]


def test_reference_evaluator_agrees(model_path, calls):
    """The evaluator lacks two things that models use. A Scan cannot run backwards, which the best path and the
    probabilities of a CRF need: their outputs are left out. LSTM and GRU do not look at the lengths of rows: of
    models with them, calls without padding are compared."""
    model = onnx.load(model_path)
    names = reachable(model)
    if any(backwards(n) for n in model.graph.node):
        with pytest.raises(RuntimeError, match="input_direction"):
            ReferenceEvaluator(model)
        model = onnx.utils.Extractor(model).extract_model([i.name for i in model.graph.input], names)
    assert {o.name for o in onnx.load(model_path).graph.output} - set(names) <= {"spans_probabilities", "spans_label"}
    recurrent = any(n.op_type in ("LSTM", "GRU") for n in model.graph.node)
    evaluator = ReferenceEvaluator(model)
    compared = 0
    for inputs, outputs in calls:
        if recurrent and not all(x.all() for x in inputs.values()):
            continue
        got = dict(zip(names, evaluator.run(names, inputs)))
        compare(got, {n: outputs[n] for n in names}, f"ids {inputs['ids'].shape}")
        compared += len(inputs["ids"])
    assert compared > 0


def test_unpadded_and_padded_rows_agree(model_path, calls):
    """An answer does not depend on how far a row is padded."""
    model = onnx.load(model_path)
    tasks = json.loads({p.key: p.value for p in model.metadata_props}["espalier.schema"])["tasks"]
    of_tokens = {o["tensor"] for t in tasks if t["type"] == "tagging" for o in t["outputs"]}
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    inputs = next(i for i, _ in calls if i["ids"].shape == (1, 7))
    padded = {n: numpy.concatenate([x, numpy.zeros((1, 9, *x.shape[2:]), dtype=numpy.int64)], axis=1) for n, x in inputs.items()}
    short, long = (dict(zip(names, session.run(names, x))) for x in (inputs, padded))
    for name, value in short.items():
        other = long[name][:, :7] if name in of_tokens else long[name]
        assert numpy.abs(value - other).max() <= BOUND, name


if __name__ == "__main__":
    sys.exit("run with `make interop`")
