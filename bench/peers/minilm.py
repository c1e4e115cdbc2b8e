"""Fine-tunes MiniLM on one of the sets of docs/results.md in plain PyTorch on the CPU: a line of JSON with its figures.

Splits, tasks and metrics are those of the recipe of that name in examples/; figures have the titles of docs/results.md
and are in percent. All weights of the trunk are trained, with a linear head for each task: over the mean of real
tokens for a text's labels, over each word's first piece for its tag. The epoch is chosen by the mean of the tasks'
main metrics on validation, and the test set is measured once, with that epoch's weights.

Where a set has no validation data a tenth of the training data is held out, by other random numbers than Espalier's.
Texts longer than the longest are cut in training; words are tagged in texts of up to 512 pieces."""

import argparse
import collections
import gzip
import json
import math
import os
import random
import re
import resource
import sys
import time

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import BertModel
from transformers.utils import logging

Task = collections.namedtuple("Task", "kind weights", defaults=(None,))  # kind: label, labels, spans or tags
Row = collections.namedtuple("Row", "text labels")  # text: a string, or a list of words; labels: by task

DOMAINS = """MR apparel baby books camera_photo dvd electronics health_personal_care imdb kitchen_housewares magazines
music software sports_outdoors toys_games video""".split()


def lines(*parts, encoding="utf-8"):
    path = os.path.join(*parts)
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path, encoding=encoding) as f:
        return f.read().removesuffix("\n").split("\n")


def held_out(rows, share=0.1):
    rows = list(rows)
    random.Random(1).shuffle(rows)
    n = round(share * len(rows))
    return rows[n:], rows[:n]


def snips(root):
    def read(part):
        columns = (lines(root, part, name) for name in ("seq.in", "seq.out", "label"))
        return [Row(text.split(), {"slots": tags.split(), "intent": intent.strip()}) for text, tags, intent in zip(*columns)]

    return [read(part) for part in ("train", "valid", "test")], {"intent": Task("label"), "slots": Task("spans")}


def clinc150(root):
    with open(os.path.join(root, "data_full.json")) as f:
        data = json.load(f)
    with open(os.path.join(root, "domains.json")) as f:
        domains = {intent: name for name, intents in json.load(f).items() for intent in intents}

    def read(part):
        known = [Row(text, {"intent": i, "domain": domains[i], "scope": "in"}) for text, i in data[part]]
        return known + [Row(text, {"scope": "out"}) for text, _ in data["oos_" + part]]

    tasks = {"intent": Task("label"), "domain": Task("label"), "scope": Task("label", {"out": 10.0})}
    return [read(part) for part in ("train", "val", "test")], tasks


def sst2(root):
    def read(name):
        return [Row(text, {"sentiment": label}) for text, label in (line.split("\t") for line in lines(root, name))]

    return [read(name) for name in ("train.tsv", "dev.tsv", "test.tsv")], {"sentiment": Task("label")}


def trec(root):
    def read(name):
        rows = (line.split(" ", 1) for line in lines(root, name, encoding="latin-1") if line)
        return [Row(text, {"coarse": label.split(":")[0], "fine": label}) for label, text in rows]

    train, valid = held_out(read("TREC.train"))
    return [train, valid, read("TREC.test")], {"coarse": Task("label"), "fine": Task("label")}


def goemotions(root):
    kinds = {"emotions": "original", "ekman": "ekman", "sentiment": "group"}

    def read(name):
        columns = [[line.split("\t") for line in lines(root, kind, name)] for kind in kinds.values()]
        return [Row(cells[0][0], {task: c[1].split(",") for task, c in zip(kinds, cells)}) for cells in zip(*columns)]

    return [read(name) for name in ("train.tsv", "dev.tsv", "test.tsv")], {task: Task("labels") for task in kinds}


