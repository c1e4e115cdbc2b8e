"""Writes what transformers computes with the encoder of a folder for 500 made sentences.

    minilm.py FOLDER OUT

OUT has, for each of the batches that its metadata lists, ids, mask, hidden (the last hidden states) and pooled.
"""

import json
import random
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModel

WORDS = (
    "the a old new river bridge engineer plays music tonight with two thousand naïve unbelievable transformers café weather in Porto "
    "book me table for four rating of this novel should be five out six what is distance between Earth and moon 3.14 , . ? ! - "
    "internationalization rewatchable antidisestablishmentarianism x 東京 Москва don't"
).split()


def main():
    torch.set_num_threads(2)
    tok = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
    tok.no_padding()
    tok.no_truncation()
    model = AutoModel.from_pretrained(sys.argv[1]).eval()
    draw = random.Random(7)
    texts = [" ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 25))) for _ in range(500)]
    out, names = {}, []
    for start in range(0, len(texts), 50):
        encoded = [tok.encode(t).ids for t in texts[start : start + 50]]
        length = max(map(len, encoded))
        ids = torch.tensor([e + [0] * (length - len(e)) for e in encoded])
        mask = torch.tensor([[1] * len(e) + [0] * (length - len(e)) for e in encoded])
        with torch.no_grad():
            o = model(input_ids=ids, attention_mask=mask)
        name = f"batch{start:03}"
        names.append(name)
        out |= {name + ".ids": ids, name + ".mask": mask, name + ".hidden": o.last_hidden_state.contiguous(), name + ".pooled": o.pooler_output}
    save_file(out, sys.argv[2], {"batches": json.dumps(names)})


main()
