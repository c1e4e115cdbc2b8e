"""Times MiniLM in PyTorch on the CPU, training and answering: a line of JSON for each way of doing it.

Training: one step, optimizer included, on a batch of random pieces without padding, with a head of 7 labels for texts
and one of 72 tags for tokens, dropout of 0.1 and AdamW. Ways: all weights, LoRA (peft; rank 8, alpha 16, of query and
value), a frozen trunk, and heads alone on hidden states that were computed before; the first three eager and compiled by
torch.compile. Answering: N heads of 7 labels on one pass of the trunk, and N passes with an adapter of LoRA each.

Each way runs in a process of its own, so that its peak memory is its own. Times are medians of steps after the first few."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from transformers import BertModel
from transformers.utils import logging

LABELS, TAGS = 7, 72
SHAPES = (32, 32), (32, 64)
ASKED = (1, 32), (32, 32)
WAYS = "full", "lora", "frozen", "cached"
HEADS = 1, 3, 6, 12


def trunk(options, **settings):
    return BertModel.from_pretrained(options.model, add_pooling_layer=False, **settings)


def lora(model, adapters=1):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"])
    model = get_peft_model(model, config, adapter_name="0")
    for i in range(1, adapters):
        model.add_adapter(str(i), config)
    return model


def median(step, options):
    """The median of a step's seconds: of as many as --seconds has room for, and at least 5."""
    times, begun = [], None
    for i in range(10**6):
        if i == options.warm:
            begun = time.perf_counter()
        start = time.perf_counter()
        step()
        now = time.perf_counter()
        if begun is not None:
            times.append(now - start)
            if len(times) >= 5 and now - begun > options.seconds:
                return statistics.median(times), len(times)


class Trained(nn.Module):
    """The trunk and the loss of its two heads."""

    def __init__(self, way, options):
        super().__init__()
        self.way = way
        if way != "cached":
            self.trunk = trunk(options)
        if way == "lora":
            self.trunk = lora(self.trunk)
        if way == "frozen":
            self.trunk.requires_grad_(False)
        self.text, self.tags = nn.Linear(384, LABELS), nn.Linear(384, TAGS)

    def forward(self, x, mask, label, tags):
        if self.way != "cached":
            x = self.trunk(input_ids=x, attention_mask=mask).last_hidden_state
        real = mask.unsqueeze(2).to(x.dtype)
        pooled = (x * real).sum(1) / real.sum(1)
        scores = self.tags(F.dropout(x, 0.1, self.training))
        return (F.cross_entropy(self.text(F.dropout(pooled, 0.1, self.training)), label)
                + F.cross_entropy(scores.flatten(0, 1), tags.flatten()))


def train(options):
    batch, length = options.shape
    model = Trained(options.way, options).train()
    if options.way == "frozen":
        model.trunk.eval()  # features are those of a trunk without dropout
    learned = [p for p in model.parameters() if p.requires_grad]
    update = torch.optim.AdamW(learned, lr=1e-4, fused=True)
    run = torch.compile(model) if options.compiled else model
    shape = batch, length
    x = torch.randn(*shape, 384) if options.way == "cached" else torch.randint(1000, 30000, shape)
    mask, label, tags = torch.ones(shape, dtype=torch.long), torch.randint(LABELS, (batch,)), torch.randint(TAGS, shape)

    def step():
        update.zero_grad(set_to_none=True)
        run(x, mask, label, tags).backward()
        update.step()

    seconds, steps = median(step, options)
    return {"way": options.way, "compiled": options.compiled, "tokens_per_s": round(batch * length / seconds), "steps": steps,
            "trained_parameters": sum(p.numel() for p in learned)}, seconds


def answer(options):
    batch, length = options.shape
    n, passes = options.heads, options.way == "lora"
    model = trunk(options)
    model = (lora(model, n) if passes else model).eval()
    heads = [nn.Linear(384, LABELS) for _ in range(n)]
    ids, mask = torch.randint(1000, 30000, (batch, length)), torch.ones((batch, length), dtype=torch.long)
    pool = lambda: model(input_ids=ids, attention_mask=mask).last_hidden_state.mean(1)

    @torch.inference_mode()
    def step():
        if not passes:
            pooled = pool()
            return [head(pooled) for head in heads]
        out = []
        for i, head in enumerate(heads):
            model.set_adapter(str(i), inference_mode=True)
            out.append(head(pool()))
        return out

    seconds, steps = median(step, options)
    return {"way": "LoRA passes" if passes else "one pass", "heads": n, "steps": steps}, seconds


def one(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    facts, seconds = answer(options) if options.heads else train(options)
    print(json.dumps({
        "framework": "PyTorch", "kind": "answer" if options.heads else "train", **facts,
        "batch": options.shape[0], "length": options.shape[1], "median_ms": round(1e3 * seconds, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "threads": options.threads,
    }), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("ESPALIER_MINILM", ".env/minilm/model"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8, help="how long each way is measured")
    parser.add_argument("--warm", type=int, default=3, help="steps before that")
    parser.add_argument("--only", choices=["train", "answer"])
    parser.add_argument("--no-compile", action="store_true", help="leaves torch.compile out, which takes a minute each time")
    parser.add_argument("--way", choices=WAYS, help="this one alone, with --shape, in this process")
    parser.add_argument("--shape", type=int, nargs=2, default=SHAPES[0])
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--heads", type=int, default=0, help="times answering with so many heads")
    options = parser.parse_args()
    if options.way:
        return one(options)
    ways = []
    if options.only != "answer":
        ways += [["--way", way, "--shape", *map(str, shape), *compiled] for shape in SHAPES for way in WAYS
                 for compiled in ([], ["--compiled"]) if not compiled or way != "cached" and not options.no_compile]
    if options.only != "train":
        ways += [["--way", way, "--shape", *map(str, shape), "--heads", str(n)] for shape in ASKED for n in HEADS for way in ("full", "lora")]
    shared = ["--model", options.model, "--threads", str(options.threads), "--seconds", str(options.seconds), "--warm", str(options.warm)]
    failed = 0
    for way in ways:
        failed |= subprocess.run([sys.executable, "-B", __file__, *way, *shared]).returncode
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
