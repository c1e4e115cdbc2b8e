"""Asks one runtime about every model: run.py RUNTIME MATRIX ANSWERS. Reads the file that interop/generate wrote and writes
what the runtime gives, or why it gives nothing, as JSON. A file with all tasks that does not run is followed by those
with one task each."""

import importlib
import json
import pathlib
import sys

import numpy


def tensor(value):
    """A tensor as the Go program wrote it."""
    data, dtype = value["data"] or [], value["dtype"]
    if dtype in ("float32", "float64"):
        data = [float("nan") if x is None else x for x in data]
    return numpy.array(data, dtype=object if dtype == "string" else dtype).reshape(value["shape"])


def encode(name, array):
    array = numpy.asarray(array)
    dtype = "string" if array.dtype.kind in "OUS" else array.dtype.name
    return {"name": name, "dtype": dtype, "shape": list(array.shape), "data": array.ravel().tolist()}


def short(error):
    """An error in one line: its start and its end, without what follows of stacks."""
    text = " ".join(str(error).split("Stack backtrace")[0].split()) or type(error).__name__
    return text if len(text) <= 600 else text[:300] + " ... " + text[-300:]


def run(runtime, path, calls):
    try:
        session = runtime.load(path)
    except Exception as error:
        return {"error": short(error)}
    answers = []
    for inputs in calls:
        try:
            answers.append({"outputs": [encode(n, x) for n, x in session.run(inputs).items()]})
        except Exception as error:
            answers.append({"error": short(error)})
    return {"calls": answers}


def ask(runtime, model, folder):
    calls = [{v["name"]: tensor(v) for v in c["inputs"]} for c in model["calls"]]
    whole = run(runtime, str(folder / model["file"]), calls)
    yield {"model": model["name"], "file": model["file"], **whole}
    if "error" in whole or any("error" in c for c in whole["calls"]):
        for name, task in model["tasks"].items():
            yield {"model": model["name"], "file": task["file"], "task": name, **run(runtime, str(folder / task["file"]), calls)}


if __name__ == "__main__":
    name, matrix, path = sys.argv[1:]
    runtime = importlib.import_module(f"runtimes.{name}")
    folder = pathlib.Path(matrix).parent
    models = json.loads(pathlib.Path(matrix).read_text())["models"]
    answers = [a for model in models for a in ask(runtime, model, folder)]
    pathlib.Path(path).write_text(json.dumps({"version": runtime.version(), "answers": answers}))
