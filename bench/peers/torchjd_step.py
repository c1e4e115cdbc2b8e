"""Times one training step of the transformer with TorchJD's gradients by task on the CPU: a line of JSON.

Model, sizes and optimizer are those of torch_step.py; the aggregator is UPGrad."""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F
from torchjd.aggregation import UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward

BATCH, LENGTH, WIDTH, WORDS, THREADS = 32, 64, 128, 20000, 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    table = nn.Embedding(WORDS, WIDTH)
    positions = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02)
    blocks = nn.ModuleList(
        nn.TransformerEncoderLayer(
            WIDTH, 4, 4 * WIDTH, dropout=0.0, activation=F.gelu, batch_first=True, norm_first=True
        )
        for _ in range(args.layers)
    )
    heads = [nn.Linear(WIDTH, n) for n in (10, 2, 9)]
    shared = [*table.parameters(), positions, *blocks.parameters()]
    own = [list(h.parameters()) for h in heads]
    optimizer = torch.optim.Adam([*shared, *sum(own, [])], lr=1e-3, fused=True)
    upgrad, times = UPGrad(), []
    for _ in range(args.steps + 5):
        ids = torch.randint(1, WORDS, (BATCH, LENGTH))
        labels = [torch.randint(10, (BATCH,)), torch.randint(2, (BATCH,)), torch.randint(9, (BATCH * LENGTH,))]
        start = time.perf_counter()
        x = table(ids) + positions
        for block in blocks:
            x = block(x)
        pooled = x.mean(1)
        answers = [heads[0](pooled), heads[1](pooled), heads[2](x).reshape(-1, 9)]
        losses = [F.cross_entropy(a, y) for a, y in zip(answers, labels)]
        optimizer.zero_grad(set_to_none=True)
        mtl_backward(losses, features=x, tasks_params=own, shared_params=shared)
        jac_to_grad(shared, upgrad)
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
    times = times[5:]
    print(
        json.dumps(
            {
                "framework": "TorchJD, UPGrad by parameters",
                "model": "transformer",
                "median_ms": statistics.median(times),
                "min_ms": min(times),
            }
        )
    )


if __name__ == "__main__":
    main()
