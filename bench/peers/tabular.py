"""Models of tables in plain PyTorch on the rows that bench/split wrote: lines of JSON with what each seed reaches.

The architectures, the optimizer, its rate, the batch and the epochs are those of examples/census_income.yaml and
examples/enb2012.yaml; the epoch is chosen by the mean of the tasks' metric on validation, the test rows are scored once."""

import argparse
import copy
import json
import math
import os
import time

import numpy as np
import torch
from sklearn.metrics import r2_score, roc_auc_score
from torch import nn

RECIPES = {
    "census_income": {
        "trunk": [128], "head": 8, "epochs": 15, "batch": 1024, "lr": 0.001, "structures": ["mmoe", "ple", "shared", "single"],
    },
    "enb2012": {
        "trunk": [128, 64], "head": 32, "epochs": 300, "batch": 32, "lr": 0.002, "cosine": True, "average": 0.99,
        "structures": ["shared", "single"],
    },
}


def dense(width, out):
    layer = nn.Linear(width, out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Experts(nn.Module):
    """Count dense layers side by side, mixed by gates that are given."""

    def __init__(self, width, count, hidden):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(dense(width, hidden), nn.ReLU()) for _ in range(count))

    def forward(self, x):
        return torch.stack([layer(x) for layer in self.layers], 1)


class Model(nn.Module):
    def __init__(self, columns, tasks, recipe, structure):
        super().__init__()
        self.columns, self.structure = columns, structure
        self.tables = nn.ModuleList(nn.Embedding(c["rows"], c["width"]) for c in columns if c["kind"] == "categorical")
        for table in self.tables:
            nn.init.normal_(table.weight, std=1 / math.sqrt(table.embedding_dim))
        width = sum(c.get("width", 1) for c in columns)
        layers = []
        for out in recipe["trunk"]:
            layers += [dense(width, out), nn.ReLU()]
            width = out
        self.trunk = nn.Sequential(*layers)
        if structure in ("mmoe", "ple"):
            shared, own, hidden = (8, 0, 16) if structure == "mmoe" else (4, 2, 16)
            self.shared = Experts(width, shared, hidden)
            self.own = nn.ModuleList(Experts(width, own, hidden) for _ in tasks) if own else [None] * len(tasks)
            self.gates = nn.ModuleList(nn.Linear(width, shared + own, bias=False) for _ in tasks)
            width = hidden
        self.heads = nn.ModuleList(
            nn.Sequential(dense(width, recipe["head"]), nn.ReLU(), dense(recipe["head"], 1)) for _ in tasks)

    def forward(self, numbers, ids):
        x = self.trunk(torch.cat([numbers] + [t(ids[:, i]) for i, t in enumerate(self.tables)], 1))
        if self.structure not in ("mmoe", "ple"):
            return [head(x).squeeze(1) for head in self.heads]
        shared, out = self.shared(x), []
        for own, gate, head in zip(self.own, self.gates, self.heads):
            experts = shared if own is None else torch.cat([own(x), shared], 1)
            out.append(head((torch.softmax(gate(x), 1).unsqueeze(2) * experts).sum(1)).squeeze(1))
        return out


def read(folder):
    with open(os.path.join(folder, "columns.json")) as f:
        columns = json.load(f)
    parts = {}
    at = {kind: [i for i, c in enumerate(columns) if c["kind"] == kind] for kind in ("numeric", "categorical")}
    targets = [i for i, c in enumerate(columns) if c["kind"] not in at]
    for part in ("train", "valid", "test"):
        rows = np.loadtxt(os.path.join(folder, part + ".csv"), delimiter=",", dtype=np.float32)
        parts[part] = (torch.from_numpy(rows[:, at["numeric"]]), torch.from_numpy(rows[:, at["categorical"]]).long(),
                       torch.from_numpy(rows[:, targets]))
    for t, i in enumerate(targets):
        if columns[i]["kind"] == "regression":  # learned as standardised numbers, which R2 does not see
            y = parts["train"][2][:, t]
            mean, deviation = y.mean().item(), y.std(correction=0).item()
            for part in parts.values():
                part[2][:, t] = (part[2][:, t] - mean) / deviation
    return [c for c in columns if c["kind"] in at], [columns[i] for i in targets], parts


def scores(model, part, tasks):
    numbers, ids, targets = part
    model.eval()
    with torch.no_grad():
        answers = model(numbers, ids)
    model.train()
    metric = {"classification": roc_auc_score, "regression": r2_score}
    return [metric[t["kind"]](targets[:, i].numpy(), a.numpy()) for i, (t, a) in enumerate(zip(tasks, answers))]


def train(columns, tasks, parts, recipe, structure, seed):
    torch.manual_seed(seed)
    model = Model(columns, tasks, recipe, structure)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe["lr"])
    losses = [nn.functional.mse_loss if t["kind"] == "regression" else nn.functional.binary_cross_entropy_with_logits
              for t in tasks]
    numbers, ids, targets = parts["train"]
    steps = recipe["epochs"] * math.ceil(len(numbers) / recipe["batch"])
    average, best, kept, seconds, step = copy.deepcopy(model), -math.inf, None, [], 0
    for epoch in range(recipe["epochs"]):
        start = time.perf_counter()
        for rows in torch.randperm(len(numbers)).split(recipe["batch"]):
            if recipe.get("cosine"):
                optimizer.param_groups[0]["lr"] = recipe["lr"] * (1 + math.cos(math.pi * step / steps)) / 2
            answers = model(numbers[rows], ids[rows])
            loss = sum(f(a, targets[rows, i]) for i, (f, a) in enumerate(zip(losses, answers)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if decay := recipe.get("average"):
                with torch.no_grad():
                    for a, p in zip(average.parameters(), model.parameters()):
                        a.lerp_(p, 1 - min(decay, (1 + step) / (10 + step)))
        seconds.append(time.perf_counter() - start)
        current = average if recipe.get("average") else model
        valid = scores(current, parts["valid"], tasks)
        if np.mean(valid) > best:
            best, kept = np.mean(valid), (epoch + 1, valid, scores(current, parts["test"], tasks))
    return kept, min(seconds), sum(p.numel() for p in model.parameters())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="what bench/split wrote; its last part names the recipe")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--structures", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    name = os.path.basename(os.path.normpath(args.folder))
    recipe = RECIPES[name]
    columns, tasks, parts = read(args.folder)
    for seed in range(1, args.seeds + 1):
        for structure in args.structures or recipe["structures"]:
            groups = [[i] for i in range(len(tasks))] if structure == "single" else [list(range(len(tasks)))]
            for group in groups:
                own = {k: (n, i, t[:, group]) for k, (n, i, t) in parts.items()}
                (epoch, valid, test), seconds, size = train(columns, [tasks[i] for i in group], own, recipe, structure, seed)
                print(json.dumps({
                    "recipe": name, "structure": structure, "seed": seed, "tasks": [tasks[i]["name"] for i in group],
                    "valid": valid, "test": test, "best_epoch": epoch, "seconds": seconds, "parameters": size,
                }), flush=True)


if __name__ == "__main__":
    main()
