"""Write the node test cases of the installed onnx package to a folder.

    python nodecases.py FOLDER

The layout is that of onnx/backend/test/data/node: a folder for each case with
model.onnx and, in test_data_set_N, input_M.pb and output_M.pb. Values that are
not tensors (sequences, optionals, maps) are left out; the model says what they
are.
"""

import pathlib
import sys
import warnings

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests


def tensor(value, name):
    if isinstance(value, TensorProto):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return numpy_helper.from_array(np.asarray(value), name)
    return None


def write(folder, kind, values, infos):
    for i, (value, info) in enumerate(zip(values, infos)):
        proto = tensor(value, info.name)
        if proto is not None:
            (folder / f"{kind}_{i}.pb").write_bytes(proto.SerializeToString())


def main():
    warnings.simplefilter("ignore")
    root = pathlib.Path(sys.argv[1])
    for case in load_model_tests(kind="node"):
        folder = root / case.name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        for n, (inputs, outputs) in enumerate(case.data_sets):
            data = folder / f"test_data_set_{n}"
            data.mkdir()
            write(data, "input", inputs, case.model.graph.input)
            write(data, "output", outputs, case.model.graph.output)


if __name__ == "__main__":
    main()
