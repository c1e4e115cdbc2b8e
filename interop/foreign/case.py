"""One model of another framework: its file, its inputs and the framework's own answers."""

import json
import pathlib

import numpy as np


def pack(a):
    """Returns an array as type, shape and elements."""
    a = np.asarray(a)
    if a.dtype.kind in "OUS":
        return {"dtype": "string", "shape": list(a.shape), "data": [str(v) for v in a.ravel()]}
    data = [None if v != v else v for v in a.ravel().tolist()]  # JSON has no NaN
    return {"dtype": str(a.dtype), "shape": list(a.shape), "data": data}


def write(folder, name, exporter, runs, *, about, output=None):
    """Writes NAME.json beside NAME.onnx, which the exporter has written.

    runs is a list of (inputs, outputs): what the framework was given and what it
    answered, by the names of the file's tensors. output says why an output is
    not a tensor.
    """
    case = {
        "name": name,
        "exporter": exporter,
        "about": about,
        "not_a_tensor": output or "",
        "runs": [
            {"inputs": {k: pack(v) for k, v in i.items()}, "outputs": {k: pack(v) for k, v in o.items()}} for i, o in runs
        ],
    }
    path = pathlib.Path(folder) / f"{name}.json"
    path.write_text(json.dumps(case))
