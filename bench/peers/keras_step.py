"""Times a training step of the benchmark models in Keras on TensorFlow (CPU): a line of JSON.

The time is that of model.fit over many batches, divided by their number: what a user of Keras waits for."""

import argparse
import json
import os
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402

BATCH, LENGTH, WIDTH, WORDS, THREADS = 32, 64, 128, 20000, 2


def build(layers):
    ids = keras.Input((LENGTH,), dtype="int32")
    hidden = keras.layers.Embedding(WORDS, WIDTH)(ids)
    for _ in range(layers):
        normal = keras.layers.LayerNormalization()(hidden)
        hidden = hidden + keras.layers.MultiHeadAttention(4, WIDTH // 4)(normal, normal)
        normal = keras.layers.LayerNormalization()(hidden)
        wide = keras.layers.Dense(4 * WIDTH, activation="gelu")(normal)
        hidden = hidden + keras.layers.Dense(WIDTH)(wide)
    pooled = keras.layers.GlobalAveragePooling1D()(hidden)
    heads = {
        "topic": keras.layers.Dense(10)(pooled),
        "sentiment": keras.layers.Dense(2)(pooled),
        "tags": keras.layers.Dense(9)(hidden),
    }
    model = keras.Model(ids, heads)
    losses = {name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for name in heads}
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=losses)
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    model = build(options.layers)
    draw = numpy.random.default_rng(0)
    rows = BATCH * options.steps
    ids = draw.integers(1, WORDS, (rows, LENGTH)).astype("int32")
    labels = {
        "topic": draw.integers(0, 10, rows),
        "sentiment": draw.integers(0, 2, rows),
        "tags": draw.integers(0, 9, (rows, LENGTH)),
    }
    model.fit(ids, labels, batch_size=BATCH, epochs=1, verbose=0)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        model.fit(ids, labels, batch_size=BATCH, epochs=1, verbose=0)
        times.append((time.perf_counter() - start) * 1e3 / options.steps)
    print(
        json.dumps(
            {
                "framework": "Keras, fit",
                "model": "transformer" if options.layers else "bag",
                "median_ms": statistics.median(times),
                "min_ms": min(times),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
