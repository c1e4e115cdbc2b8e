"""Runs a file that reads a table: run_table.py MODEL, with columns by name as JSON on standard input, null for a missing
number. Writes the version of ONNX Runtime and the outputs by name, as JSON."""

import json
import sys

import numpy
import onnxruntime


def run(path, columns):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {}
    for of in session.get_inputs():
        cells = columns[of.name]
        if of.type == "tensor(float)":
            feeds[of.name] = numpy.array([float("nan") if x is None else x for x in cells], dtype=numpy.float32)
        else:
            assert of.type == "tensor(string)", of.type
            feeds[of.name] = numpy.array(cells, dtype=object)
    names = [o.name for o in session.get_outputs()]
    return {n: o.tolist() for n, o in zip(names, session.run(names, feeds))}


if __name__ == "__main__":
    json.dump([onnxruntime.__version__, run(sys.argv[1], json.load(sys.stdin))], sys.stdout)
