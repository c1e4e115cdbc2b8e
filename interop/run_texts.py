"""Runs a file that reads text: run_texts.py MODEL, with batches of texts as JSON on standard input. Writes the version of
ONNX Runtime and the outputs of each batch, by name, as JSON."""

import json
import sys

import numpy
import onnxruntime


def run(path, batches):
    options = onnxruntime.SessionOptions()
    if onnxruntime.__version__ == "1.15.0":
        # It plans memory by the shapes of inputs, which say nothing of how long texts are, and loops of a CRF fail.
        options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    answers = []
    for texts in batches:
        outputs = session.run(names, {"text": numpy.array(texts, dtype=object)})
        answers.append({n: {"shape": list(o.shape), "data": o.ravel().tolist()} for n, o in zip(names, outputs)})
    return answers


if __name__ == "__main__":
    json.dump([onnxruntime.__version__, run(sys.argv[1], json.load(sys.stdin))], sys.stdout)