def blocks(path):
    """The sentences of a file that has a word a line, as lists of its columns."""
    rows = []
    for line in [*lines(path), ""]:
        if line.strip():
            rows.append(line.split("\t"))
        elif rows:
            yield rows
            rows = []


def wnut17(root):
    def read(name):
        return [Row([r[0] for r in s], {"entities": [r[1] for r in s]}) for s in blocks(os.path.join(root, name))]

    names = "wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"
    return [read(name) for name in names], {"entities": Task("spans")}


def ud_ewt(root):
    columns = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}

    def read(name):
        for sentence in blocks(os.path.join(root, name)):
            words = [r for r in sentence if r[0].isdigit()]  # no comments, multiword tokens and empty nodes
            # An underscore is a missing tag, but as features it says that there are none.
            yield Row([r[1] for r in words],
                      {task: [None if r[c] == "_" and task != "feats" else r[c] for r in words] for task, c in columns.items()})

    names = "en_ewt-ud-train.conllu.gz", "en_ewt-ud-dev.conllu", "en_ewt-ud-test.conllu"
    return [list(read(name)) for name in names], {task: Task("tags") for task in columns}


def conll04(root):
    with open(os.path.join(root, "conll04_spans.json")) as f:
        data = json.load(f)

    def tags(example):
        out = ["O"] * len(example["tokens"])
        for e in example["entities"]:
            out[e["start"] : e["end"]] = ["B-" + e["type"]] + ["I-" + e["type"]] * (e["end"] - e["start"] - 1)
        return out

    return ([[Row(e["tokens"], {"entities": tags(e)}) for e in data[part]] for part in ("train", "dev", "test")],
            {"entities": Task("spans")})


def fdu_mtl(root):
    def read(part, domain):
        rows = lines(root, f"{domain}.task.{part}", encoding="latin-1" if domain in ("MR", "dvd") else "utf-8")
        return [Row(text, {domain: label}) for label, text in (line.split("\t", 1) for line in rows if line.strip())]

    train, valid = held_out(row for d in DOMAINS for row in read("train", d))
    return [train, valid, [row for d in DOMAINS for row in read("test", d)]], {d: Task("label") for d in DOMAINS}


# Of each set: how it is read, epochs, the longest text in training, and its figures: title, task and metric, or a
# metric over all tasks.
SETS = {
    "snips": (snips, 5, 64, [("slots, span F1", "slots", "f1"), ("intent, accuracy", "intent", "accuracy"),
                             ("whole sentence", None, "whole")]),
    "clinc150": (clinc150, 5, 64, [("intent in scope, accuracy", "intent", "accuracy"),
                                   ("domain in scope, accuracy", "domain", "accuracy"),
                                   ("out of scope, recall", "scope", "recall:out"),
                                   ("out of scope, precision", "scope", "precision:out")]),
    "sst2": (sst2, 4, 64, [("sentiment, accuracy", "sentiment", "accuracy")]),
    "trec": (trec, 5, 64, [("coarse, accuracy", "coarse", "accuracy"), ("fine, accuracy", "fine", "accuracy")]),
    "goemotions": (goemotions, 3, 64, [("28 emotions, macro F1", "emotions", "macro_f1"),
                                       ("Ekman's 7, macro F1", "ekman", "macro_f1"),
                                       ("4 sentiments, macro F1", "sentiment", "macro_f1"),
                                       ("28 emotions, micro F1", "emotions", "micro_f1")]),
    "wnut17": (wnut17, 5, 64, [("entities, span F1", "entities", "f1")]),
    "ud_ewt": (ud_ewt, 3, 64, [(name + ", accuracy", task, "accuracy") for name, task in
                               (("UPOS", "upos"), ("XPOS", "xpos"), ("feats", "feats"), ("deprel", "deprel"))]),
    "conll04": (conll04, 10, 64, [("entities, span F1", "entities", "f1")]),
    "fdu_mtl": (fdu_mtl, 3, 128, [("mean accuracy of 16 domains", None, "mean")]),
}
MAIN = {"label": "accuracy", "tags": "accuracy", "spans": "f1", "labels": "macro_f1"}

