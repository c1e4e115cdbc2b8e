"""Trains the SNIPS recipe's model in Keras on TensorFlow (CPU): a line of JSON with the time of a step and of an epoch.

The model is that of torch_snips.py without CRF and characters, batches are the same. A step is train_on_batch, which
compiles once for every length of sentences; those compilations are in the first epoch and not in the figures."""

import argparse
import json
import os
import random
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402

from snips import Snips  # noqa: E402


def build(data, embedding, hidden):
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(len(data.words), embedding, mask_zero=True)(ids)
    x = keras.layers.Bidirectional(keras.layers.LSTM(hidden // 2, return_sequences=True))(x)
    pooled = keras.layers.GlobalMaxPooling1D()(x)
    model = keras.Model(
        ids, [keras.layers.Dense(len(data.intents))(pooled), keras.layers.Dense(len(data.tags))(x)]
    )
    losses = [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
    ]
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=losses)
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    data = Snips(options.data)
    model = build(data, options.embedding, options.hidden)
    draw = random.Random(1)
    steps, epochs = [], []
    for epoch in range(options.epochs):
        begun = last = time.perf_counter()
        for rows in data.plan(options.batch, draw):
            ids, _, _, intent, slots, _ = data.batch(rows, False)
            model.train_on_batch(ids.astype("int32"), [intent, slots])
            now = time.perf_counter()
            if epoch > 0:
                steps.append((now - last) * 1e3)
            last = now
        epochs.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "framework": "Keras, train_on_batch",
                "model": options.model,
                "median_ms": statistics.median(steps),
                "min_ms": min(steps),
                "epoch_s": min(epochs[1:]),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
