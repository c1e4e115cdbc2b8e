"""Exported files and the standard: its checker, its shape inference, and what the files say of themselves."""

import json

import numpy
import onnx
import onnxruntime
import pytest

import matrix
from run import tensor

BOUND = 1e-5  # largest difference of a probability


def test_checker_accepts_the_files(files):
    for path in files:
        onnx.checker.check_model(path, full_check=True)


def test_strict_shape_inference_agrees_with_the_declared_shapes(files):
    for path in files:
        model = onnx.load(path)
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


def test_versions_and_metadata(model, model_path):
    file = onnx.load(model_path)
    assert file.ir_version == 8
    domains = {"ids": {"": 17}, "text": {"": 17, "ai.onnx.ml": 3, "com.microsoft": 1}, "table": {"": 17, "ai.onnx.ml": 3}}
    assert {o.domain: o.version for o in file.opset_import} == domains[model["reads"].replace("table ids", "ids")]
    metadata = {p.key: p.value for p in file.metadata_props}
    assert metadata["espalier.schema_version"] == "1"
    schema = json.loads(metadata["espalier.schema"])
    outputs = [o["tensor"] for t in schema["tasks"] for o in t["outputs"]]
    assert outputs == [o.name for o in file.graph.output if o.name != "tokens"]
    assert json.loads(metadata["espalier.training"])


@pytest.mark.parametrize("name", [n for n, m in matrix.models().items() if m["reads"] == "ids"])
def test_unpadded_and_padded_rows_agree(name):
    """An answer does not depend on how far a row is padded."""
    model = matrix.models()[name]
    of_tokens = {o for t in model["tasks"].values() if t["type"] == "tagging" for o in t["outputs"]}
    of_pairs = {o for t in model["tasks"].values() if t["type"] == "relation" for o in t["outputs"]}
    session = onnxruntime.InferenceSession(str(matrix.folder() / model["file"]), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    inputs = next({v["name"]: tensor(v) for v in c["inputs"]} for c in model["calls"] if (c["batch"], c["length"]) == (1, 7))
    padded = {n: numpy.concatenate([x, numpy.zeros((1, 9, *x.shape[2:]), dtype=numpy.int64)], axis=1) for n, x in inputs.items()}
    short, long = (dict(zip(names, session.run(names, x))) for x in (inputs, padded))
    for name, value in short.items():
        other = long[name][:, :7] if name in of_tokens else long[name][:, :7, :7] if name in of_pairs else long[name]
        assert numpy.abs(value - other).max() <= BOUND, name
