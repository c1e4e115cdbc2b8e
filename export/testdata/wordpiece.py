"""Holds a graph that splits texts into pieces against Hugging Face's tokenizers.

Usage: wordpiece.py DIR. DIR has tokenizer.json, front.onnx, and texts.json: texts, whether special tokens are added, and
whether ids are the file's own. Texts with characters that are newer than Unicode 3.2 are left out: the package has tables of
another version. Prints how many texts were compared.
"""

import json
import os
import pathlib
import sys
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy
import onnxruntime
from tokenizers import Tokenizer

folder = pathlib.Path(sys.argv[1])
cases = json.loads((folder / "texts.json").read_text())
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.no_truncation()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(str(folder / "front.onnx"), options, providers=["CPUExecutionProvider"])
unknown = tokenizer.token_to_id("[UNK]")


def known(text):
    return all(unicodedata.ucd_3_2_0.category(c) != "Cn" for c in text)


texts = [t for t in cases["texts"] if known(t)]
for first in range(0, len(texts), 16):
    batch = texts[first : first + 16]
    ids, tokens = session.run(["ids", "tokens"], {"text": numpy.array(batch, dtype=object)})
    for text, row, forms in zip(batch, ids, tokens, strict=True):
        want = tokenizer.encode(text, add_special_tokens=cases["special"])
        own = want.ids if cases["own"] else [1 if i == unknown else i + 2 for i in want.ids]
        padding = [0] * (len(row) - len(own))
        assert list(row) == own + padding, (text, list(forms), want.tokens)
        assert list(forms) == [tokenizer.id_to_token(i) for i in want.ids] + [""] * len(padding), (text, list(forms), want.tokens)
print(len(texts))
