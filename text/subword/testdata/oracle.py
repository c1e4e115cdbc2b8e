"""Trains tokenizers of every kind with Hugging Face's tokenizers and encodes texts with them.

Usage: oracle.py OUT DATA. OUT gets texts.json, every sentence of SNIPS, a sample of other data sets and random
characters; and for each tokenizer NAME.json, its tokenizer.json, and NAME.encoded.json: for each text the ids and the
character offsets, with special tokens for every second one, and the seconds it took; and NAME.cut.json: for texts and pairs
of texts, cut at some length, the ids, token types and offsets. Where ESPALIER_MINILM names the folder of MiniLM, its
tokenizer is one of them.
"""

import io
import json
import os
import pathlib
import random
import sys
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

folder = pathlib.Path(sys.argv[1])
data = pathlib.Path(sys.argv[2])
random.seed(1)


def lines(name, encoding="utf-8"):
    return (data / name).read_text(encoding).splitlines()


def characters():
    """Texts of characters that every table of Unicode knows, mixed with common ones. The first is a common one: where a
    table of replacements deletes it, the package counts offsets from the wrong place."""
    known = [chr(i) for i in range(1, 0x110000) if unicodedata.ucd_3_2_0.category(chr(i)) not in ("Cn", "Co", "Cs")]
    common = "abc  \u00e9.,'12 "
    for _ in range(800):
        text = [random.choice(common)]
        for _ in range(random.randint(0, 30)):
            text.append(random.choice(known if random.random() < 0.5 else common))
        yield "".join(text)


snips = [line for split in ("train", "valid", "test") for line in lines(f"snips/{split}/seq.in")]
others = lines("trec/TREC.test", "latin-1") + lines("sst2/dev.tsv") + lines("wnut17/emerging.dev.conll")[::40]
others += lines("ud_ewt/en_ewt-ud-dev.conllu")[::40] + lines("goemotions/original/dev.tsv")[::20]
CASES = [
    "", " ", "  a  b ", "<mask> hi <mask>", "song songs a song", "The  Re  x playlists", "don't we'll WE'LL   x  ", "a\n\nb\t c\r\n",
    "\u0130stanbul \u01c5 \u03a3\u03c2", "e\u0301\u0323 \u1ea5\u0323 \u1ead", "\u4e2d\u6587\u5b57\u7b26 test", "\u1100\u1161\u11a8 \uac01",
    "\ufb01 \u00bd \u00c5 \u2460 \u2026", "\U0001f468\u200d\U0001f469 \U0001f600", "[MASK] [CLS]x", "x" * 40, "a<unk>b \u2581 c", "<0x41>",
]
corpus = snips[::16]
texts = snips + others + CASES + list(characters())
(folder / "texts.json").write_text(json.dumps(texts))
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bpe(**kind):
    return Tokenizer(models.BPE(**kind))


def train(tokenizer, trainer, size=1200, **options):
    tokenizer.train_from_iterator(corpus, trainer(vocab_size=size, show_progress=False, **options))
    return tokenizer


def gpt2():
    t = bpe()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    return train(t, trainers.BpeTrainer, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def roberta():
    t = bpe()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    train(t, trainers.BpeTrainer, special_tokens=SPECIAL[:4] + [AddedToken("<mask>", lstrip=True)], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return t


def llama3():
    t = bpe(ignore_merges=True)
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    train(t, trainers.BpeTrainer, special_tokens=["<|begin|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing("<|begin|> $A", special_tokens=[("<|begin|>", 0)])]
    )
    return t


def llama2():
    """Metaspace by normalizers, byte fallback."""
    t = bpe(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    train(t, trainers.BpeTrainer, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)])
    t.pre_tokenizer = None
    t.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return t


def metaspace(scheme="always", **unknown):
    t = bpe(unk_token="<unk>", **unknown)
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    train(t, trainers.BpeTrainer, special_tokens=["<unk>", "<x>"], limit_alphabet=60)
    t.add_tokens([AddedToken("song", single_word=True), AddedToken("The  Re", rstrip=True, normalized=False), "playlist"])
    return t


def clip():
    """Suffixes at ends of words."""
    t = bpe(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True)
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    return train(t, trainers.BpeTrainer, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=60)


def bert(**options):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30))
    t.normalizer = normalizers.BertNormalizer(**options)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    train(t, trainers.WordPieceTrainer, special_tokens=BERT)
    t.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", [("[CLS]", 2), ("[SEP]", 3)])
    return t


