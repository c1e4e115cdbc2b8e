"""What linear models reach on the sets of docs/results.md: lines of JSON with a figure's test score.

Texts: a linear support vector machine, for several labels logistic regressions (scikit-learn), over TF-IDF of words,
pairs of words and, within words, 2 to 5 characters. Words: a linear chain (CRFsuite) trained by the averaged
perceptron, over words, their neighbours, prefixes, suffixes and shapes. The strength of regularisation and the number
of passes are chosen on validation, as ours; the test set is measured once."""

import argparse
import gzip
import json
import os
import random
import re

import pycrfsuite
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC


def held_out(rows, share=0.1):
    rows = list(rows)
    random.Random(1).shuffle(rows)
    n = int(share * len(rows))
    return rows[n:], rows[:n]


def trec(root):
    def read(name):
        with open(os.path.join(root, "trec", name), encoding="latin-1") as f:
            rows = [line.split(" ", 1) for line in f if line.strip()]
        return [(text, label.split(":")[0], label) for label, text in rows]

    train, valid = held_out(read("TREC.train"))
    return {title: [[(r[0], r[i]) for r in part] for part in (train, valid, read("TREC.test"))]
            for i, title in ((1, "coarse, accuracy"), (2, "fine, accuracy"))}


def sst2(root):
    def read(name):
        with open(os.path.join(root, "sst2", name)) as f:
            return [tuple(line.rstrip("\n").split("\t")) for line in f]

    return {"sentiment, accuracy": [read("train.tsv"), read("dev.tsv"), read("test.tsv")]}


def clinc150(root):
    with open(os.path.join(root, "clinc150", "data_full.json")) as f:
        data = json.load(f)
    with open(os.path.join(root, "clinc150", "domains.json")) as f:
        domains = {intent: name for name, intents in json.load(f).items() for intent in intents}
    parts = [data[split] for split in ("train", "val", "test")]
    return {
        "intent in scope, accuracy": parts,
        "domain in scope, accuracy": [[(text, domains[intent]) for text, intent in part] for part in parts],
    }


def goemotions(root):
    def read(kind, name):
        with open(os.path.join(root, "goemotions", kind, name)) as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
        return [(row[0], row[1].split(",")) for row in rows]

    return {title: [read(kind, name) for name in ("train.tsv", "dev.tsv", "test.tsv")]
            for title, kind in (("28 emotions, macro F1", "original"), ("Ekman's 7, macro F1", "ekman"),
                                ("4 sentiments, macro F1", "group"))}


def snips_slot_types(root):
    def read(split):
        folder = os.path.join(root, "snips", split)
        with open(os.path.join(folder, "seq.in")) as texts, open(os.path.join(folder, "seq.out")) as tags:
            return [(text.strip(), sorted({tag[2:] for tag in row.split() if tag != "O"})) for text, row in zip(texts, tags)]

    return {"39 types, macro F1": [read(split) for split in ("train", "valid", "test")]}


def features(parts):
    texts = [[row[0] for row in part] for part in parts]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    words.fit(texts[0])
    letters.fit(texts[0])
    return [hstack([words.transform(t), letters.transform(t)]).tocsr() for t in texts]


def one_label(parts):
    x, y = features(parts), [[row[1] for row in part] for part in parts]
    models = [LinearSVC(C=c, random_state=1).fit(x[0], y[0]) for c in (0.1, 0.3, 1)]
    best = max(models, key=lambda m: m.score(x[1], y[1]))
    return accuracy_score(y[2], best.predict(x[2]))


def many_labels(parts):
    binarizer = MultiLabelBinarizer().fit([row[1] for row in parts[0]])
    x, y = features(parts), [binarizer.transform([row[1] for row in part]) for part in parts]
    model = OneVsRestClassifier(LogisticRegression(C=3, solver="liblinear")).fit(x[0], y[0])
    p, q = model.predict_proba(x[1]), model.predict_proba(x[2])
    for i in range(y[0].shape[1]):  # each label's threshold is tuned on validation, as ours
        best = max((f1_score(y[1][:, i], p[:, i] >= t, zero_division=0), -abs(t - 0.5), t) for t in
                   [k / 50 for k in range(1, 50)])
        q[:, i] = q[:, i] >= best[2]
    return [f1_score(y[2], q.astype(int), average=average, zero_division=0) for average in ("macro", "micro")]


