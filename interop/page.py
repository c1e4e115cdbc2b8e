"""Writes docs/interop.md from what `make interop` found: page.py RESULTS > docs/interop.md, by `make interop-page`."""

import json
import pathlib
import re
import sys

HEAD = """# Where exported files run

`make interop` makes small models of every trunk, sharing structure and tokenizer, with a task of every type, and asks the
runtimes below about them: batches of 0, 1 and 3, of length 1, of the longest and with rows of different lengths, every
output by name. Truth is what ONNX Runtime gives in Go, which `espalier verify` holds against the trainer. This page is
written by `interop/page.py` from what one run found, and the tests fail when it no longer says what they find.

{models} models are asked about; a runtime that cannot run a file with all tasks is asked about files with one task each
(`espalier export --heads`). ONNX's checker (full check) and its strict shape inference with data propagation, {onnx}, accept
all {files} files.
"""

READS = {
    "ids": "text, as ids",
    "text": "raw text",
    "table ids": "table, categories as ids",
    "table": "table, categories as text",
}
TYPES = ["classification", "multilabel", "tagging", "tagging with a CRF", "regression", "count", "relation", "ordinal"]

AFTER = """
"All" is all calls of all tasks. A batch of 0 that agrees gives outputs of 0 rows: who calls need not care.

Labels, tokens, shapes and element types must be equal. Probabilities may differ by the tolerance, values by that share of
them. Differences are the largest of the run that wrote this page; another machine's last digits differ.

## What each needs to be told

- **ONNX Runtime**, onnxruntime-node and onnxruntime-web: nothing. The WebAssembly backend has all operators, those that split text among them. The browser is
  Chromium without a window, and the page's script is `ort.wasm.min.js` as it comes in the package.
- **OpenVINO**: `INFERENCE_PRECISION_HINT: f32`, or machines with bfloat16 compute in it.
- **onnx2torch**: `Reshape` with `allowzero`, `GreaterOrEqual` of operator set 16, `LayerNormalization` of unknown shapes, `LSTM` and
  `GRU`, which it lacks and takes as functions of PyTorch: `interop/runtimes/onnx2torch.py` has them.
- **tract**: the shapes of inputs, in which names stand for any size, and `None` for those of outputs. A file with an LSTM or
  GRU needs the size of the batch as a number: its model is made ready once a shape.

"""

FOREIGN = """
## Files of other tools

The other direction: `make foreign` makes models with other frameworks, exports them as each does, and asks both engines of
this project about them, at more than one size where the file allows it. Truth is what the framework itself gives. Scores
may differ by {absolute:g} and {relative:g} of them; labels must be equal. A model that pure Go does not run is refused when it is
opened, with the names of what it lacks. [runtime.md](runtime.md#files-of-other-tools) says how such files are used.

"""

LAST = """
Why files look as they do for that is in [design.md](design.md); what goes into the graph of a file that reads text in
[tokenizers.md](tokenizers.md). To add a runtime, see `interop/runtimes/__init__.py`.
"""


def cell(counts):
    """What became of some calls: all agree, none do, or so many."""
    agree, calls = counts
    if not calls:
        return ""
    return "all" if agree == calls else f"{agree} of {calls}" if agree else "none"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def render(results):
    of = results["runtimes"]
    parts = [HEAD.format(**results), "\n## What agrees\n\n"]
    rows = [
        [r["title"], r["version"] or "this one", *(cell(r["reads"].get(k, (0, 0))) for k in READS), f"{r['tolerance']:g}", f"{r['probability']:.1e}", f"{r['value']:.1e}"]
        for r in of
    ]
    parts.append(table(["runtime", "version", *READS.values(), "tolerance", "probabilities differ by", "values differ by"], rows))
    parts.append("\nText as ids, by type of task and by size of the call:\n\n")
    sizes = ["batch 0", "batch 1", "batch 3", "length 1", "longest"]
    rows = [[r["title"], *(cell(r["types"].get(k, (0, 0))) for k in TYPES), *(cell(r["sizes"].get(k, (0, 0))) for k in sizes)] for r in of]
    parts.append(table(["runtime", *TYPES, *sizes], rows))
    parts.append("\nWhat does not, and why:\n\n")
    rows = [[r["title"], l["what"], l["why"], f"{l['cases']}", f"`{said(l['said'])}`"] for r in of for l in r["limits"]]
    parts.append(table(["runtime", "files", "why", "calls", "what it says"], rows))
    parts += [AFTER, foreign(results["foreign"]), LAST]
    return "".join(parts)


def foreign(verdicts):
    """One row for each model of another framework."""
    engines = {}
    for v in verdicts:
        engines.setdefault(v["name"], {})[v["engine"]] = v
    rows = []
    for name, of in engines.items():
        both = [of["ort"], of["gonum"]]
        rows.append([
            name, of["ort"]["exporter"], of["ort"]["about"],
            *(v.get("reason") or "agrees" for v in both), *("" if v.get("reason") else f"{v['largest']:.1e}" for v in both),
        ])  # fmt: skip
    head = ["file", "exported by", "model", "ONNX Runtime", "pure Go", "ONNX Runtime differs by", "pure Go differs by"]
    return FOREIGN.format(**verdicts[0]) + table(head, rows)


def said(text):
    """A message, short and without what would end a cell."""
    text = re.sub(r"[`|]", "'", text)
    return text if len(text) <= 160 else text[:157] + "..."


def claims(page):
    """The rows of a page's tables, without the differences that were measured and what runtimes say."""
    rows = []
    for line in page.splitlines():
        if line.startswith("| "):
            cells = [c for c in line.strip("| ").split(" | ") if not re.fullmatch(r"\d\.\de[+-]\d\d", c) and not c.startswith("`")]
            rows.append(cells)
    return rows


if __name__ == "__main__":
    results = pathlib.Path(sys.argv[1])
    if not results.exists():
        sys.exit(f"{results} is not there: run `make interop` first")
    sys.stdout.write(render(json.loads(results.read_text())))
