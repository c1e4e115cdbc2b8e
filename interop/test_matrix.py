"""Every runtime x every model x every task x every call: batches of 0, 1 and 3, of length 1 and of the longest, and every
output by name must be what Go gives. What a runtime cannot do stands in its module, and must fail as it says there."""

import json
import pathlib

import pytest

import matrix
import page


def cases():
    return [(r, m, t) for r in matrix.runtimes.ALL for m, of in matrix.models().items() for t in of["tasks"]]


@pytest.mark.parametrize("runtime, model, task", cases())
def test_runtime_gives_what_go_gives(runtime, model, task):
    found = [u for o in matrix.outcomes(runtime, model, task) if (u := matrix.unexpected(runtime, o))]
    assert not found, "\n".join(found)


def limits():
    return [(r, i) for r, module in matrix.modules().items() for i in range(len(module.LIMITS))]


@pytest.mark.parametrize("runtime, number", limits())
def test_limit_is_one(runtime, number):
    """A limit that no case runs into any more is to be taken away."""
    of = matrix.modules()[runtime].LIMITS[number]
    found = (o for r, m, t in cases() if r == runtime for o in matrix.outcomes(r, m, t))
    assert any(o.wrong and matrix.limit(runtime, o.case) is of for o in found), of.why


def value(name="t_probabilities", dtype="float32", shape=(2,), data=(0.25, 0.75)):
    return {"name": name, "dtype": dtype, "shape": list(shape), "data": list(data)}


@pytest.mark.parametrize(
    "got, want, wrong",
    [
        (value(), value(), ""),
        (value(data=[0.250005, 0.75]), value(), ""),
        (value(data=[0.25002, 0.75]), value(), "t_probabilities differs by 2e-05"),
        (value("t_value", data=[100.0005, 1]), value("t_value", data=[100, 1]), ""),
        (value("t_value", data=[100.002, 1]), value("t_value", data=[100, 1]), "t_value differs by 2e-05"),
        (value(data=[float("nan"), 0.75]), value(), "t_probabilities has nan where 0.25 is due"),
        (value(data=[None, 0.75]), value(), "t_probabilities has None where 0.25 is due"),
        (value(shape=[1, 2]), value(), "t_probabilities is of shape [1, 2], not [2]"),
        (value(dtype="float64"), value(), "t_probabilities is of type float64, not float32"),
        (value("other"), value(), "t_probabilities is missing"),
        (value("t_label", "int64", data=[1, 0]), value("t_label", "int64", data=[1, 1]), "t_label has other labels"),
        (value("t_label", "string", data=["a", "b"]), value("t_label", "string", data=["a", ""]), "t_label has other labels"),
    ],
)
def test_comparison_notices(got, want, wrong):
    o = matrix.Outcome(None)
    matrix.compare(o, [want["name"]], [got], [want], 1e-5)
    assert o.wrong == wrong


def test_float64_is_compared_in_its_deviation():
    """Values of 1.7e9 would agree to the second, whatever the runtime made of them."""
    got, want = value("t_value", "float64", data=[1.7e9 + 0.5, 1]), value("t_value", "float64", data=[1.7e9, 1])
    for scale, wrong in ((0, ""), (100, "t_value differs by 0.005")):
        o = matrix.Outcome(None)
        matrix.compare(o, ["t_value"], [got], [want], 1e-5, scale)
        assert o.wrong == wrong


@pytest.mark.parametrize(
    "batch, wrong, unexpected",
    [
        (1, "", ""),
        (1, "it broke", "batch 1, length 2: it broke"),
        (0, "no empty batch", ""),
        (0, "", "batch 0, length 2: it agrees, and its limit says that it would not: it has none. Take the limit away"),
        (0, "it broke", "batch 0, length 2: it is wrong in another way than its limit says: 'it broke' has no 'empty batch'"),
    ],
)
def test_limits_are_held_to(monkeypatch, batch, wrong, unexpected):
    monkeypatch.setattr(matrix.modules()["tract"], "LIMITS", [matrix.runtimes.Limit("", lambda c: c.batch == 0, "empty batch", "it has none")])
    case = matrix.runtimes.Case("m", "ids", "t", "classification", False, set(), batch, 2, False)
    assert matrix.unexpected("tract", matrix.Outcome(case, wrong=wrong)) == unexpected


def test_runtime_that_does_not_run_is_asked_once(monkeypatch, tmp_path):
    """Each file's answer is then the error, which the tests of every model say."""
    files = {f["file"] for m in matrix.models().values() for f in (m, *m["tasks"].values())}
    monkeypatch.setattr(matrix, "folder", lambda: tmp_path)
    monkeypatch.setattr(matrix.modules()["pure_go"], "command", lambda *_: ["sh", "-c", "echo no library >&2; exit 3"])
    given = matrix.ask("pure_go")
    assert given["failed"] == "pure_go: exit status 3: no library\n"
    assert given["answers"] == {f: {"error": given["failed"]} for f in files}
    monkeypatch.setattr(matrix, "answers", lambda: {"pure_go": given})
    model, of = next(iter(matrix.models().items()))
    assert all(o.wrong == given["failed"] for o in matrix.outcomes("pure_go", model, next(iter(of["tasks"]))))
    with pytest.raises(RuntimeError, match="no library"):
        matrix.result("pure_go")


def test_models_cover_the_matrix():
    """Without this, a model that is no longer made would not be missed."""
    seen = {(c.reads, c.type, c.crf, c.batch, c.length in (0, 1)) for m, of in matrix.models().items() for n, t in of["tasks"].items() for c in (matrix.case_of(m, of, n, t, call) for call in of["calls"])}
    types = [("classification", False), ("multilabel", False), ("tagging", False), ("tagging", True), ("regression", False), ("count", False), ("relation", False), ("ordinal", False)]
    for reads in ("ids", "text"):
        for of, crf in types:
            for batch in (1, 3):
                assert (reads, of, crf, batch, True) in seen and (reads, of, crf, batch, False) in seen
            assert (reads, of, crf, 0, True) in seen
    for reads in ("table", "table ids"):
        for of in ("classification", "multilabel", "regression", "count", "ordinal"):
            assert {(reads, of, False, b, True) for b in (0, 1, 3)} <= seen


def test_page_says_what_was_found():
    """Writes what was found, too, for the page to be written from."""
    results = matrix.results()
    (matrix.folder() / "results.json").write_text(json.dumps(results, indent=1))
    written = (pathlib.Path(__file__).parent.parent / "docs" / "interop.md").read_text()
    assert page.claims(written) == page.claims(page.render(results)), "docs/interop.md is not what was found: run `make interop-page`"
