"""Writes small random encoders as transformers saves them, each with what PyTorch computes with it.

    reference.py OUT

OUT gets one folder for each encoder: config.json, model.safetensors or shards, tokenizer.json, and what tests compare
with: reference.safetensors and texts.json. All numbers are float32, computed on the CPU in one thread without dropout;
a second run writes the same bytes.

texts.json is a list of the five rows of the batch: text, the second text of a pair or null, and the ids that
`tokenizers` makes of them, special tokens included. reference.safetensors has

    ids, mask, token_types   [5, length] int64; mask is 1 for real tokens, special tokens among them
    hidden.0 ... hidden.N    [5, length, hidden]: what the first layer reads, then what each layer computes; at padding it
                             depends on the implementation
    pooled                   [5, hidden], where the encoder has a pooling layer
    loss                     [1]: the sum of squares of the last hidden states of real tokens over the number of these
                             tokens; with a pooling layer, plus the mean of the squares of pooled
    gradient/NAME            of that loss by each parameter under its name in the checkpoint. Keys' biases have the
                             gradient 0, which rounding makes some 1e-8 here

and a fine-tuning of 20 steps, each on a batch of its own, from the saved weights:

    train/ids, train/mask, train/token_types   [20, 5, length] int64
    train/class              [20, 5] int64, labels of 3 classes
    train/tags               [20, 5, length] int64, labels of 4 tags at real tokens, -1 at padding
    head/class/weight, head/class/bias         [3, hidden] and [3], how the heads begin
    head/tags/weight, head/tags/bias           [4, hidden] and [4]
    sgd/losses, adamw/losses [20]: before each step, the mean cross-entropy of classes of the mean over real tokens'
                             last hidden states, plus the mean cross-entropy of real tokens' tags
    sgd/NAME, adamw/NAME     the parameters after the last step, those of heads too; SGD with the rate 0.1, AdamW with
                             1e-3, betas 0.9 and 0.999, epsilon 1e-8, no weight decay. AdamW makes whole steps of the
                             rounding errors of keys' biases, which change nothing that is computed

Of the pooling layer, which no head reads, sgd/ and adamw/ have nothing.

The folder headed-NAME has the weights of NAME as saved with a head for another task: names have the architecture's in
front and the pooling layer is missing. It has no reference of its own.
"""

import collections
import json
import math
import os
import sys

import torch
import transformers as hf
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn import functional as F

ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BATCH, STEPS, HIDDEN, CLASSES, TAGS = 5, 20, 32, 3, 4

LINES = """
The ferry leaves the island at seven, and nobody waits for the last passenger.
She planted two rows of beans beside the wall; the snails ate one.
Weather: rain in the north, wind from the west, 14 degrees at noon.
How many bridges cross the river between here and the old mill?
A clock that runs backwards is right as often as one that runs twice as fast.
He paid 3.50 for bread, 12.90 for cheese and nothing for the advice.
Please book a table for four at the harbour tonight.
The committee met on Tuesday, agreed on nothing and went home early.
Play the slow movement again, but without the drums.
In winter the lake freezes, and children skate to school across it.
Nine of the ten lamps work; the tenth hums.
Where did the engineers keep the plans of the northern tunnel?
Crème brûlée, naïve façade, Zürich, Łódź: letters with marks on them.
The train to Porto was late, the one to Lisbon was cancelled.
My neighbour repairs violins and never plays them.
Set an alarm for half past five and remind me to feed the cat.
The map shows a road where there is only sand.
Bring the ladder, two buckets and whatever paint is left.
They measured the hall: 24 metres long, 9 wide, 6 high.
Nothing about the letter was wrong except its date.
""".strip().split("\n")


