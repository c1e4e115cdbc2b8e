"""Writes sklearn.json, seqeval.json, scores.json, unseen.json, ranks.json and counts.json: random answers, and what scikit-learn 1.9.1 and seqeval 1.2.2 make of them.

Run it with an interpreter that has both: python golden.py. Missing labels are -1; the libraries get the present ones."""

import json
import pathlib
import warnings

import numpy as np
from seqeval.metrics import classification_report
from sklearn import metrics

warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent


def labels(rng, classes, n, missing, never):
    truth = rng.integers(0, classes - never, n)
    guess = np.where(rng.random(n) < 0.6, truth, rng.integers(0, classes - never, n))
    truth[rng.random(n) < missing] = -1
    there = truth >= 0
    t, g = truth[there], guess[there]
    each = metrics.precision_recall_fscore_support(t, g, labels=range(classes), zero_division=0)
    return {
        "classes": classes, "truth": truth.tolist(), "predicted": guess.tolist(),
        "accuracy": metrics.accuracy_score(t, g),
        **{f"{a}_f1": metrics.f1_score(t, g, average=a, zero_division=0) for a in ("macro", "micro", "weighted")},
        "each": [{"Precision": float(p), "Recall": float(r), "F1": float(f), "Support": int(n)} for p, r, f, n in zip(*each)],
    }


def values(rng, n, offset):
    truth = (rng.normal(size=n) + offset).astype("float32")
    guess = (truth + rng.normal(size=n) * 0.3).astype("float32")
    t, g = truth.astype("float64"), guess.astype("float64")
    return {
        "truth": truth.tolist(), "predicted": guess.tolist(),
        "mse": metrics.mean_squared_error(t, g), "rmse": metrics.root_mean_squared_error(t, g),
        "mae": metrics.mean_absolute_error(t, g), "r2": metrics.r2_score(t, g),
    }


def spans(rng, prefixes, sentences):
    tags = ["O"] + [f"{p}-{t}" for p in prefixes for t in ("LOC", "ORG", "PER")]
    truth, guess = [], []
    for _ in range(sentences):
        t = rng.choice(tags, rng.integers(1, 12))
        truth.append(t.tolist())
        guess.append([a if rng.random() < 0.8 else str(rng.choice(tags)) for a in t])
    report = classification_report(truth, guess, output_dict=True, zero_division=0)
    scores = {
        name: {"Precision": float(r["precision"]), "Recall": float(r["recall"]), "F1": float(r["f1-score"]), "Support": int(r["support"])}
        for name, r in report.items()
    }
    return {
        "tags": tags, "truth": truth, "predicted": guess, "all": scores["micro avg"],
        "types": {n: s for n, s in scores.items() if "avg" not in n},
    }


def write(name, content):
    (HERE / name).write_text(json.dumps(content) + "\n")


rng = np.random.default_rng(1)
write("sklearn.json", {
    "labels": [labels(rng, 2, 80, 0, 0), labels(rng, 5, 120, 0.3, 0), labels(rng, 6, 60, 0.1, 2), labels(rng, 30, 60, 0, 0)],
    "values": [values(rng, 50, 0), values(rng, 50, 1000), values(rng, 2, 0)],
})
write("seqeval.json", [spans(rng, "BI", 60), spans(rng, "BIES", 60)])


def scores(rng, n, share, digits):
    """Digits round scores so that many are equal; labels are the rarer the smaller the share."""
    truth = (rng.random(n) < share).astype("int64")
    truth[:2] = [0, 1]
    guess = (1 / (1 + np.exp(-rng.normal(size=n) * 2 - 2 * truth + 1))).round(digits).astype("float32")
    return {
        "truth": truth.tolist(), "predicted": guess.astype("float64").tolist(),
        "auc": metrics.roc_auc_score(truth, guess), "log_loss": metrics.log_loss(truth, guess),
    }


rng = np.random.default_rng(2)
write("scores.json", [scores(rng, 200, 0.5, 6), scores(rng, 300, 0.06, 1), scores(rng, 2, 0.5, 3), scores(rng, 120, 0.3, 0)])


# Labels that training never had stand in the truth and in no answer. Their numbers are -2, -3 and so on; the libraries get
# them as labels like any other.