MISSING = -1  # no label
UNSEEN = -2  # a label that training does not have: always wrong


class Encoded:
    """A split as ids: of pieces, of each word's first piece, and of labels."""

    def __init__(self, rows, tokenizer, tasks, labels, longest):
        self.ids, self.first, self.targets = [], [], {t: [] for t in tasks}
        tokenizer.enable_truncation(longest)
        for row, e in zip(rows, tokenizer.encode_batch([r.text for r in rows], is_pretokenized=isinstance(rows[0].text, list))):
            self.ids.append(e.ids)
            first = {}
            for at, word in enumerate(e.word_ids):
                if word is not None:
                    first.setdefault(word, at)
            self.first.append(first)
            for name, task in tasks.items():
                own, label = labels[name], row.labels.get(name)
                if task.kind == "label":
                    self.targets[name].append(MISSING if label is None else own.get(label, UNSEEN))
                elif task.kind == "labels":
                    self.targets[name].append([own[x] for x in label if x in own])
                else:
                    self.targets[name].append([MISSING if x is None else own.get(x, UNSEEN) for x in label])

    def __len__(self):
        return len(self.ids)


def plan(data, size, draw):
    """The batches of an epoch: texts of like length stand together."""
    order = list(range(len(data)))
    draw.shuffle(order)
    for start in range(0, len(order), 50 * size):
        order[start : start + 50 * size] = sorted(order[start : start + 50 * size], key=lambda i: len(data.ids[i]))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    draw.shuffle(batches)
    return batches


class Model(nn.Module):
    def __init__(self, folder, sizes, dropout):
        super().__init__()
        self.trunk = BertModel.from_pretrained(
            folder, add_pooling_layer=False, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(self.trunk.config.hidden_size, n) for name, n in sizes.items()})

    def forward(self, data, rows, tasks):
        width = max(len(data.ids[i]) for i in rows)
        ids, mask = np.zeros((len(rows), width), np.int64), np.zeros((len(rows), width), np.int64)
        for row, i in enumerate(rows):
            ids[row, : len(data.ids[i])], mask[row, : len(data.ids[i])] = data.ids[i], 1
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        hidden = self.trunk(input_ids=ids, attention_mask=mask).last_hidden_state
        real = mask.unsqueeze(2).to(hidden.dtype)
        pooled = self.dropout((hidden * real).sum(1) / real.sum(1))
        hidden = self.dropout(hidden)
        out = {}
        for name, task in tasks.items():
            whole = task.kind in ("label", "labels")
            out[name] = self.heads[name](pooled if whole else hidden)
        return out


def loss_of(logits, data, rows, name, task, weights):
    """A task's mean loss over the labels of a batch; None where it has none."""
    targets = [data.targets[name][i] for i in rows]
    if task.kind == "labels":
        y = torch.zeros(logits.shape)
        for row, own in enumerate(targets):
            y[row, own] = 1
        return F.binary_cross_entropy_with_logits(logits, y)
    if task.kind == "label":
        y = torch.tensor(targets)
    else:
        y = torch.full(logits.shape[:2], MISSING)
        for row, i in enumerate(rows):
            for word, at in data.first[i].items():
                y[row, at] = targets[row][word]
        logits, y = logits.flatten(0, 1), y.flatten()
    if not (y >= 0).any():
        return None
    return F.cross_entropy(logits, y, weight=weights, ignore_index=MISSING)


def answers(model, data, tasks, size):
    """By task, of each row the label, the probabilities of labels, or the tags; a word without a piece has the tag MISSING."""
    model.eval()
    found = {name: [None] * len(data) for name in tasks}
    order = sorted(range(len(data)), key=lambda i: len(data.ids[i]))
    with torch.no_grad():
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            for name, logits in model(data, rows, tasks).items():
                kind = tasks[name].kind
                out = torch.sigmoid(logits) if kind == "labels" else logits.argmax(-1)
                for i, x in zip(rows, out.numpy()):
                    if kind in ("tags", "spans"):
                        own = data.first[i]
                        x = [int(x[own[w]]) if w in own else MISSING for w in range(len(data.targets[name][i]))]
                    found[name][i] = x
    model.train()
    return found


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