def tokens(root, name):
    """The sentences of a tagged file as lists of (word, tag)."""
    def blocks(path, columns):
        opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
        rows = []
        with opened as f:
            for line in f:
                cells = line.rstrip("\n").split("\t")
                if len(cells) < 2:
                    if rows:
                        yield rows
                    rows = []
                elif re.fullmatch(r"\d+[-.]\d+", cells[0]) is None or columns[0] == 0:
                    rows.append((cells[columns[0]], cells[columns[1]]))
        if rows:
            yield rows

    def snips(split):
        folder = os.path.join(root, "snips", split)
        with open(os.path.join(folder, "seq.in")) as texts, open(os.path.join(folder, "seq.out")) as tags:
            return [list(zip(a.split(), b.split())) for a, b in zip(texts, tags)]

    if name == "snips":
        return [snips(split) for split in ("train", "valid", "test")]
    if name == "ud_ewt":
        files = [f"en_ewt-ud-{s}.conllu" for s in ("train", "dev", "test")]
        files[0] += ".gz"
        return [list(blocks(os.path.join(root, name, f), (1, 3))) for f in files]
    files = ["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"]
    return [list(blocks(os.path.join(root, "wnut17", f), (0, 1))) for f in files]


def describe(sentence):
    words = [word for word, _ in sentence]
    lower = ["<s>", *(w.lower() for w in words), "</s>"]
    out = []
    for i, word in enumerate(words):
        low = lower[i + 1]
        shape = re.sub(r"(.)\1+", r"\1", re.sub("[A-Z]", "X", re.sub("[a-z]", "x", re.sub("[0-9]", "9", word))))
        out.append(
            ["w=" + low, "-1=" + lower[i], "+1=" + lower[i + 2], "-1w=" + lower[i] + "|" + low,
             "w+1=" + low + "|" + lower[i + 2], "shape=" + shape]
            + [f"p{n}={low[:n]}" for n in range(1, 5)] + [f"s{n}={low[-n:]}" for n in range(1, 5)]
        )
    return out


def spans(tags):
    found, start, kind = set(), None, None
    for i, tag in enumerate([*tags, "O"]):
        inside = tag.startswith("I-") and tag[2:] == kind
        if start is not None and not inside:
            found.add((start, i, kind))
            start = None
        if start is None and tag != "O":
            start, kind = i, tag[2:]
    return found


def sequence(parts, spanned):
    x = [[describe(s) for s in part] for part in parts]
    y = [[[tag for _, tag in s] for s in part] for part in parts]

    def score(model, i):
        answers = [model.tag(s) for s in x[i]]
        if not spanned:
            right = sum(a == b for p, q in zip(answers, y[i]) for a, b in zip(p, q))
            return right / sum(map(len, answers))
        pairs = [(spans(p), spans(q)) for p, q in zip(answers, y[i])]
        return 2 * sum(len(p & q) for p, q in pairs) / max(1, sum(len(p) + len(q) for p, q in pairs))

    models = []
    for passes in (10, 20):
        trainer = pycrfsuite.Trainer(algorithm="ap", verbose=False)
        for a, b in zip(x[0], y[0]):
            trainer.append(a, b)
        trainer.set_params({"max_iterations": passes})
        path = f"bench/out/linear-{passes}.crf"
        trainer.train(path)
        model = pycrfsuite.Tagger()
        model.open(path)
        models.append(model)
    return score(max(models, key=lambda m: score(m, 1)), 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("sets", nargs="*")
    options = parser.parse_args()
    os.makedirs("bench/out", exist_ok=True)

    def wanted(name):
        return not options.sets or name in options.sets

    def tell(name, figure, value):
        print(json.dumps({"recipe": name, "figure": figure, "test": value}), flush=True)

    for name, read, fit in (("trec", trec, one_label), ("sst2", sst2, one_label), ("clinc150", clinc150, one_label),
                            ("goemotions", goemotions, many_labels),
                            ("snips_slot_types", snips_slot_types, many_labels)):
        if wanted(name):
            for figure, parts in read(options.data).items():
                scores = fit(parts)
                if fit is one_label:
                    scores = [scores]
                for title, score in zip((figure, figure.replace("macro", "micro")), scores):
                    tell(name, title, score)
    for name, figure, spanned in (("snips", "slots, span F1", True), ("wnut17", "entities, span F1", True),
                                  ("ud_ewt", "UPOS, accuracy", False)):
        if wanted(name):
            tell(name, figure, sequence(tokens(options.data, name), spanned))


if __name__ == "__main__":
    main()
