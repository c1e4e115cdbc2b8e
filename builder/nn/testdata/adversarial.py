"""Writes adversarial.json: what PyTorch makes of the losses of a discriminator behind a gradient reversal.

Run it with an interpreter that has PyTorch: python adversarial.py > adversarial.json"""

import json

import torch

FACTOR, COUNTED = 0.3, 3


class Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        return -FACTOR * dy


def numbers(t):
    return [float(x) for x in t.detach().flatten()]


torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
SIZES = {"x": (4, 4), "d/hidden/weight": (4, 5), "d/hidden/bias": (5,), "d/logits/weight": (5, 3), "d/logits/bias": (3,)}
values = {name: torch.randn(*size) for name, size in SIZES.items()}
targets = torch.tensor([[0, 1, 0], [0.5, 0, 0.5], [0, 0, 0], [0, 0, 1]])
counts = targets.sum(1, keepdim=True)


def discriminate(v, x):
    x = torch.nn.functional.batch_norm(x, None, None, training=True)
    hidden = torch.relu(x @ v["d/hidden/weight"] + v["d/hidden/bias"])
    return hidden @ v["d/logits/weight"] + v["d/logits/bias"]


def nll(v):
    return torch.nn.functional.cross_entropy(discriminate(v, Reversal.apply(v["x"])), targets, reduction="sum") / COUNTED


def l2(v):
    held = {name: x.detach() for name, x in v.items()}
    found = torch.softmax(discriminate(v, held["x"]), 1)
    fooled = torch.softmax(discriminate(held, v["x"]), 1)
    return (counts * (found - targets) ** 2).sum() / COUNTED + FACTOR * (counts * (fooled - 1 / 3) ** 2).sum() / COUNTED


out = {"values": {"targets": numbers(targets)} | {name: numbers(x) for name, x in values.items()}}
for loss in nll, l2:
    leaves = {name: x.clone().requires_grad_() for name, x in values.items()}
    value = loss(leaves)
    value.backward()
    out[loss.__name__] = {"loss": numbers(value)} | {"d " + name: numbers(x.grad) for name, x in leaves.items()}
print(json.dumps(out, indent=1))