def f1(right, guessed, true):
    return 2 * right / (guessed + true) if guessed + true else math.nan


def matrix(rows, labels):
    y = np.zeros((len(rows), labels), bool)
    for i, own in enumerate(rows):
        y[i, own] = True
    return y


def thresholds(p, y):
    """Each label's threshold with the best F1; labels that apply to fewer than 10 rows share one."""
    def best(p, y):
        return max((np.nan_to_num(f1(((p >= t) & y).sum(), (p >= t).sum(), y.sum())), -abs(t - 0.5), t) for t in np.arange(0.02, 0.99, 0.02))[2]

    out, rare = np.full(p.shape[1], 0.5), y.sum(0) < 10
    for i in np.flatnonzero(~rare):
        out[i] = best(p[:, i], y[:, i])
    if rare.any() and y[:, rare].any():
        out[rare] = best(p[:, rare], y[:, rare])
    return out


def measure(found, data, tasks, labels, tuned):
    """The metrics of all tasks; tuned are the thresholds of tasks with several labels."""
    scores = {}
    right = np.ones(len(data), bool)  # in every task that has one answer
    for name, task in tasks.items():
        guess, truth = found[name], data.targets[name]
        if task.kind == "labels":
            y = matrix(truth, len(labels[name]))
            z = np.stack(guess) >= tuned[name]
            counts = (z & y).sum(0), z.sum(0), y.sum(0)
            scores[name] = {"macro_f1": np.nanmean([f1(*c) for c in zip(*counts)]), "micro_f1": f1(*(c.sum() for c in counts))}
        elif task.kind == "label":
            known = [(g, t) for g, t in zip(guess, truth) if t != MISSING]
            scores[name] = {"accuracy": np.mean([g == t for g, t in known]) if known else math.nan}
            for label in task.weights or {}:
                k = labels[name].get(label, UNSEEN)
                both = sum(g == k and t == k for g, t in known)
                scores[name]["recall:" + label] = both / max(1, sum(t == k for _, t in known))
                scores[name]["precision:" + label] = both / max(1, sum(g == k for g, _ in known))
            right &= [t == MISSING or g == t for g, t in zip(guess, truth)]
        elif task.kind == "tags":
            known = [g == t for p, q in zip(guess, truth) for g, t in zip(p, q) if t != MISSING]
            scores[name] = {"accuracy": np.mean(known)}
        else:
            of = {i: label for label, i in labels[name].items()} | {MISSING: "O", UNSEEN: "B-unseen"}
            pairs = [(spans([of[x] for x in g]), spans([of[x] for x in t])) for g, t in zip(guess, truth)]
            scores[name] = {"f1": f1(sum(len(p & q) for p, q in pairs), *(sum(len(p[k]) for p in pairs) for k in (0, 1)))}
            right &= [g == t for g, t in zip(guess, truth)]
    return scores, right.mean()


def figures(titles, scores, whole):
    out = {}
    for title, task, metric in titles:
        value = {"whole": lambda: whole, "mean": lambda: np.nanmean([s["accuracy"] for s in scores.values()])}.get(
            metric, lambda: scores[task][metric])()
        out[title] = None if math.isnan(value) else round(100 * float(value), 3)
    return out


