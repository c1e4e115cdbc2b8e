"""What every runtime gives for every model, task and call, beside what Go gives."""

import concurrent.futures
import dataclasses
import functools
import importlib.metadata
import json
import math
import os
import pathlib
import re
import subprocess

import runtimes

HERE = pathlib.Path(__file__).parent


def folder():
    path = os.environ.get("ESPALIER_INTEROP_DIR", "")
    if not path or not (pathlib.Path(path) / "matrix.json").exists():
        raise RuntimeError("ESPALIER_INTEROP_DIR names no folder with models: run the tests with `make interop`")
    return pathlib.Path(path)


@functools.cache
def models():
    return {m["name"] + (" (ids)" if m["reads"] == "table ids" else ""): m for m in json.loads((folder() / "matrix.json").read_text())["models"]}


@functools.cache
def modules():
    return runtimes.modules()


def command(name, module, answers):
    matrix = str(folder() / "matrix.json")
    if hasattr(module, "command"):
        return module.command(matrix, answers)
    python = os.environ.get(module.PYTHON, "")
    if not python:
        raise RuntimeError(f"{module.PYTHON} is not set: run the tests with `make interop`")
    return [python, str(HERE / "run.py"), name, matrix, answers]


def ask(name):
    """What a runtime gives, by file, and its version. Of one that does not run at all each file's answer is the error: each
    test then says it, and none runs it again."""
    try:
        return run(name)
    except (OSError, RuntimeError, ValueError) as error:
        files = [f["file"] for m in models().values() for f in (m, *m["tasks"].values())]
        return {"failed": str(error), "answers": dict.fromkeys(files, {"error": str(error)})}


def run(name):
    """Runs a runtime in a process of its own and returns what it wrote, by file, and its version."""
    out = folder() / "answers" / f"{name}.json"
    out.parent.mkdir(exist_ok=True)
    out.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command(name, modules()[name], str(out)), capture_output=True, text=True, env=environment)
    if done.returncode != 0 or not out.exists():
        raise RuntimeError(f"{name}: exit status {done.returncode}: {done.stderr[-4000:]}")
    content = json.loads(out.read_text())
    content["answers"] = {a["file"]: a for a in content["answers"]}
    return content


