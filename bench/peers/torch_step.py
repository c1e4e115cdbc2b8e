"""Times one training step of the benchmark models in PyTorch on the CPU: a line of JSON.

The models, sizes and optimizer are those of bench/step: word vectors, then nothing (bag) or pre-norm
transformer blocks, a mean over the sentence, and three linear heads."""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, LENGTH, WIDTH, WORDS, THREADS = 32, 64, 128, 20000, 2


class Model(nn.Module):
    def __init__(self, layers, sparse):
        super().__init__()
        self.table = nn.Embedding(WORDS, WIDTH, sparse=sparse)
        self.positions = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02) if layers else None
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, 4, 4 * WIDTH, dropout=0.0, activation=F.gelu, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.topic, self.sentiment, self.tags = (nn.Linear(WIDTH, n) for n in (10, 2, 9))

    def forward(self, ids):
        hidden = self.table(ids)
        if self.positions is not None:
            hidden = hidden + self.positions
        for block in self.blocks:
            hidden = block(hidden)
        pooled = hidden.mean(1)
        return self.topic(pooled), self.sentiment(pooled), self.tags(hidden)


def optimizers(model, sparse):
    if not sparse:
        return [torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)]
    rest = [p for name, p in model.named_parameters() if not name.startswith("table")]
    return [torch.optim.SparseAdam(list(model.table.parameters()), lr=1e-3), torch.optim.Adam(rest, lr=1e-3, fused=True)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model = Model(options.layers, options.sparse)
    updates = optimizers(model, options.sparse)
    times = []
    for step in range(options.steps + 5):
        ids = torch.randint(1, WORDS, (BATCH, LENGTH))
        labels = torch.randint(10, (BATCH,)), torch.randint(2, (BATCH,)), torch.randint(9, (BATCH * LENGTH,))
        start = time.perf_counter()
        logits = model(ids)
        loss = sum(F.cross_entropy(x.reshape(-1, x.shape[-1]), y) for x, y in zip(logits, labels))
        for update in updates:
            update.zero_grad(set_to_none=True)
        loss.backward()
        for update in updates:
            update.step()
        if step >= 5:
            times.append((time.perf_counter() - start) * 1e3)
    print(
        json.dumps(
            {
                "framework": "PyTorch, " + ("sparse rows" if options.sparse else "fused Adam"),
                "model": "transformer" if options.layers else "bag",
                "median_ms": statistics.median(times),
                "min_ms": min(times),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
