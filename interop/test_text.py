"""Exported files that read text must give what Go's own tokenizers and the file that reads ids give. The matrix asks other
runtimes about the same texts."""

import json

import numpy
import onnxruntime
import pytest

import matrix

BOUND = 1e-5  # largest difference of a probability


def load(model):
    cases = json.loads((matrix.folder() / model["name"] / "cases.json").read_text())
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
            tokens, first = cases["tokens"][i], cases["first"][i]
            assert outputs["tokens"][row] == tokens + [""] * (length - len(tokens))
            of_row = {a["task"]: a for a in cases["answers"][i]["tasks"]}
            for task, answer in zip(cases["tasks"], cases["answers"][i]["tasks"], strict=True):
                of_task = {o["role"]: outputs[o["tensor"]][row] for o in task["outputs"]}
                if task["type"] == "relation":
                    check_relations(task, answer, of_row[task["entities"]].get("spans", []), of_task["probabilities"], length, first)
                else:
                    check_task(task, answer, of_task, len(tokens), first)


def check_task(task, answer, outputs, tokens, first):
    """Compares a row of a task's outputs, by role, with Go's answer. Tags are of the tokens that words begin with."""
    assert task["name"] == answer["task"]
    if "value" in answer:
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
    assert [outputs["label"][j] for j in first] == [t["label"] for t in tags]
    assert all(l in labels for l in outputs["label"][:tokens]) and set(outputs["label"][tokens:]) <= {""}
    of_tags = [probabilities[j * len(labels) + labels.index(t["label"])] for j, t in zip(first, tags)]
    near(of_tags, [t["probability"] for t in tags])


def check_relations(task, answer, spans, probabilities, length, first):
    """Compares a row's probabilities of pairs of tokens with the relations that Go finds between spans."""
    labels, thresholds, found = task["labels"], numpy.float32(task["thresholds"]), []
    for head in spans:
        for tail in spans:
            at = (first[head["last"]] * length + first[tail["last"]]) * len(labels)
            for label, p, threshold in zip(labels, probabilities[at : at + len(labels)], thresholds, strict=True):
                if head != tail and p >= threshold:
                    found.append((label, head, tail, p))
    relations = answer.get("relations", [])
    assert [f[:3] for f in found] == [(r["label"], r["head"], r["tail"]) for r in relations]
    near([f[3] for f in found], [r["probability"] for r in relations])


@pytest.mark.parametrize("name", [n for n, m in matrix.models().items() if m["reads"] == "text"])
def test_graph_splits_texts_as_go_does(name):
    model = matrix.models()[name]
    cases, batches = load(model)
    session = onnxruntime.InferenceSession(str(matrix.folder() / model["file"]), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    answers = []
    for texts in batches:
        outputs = session.run(names, {"text": numpy.array(texts, dtype=object)})
        answers.append({n: {"shape": list(o.shape), "data": o.ravel().tolist()} for n, o in zip(names, outputs)})
    check(cases, answers)
