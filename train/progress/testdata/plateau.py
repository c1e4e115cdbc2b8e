"""Factors that PyTorch's ReduceLROnPlateau gives, for plateau_test.go.

    python plateau.py > plateau.json
"""
import json
import random

import torch

r = random.Random(7)
cases = []
for i in range(40):
    mode = ["max", "min"][i % 2]
    c = {
        "mode": mode,
        "factor": r.choice([0.1, 0.5, 0.9]),
        "patience": r.choice([0, 1, 2, 4]),
        "min": r.choice([0.0, 0.2]),
        "threshold": r.choice([0.0, 1e-4, 0.01, 0.1]),
    }
    p = torch.nn.Parameter(torch.zeros(1))
    o = torch.optim.SGD([p], lr=1.0)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(
        o, mode=mode, factor=c["factor"], patience=c["patience"], min_lr=c["min"], threshold=c["threshold"]
    )
    scores, factors, x = [], [], 0.5
    for _ in range(30):
        x = max(0.01, x + r.uniform(-0.06, 0.06) * r.choice([0, 1]))
        scores.append(round(x, 4))
        s.step(scores[-1])
        factors.append(o.param_groups[0]["lr"])
    cases.append({**c, "scores": scores, "factors": factors})
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
