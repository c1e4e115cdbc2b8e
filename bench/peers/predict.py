"""Sentences a second of onnxruntime in Python, one by one from two threads, with
the whitespace tokenizer, lower case and vocabulary written in Python."""

import json
import sys
import threading
import time

import numpy as np
import onnxruntime as ort

CALLERS = 2

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
with open(sys.argv[2], encoding="utf-8") as f:
    ids = {word.rstrip("\n"): i for i, word in enumerate(f)}
texts = sys.stdin.read().split("\n")
metadata = json.loads(session.get_modelmeta().custom_metadata_map["espalier.schema"])
labels = {t["name"]: t["labels"] for t in metadata["tasks"]}
names = [o.name for o in session.get_outputs()]


def answer(text):
    words = text.lower().split()
    row = np.array([[ids.get(w, 1) for w in words]], dtype=np.int64)
    out = dict(zip(names, session.run(names, {"ids": row})))
    return {
        "intent": labels["intent"][out["intent_label"][0]],
        "mood": labels["mood"][out["mood_label"][0]],
        "slots": [labels["slots"][i] for i in out["slots_label"][0]],
    }


def call():
    for text in texts:
        answer(text)


best = 0.0
for _ in range(4):
    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    best = max(best, CALLERS * len(texts) / (time.perf_counter() - start))
print(json.dumps({"per_second": best}))