def pieces(count, texts, longest=6):
    """The substrings of two characters and more that texts have most often, with their counts. The trainers of
    `tokenizers` add up in the order of hash tables, so that each run finds others."""
    found = collections.Counter(t[i : i + n] for t in texts for n in range(2, longest + 1) for i in range(len(t) - n + 1))
    return sorted(found.items(), key=lambda p: (-p[1] * (len(p[0]) - 1), p[0]))[:count]


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    words = [w for line in LINES for w, _ in t.pre_tokenizer.pre_tokenize_str(t.normalizer.normalize_str(line))]
    letters = sorted(set("".join(words)))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters if c.isalnum())]
    vocabulary += [p for p, _ in pieces(60, words)] + ["##" + p for p, _ in pieces(60, [w[1:] for w in words])]
    t.model = models.WordPiece({p: i for i, p in enumerate(vocabulary)}, unk_token="[UNK]")
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_special_tokens(vocabulary[:5])
    return t


def bpe():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = [list(w) for line in LINES for w, _ in byte_level.pre_tokenize_str(line)]
    vocabulary, merges = [*ROBERTA_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())], []
    for _ in range(80):
        pairs = collections.Counter(p for w in words for p in zip(w, w[1:]))
        a, b = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append((a, b))
        vocabulary.append(a + b)
        for w in words:
            for i in range(len(w) - 1, 0, -1):
                if w[i - 1 : i + 1] == [a, b]:
                    w[i - 1 : i + 1] = [a + b]
    t = Tokenizer(models.BPE({p: i for i, p in enumerate(vocabulary)}, merges))
    t.pre_tokenizer, t.decoder = byte_level, decoders.ByteLevel()
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    t.add_special_tokens(ROBERTA_SPECIAL)
    return t


def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer, t.decoder = normalizers.NFKC(), pre_tokenizers.Metaspace(), decoders.Metaspace()
    words = [w for line in LINES for w, _ in t.pre_tokenizer.pre_tokenize_str(t.normalizer.normalize_str(line))]
    counts = [*sorted(collections.Counter("".join(words)).items()), *pieces(130, words)]
    total = sum(n for _, n in counts)
    vocabulary = [(p, 0.0) for p in ROBERTA_SPECIAL] + [(p, math.log(n / total)) for p, n in counts]
    t.model = models.Unigram(vocabulary, unk_id=ROBERTA_SPECIAL.index("<unk>"), byte_fallback=False)
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens(ROBERTA_SPECIAL)
    return t


