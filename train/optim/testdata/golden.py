"""Writes torch.json: what PyTorch 2.15's optimizers make of the same parameters and gradients, five steps each.

Run it with an interpreter that has PyTorch: python golden.py > torch.json"""

import json

import torch

STEPS, SIZE, ROWS, DIM = 5, 7, 6, 3


def numbers(t):
    return [float(x) for x in t.flatten()]


def dense(make, decay):
    torch.manual_seed(1)
    p = torch.nn.Parameter(torch.randn(SIZE))
    start = numbers(p.detach())
    optimizer = make([p], decay)
    grads, params = [], []
    for _ in range(STEPS):
        p.grad = torch.randn(SIZE)
        grads.append(numbers(p.grad))
        optimizer.step()
        params.append(numbers(p.detach()))
    return {"start": start, "grads": grads, "params": params}


def sparse():
    torch.manual_seed(2)
    table = torch.nn.Embedding(ROWS, DIM, sparse=True)
    start = numbers(table.weight.detach())
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.05)
    steps = []
    for i in range(STEPS):
        ids = torch.tensor([1, 3, 1, 5][: 2 + i % 3])
        grads = torch.randn(len(ids), DIM)
        optimizer.zero_grad()
        table(ids).backward(grads)
        optimizer.step()
        steps.append({"ids": ids.tolist(), "grads": numbers(grads), "params": numbers(table.weight.detach())})
    return {"start": start, "steps": steps}


CASES = {
    "sgd": (lambda p, d: torch.optim.SGD(p, lr=0.05, weight_decay=d), 0),
    "sgd, decay": (lambda p, d: torch.optim.SGD(p, lr=0.05, weight_decay=d), 0.1),
    "sgd, momentum": (lambda p, d: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=d), 0),
    "sgd, nesterov": (lambda p, d: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=d), 0.1),
    "adam": (lambda p, d: torch.optim.Adam(p, lr=0.05, weight_decay=d), 0),
    "adam, decay": (lambda p, d: torch.optim.Adam(p, lr=0.05, weight_decay=d), 0.1),
    "adamw": (lambda p, d: torch.optim.AdamW(p, lr=0.05, weight_decay=d), 0.1),
}

print(json.dumps({"dense": {n: dense(m, d) for n, (m, d) in CASES.items()}, "sparse": sparse()}, indent=1))