def pieces():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits()])
    train(t, trainers.WordPieceTrainer, special_tokens=BERT)
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def unigram(normalizer=None, size=900, fallback=False, split=True):
    t = Tokenizer(models.Unigram())
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=split)
    special = ["<unk>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    train(t, trainers.UnigramTrainer, size, special_tokens=special, unk_token="<unk>")
    if fallback:
        content = json.loads(t.to_str())
        content["model"]["byte_fallback"] = True
        content["added_tokens"] = content["added_tokens"][:1]
        t = Tokenizer.from_str(json.dumps(content))
    return t


def charsmap(rule):
    """The table of replacements that SentencePiece compiled into itself."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, vocab_size=200, normalization_rule_name=rule, minloglevel=9
    )
    return field(field(model.getvalue(), 3), 2)


def field(message, number):
    """The bytes of a field of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            b = message[at]
            at += 1
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value

    while at < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            varint()
        elif kind == 5:
            at += 4
        else:
            n = varint()
            if tag >> 3 == number:
                return message[at : at + n]
            at += n
    raise ValueError(f"no field {number}")


def words():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Nmt(), normalizers.NFKC()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[^\w\s]|\d+"), "merged_with_previous"), pre_tokenizers.CharDelimiterSplit(" ")])
    return train(t, trainers.WordLevelTrainer, special_tokens=["<unk>"])


def inverted():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|\S"), "removed", invert=True)
    return train(t, trainers.WordLevelTrainer, special_tokens=["<unk>"])


KINDS = {
    "bpe_gpt2": gpt2,
    "bpe_roberta": roberta,
    "bpe_llama3": llama3,
    "bpe_llama2": llama2,
    "bpe_metaspace": metaspace,
    "bpe_metaspace_first_fused": lambda: metaspace("first", fuse_unk=True),
    "bpe_clip": clip,
    "wordpiece_bert": bert,
    "wordpiece_bert_cased": lambda: bert(lowercase=False),
    "wordpiece_bert_accents": lambda: bert(strip_accents=False, handle_chinese_chars=False),
    "wordpiece_pieces": pieces,
    "unigram": unigram,
    "unigram_nfkc": lambda: unigram(normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])),
    "unigram_bytes": lambda: unigram(size=1100, fallback=True),
    "unigram_whole": lambda: unigram(normalizers.Replace(Regex(" {2,}"), " "), split=False),
    "unigram_xlmr": lambda: unigram(normalizers.Precompiled(charsmap("nmt_nfkc"))),
    "unigram_albert": lambda: unigram(normalizers.Precompiled(charsmap("nmt_nfkc_cf"))),
    "wordlevel": words,
    "wordlevel_inverted": inverted,
}

if "ESPALIER_MINILM" in os.environ:
    KINDS["minilm"] = lambda: Tokenizer.from_file(os.path.join(os.environ["ESPALIER_MINILM"], "tokenizer.json"))

# Texts and pairs by their numbers, whether special tokens are added, and how many pieces are kept beside those, -1 for all.
CUTS = []
for i in range(600):
    second = random.randrange(len(texts)) if i % 3 else -1
    CUTS.append((random.randrange(len(texts)), second, i % 5 != 0, random.choice([-1, 0, 1, 2, 3, 5, 8, 9, 12, 17, 30])))
(folder / "cuts.json").write_text(json.dumps(CUTS))


def cut(tokenizer, first, second, special, kept):
    tokenizer.no_truncation()
    if kept >= 0:
        added = tokenizer.num_special_tokens_to_add(second >= 0) if special else 0
        tokenizer.enable_truncation(kept + added, strategy="longest_first")
    pair = texts[second] if second >= 0 else None
    e = tokenizer.encode(texts[first], pair, add_special_tokens=special)
    return [e.ids, [x for pair in e.offsets for x in pair], e.type_ids]


for name, make in KINDS.items():
    make().save(str(folder / f"{name}.json"))
    tokenizer = Tokenizer.from_file(str(folder / f"{name}.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    start = time.perf_counter()
    encoded = [tokenizer.encode(text, add_special_tokens=i % 2 == 1) for i, text in enumerate(texts)]
    seconds = time.perf_counter() - start
    answers = [[e.ids, [x for pair in e.offsets for x in pair]] for e in encoded]
    (folder / f"{name}.encoded.json").write_text(json.dumps({"seconds": seconds, "texts": answers}))
    (folder / f"{name}.cut.json").write_text(json.dumps([cut(tokenizer, *c) for c in CUTS]))