SIZES = {"num_hidden_layers": 3, "hidden_size": HIDDEN, "num_attention_heads": 4, "intermediate_size": 48}
BERT = {**SIZES, "max_position_embeddings": 40}
ROBERTA = {**SIZES, "max_position_embeddings": 42, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
DISTIL = {"n_layers": 3, "dim": HIDDEN, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 40}

# Each encoder: tokenizer, configuration, class, pooling layer (None: the class has no choice), and how it is saved.
ENCODERS = {
    "bert": (wordpiece, hf.BertConfig, BERT, hf.BertModel, True, {}),
    "bert-without-pooler": (wordpiece, hf.BertConfig, BERT, hf.BertModel, False, {}),
    "bert-gelu-new": (wordpiece, hf.BertConfig, {**BERT, "hidden_act": "gelu_new"}, hf.BertModel, True, {}),
    "bert-relu": (wordpiece, hf.BertConfig, {**BERT, "hidden_act": "relu"}, hf.BertModel, True, {}),
    "bert-bfloat16": (wordpiece, hf.BertConfig, BERT, hf.BertModel, True, {"dtype": torch.bfloat16}),
    "bert-float16": (wordpiece, hf.BertConfig, BERT, hf.BertModel, True, {"dtype": torch.float16}),
    "bert-sharded": (wordpiece, hf.BertConfig, BERT, hf.BertModel, True, {"max_shard_size": "20KB"}),
    "electra": (wordpiece, hf.ElectraConfig, {**BERT, "embedding_size": 24}, hf.ElectraModel, None, {}),
    "roberta": (bpe, hf.RobertaConfig, {**ROBERTA, "type_vocab_size": 1, "layer_norm_eps": 1e-5}, hf.RobertaModel, True, {}),
    "xlm-roberta": (unigram, hf.XLMRobertaConfig, {**ROBERTA, "type_vocab_size": 1, "layer_norm_eps": 1e-5}, hf.XLMRobertaModel, True, {}),
    "distilbert": (wordpiece, hf.DistilBertConfig, DISTIL, hf.DistilBertModel, None, {}),
}

# Of which encoders there is a copy in a model with a head, and the model's attribute that is the encoder.
HEADED = {
    "bert": (hf.BertForMaskedLM, "bert"),
    "electra": (hf.ElectraForPreTraining, "electra"),
    "roberta": (hf.RobertaForSequenceClassification, "roberta"),
    "xlm-roberta": (hf.XLMRobertaForTokenClassification, "roberta"),
    "distilbert": (hf.DistilBertForSequenceClassification, "distilbert"),
}


def drawn(*shape, std=0.15, seed):
    return torch.randn(*shape, generator=seed) * std


def randomize(model, seed):
    """Weights so large that an error anywhere shows, biases that are not 0 and normalisation that is not the identity."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            norm = "norm" in name.lower()
            p.copy_(drawn(*p.shape, std=0.1 if norm else 0.15, seed=seed) + (1 if norm and name.endswith("weight") else 0))


def batch(tok, rows, padding):
    """Rows of (text, second text or None) as padded ids, mask and token types."""
    encoded = [tok.encode(a) if b is None else tok.encode(a, b) for a, b in rows]
    shape = len(rows), max(len(e.ids) for e in encoded)
    ids, mask, types = torch.full(shape, padding), torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, e in enumerate(encoded):
        n = len(e.ids)
        ids[i, :n], mask[i, :n], types[i, :n] = torch.tensor(e.ids), 1, torch.tensor(e.type_ids)
    return ids, mask, types


def words(line, start, count):
    return " ".join(line.split()[start : start + count])


def train_rows(step):
    """Five texts of lengths that differ, the last two of them pairs."""
    line = lambda i: LINES[(7 * step + 3 * i) % len(LINES)]
    return [(words(line(i), step % 3, 2 + (step + i) % 4), words(line(i + 5), 0, 2 + i % 2) if i > 2 else None) for i in range(BATCH)]


def states(model, typed, ids, mask, types):
    return model(input_ids=ids, attention_mask=mask, output_hidden_states=True, **({"token_type_ids": types} if typed else {}))


def finetune(model, typed, data, heads, optimizer):
    losses = []
    parameters = dict(model.named_parameters())
    update = optimizer(list(parameters.values()) + list(heads.values()))
    for step in range(STEPS):
        ids, mask, types, classes, tags = (x[step] for x in data)
        h = states(model, typed, ids, mask, types).last_hidden_state
        real = mask.unsqueeze(2).to(h.dtype)
        pooled = (h * real).sum(1) / real.sum(1)
        loss = F.cross_entropy(F.linear(pooled, heads["head/class/weight"], heads["head/class/bias"]), classes)
        scores = F.linear(h, heads["head/tags/weight"], heads["head/tags/bias"])
        loss = loss + F.cross_entropy(scores.flatten(0, 1), tags.flatten(), ignore_index=-1)
        update.zero_grad()
        loss.backward()
        update.step()
        losses.append(loss.detach())
    final = {n: p.detach().clone() for n, p in {**parameters, **heads}.items() if not n.startswith("pooler.")}
    return {"losses": torch.stack(losses), **final}


def write(out, name, number):
    make_tokenizer, config, sizes, cls, pooler, saved = ENCODERS[name]
    tok = make_tokenizer()
    seed = torch.Generator().manual_seed(100 + number)
    c = config(vocab_size=tok.get_vocab_size(), attn_implementation="eager", **sizes)
    make = lambda: (cls(c) if pooler is None else cls(c, add_pooling_layer=pooler)).eval()
    model = make()
    randomize(model, seed)
    folder = os.path.join(out, name)
    # What the file has is what the reference is computed with, in float32.
    kept = {k: v for k, v in saved.items() if k != "dtype"}
    if "dtype" in saved:
        model = model.to(saved["dtype"])
    model.save_pretrained(folder, **kept)
    model = model.to(torch.float32)
    tok.save(os.path.join(folder, "tokenizer.json"))
    begin = {k: v.clone() for k, v in model.state_dict().items()}

    typed = getattr(c, "type_vocab_size", 0) > 0
    rows = [(words(LINES[0], 0, 7), None), (words(LINES[12], 0, 2), None), (words(LINES[3], 0, 4), words(LINES[10], 0, 3)),
            (words(LINES[8], 0, 6), None), (words(LINES[5], 1, 2), "§ 5 of it")]
    ids, mask, types = batch(tok, rows, c.pad_token_id)
    with open(os.path.join(folder, "texts.json"), "w") as f:
        json.dump([{"text": a, "second": b, "ids": i[m > 0].tolist()} for (a, b), i, m in zip(rows, ids, mask)], f, indent=1)
    answer = {"ids": ids, "mask": mask, "token_types": types}
    o = states(model, typed, ids, mask, types)
    for i, h in enumerate(o.hidden_states):
        answer[f"hidden.{i}"] = h.detach()
    real = mask.unsqueeze(2)
    loss = (o.last_hidden_state.square() * real).sum() / mask.sum()
    if getattr(o, "pooler_output", None) is not None:
        answer["pooled"] = o.pooler_output.detach()
        loss = loss + o.pooler_output.square().mean()
    answer["loss"] = loss.detach().reshape(1)
    loss.backward()
    for n, p in model.named_parameters():
        answer["gradient/" + n] = p.grad

    batches = [batch(tok, train_rows(step), c.pad_token_id) for step in range(STEPS)]
    length = max(b[0].shape[1] for b in batches)
    padded = lambda x, value: F.pad(x, (0, length - x.shape[1]), value=value)
    ids, mask, types = (torch.stack([padded(b[i], v) for b in batches]) for i, v in enumerate((c.pad_token_id, 0, 0)))
    classes = torch.randint(CLASSES, ids.shape[:2], generator=seed)
    tags = torch.randint(TAGS, ids.shape, generator=seed).where(mask > 0, -1)
    data = ids, mask, types, classes, tags
    answer |= dict(zip(("train/ids", "train/mask", "train/token_types", "train/class", "train/tags"), data))
    heads = {}
    for task, n in (("class", CLASSES), ("tags", TAGS)):
        heads[f"head/{task}/weight"] = drawn(n, HIDDEN, seed=seed)
        heads[f"head/{task}/bias"] = drawn(n, seed=seed)
    answer |= heads
    for optimizer, make_optimizer in (
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)),
    ):
        fresh = make()
        fresh.load_state_dict(begin)
        own = {n: torch.nn.Parameter(h.clone()) for n, h in heads.items()}
        answer |= {f"{optimizer}/{n}": t for n, t in finetune(fresh, typed, data, own, make_optimizer).items()}
    save_file({n: t.contiguous() for n, t in sorted(answer.items())}, os.path.join(folder, "reference.safetensors"))

    if name in HEADED:
        wrapper, attribute = HEADED[name]
        whole = wrapper(c).eval()
        randomize(whole, torch.Generator().manual_seed(0))
        own = getattr(whole, attribute)
        own.load_state_dict({k: v for k, v in begin.items() if not k.startswith("pooler.")})
        folder = os.path.join(out, "headed-" + name)
        whole.save_pretrained(folder)
        tok.save(os.path.join(folder, "tokenizer.json"))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: reference.py OUT")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hf.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    for number, name in enumerate(ENCODERS):
        write(sys.argv[1], name, number)


if __name__ == "__main__":
    main()