@functools.cache
def answers():
    """All runtimes' answers. Two are asked at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(modules(), pool.map(ask, modules())))


@dataclasses.dataclass
class Outcome:
    """What came of one call for one task: the largest differences, or what is wrong."""

    case: runtimes.Case
    probability: float = 0  # largest difference of a probability
    value: float = 0  # and of a value, as a share of it where it is above 1
    wrong: str = ""  # "" where everything agrees
    alone: bool = False  # whether it is the file with this task alone that was run


def outcomes(name, model, task):
    """One outcome a call."""
    m = models()[model]
    t = m["tasks"][task]
    given = answers()[name]["answers"]
    for i, call in enumerate(m["calls"]):
        o = Outcome(case_of(model, m, task, t, call))
        answer = call_of(given[m["file"]], i)
        if "error" in answer:
            answer, o.alone = call_of(given.get(t["file"], {"error": answer["error"]}), i), True
        if "error" in answer:
            o.wrong = answer["error"]
        else:
            compare(o, t["outputs"], answer["outputs"], call["outputs"], modules()[name].TOLERANCE, t["scale"])
        yield o


def call_of(answer, i):
    return answer if "error" in answer else answer["calls"][i]


def case_of(model, m, task, t, call):
    padded, doubles = False, any(v["dtype"] == "float64" for v in (*call["inputs"], *call["outputs"]))
    for v in call["inputs"]:
        if v["name"] == "ids":
            padded = 0 in (v["data"] or [])
    if m["reads"] == "text":
        tokens = next(v for v in call["outputs"] if v["name"] == "tokens")["data"] or []
        padded = "" in tokens
    return runtimes.Case(model, m["reads"], task, t["type"], t["crf"], set(t["operators"]), call["batch"], call["length"], padded, doubles)


def compare(o, names, got, want, tolerance, scale=0):
    """Compares the named outputs of one call and notes the first that is wrong. Differences of float64 are taken in scale."""
    got, want = ({v["name"]: v for v in vs} for vs in (got, want))
    for name in names:
        if o.wrong:
            return
        if name not in got:
            o.wrong = f"{name} is missing"
            return
        g, w = got[name], want[name]
        a, b = g["data"] or [], w["data"] or []
        if g["shape"] != w["shape"]:
            o.wrong = f"{name} is of shape {g['shape']}, not {w['shape']}"
        elif g["dtype"] != w["dtype"]:
            o.wrong = f"{name} is of type {g['dtype']}, not {w['dtype']}"
        elif w["dtype"] not in ("float32", "float64"):
            o.wrong = "" if a == b else f"{name} has other labels"
        else:
            measure(o, name, a, b, tolerance, scale)


def measure(o, name, got, want, tolerance, scale):
    relative = not name.endswith("_probabilities")
    worst = 0.0
    for x, y in zip(got, want, strict=True):
        if x is None or not math.isfinite(x):
            o.wrong = f"{name} has {x} where {y} is due"
            return
        worst = max(worst, abs(x - y) / ((scale or max(1, abs(y))) if relative else 1))
    if relative:
        o.value = max(o.value, worst)
    else:
        o.probability = max(o.probability, worst)
    if worst > tolerance:
        o.wrong = f"{name} differs by {worst:.2g}"


def limit(name, case):
    """The first limit of a runtime that fits a case, or None."""
    return next((l for l in modules()[name].LIMITS if l.when(case)), None)


def unexpected(name, o):
    """What is not as it should be about an outcome, or ""."""
    l = limit(name, o.case)
    at = f"batch {o.case.batch}, length {o.case.length}"
    if l is None:
        return o.wrong and f"{at}: {o.wrong}"
    if not o.wrong and l.sometimes:
        return ""
    if not o.wrong:
        return f"{at}: it agrees, and its limit says that it would not: {l.why}. Take the limit away"
    if not re.search(l.says, o.wrong):
        return f"{at}: it is wrong in another way than its limit says: {o.wrong!r} has no {l.says!r}"
    return ""


def results():
    """What one run found, for the page."""
    return {
        "models": len(models()),
        "files": sum(1 + len(m["tasks"]) for m in models().values()),
        "onnx": importlib.metadata.version("onnx"),
        "runtimes": [result(name) for name in modules()],
        "foreign": foreign(),
    }


def foreign():
    """What the Go test in foreign/ found about models of other frameworks."""
    path = pathlib.Path(os.environ.get("ESPALIER_FOREIGN_DIR", "")) / "verdicts.json"
    if not path.exists():
        raise RuntimeError("ESPALIER_FOREIGN_DIR names no folder that `make foreign` has filled: run the tests with `make interop`")
    return json.loads(path.read_text())


def result(name):
    module = modules()[name]
    if failed := answers()[name].get("failed"):
        raise RuntimeError(failed)
    r = {
        "title": module.TITLE, "version": answers()[name]["version"], "tolerance": module.TOLERANCE,
        "probability": 0, "value": 0, "reads": {}, "types": {}, "sizes": {},
        "limits": [{"what": l.what, "why": l.why, "cases": 0, "said": ""} for l in module.LIMITS],
    }
    for model, m in models().items():
        for task in m["tasks"]:
            for o in outcomes(name, model, task):
                count(r, name, o)
    return r


def count(r, name, o):
    c = o.case
    if not o.wrong:
        r["probability"], r["value"] = max(r["probability"], o.probability), max(r["value"], o.value)
    add(r["reads"], c.reads, o)
    if c.reads == "ids":
        add(r["types"], c.type + " with a CRF" * c.crf, o)
        add(r["sizes"], f"batch {c.batch}", o)
        if c.length in (1, 24):
            add(r["sizes"], {1: "length 1", 24: "longest"}[c.length], o)
    l = limit(name, c)
    if l and o.wrong:
        of = r["limits"][modules()[name].LIMITS.index(l)]
        of["cases"] += 1
        match = re.search(l.says, o.wrong)
        if match and not of["said"]:
            of["said"] = match.group()


def add(counts, key, o):
    agree, calls = counts.get(key, (0, 0))
    counts[key] = (agree + (not o.wrong), calls + 1)
