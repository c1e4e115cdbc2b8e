"""Answers sentences with onnxruntime in Python, one by one from two threads, with
the whitespace tokenizer, lower case and vocabulary written in Python. For each
line of standard input behind the sentences it answers them all and prints
sentences a second and microseconds of the processor for each, so that the caller
can take turns with it."""

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
texts = [sys.stdin.readline().rstrip("\n") for _ in range(int(sys.argv[3]))]
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


for _ in sys.stdin:
    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    start, worked = time.perf_counter(), time.process_time()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took, worked = time.perf_counter() - start, time.process_time() - worked
    print(CALLERS * len(texts) / took, 1e6 * worked / (CALLERS * len(texts)), flush=True)
