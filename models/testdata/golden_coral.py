"""Writes coral.json: CORAL's loss of random scores, as its authors write it (coral_pytorch.losses.coral_loss), and PyTorch's gradients.

Run it with an interpreter that has torch: python golden_coral.py."""

import json
import pathlib

import torch

torch.manual_seed(7)
n, labels = 12, 5
x = torch.randn(n, 2, dtype=torch.float64)
weight = torch.randn(2, 1, dtype=torch.float64, requires_grad=True)
bias = torch.tensor([1.5, 0.25, 0.5, -2], dtype=torch.float64, requires_grad=True)  # not in order
y = torch.randint(0, labels, (n,))
logits = x @ weight + bias
levels = torch.stack([torch.tensor([1.0] * int(k) + [0.0] * (labels - 1 - int(k)), dtype=torch.float64) for k in y])
terms = torch.nn.functional.logsigmoid(logits) * levels + (torch.nn.functional.logsigmoid(logits) - logits) * (1 - levels)
loss = -terms.sum(1).mean()
loss.backward()
pathlib.Path(__file__).with_name("coral.json").write_text(json.dumps({
    "x": x.tolist(), "y": y.tolist(), "weight": weight.detach().flatten().tolist(), "bias": bias.detach().tolist(),
    "loss": loss.item(), "weight_gradient": weight.grad.flatten().tolist(), "bias_gradient": bias.grad.tolist(),
    "labels": (torch.sigmoid(logits) > 0.5).sum(1).tolist(),
}) + "\n")
