"""A file whose tokens are pieces of words, read in Python by nothing but its metadata and Hugging Face's tokenizers, as
docs/tokenizers.md says."""

import base64
import gzip
import hashlib
import json
import os
import pathlib
import re

import numpy
import onnxruntime
from tokenizers import Tokenizer

BOUND = 1e-5  # largest difference of a probability


def test_tokenizers_and_onnxruntime_give_what_go_gives():
    folder = pathlib.Path(os.environ["ESPALIER_INTEROP_DIR"]) / "subword"
    cases = json.loads((folder / "cases.json").read_text())
    session = onnxruntime.InferenceSession(str(folder / "ids.onnx"), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    content = gzip.decompress(base64.b64decode(metadata["espalier.tokenizer"]))
    assert hashlib.sha256(content).hexdigest() == metadata["espalier.tokenizer_sha256"]
    assert "espalier.vocabulary" not in metadata
    description = json.loads(metadata["espalier.schema"])["inputs"][0]
    assert description["tokenizer"] == "subword" and description["special_tokens"]
    tokenizer = Tokenizer.from_str(content.decode())
    unknown = tokenizer.token_to_id("[UNK]")
    words = 0
    for text, answer in zip(cases["texts"], cases["answers"], strict=True):
        encoded = tokenizer.encode(text, add_special_tokens=True)
        assert encoded.tokens == [p["Text"] for p in answer["pieces"]]
        ids = [1 if i == unknown else i + 2 for i in encoded.ids]
        assert max(ids) < description["vocabulary_size"]
        names = [o.name for o in session.get_outputs()]
        starts = numpy.zeros((1, len(ids)), dtype=numpy.int64)
        for word in re.finditer(r"\S+", text):
            starts[0, [i for i, (a, b) in enumerate(encoded.offsets) if a < word.end() and b > word.start()][:1]] = 1
        given = {"ids": numpy.array([ids], dtype=numpy.int64), description["word_starts"]: starts}
        outputs = dict(zip(names, session.run(names, given)))
        tasks = {t["name"]: t for t in cases["tasks"]}
        topic, entities, spans = (next(a for a in answer["tasks"] if a["task"] == name) for name in ("topic", "entities", "spans"))
        assert tasks["topic"]["labels"][outputs["topic_label"][0]] == topic["label"]
        assert numpy.abs(outputs["topic_probabilities"][0] - topic["probabilities"]).max() <= BOUND
        for answered in entities, spans:  # each word's tag by itself, and all together
            labels, name = tasks[answered["task"]]["labels"], answered["task"] + "_label"
            tags = [labels[outputs[name][0, i]] for i in numpy.flatnonzero(starts)]
            assert tags == [t["label"] for t in answered.get("tags", [])]
        words += len(tags)
    assert words > 30