def groups(model, options):
    """The parameters by rate and weight decay: biases and normalisation have none."""
    found = collections.defaultdict(list)
    for name, p in model.named_parameters():
        rate = options.head_rate if name.startswith("heads.") else options.rate
        found[rate, 0.0 if p.ndim == 1 else options.weight_decay].append(p)
    return [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in found.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--model", default=os.environ.get("ESPALIER_MINILM", ".env/minilm/model"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="else as many as the set has in docs/results.md")
    parser.add_argument("--max-length", type=int, help="pieces of a text in training, special tokens included")
    parser.add_argument("--limit", type=int, help="examples of each split; for trying it out")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--head-rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--warmup", type=float, default=0.1, help="share of all steps")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--clip", type=float, default=1.0, help="norm that gradients are cut to; 0: they are not")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    read, epochs, longest, titles = SETS[options.set]
    epochs, longest = options.epochs or epochs, options.max_length or longest
    parts, tasks = read(os.path.join(options.data, options.set))
    if options.limit:
        parts = [random.Random(1).sample(rows, min(options.limit, len(rows))) for rows in parts]
    labels = {}
    for name, task in tasks.items():
        own = [row.labels[name] for row in parts[0] if name in row.labels]
        flat = own if task.kind == "label" else [x for row in own for x in row if x is not None]
        labels[name] = {x: i for i, x in enumerate(sorted(set(flat)))}
    tokenizer = Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
    tokenizer.no_padding()
    tagged = any(t.kind in ("tags", "spans") for t in tasks.values())
    train, valid, test = (Encoded(rows, tokenizer, tasks, labels, longest if rows is parts[0] or not tagged else 512) for rows in parts)
    weights = {
        name: torch.tensor([task.weights.get(x, 1.0) for x in labels[name]]) if task.weights else None for name, task in tasks.items()
    }

    model = Model(options.model, {name: max(1, len(own)) for name, own in labels.items()}, options.dropout)
    model.train()
    update = torch.optim.AdamW(groups(model, options), fused=True)
    steps = epochs * math.ceil(len(train) / options.batch)
    warm = max(1, round(options.warmup * steps))
    rates = torch.optim.lr_scheduler.LambdaLR(
        update, lambda step: step / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm)))
    draw = random.Random(options.seed)
    best, seconds = None, []
    for epoch in range(1, epochs + 1):
        begun = time.perf_counter()
        for rows in plan(train, options.batch, draw):
            logits = model(train, rows, tasks)
            losses = [loss_of(x, train, rows, name, tasks[name], weights[name]) for name, x in logits.items()]
            update.zero_grad(set_to_none=True)
            sum(x for x in losses if x is not None).backward()
            if options.clip:
                nn.utils.clip_grad_norm_(model.parameters(), options.clip)
            update.step()
            rates.step()
        seconds.append(time.perf_counter() - begun)
        found = answers(model, valid, tasks, options.batch)
        tuned = {
            name: thresholds(np.stack(found[name]), matrix(valid.targets[name], len(labels[name])))
            for name, task in tasks.items() if task.kind == "labels"
        }
        scores, whole = measure(found, valid, tasks, labels, tuned)
        mean = np.nanmean([scores[name][MAIN[task.kind]] for name, task in tasks.items()])
        print(f"{options.set}, seed {options.seed}, epoch {epoch}: {seconds[-1]:.1f} s, {mean:.4f} on validation", file=sys.stderr, flush=True)
        if best is None or mean > best[0]:
            kept = {name: t.clone() for name, t in model.state_dict().items()}
            best = mean, epoch, figures(titles, scores, whole), tuned, kept
    _, epoch, on_valid, tuned, kept = best
    model.load_state_dict(kept)
    scores, whole = measure(answers(model, test, tasks, options.batch), test, tasks, labels, tuned)
    print(json.dumps({
        "recipe": options.set, "model": "MiniLM, all weights", "framework": "PyTorch", "seed": options.seed,
        "test": figures(titles, scores, whole), "valid": on_valid, "best_epoch": epoch, "epochs": epochs,
        "seconds": [round(s, 2) for s in seconds], "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": options.threads,
    }), flush=True)


if __name__ == "__main__":
    main()