def unseen_labels(rng, classes, unseen, n):
    truth = rng.integers(-1 - unseen, classes, n)  # -1 is missing
    guess = np.where((rng.random(n) < 0.6) & (truth >= 0), truth, rng.integers(0, classes, n))
    there = truth != -1
    t, g = np.where(truth < -1, classes - 2 - truth, truth)[there], guess[there]
    each = metrics.precision_recall_fscore_support(t, g, labels=range(classes), zero_division=0)
    return {
        "classes": classes, "truth": truth.tolist(), "predicted": guess.tolist(),
        "accuracy": metrics.accuracy_score(t, g),
        **{f"{a}_f1": metrics.f1_score(t, g, average=a, zero_division=0) for a in ("macro", "micro", "weighted")},
        "each": [{"Precision": float(p), "Recall": float(r), "F1": float(f), "Support": int(n)} for p, r, f, n in zip(*each)],
    }


def unseen_sets(rng, classes, unseen, n):
    known, other = (rng.random((n, classes)) < 0.3).astype(int), (rng.random((n, unseen)) < 0.1).astype(int)
    guess = np.where(rng.random((n, classes)) < 0.8, known, 1 - known)
    t, g = np.hstack([known, other]), np.hstack([guess, np.zeros_like(other)])
    return {
        "classes": classes,
        "truth": [k.tolist() + [-2 - i for i in range(unseen) if o[i]] for k, o in zip(known, other)],
        "predicted": [p.tolist() + [0] * int(o.sum()) for p, o in zip(guess, other)],
        "accuracy": metrics.accuracy_score(t, g),
        **{f"{a}_f1": metrics.f1_score(t, g, average=a, zero_division=0) for a in ("macro", "micro")},
    }


def unseen_scores(rng, n):
    truth = rng.choice([0, 1, -2, -3], n, p=[0.5, 0.3, 0.1, 0.1])
    guess = rng.random(n).astype("float32").round(3)
    t = np.where(truth < 0, -truth, truth)
    p = np.stack([1 - guess, guess, 0 * guess, 0 * guess], 1)
    return {
        "truth": truth.tolist(), "predicted": guess.astype("float64").tolist(),
        "auc": metrics.roc_auc_score(truth == 1, guess), "log_loss": metrics.log_loss(t, p, labels=range(4)),
    }


def unseen_spans(rng, sentences):
    known, other = ["O", "B-LOC", "I-LOC", "B-PER"], ["B-DATE", "I-DATE", "I-PER"]
    truth, guess = [], []
    for _ in range(sentences):
        t = rng.choice(known + other, rng.integers(1, 12))
        truth.append(t.tolist())
        guess.append([a if a in known and rng.random() < 0.8 else str(rng.choice(known)) for a in t])
    report = classification_report(truth, guess, output_dict=True, zero_division=0)
    scores = {
        name: {"Precision": float(r["precision"]), "Recall": float(r["recall"]), "F1": float(r["f1-score"]), "Support": int(r["support"])}
        for name, r in report.items()
    }
    return {
        "tags": known, "unseen": other, "truth": truth, "predicted": guess, "all": scores["micro avg"],
        "types": {n: s for n, s in scores.items() if "avg" not in n},
    }


rng = np.random.default_rng(3)
write("unseen.json", {
    "labels": [unseen_labels(rng, 2, 1, 60), unseen_labels(rng, 5, 3, 80)],
    "sets": [unseen_sets(rng, 4, 2, 40)],
    "scores": [unseen_scores(rng, 80)],
    "spans": unseen_spans(rng, 40),
})


def ranks(rng, classes, n, missing, never):
    truth = rng.integers(0, classes - never, n)
    guess = np.clip(truth + rng.integers(-2, 3, n), 0, classes - 1)
    truth[rng.random(n) < missing] = -1
    t, g = truth[truth >= 0], guess[truth >= 0]
    return {
        "classes": classes, "truth": truth.tolist(), "predicted": guess.tolist(),
        "quadratic_kappa": metrics.cohen_kappa_score(t, g, labels=range(classes), weights="quadratic"),
        "rank_mae": metrics.mean_absolute_error(t, g),
    }


def counts(rng, n, mean):
    truth = rng.poisson(mean * np.exp(rng.normal(size=n)))
    guess = mean * np.exp(rng.normal(size=n))
    return {
        "truth": truth.tolist(), "predicted": guess.tolist(),
        "poisson_deviance": metrics.mean_poisson_deviance(truth, guess), "d2": metrics.d2_tweedie_score(truth, guess, power=1),
    }


rng = np.random.default_rng(4)
write("ranks.json", [ranks(rng, 2, 60, 0, 0), ranks(rng, 5, 120, 0.2, 0), ranks(rng, 7, 80, 0.1, 3), ranks(rng, 40, 60, 0, 0)])
rng = np.random.default_rng(4)
write("counts.json", [counts(rng, 60, 2), counts(rng, 60, 0.2), counts(rng, 60, 5000), counts(rng, 3, 1)])
