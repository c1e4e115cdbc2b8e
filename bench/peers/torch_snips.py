"""Trains the SNIPS recipe's model in a PyTorch loop on the CPU: a line of JSON with the time of a step and of an epoch.

The model is that of bench/epoch: word vectors, optionally features of a convolution over characters, a bidirectional
LSTM, an intent head over the maximum of the hidden states and a slot head for every token, with softmax or with a
linear-chain CRF (the pytorch-crf package). Batches are made as Espalier makes them: shuffled, sorted by length within
50 batches, padded to their longest. --packed hands the LSTM packed sequences, which skip padding; without it the LSTM
runs over padding, too, which is faster and gives the backward direction a wrong start."""

import argparse
import json
import random
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF

from snips import Snips


class Model(nn.Module):
    def __init__(self, data, options):
        super().__init__()
        self.options = options
        width = options.embedding
        self.words = nn.Embedding(len(data.words), width, padding_idx=0)
        if options.characters:
            self.characters = nn.Embedding(len(data.alphabet), 32, padding_idx=0)
            self.convolution = nn.Conv1d(32, options.characters, 3, padding=1)
            width += options.characters
        self.lstm = nn.LSTM(width, options.hidden // 2, bidirectional=True, batch_first=True)
        self.intent = nn.Linear(options.hidden, len(data.intents))
        self.slots = nn.Linear(options.hidden, len(data.tags))
        self.crf = CRF(len(data.tags), batch_first=True) if options.crf else None

    def drop(self, x, p):
        """Drops the same features of all tokens of a row."""
        if p == 0:
            return x
        return x * F.dropout(torch.ones_like(x[:, :1]), p)

    def loss(self, batch):
        ids, characters, lengths, intent, slots, mask = batch
        x = self.words(ids)
        if self.options.characters:
            rows, tokens, letters = characters.shape
            c = self.characters(characters).view(rows * tokens, letters, -1).transpose(1, 2)
            c = self.convolution(c).masked_fill((characters.view(rows * tokens, 1, letters) == 0), -1e4).amax(2)
            x = torch.cat([x, c.view(rows, tokens, -1)], 2)
        x = self.drop(x, self.options.embedding_dropout)
        if self.options.packed:
            packed, _ = self.lstm(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            hidden, _ = pad_packed_sequence(packed, batch_first=True, total_length=ids.shape[1])
        else:
            hidden, _ = self.lstm(x)
        hidden = self.drop(hidden, self.options.dropout)
        pooled = hidden.masked_fill(~mask.unsqueeze(2), -1e4).amax(1)
        loss = F.cross_entropy(self.intent(pooled), intent)
        scores = self.slots(hidden)
        if self.crf is not None:
            return loss - self.crf(scores, slots.clamp(min=0), mask=mask, reduction="token_mean")
        return loss + F.cross_entropy(scores.flatten(0, 1), slots.flatten(), ignore_index=-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--crf", action="store_true")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--characters", type=int, default=0)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0)
    parser.add_argument("--embedding-dropout", type=float, default=0)
    parser.add_argument("--clip", type=float, default=0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    data = Snips(options.data)
    model = Model(data, options)
    update = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    draw = random.Random(1)
    steps, epochs = [], []
    for _ in range(options.epochs):
        begun = last = time.perf_counter()
        for rows in data.plan(options.batch, draw):
            batch = [torch.from_numpy(a) for a in data.batch(rows, options.characters > 0)]
            update.zero_grad(set_to_none=True)
            model.loss(batch).backward()
            if options.clip:
                nn.utils.clip_grad_norm_(model.parameters(), options.clip)
            update.step()
            now = time.perf_counter()
            steps.append((now - last) * 1e3)
            last = now
        epochs.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "framework": "PyTorch, " + ("packed" if options.packed else "padded"),
                "model": options.model,
                "median_ms": statistics.median(steps),
                "min_ms": min(steps),
                "epoch_s": min(epochs),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
