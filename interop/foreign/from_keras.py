"""Models of Keras 3 on PyTorch, by model.export(format="onnx")."""

import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
from keras import layers

import case

WORDS = 40


def two_heads():
    """Dense layers under a classification and a regression."""
    x = keras.Input((6,), name="x")
    h = layers.Dense(16, activation="relu")(x)
    h = layers.BatchNormalization()(h)
    h = layers.Dropout(0.2)(layers.Dense(12, activation="tanh")(h))
    return keras.Model(x, [layers.Dense(3, activation="softmax", name="kind")(h), layers.Dense(1, name="price")(h)])


def lstm():
    """An LSTM that reads both ways, over words; for one length, as its loop is written out at export."""
    ids = keras.Input((9,), dtype="int32", name="ids")
    h = layers.Bidirectional(layers.LSTM(7))(layers.Embedding(WORDS, 8)(ids))
    return keras.Model(ids, layers.Dense(4, activation="softmax", name="kind")(h))


def conv():
    """A convolution over words, the maximum over time."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    h = layers.Conv1D(8, 3, padding="same", activation="relu")(layers.Embedding(WORDS, 8)(ids))
    return keras.Model(ids, layers.Dense(4, activation="sigmoid", name="topics")(layers.GlobalMaxPooling1D()(h)))


def attention():
    """One layer of attention over words with its residual, without LayerNormalization, which cannot be exported."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    h = layers.Embedding(WORDS, 16)(ids)
    h = h + layers.MultiHeadAttention(4, 4)(h, h)
    return keras.Model(ids, layers.Dense(5, activation="softmax", name="tags")(h))


MODELS = [("two_heads", two_heads), ("lstm", lstm), ("conv", conv), ("attention", attention)]


def make(folder):
    random = np.random.default_rng(2)
    for name, build in MODELS:
        keras.utils.set_random_seed(2)
        model = build()
        path = pathlib.Path(folder) / f"keras_{name}.onnx"
        if name == "two_heads":
            given = [random.standard_normal((n, 6)).astype(np.float32) for n in (3, 1)]
        else:
            given = [random.integers(1, WORDS, size).astype(np.int32) for size in ((3, 9), (2, 9 if name == "lstm" else 5))]
        runs = []
        for x in given:
            y = model(x)
            y = y if isinstance(y, (list, tuple)) else [y]
            runs.append((x, [v.detach().numpy() for v in y]))
        model.export(path, format="onnx", verbose=False)
        names = [o.name for o in onnx.load(path).graph.output]  # numbers, in the order of the model's outputs
        runs = [({model.inputs[0].name: x}, dict(zip(names, y))) for x, y in runs]
        case.write(folder, f"keras_{name}", f"Keras {keras.__version__}", runs, about=build.__doc__.rstrip("."))
